"""Sections cut to their rates, or together to a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.compat.arguments import Arguments
from boildown.compat.levels import DROPPED
from boildown.compat.repeats import without_repeats
from boildown.compat.slices import Piece, slice_scores
from boildown.counters import Counter
from boildown.select.cut import cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.text.structured import Section
from boildown.types import Scores

__all__ = ["SectionCutter", "Spans", "fit"]

T = TypeVar("T")
Spans = list[tuple[int, int]]

_ATTEMPTS = 10
_REPEATS = 2
_SLACK = 0.025


class SectionCutter:
    """Cuts contexts section by section; sections of one rate compete with each other, but for forced contexts.

    Args:
        sources: the contexts.
        scores: of their units.
        relevance: shape (contexts,).
        rows: the sections of each context; those without a rate share the budget.
        used: indices of contexts.
        a: the call's arguments.
        counter: counts.
        threshold: keep what scores at least this, whatever the rates and the budget.
        shares: of forced contexts, by index, the share of the budget that nobody else gets.
    """

    def __init__(
        self,
        sources: Sources,
        scores: Scores,
        relevance: NDArray[np.float64],
        rows: Sequence[Sequence[Section]],
        used: Sequence[int],
        a: Arguments,
        counter: Counter,
        threshold: float | None = None,
        shares: Mapping[int, float] | None = None,
    ) -> None:
        self._texts, self._rows, self._used = sources.texts, rows, used
        self._counter = counter
        self._once = tuple(a.force_tokens) if a.drop_consecutive else ()
        self._threshold = threshold if a.use_token_level_filter else -DROPPED / 2
        self._fixed: dict[Piece, Spans] = {}
        spread = a.dynamic_context_compression_ratio
        allocation = "linear" if spread > 0 else "global"
        self._plan = Plan(protect=(), allocation=allocation, spread=min(abs(spread), 1.0))  # type: ignore[arg-type]
        self._shares = dict(shares or {})
        groups: dict[tuple[float | None, int | None], list[Piece]] = {}
        for document in used:
            forced = document if document in self._shares else None
            for section in rows[document]:
                piece = (document, section.start, section.end)
                whole = section.rate == 1.0 and not a.use_sentence_level_filter
                if whole or not section.compress or not self._texts[document][section.start : section.end].strip():
                    self._fixed[piece] = [(section.start, section.end)]
                else:
                    groups.setdefault((section.rate, forced), []).append(piece)
        self._groups = [
            (*key, pieces, *slice_scores(sources, scores, relevance, pieces)) for key, pieces in groups.items()
        ]

    def spans(self, budget: int | None) -> list[Spans]:
        """For each used context the kept spans, in order; the budget is for the sections without a rate.

        None keeps all of these.
        """
        kept = dict(self._fixed)
        for rate, forced, pieces, parts, scores in self._groups:
            found = self._cut(parts, scores, self._limit(rate, forced, budget))
            for piece, spans in zip(pieces, found, strict=True):
                own = [(piece[1] + start, piece[1] + end) for start, end in spans]
                kept[piece] = without_repeats(self._texts[piece[0]], own, self._once)
        return [_with_edges(self._texts[d], [(s, kept[d, s.start, s.end]) for s in self._rows[d]]) for d in self._used]

    def _limit(self, rate: float | None, forced: int | None, budget: int | None) -> Budget | None:
        if self._threshold is not None:
            return Budget(threshold=self._threshold, counter=self._counter)
        if rate is not None:
            return Budget(rate=rate, counter=self._counter)
        if budget is None:
            return None
        tokens = max(budget, 0)
        own = {document: int(tokens * share) for document, share in self._shares.items()}
        return Budget(tokens=tokens - sum(own.values()) if forced is None else own[forced], counter=self._counter)

    def _cut(self, parts: Sources, scores: Scores, limit: Budget | None) -> list[Spans]:
        """For each part its kept spans; without a limit, all of it."""
        if limit is None:
            return [[(0, len(text))] for text in parts.texts]
        kept = {document.index: document.spans for document in cut(parts, scores, limit, self._plan).documents}
        return [[(span.start, span.end) for span in kept.get(i, ())] for i in range(len(parts))]


def fit(attempt: Callable[[int | None], T], measure: Callable[[T], int], limit: int, first: int) -> T:
    """All there is if it keeps the limit, else an attempt that measures hardly less than the limit, and never more.

    Args:
        attempt: makes a result from a budget; from None, all there is.
        measure: counts the whole of it, with what stands around it.
        limit: what may not be exceeded, unless not even an attempt at nothing keeps it.
        first: the budget to try first.
    """
    everything = attempt(None)
    if measure(everything) <= limit:
        return everything
    budget, best, best_size = max(first, 0), None, -1
    # The highest budget that kept the limit and the lowest that did not, each with what it measured.
    fits: tuple[int, int] | None = None
    exceeds: tuple[int, int] | None = None
    before: T | None = None
    misses = repeats = 0
    for turn in range(_ATTEMPTS):
        result = attempt(budget)
        size = measure(result)
        if size > limit:
            exceeds, misses = (budget, size), misses + 1
        else:
            repeats, before = (repeats + 1 if result == before else 0), result
            fits = budget, size
            if size > best_size:
                best, best_size = result, size
            if limit - size <= max(_SLACK * limit, 1):
                break
        if exceeds is None:
            if repeats > _REPEATS:
                break
            budget += (limit - size) * 2**repeats
        elif fits is None:
            if budget == 0:
                break
            budget = max(budget - (size - limit) * 2 ** (misses - 1), 0)
        else:
            gap = exceeds[0] - fits[0]
            if gap <= 1:
                break
            # In proportion, and every other time the middle, since sizes go in steps.
            share = (limit - fits[1]) / (exceeds[1] - fits[1]) if turn % 2 else 0.5
            budget = min(max(fits[0] + round(gap * share), fits[0] + 1), exceeds[0] - 1)
    return attempt(0) if best is None else best


def _with_edges(text: str, kept: Sequence[tuple[Section, Spans]]) -> Spans:
    """The spans of a context's sections in order; between sections the white space at their edges stays."""
    spans: Spans = []
    for section, found in kept:
        if len(kept) > 1 and section.compress and found:
            inner = text[section.start : section.end]
            begin = section.start + len(inner) - len(inner.lstrip())
            end = section.start + len(inner.rstrip())
            found = [(section.start, begin), *found, (end, section.end)]
        spans += [span for span in found if span[1] > span[0]]
    joined: Spans = []
    for start, end in spans:
        if joined and joined[-1][1] >= start:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
