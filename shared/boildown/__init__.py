"""boildown: boils retrieved documents down to what the question needs, within a hard token budget."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boildown.budget import Budget
    from boildown.client import Client
    from boildown.compressor import Compressor
    from boildown.errors import (
        BoildownError,
        ConfigurationError,
        InputError,
        MissingExtraError,
        ModelError,
        RebudgetError,
        ServiceError,
    )
    from boildown.result import Compression
    from boildown.types import CompressedDocument, Document, Scores, Span

__version__ = "0.1.0"

__all__ = [
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
]


_MODULES = {
    "Budget": "budget",
    "Client": "client",
    "CompressedDocument": "types",
    "Compression": "result",
    "Compressor": "compressor",
    "Document": "types",
    "Scores": "types",
    "Span": "types",
}
"""Where the names are that are not errors."""


def __getattr__(name: str) -> Any:
    # A name's module is imported when it is first asked for: a program that may compress later starts at once.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
