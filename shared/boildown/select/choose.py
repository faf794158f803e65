"""Which candidates are kept: the cut itself, within a hard budget by any counter."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from boildown.select.units import Candidates

__all__ = ["choose_within", "cut_at", "priority_of"]

_TOLERANCE = 0.02
_ATTEMPTS = 8
_FILLERS = 64
"""At most so many single pieces are looked for to fill the last gap; each look passes over the rest once."""


def priority_of(candidates: Candidates, relevance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Candidate indices, the one to keep first in front: by score, then relevance of the document, then position.

    Protected units of one sentence stand together and before the sentence's other units.

    Args:
        candidates: what may be kept.
        relevance: shape (documents,).

    Returns:
        shape (candidates,), a permutation.
    """
    units = candidates.units
    keys = (
        np.arange(len(candidates)),
        ~candidates.protected,
        candidates.group,
        -relevance[units.document],
        -candidates.score,
    )
    return np.lexsort(keys)


def cut_at(candidates: Candidates, threshold: float, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keeps every candidate that is allowed and scores at least `threshold`, but a header alone is worth nothing.

    Shape (candidates,) in and out.
    """
    return _sensible(candidates, _whole_sentences(candidates, allowed & (candidates.score >= threshold)))


def choose_within(
    candidates: Candidates,
    priority: NDArray[np.int64],
    costs: NDArray[np.float64],
    limit: int,
    caps: Callable[[float], NDArray[np.float64] | None],
    measure: Callable[[NDArray[np.bool_]], int],
) -> NDArray[np.bool_]:
    """Keeps the best candidates whose assembled text measures at most `limit`.

    Costs of units do not add up to the count of the assembled text (pieces merge and separators come between), so
    the text is measured, and the limit for the costs moved, until the measure is met closely. Nothing is assumed of
    `measure`; when it behaves oddly, pieces are taken away until it is met.

    Args:
        candidates: what may be kept.
        priority: shape (allowed,), indices of candidates, best first; others are never kept.
        costs: shape (candidates,), about how many tokens each adds.
        limit: the hard limit.
        caps: for a target, the most each document takes before the rest is shared out, shape (documents,); or None.
        measure: counts the assembled text of a mask of candidates.

    Returns:
        shape (candidates,), True for what is kept.
    """
    everything = np.zeros(len(candidates), dtype=bool)
    everything[priority] = True
    if costs[priority].sum() <= limit * (1 + _TOLERANCE) and measure(everything) <= limit:
        return everything
    best, best_size = np.zeros(len(candidates), dtype=bool), -1
    too_much = everything
    # The target lies between what was seen to fit and what was seen not to.
    low, high = 0.0, math.inf
    target = float(limit)
    for _ in range(_ATTEMPTS):
        kept = _greedy(candidates, priority, costs, target, caps(target))
        size = measure(kept)
        spent = float(costs[kept].sum())
        if size > limit:
            too_much, high = kept, min(high, spent)
            target = spent - (size - limit)
        else:
            if size > best_size:
                best, best_size = kept, size
            room = limit - size
            if room <= _TOLERANCE * limit or room < _cheapest(candidates, costs, priority, kept):
                break
            low = max(low, target)
            target = max(spent, target) + room
        if not low < target < high:
            target = (low + min(high, 2.0 * limit)) / 2
    if best_size > 0 or limit == 0:
        return best
    return _take_away(candidates, priority, too_much, limit, measure)


def _cheapest(
    candidates: Candidates, costs: NDArray[np.float64], priority: NDArray[np.int64], kept: NDArray[np.bool_]
) -> float:
    """Of what may be kept next."""
    rest = priority[~kept[priority] & _is_led(candidates, kept)[priority]]
    return float(costs[rest].min()) if len(rest) else 0.0


def _groups(candidates: Candidates, which: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which groups are named by `which`. Shape (groups,)."""
    found = np.zeros(int(candidates.group[-1]) + 1, dtype=bool)
    found[which] = True
    return found


def _is_led(candidates: Candidates, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which candidates say something beside those that are kept. Shape (candidates,).

    What they stand behind is kept, if they do; and if they serve others, one of these is kept.
    """
    led = (candidates.behind < 0) | kept[candidates.behind]
    if candidates.serves.any():
        others, needed = candidates.needs.T
        there = _groups(candidates, candidates.group[kept])
        led &= ~candidates.serves | _groups(candidates, needed[there[others]])[candidates.group]
    return led


def _misread(
    candidates: Candidates, kept: NDArray[np.bool_], which: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """What lacks something before it that it needs, and has text from before that, which it would seem to go on.

    Shape (candidates,) in and out. `which` of the needs count, shape (pairs,), the firm ones by default.
    """
    which = candidates.firm if which is None else which
    if not which.any():
        return np.zeros_like(kept)
    group, document = candidates.group, candidates.units.document
    there = _groups(candidates, group[kept])
    owners, first = np.unique(document[kept], return_index=True)
    begins = np.full(int(document[-1]) + 1, len(there))
    begins[owners] = group[kept][first]
    owner = document[np.searchsorted(group, np.arange(len(there)))]
    others, needed = candidates.needs[which].T
    misread = others[~there[needed] & (needed < others) & (begins[owner[needed]] < needed)]
    return kept & _groups(candidates, misread)[group]


def _greedy(
    candidates: Candidates,
    priority: NDArray[np.int64],
    costs: NDArray[np.float64],
    limit: float,
    caps: NDArray[np.float64] | None,
) -> NDArray[np.bool_]:
    kept = np.zeros(len(candidates), dtype=bool)
    if caps is not None:
        document = candidates.units.document
        by_document = priority[np.argsort(document[priority], kind="stable")]
        running = np.cumsum(costs[by_document])
        owner = document[by_document]
        first = np.flatnonzero(np.diff(owner, prepend=-1))
        before = (running - costs[by_document])[first]
        inside = running - np.repeat(before, np.diff(np.append(first, len(owner))))
        kept[by_document[inside <= caps[owner] + 1e-9]] = True
        kept = _whole_sentences(candidates, kept)
        priority = priority[~kept[priority]]
        limit -= float(costs[kept].sum())
    running = np.cumsum(costs[priority])
    fits = int(np.searchsorted(running, limit + 1e-9, side="right"))
    before = kept.copy()
    kept[priority[:fits]] = True
    kept = _whole_sentences(candidates, kept)
    kept = _sensible(candidates, kept)
    left = limit - float(costs[kept & ~before].sum())
    # Then whatever still fits, best first; but a sentence whose protected spans did not fit stays out.
    rest = priority[~kept[priority]]
    rest = rest[~_incomplete(candidates, kept)[rest]]
    # What only fills must not be misread, nor lead to that, even if the budget cannot afford what it needs.
    every = np.ones(len(candidates.needs), dtype=bool)
    misread = int(_misread(candidates, kept, every).sum())
    for _ in range(_FILLERS):
        possible = rest[(costs[rest] <= left) & _is_led(candidates, kept)[rest]]
        if len(possible) == 0:
            break
        best = possible[0]
        alone = np.arange(len(kept)) == best
        together = alone | _serving(candidates, kept, best)
        if costs[together].sum() > left:  # a row without its header, say, which nothing before it takes for its own
            together = alone
        rest = rest[rest != best]
        if _misread(candidates, kept | together, every).sum() <= misread:
            kept |= together
            left -= float(costs[together].sum())
            rest = rest[~kept[rest]]
    return _sensible(candidates, kept)


def _sensible(candidates: Candidates, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Takes out what serves nothing, such as a header of rows that did not fit, and what would be misread."""
    while (wrong := kept & (~_is_led(candidates, kept) | _misread(candidates, kept))).any():
        kept = kept & ~wrong
    return kept


def _serving(candidates: Candidates, kept: NDArray[np.bool_], which: np.int64) -> NDArray[np.bool_]:
    """What a candidate needs beside it and is not kept yet, such as a row its header. Shape (candidates,)."""
    others, needed = candidates.needs.T
    serving = _groups(candidates, candidates.group[which])
    while (missed := serving[others] & ~serving[needed]).any():  # a row's header has an announcement, that a heading
        serving[needed[missed]] = True
    serving[candidates.group[which]] = False
    # Of a sentence in clauses the first one says what it is about.
    return ~kept & serving[candidates.group] & ((candidates.behind < 0) | candidates.protected)


def _whole_sentences(candidates: Candidates, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Takes out sentences of which some protected unit is missing."""
    return kept & ~_incomplete(candidates, kept)


def _incomplete(candidates: Candidates, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which candidates are of a sentence of which some protected unit is not kept. Shape (candidates,)."""
    missing = candidates.protected & ~kept
    if not missing.any():
        return missing
    return _groups(candidates, candidates.group[missing])[candidates.group]


def _take_away(
    candidates: Candidates,
    priority: NDArray[np.int64],
    kept: NDArray[np.bool_],
    limit: int,
    measure: Callable[[NDArray[np.bool_]], int],
) -> NDArray[np.bool_]:
    """Keeps ever fewer of the best until the measure is met; at last nothing, which no budget forbids."""
    count = int(kept.sum())
    while count > 0:
        count = count * 3 // 4
        fewer = np.zeros_like(kept)
        fewer[priority[kept[priority]][:count]] = True
        fewer = _sensible(candidates, _whole_sentences(candidates, fewer))
        if measure(fewer) <= limit:
            return fewer
    return np.zeros_like(kept)
