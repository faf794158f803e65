"""What a method is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["Method"]


@runtime_checkable
class Method(Protocol):
    """Reads a query and documents, and scores them. It builds no text and, but for `Scores.final`, knows no budget.

    A method is a small object that holds its configuration; models live in a cache of the process, so that copying
    or pickling a method carries no weights. `score` may be called from several threads at once.

    Attributes:
        name: as in the registry.
        uses_query: False if the scores depend on the documents alone.
    """

    name: str
    uses_query: bool

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores every document, and its sentences or tokens, for `query`."""
        ...
