"""Relevance from what a reranker answers: some of the documents, best first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["reranked_scores", "titled_texts"]


def titled_texts(sources: Sources) -> list[tuple[int, str]]:
    """Index and text, under its title, of each document that has text."""
    return [
        (i, f"{document.title}\n{text}" if document.title else text)
        for i, (document, text) in enumerate(zip(sources.documents, sources.texts, strict=True))
        if text.strip()
    ]


def reranked_scores(found: Sequence[tuple[int, float | None]], sources: Sources, seconds: float) -> Scores:
    """Relevance of documents; those that the reranker left out come last, and a note says how many they are.

    Args:
        found: index and score of documents, best first. If one has no score, only the order counts.
        sources: the documents.
        seconds: how long the reranker took.
    """
    values = [score for _, score in found if score is not None]
    if len(values) < len(found):
        values = [float(-place) for place in range(len(found))]
    relevance = np.full(len(sources), min(values, default=0.0) - 1.0)
    for (index, _), value in zip(found, values, strict=True):
        relevance[index] = max(relevance[index], value)
    missing = len(titled_texts(sources)) - len({index for index, _ in found})
    note = f"The reranker left out {missing} documents, which come last. Its top_n says how many it gives."
    return Scores(relevance, model_seconds=seconds, notes=(note,) if missing else ())
