"""Builds the API reference as HTML, with warnings as errors.

    python .ci/api_reference.py build/api

All modules are in it, each with what its `__all__` names. A name in backticks that begins with
`boildown.` has to exist.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pdoc

PACKAGES = ("boildown", "langchain_boildown", "llama_index.postprocessor.boildown")
NOT_TO_IMPORT = ("boildown.service.ray_app",)  # it needs a Ray cluster's packages
REFERENCE = re.compile(r"`(boildown(?:\.\w+)+)")


def main(folder: Path) -> None:
    """Builds it."""
    warnings.simplefilter("error", UserWarning)
    modules = [module for name in PACKAGES for module in walk(name)]
    for module in modules:
        for name in getattr(module, "__all__", ()):
            setattr(module, name, getattr(module, name))  # some are loaded when first asked for, and pdoc does not ask
    missing = [f"{module.__name__}: `{name}`" for module in modules for name in references(module) if not exists(name)]
    if missing:
        raise SystemExit("These names in the documentation do not exist:\n" + "\n".join(missing))
    pdoc.render.configure(
        docformat="google", show_source=False, footer_text="boildown", template_directory=Path(__file__).parent / "api"
    )
    # A package without `__all__` brings its modules along, so some are named twice.
    warnings.filterwarnings("ignore", ".*has already been added", UserWarning)
    # A named tuple's constructor is made elsewhere, where the names in its annotations mean nothing.
    warnings.filterwarnings("ignore", r"Error parsing type annotation .*\.__init__\. ", UserWarning)
    pdoc.pdoc(*(module.__name__ for module in modules), *(f"!{n}" for n in NOT_TO_IMPORT), output_directory=folder)
    print(f"{len(modules)} modules in {folder}/index.html")


def walk(package: str) -> Iterator[ModuleType]:
    """A package's modules, without those whose name begins with an underscore."""
    root = importlib.import_module(package)
    yield root
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if found.name not in NOT_TO_IMPORT and not any(part.startswith("_") for part in found.name.split(".")):
            yield importlib.import_module(found.name)


def references(module: ModuleType) -> list[str]:
    """What a module's text names of boildown."""
    return REFERENCE.findall(Path(str(module.__file__)).read_text(encoding="utf-8"))


def exists(name: str) -> bool:
    """Whether something of that name can be imported."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return name == "boildown.json"  # a file's name
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
