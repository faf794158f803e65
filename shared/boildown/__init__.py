"""boildown: boils retrieved documents down to what the question needs, within a hard token budget."""

from typing import TYPE_CHECKING, Any

from boildown.budget import Budget
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

if TYPE_CHECKING:
    from boildown.client import Client

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


def __getattr__(name: str) -> Any:
    # Its imports (ssl, asyncio, http) would be a fifth of the time that importing this package takes.
    if name == "Client":
        from boildown.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
