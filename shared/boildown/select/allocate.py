"""How a budget is shared between documents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boildown.select.order import rank
from boildown.select.plan import Allocation

__all__ = ["document_caps"]


def document_caps(
    allocation: Allocation,
    limit: float,
    lengths: NDArray[np.float64],
    relevance: NDArray[np.float64],
    spread: float,
) -> NDArray[np.float64] | None:
    """The most tokens each document may take before what is left over goes to the best of the rest.

    Args:
        allocation: "global" sets no caps.
        limit: tokens in all.
        lengths: shape (documents,), tokens of each document; 0 for documents that take no part.
        relevance: shape (documents,).
        spread: see `Plan`.

    Returns:
        shape (documents,), adding up to at most `limit`; None for no caps.
    """
    if allocation == "global":
        return None
    if allocation == "equal":
        return _fill_equally(limit, lengths)
    # LongLLMLingua (Jiang et al. 2023), section 4.3: the i-th of n documents gets the mean rate plus an offset that
    # falls linearly from +spread to -spread.
    taking_part = np.flatnonzero(lengths > 0)
    caps = np.zeros_like(lengths)
    if len(taking_part) == 0:
        return caps
    best_first = taking_part[rank(relevance[taking_part])]
    offsets = np.linspace(spread, -spread, len(best_first))
    caps[best_first] = np.clip(limit / lengths.sum() + offsets, 0, 1) * lengths[best_first]
    total = caps.sum()
    return caps * (limit / total) if total > limit else caps


def _fill_equally(limit: float, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same share for each; what short documents leave is shared among the longer ones."""
    by_length = np.sort(lengths)
    # With the k shortest documents whole, the others share the rest: the first k for which the share is no longer
    # than the next document gives the level.
    whole = np.concatenate([[0.0], np.cumsum(by_length)[:-1]])
    shares = (limit - whole) / np.arange(len(lengths), 0, -1)
    enough = shares <= by_length
    level = float(shares[np.argmax(enough)] if enough.any() else by_length[-1])
    return np.minimum(lengths, level)
