"""boildown: boils retrieved documents down to what the question needs, within a hard token budget."""

from boildown.budget import Budget
from boildown.compressor import Compressor
from boildown.errors import (
    BoildownError,
    ConfigurationError,
    InputError,
    MissingExtraError,
    ModelError,
    RebudgetError,
)
from boildown.result import Compression
from boildown.types import CompressedDocument, Document, Scores, Span

__version__ = "0.1.0"

__all__ = [
    "BoildownError",
    "Budget",
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
    "Span",
]
