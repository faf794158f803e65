"""The order of documents in the result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boildown.select.plan import Order

__all__ = ["arrange", "rank"]


def rank(relevance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Document indices, most relevant first; ties keep the input order. Shape (documents,) in and out."""
    return np.argsort(-relevance, kind="stable")


def arrange(documents: NDArray[np.int64], relevance: NDArray[np.float64], order: Order) -> NDArray[np.int64]:
    """Puts the kept documents into the order they are to be read in.

    Args:
        documents: shape (kept,), indices in ascending order.
        relevance: shape (all documents,).
        order: "edges" alternates from both ends towards the middle: best first, second best last, and so on, since
            models read the middle of a long context worst (Liu et al. 2023, Lost in the Middle, section 2).

    Returns:
        shape (kept,), the same indices.
    """
    if order == "original":
        return documents
    best_first = documents[rank(relevance[documents])]
    if order == "score":
        return best_first
    return np.concatenate([best_first[::2], best_first[1::2][::-1]])
