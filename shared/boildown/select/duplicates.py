"""Sentences that repeat another document's, found before the cut."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from boildown.text.words import terms

__all__ = ["find_duplicates"]

_SHINGLE = 3
_MAX_HOLDERS = 32
"""Texts remembered for one shingle: what stands in more texts tells little, and unbounded lists would cost O(n²)."""
_MIN_WORDS = 5
"""Shorter sentences ("See also.") repeat by chance and cost next to nothing."""


def find_duplicates(
    texts: list[str], document: NDArray[np.int64], priority: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Marks each text that repeats one of another document that comes before it in `priority`.

    Two texts repeat each other if they have the same words, or if their sets of three-word shingles have a Jaccard
    similarity of at least `threshold` (Broder 1997, On the resemblance and containment of documents). Repetition
    inside one document is the author's and stays.

    Args:
        texts: one per unit.
        document: shape (units,), whose it is.
        priority: shape (units,), unit indices, the one to keep first.
        threshold: above 0, at most 1.

    Returns:
        shape (units,), True for what to drop.
    """
    drop = np.zeros(len(texts), dtype=bool)
    exact: dict[tuple[str, ...], int] = {}
    holders: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    sizes: dict[int, int] = {}
    for unit in priority.tolist():
        words = tuple(terms(texts[unit]))
        if len(words) < _MIN_WORDS:
            continue
        owner = int(document[unit])
        first = exact.setdefault(words, owner)
        if first != owner:
            drop[unit] = True
            continue
        if threshold >= 1:
            continue
        shingles = {words[i : i + _SHINGLE] for i in range(len(words) - _SHINGLE + 1)}
        shared = Counter(other for shingle in shingles for other in holders.get(shingle, ()))
        for other, common in shared.items():
            if document[other] != owner and common >= threshold * (len(shingles) + sizes[other] - common):
                drop[unit] = True
                break
        else:
            sizes[unit] = len(shingles)
            for shingle in shingles:
                if len(holders[shingle]) < _MAX_HOLDERS:
                    holders[shingle].append(unit)
    return drop
