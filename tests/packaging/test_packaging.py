"""What an installation promises: light imports, public names, typed packages, and a namespace left intact."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import boildown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "shared" / "boildown"
NAMESPACE = ROOT / "integrations" / "llamaindex" / "llama_index"
LEAF = NAMESPACE / "postprocessor" / "boildown"
PACKAGES = ("boildown", "langchain_boildown", "llama_index.postprocessor.boildown")


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_init_file_above_the_leaf() -> None:
    inits = {path.parent for path in NAMESPACE.rglob("__init__.py")}
    assert LEAF in inits
    assert all(path == LEAF or LEAF in path.parents for path in inits)


def test_the_namespace_is_shared_with_llamaindex() -> None:
    for name in ("llama_index", "llama_index.postprocessor"):
        assert getattr(importlib.import_module(name), "__file__", None) is None
    assert importlib.import_module("llama_index.core").__file__


def test_importing_the_engine_loads_nothing_heavy() -> None:
    heavy = [
        "torch",
        "transformers",
        "sentence_transformers",
        "tiktoken",
        "langchain_core",
        "llama_index",
        "pydantic",
        "httpx",
    ]
    done = run(f"import sys, boildown; sys.exit(' '.join(m for m in {heavy!r} if m in sys.modules) or 0)")
    assert done.returncode == 0, done.stderr


def test_building_a_compressor_loads_no_model_library() -> None:
    done = run("import sys, boildown; boildown.Compressor(); sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_importing_an_adapter_loads_no_model_library(package: str) -> None:
    done = run(
        f"import sys, warnings; warnings.simplefilter('ignore'); import {package}; sys.exit('torch' in sys.modules)"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_exists_and_the_list_is_sorted(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__all__ == sorted(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_public_names_of_the_engine() -> None:
    assert set(boildown.__all__) == {
        "BoildownError",
        "Budget",
        "Client",
        "CompressedDocument",
        "Compression",
        "Compressor",
        "ConfigurationError",
        "Document",
        "InputError",
        "MissingExtraError",
        "ModelError",
        "RebudgetError",
        "Scores",
        "ServiceError",
        "Span",
    }


def test_without_llamaindex_the_adapter_says_what_to_install(tmp_path: Path) -> None:
    shutil.copytree(LEAF, tmp_path / "postprocessor" / "boildown")
    # As installed on its own: the namespace holds our leaf, and no core.
    script = """
import sys, types
sys.modules["llama_index"] = namespace = types.ModuleType("llama_index")
namespace.__path__ = sys.argv[1:]
from boildown import MissingExtraError
try:
    import llama_index.postprocessor.boildown
except MissingExtraError as error:
    print(error)
"""
    done = run(script, str(tmp_path))
    assert "pip install 'boildown[llamaindex]'" in done.stdout, done.stderr


def test_without_langchain_the_adapter_says_what_to_install() -> None:
    script = """
import sys
sys.modules["langchain_core"] = None
from boildown import MissingExtraError
try:
    import langchain_boildown
except MissingExtraError as error:
    print(error)
"""
    done = run(script)
    assert "pip install 'boildown[langchain]'" in done.stdout, done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package: str) -> None:
    assert (Path(str(importlib.import_module(package).__file__)).parent / "py.typed").is_file()


def test_pyproject_names_the_version_and_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["name"] == "boildown"
    assert "version" in project["project"]["dynamic"]
    source = (ROOT / project["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    assert version is not None
    assert version[1] == boildown.__version__
    for path in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert (ROOT / path).is_dir()
    hub = project["tool"]["llamahub"]
    module = importlib.import_module(hub["import_path"])
    assert all(hasattr(module, name) for name in hub["class_authors"])


def test_the_installed_version_is_the_source_version() -> None:
    try:
        installed = importlib.metadata.version("boildown")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("boildown is on the path without being installed")
    assert installed == boildown.__version__


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_engine_knows_no_framework() -> None:
    for path in ENGINE.rglob("*.py"):
        roots = {name.partition(".")[0] for name in imports_of(path)}
        assert not {r for r in roots if r.startswith(("langchain", "llama_index"))}, path


@pytest.mark.parametrize(
    ("folder", "above"),
    [
        ("text", ("select", "methods", "runtime", "compressor", "service")),
        ("select", ("methods", "runtime", "compressor", "service")),
        ("runtime", ("methods", "compressor", "service")),
        ("methods", ("compressor", "service", "evaluation", "training")),
    ],
)
def test_imports_run_one_way(folder: str, above: tuple[str, ...]) -> None:
    for path in (ENGINE / folder).rglob("*.py"):
        upward = {name for name in imports_of(path) if name.startswith(tuple(f"boildown.{part}" for part in above))}
        assert not upward, path


def test_what_goes_into_the_wheel_is_there_and_below_60_megabytes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = [path for package in packages for path in (ROOT / package).rglob("*") if "__pycache__" not in path.parts]
    names = {path.relative_to(ROOT / "shared").as_posix() for path in files if ENGINE in path.parents}
    data = {"assets/prune-minilm/model.safetensors", "service/playground.html", "benchmark/handbook.txt"}
    assert {f"boildown/{name}" for name in data} <= names
    assert sum(path.stat().st_size for path in files if path.is_file()) < 60_000_000
