"""Relevance from what a reranker answers: some of the documents, best first."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from boildown.counters import well_formed
from boildown.runtime.seats import away
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["Reranked"]


class Reranked(ABC):
    """A method that ranks documents by a framework's reranker; it scores no sentences."""

    name = "reranker"
    uses_query = True

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance on the reranker's own scale; what it leaves out, or scores with NaN or infinity, comes last."""
        texts = _titled_texts(sources)
        begin = perf_counter()
        with away():  # most rerankers are services that one waits for
            ranked = self._ranked(well_formed(query), texts) if texts else []
        seconds = perf_counter() - begin
        found = [(int(label), score) for label, score in ranked if label in texts and _tells(score)]
        return _scores(found, len(texts), len(sources), seconds)

    @abstractmethod
    def _ranked(self, query: str, texts: Mapping[str, str]) -> Sequence[tuple[Any, Any]]:
        """Label and score of documents, best first; the score is a number or None.

        Args:
            query: what is asked.
            texts: each document's text by its label. What comes back under another label counts as left out.
        """


def _titled_texts(sources: Sources) -> dict[str, str]:
    """The text, under its title, of each document that has text, by the document's index."""
    return {
        str(i): well_formed(f"{document.title}\n{text}" if document.title else text)
        for i, (document, text) in enumerate(zip(sources.documents, sources.texts, strict=True))
        if text.strip()
    }


def _tells(score: Any) -> bool:
    # Nothing compares with NaN, so that one would leave all documents without an order.
    return score is None or math.isfinite(float(score))


def _scores(found: Sequence[tuple[int, Any]], asked: int, documents: int, seconds: float) -> Scores:
    """Relevance of documents; those that the reranker left out come last, and a note says how many they are.

    Args:
        found: index and score of documents, best first. If one has no score, only the order counts.
        asked: how many documents the reranker was given.
        documents: how many there are.
        seconds: how long the reranker took.
    """
    values = [float(score) for _, score in found if score is not None]
    if len(values) < len(found):
        values = [float(-place) for place in range(len(found))]
    relevance = np.full(documents, min(values, default=0.0) - 1.0)
    for (index, _), value in zip(found, values, strict=True):
        relevance[index] = max(relevance[index], value)
    missing = asked - len({index for index, _ in found})
    note = f"The reranker gave no score for {missing} documents, which come last; its top_n says how many it scores."
    return Scores(relevance, model_seconds=seconds, notes=(note,) if missing else ())
