"""Relevance from what a reranker answers: some of the documents, best first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from time import perf_counter

import numpy as np

from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["Reranked"]


class Reranked(ABC):
    """A method that ranks documents by a framework's reranker; it scores no sentences."""

    name = "reranker"
    uses_query = True

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance on the reranker's own scale; documents that it leaves out come last."""
        texts = _titled_texts(sources)
        begin = perf_counter()
        found = self._ranked(query, texts) if texts else []
        return _scores(found, len(texts), len(sources), perf_counter() - begin)

    @abstractmethod
    def _ranked(self, query: str, texts: Sequence[tuple[int, str]]) -> list[tuple[int, float | None]]:
        """Index and score of documents, best first.

        Args:
            query: what is asked.
            texts: index and text of each document.
        """


def _titled_texts(sources: Sources) -> list[tuple[int, str]]:
    """Index and text, under its title, of each document that has text."""
    return [
        (i, f"{document.title}\n{text}" if document.title else text)
        for i, (document, text) in enumerate(zip(sources.documents, sources.texts, strict=True))
        if text.strip()
    ]


def _scores(found: Sequence[tuple[int, float | None]], asked: int, documents: int, seconds: float) -> Scores:
    """Relevance of documents; those that the reranker left out come last, and a note says how many they are.

    Args:
        found: index and score of documents, best first. If one has no score, only the order counts.
        asked: how many documents the reranker was given.
        documents: how many there are.
        seconds: how long the reranker took.
    """
    values = [score for _, score in found if score is not None]
    if len(values) < len(found):
        values = [float(-place) for place in range(len(found))]
    relevance = np.full(documents, min(values, default=0.0) - 1.0)
    for (index, _), value in zip(found, values, strict=True):
        relevance[index] = max(relevance[index], value)
    missing = asked - len({index for index, _ in found})
    note = f"The reranker left out {missing} documents, which come last. Its top_n says how many it gives."
    return Scores(relevance, model_seconds=seconds, notes=(note,) if missing else ())
