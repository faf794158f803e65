"""Models are data: no pickle is read, and no code that comes with a model is run, unless somebody asks for it."""

from __future__ import annotations

import ast
import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from boildown import Budget, Compressor, ModelError
from boildown.compat import PromptCompressor

ROOT = Path(__file__).parents[2]
SOURCES = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "integrations").rglob("*.py")]
FORBIDDEN_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "torch.hub.load", "os.system"}
RESUME = ROOT / "shared" / "boildown" / "training" / "trainer.py"


@cache
def nodes() -> list[tuple[Path, ast.AST]]:
    """All that the packages' source files consist of."""
    return [(path, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def calls() -> Iterator[tuple[Path, str, ast.Call]]:
    for path, node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            yield path, ast.unparse(node.func), node


def test_no_module_that_runs_what_it_reads_is_imported() -> None:
    for path, node in nodes():
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not {name.partition(".")[0] for name in names} & FORBIDDEN_MODULES, path


def test_torch_load_reads_the_state_of_a_training_run_alone_and_weights_only() -> None:
    found = [(path, node) for path, name, node in calls() if name in ("torch.load", "load_state_dict_from_url")]
    assert [path for path, _ in found] == [RESUME]
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in found[0][1].keywords}
    assert given["weights_only"] == "True"


def test_nothing_is_evaluated() -> None:
    assert [(path, name) for path, name, _ in calls() if name in FORBIDDEN_CALLS] == []
    for path, name, node in calls():
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert given.get("allow_pickle", "False") == "False", path
        assert given.get("shell", "False") == "False", path
        assert given.get("trust_remote_code") != "True", (path, name)


def test_code_of_a_model_is_trusted_nowhere_by_default() -> None:
    found = 0
    for path, node in nodes():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            named = node.args.posonlyargs + node.args.args
            pairs = [*zip(reversed(named), reversed(node.args.defaults), strict=False)]
            pairs += [(a, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if d is not None]
            given = [ast.unparse(default) for argument, default in pairs if argument.arg == "trust_remote_code"]
            assert set(given) <= {"False"}, path
            found += len(given)
    assert found  # or this would look at nothing


class Payload:
    """A pickle that makes a folder when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A token classifier, a causal language model, and what looks like a model of `prune`."""
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        from tiny_models import tiny_bert, tiny_gpt2
    finally:
        sys.path.remove(str(ROOT / "tests"))
    folder = tmp_path_factory.mktemp("models")
    bundled = ROOT / "shared" / "boildown" / "assets" / "prune-minilm"
    shutil.copytree(tiny_bert(folder / "bert"), folder / "prune")
    shutil.copy(bundled / "boildown.json", folder / "prune")
    return {"classifier": folder / "bert", "causal": tiny_gpt2(folder / "gpt2"), "prune": folder / "prune"}


def with_method(name: str) -> Callable[[str], object]:
    return lambda model: Compressor(name, model=model).compress(
        "Who?", ["The keeper wrote. He left."], Budget(tokens=5)
    )


def with_compat(**arguments: Any) -> Callable[[str], object]:
    return lambda model: PromptCompressor(model, "cpu", **arguments).model


def with_training(model: str) -> object:
    from boildown.training.model import load_encoder

    return load_encoder(model)


LOADERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "prune": ("prune", with_method("prune")),
    "llmlingua2": ("classifier", with_method("llmlingua2")),
    "securitylingua": ("classifier", with_method("securitylingua")),
    "llmlingua": ("causal", with_method("llmlingua")),
    "longllmlingua": ("causal", with_method("longllmlingua")),
    "selective_context": ("causal", with_method("selective_context")),
    "embedding": ("classifier", with_method("embedding")),
    "cross_encoder": ("classifier", with_method("cross_encoder")),
    "compat": ("causal", with_compat()),
    "compat-llmlingua2": ("classifier", with_compat(use_llmlingua2=True)),
    "training": ("classifier", with_training),
}


def test_every_method_with_a_model_is_tried() -> None:
    from boildown.methods.registry import METHODS

    assert set(METHODS) - {"bm25", "gzip"} <= set(LOADERS)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_pickle_is_refused_and_not_read(loader: str, models: dict[str, Path], tmp_path: Path) -> None:
    kind, load = LOADERS[loader]
    folder, made = tmp_path / "model", tmp_path / "made"
    shutil.copytree(models[kind], folder)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(made)))
    with pytest.raises(ModelError, match="pickled weights"):
        load(str(folder))
    assert not made.exists()
    pickle.loads((folder / "pytorch_model.bin").read_bytes())  # it would have
    assert made.exists()


@pytest.mark.parametrize("loader", LOADERS)
def test_code_that_comes_with_a_model_is_not_run(loader: str, models: dict[str, Path], tmp_path: Path) -> None:
    kind, load = LOADERS[loader]
    folder, made = tmp_path / "model", tmp_path / "made"
    shutil.copytree(models[kind], folder)
    classes = ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoModelForTokenClassification")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "unheard-of", "auto_map": {name: f"modeling.{name}" for name in classes}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "modeling.py").write_text(f"import os\nos.mkdir({str(made)!r})\n", encoding="utf-8")
    with pytest.raises(ModelError):
        load(str(folder))
    assert not made.exists()
