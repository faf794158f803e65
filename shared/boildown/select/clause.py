"""The rest of a budget that the next sentence does not fit into: filled with that sentence's beginning."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from boildown.select.plan import Plan
from boildown.select.units import Candidates
from boildown.text.protected import PROTECTED_KINDS, find_protected

__all__ = ["fill_with_clause"]

_CLAUSE_END = re.compile(r"(?:[,;:)\]–—]|\s[-])\s+|[，；：、]\s*|\s+(?=\()")
_LEAST_SHARE = 0.2
"""Of a sentence; less of it says nothing, and whole sentences further down are worth more."""

Measure = Callable[[Candidates, NDArray[np.bool_]], int]


def fill_with_clause(
    candidates: Candidates,
    kept: NDArray[np.bool_],
    priority: NDArray[np.int64],
    texts: list[str],
    plan: Plan,
    limit: int,
    measure: Measure,
) -> tuple[Candidates, NDArray[np.bool_]]:
    """Keeps the beginning of the best sentence that does not fit, up to the end of a clause, in place of lesser ones.

    At tight budgets a sentence is a large part of the budget, and what whole sentences leave of it is often a quarter.
    The beginning counts by its share of the sentence's score, and has to count more than the sentences that make room
    for it; those that still fit stay. No protected span is cut.

    Args:
        candidates: whole sentences.
        kept: shape (candidates,), what is kept so far; measures at most `limit`.
        priority: indices of candidates, best first; others are never kept.
        texts: the documents.
        plan: says what is protected.
        limit: the hard limit.
        measure: counts the assembled text of a mask of candidates.

    Returns:
        The candidates, of which one may now be two, and what is kept of them.
    """
    missed = np.flatnonzero(~kept[priority])
    if len(missed) == 0:
        return candidates, kept
    place = int(missed[0])
    sentence = int(priority[place])
    fillers = [int(i) for i in priority[place + 1 :][kept[priority[place + 1 :]]]]
    base = kept.copy()
    if plan.allocation == "global":
        base[fillers] = False

    def with_beginning(end: int) -> tuple[Candidates, NDArray[np.bool_]]:
        mask = np.insert(base, sentence, True)
        return _split(candidates, sentence, end), mask

    ends = _clause_ends(candidates, sentence, texts, plan)
    low, high = 0, len(ends)  # how many of the ends are known to fit, and from where on they are known not to
    while low < high:
        middle = (low + high + 1) // 2
        if measure(*with_beginning(ends[middle - 1])) <= limit:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        return candidates, kept
    divided, result = with_beginning(ends[low - 1])
    for filler in fillers:
        more = result.copy()
        more[filler + (filler > sentence)] = True
        if not result[filler + (filler > sentence)] and measure(divided, more) <= limit:
            result = more
    displaced = [i for i in fillers if not result[i + (i > sentence)]]
    start, end = int(candidates.units.start[sentence]), int(candidates.units.end[sentence])
    share = (ends[low - 1] - start) / (end - start)
    if displaced and np.isfinite(candidates.score).all():  # else the query is blank, and nothing is preferred
        worth = candidates.score - candidates.score[priority].min()
        if share * worth[sentence] < worth[displaced].sum():
            return candidates, kept
    return divided, result


def _clause_ends(candidates: Candidates, sentence: int, texts: list[str], plan: Plan) -> list[int]:
    """Where the sentence may be cut, in characters of its document; ascending."""
    units = candidates.units
    document, start, end = (int(column[sentence]) for column in (units.document, units.start, units.end))
    text = texts[document][start:end]
    kinds = PROTECTED_KINDS if plan.protect is None else plan.protect
    whole = find_protected(text, kinds, plan.patterns)
    return [
        start + match.end()
        for match in _CLAUSE_END.finditer(text)
        if _LEAST_SHARE * len(text) <= match.end() < len(text)
        and not any(span.start < match.end() < span.end for span in whole)
    ]


def _split(candidates: Candidates, index: int, end: int) -> Candidates:
    """The candidates with one of them cut in two; both parts belong to the same group."""
    again = np.insert(np.arange(len(candidates)), index, index)
    units = candidates.units.at(again)
    units.end[index] = units.start[index + 1] = end
    return replace(
        candidates,
        units=units,
        score=candidates.score[again],
        group=candidates.group[again],
        protected=candidates.protected[again],
    )
