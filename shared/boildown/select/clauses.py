"""Sentences taken apart into clauses, so that a tight budget holds the point of more of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from boildown.select.fragments import fragment_ends, line_ends, line_parents
from boildown.select.plan import Plan
from boildown.select.protection import Fits, within_budget
from boildown.select.units import Candidates
from boildown.sources import Units
from boildown.text.blocks import LIST_ITEM
from boildown.text.clauses import asides, behind_name, clause_ends, continues, ends_with_its_verb
from boildown.text.enumerations import listed
from boildown.text.fences import CLOSING_FENCE, OPENING_FENCE
from boildown.text.needs import is_opener
from boildown.text.protected import PROTECTED_KINDS, find_protected
from boildown.text.torn import untorn
from boildown.types import Span, TokenScores

__all__ = ["into_clauses"]

_NEXT = 4
"""Sentences after the border that may be kept in part; beginnings of lesser ones would only fill."""
_SHARPNESS = 0.9
_LEAST_SHARE = 0.2
"""Of its sentence's score, for a clause that the method sees no point in."""
_WORD = re.compile(r"\w")
_INDENTED = re.compile(r"\n[ \t]+\S")
_DATA = {"console", "csv", "env", "ini", "json", "jsonl", "log", "output", "text", "toml", "txt", "yaml", "yml"}
"""Languages of fences whose lines say something each; those of code change what the lines before them do."""
_PARTS = 4
"""Of a budget; fragments of that length fill it well and still say something."""
_FRAGMENT = 80
"""Characters of a fragment that is worth more than a whole sentence of a lower score."""
_LEAST_FRAGMENT = 15
"""Characters of a fragment that is worth more than nothing at all."""
_FEW = 10
"""Sentences; a budget that holds more gains less by the point of another than it loses by what stood around."""


def into_clauses(
    candidates: Candidates,
    priority: NDArray[np.int64],
    costs: NDArray[np.float64],
    limit: int,
    points: TokenScores | None,
    texts: list[str],
    plan: Plan,
    fits: Fits,
) -> Candidates:
    """The sentences at the border of what a budget holds, as clauses; the others as they are.

    Where the points are known and the budget holds few sentences, these are all that it holds and the next few; else
    the first that it does not hold.

    A clause scores as its sentence does, times the share of its sentence's point that it holds. The beginning, which
    says what a sentence is about, scores as all of it, and nothing else is kept without it. Protected spans are not
    cut, and clauses with those that the plan names itself stay whenever their sentence does. A clause that speaks of
    the one before, such as a bracket or a relative clause, is kept only with that, as an item of a list is with those
    before it, and as all is, in a sentence that opens with a name and a bracket, with the clause behind these. Another
    bracket inside of the first clause may be left out; where the point lies in it, what follows it may be. A clause
    that the whole budget cannot hold, such as a line of data, is cut into fragments, which are treated as clauses are;
    but those cut between words are kept only with all of the clause that stands before them, or "not" might be left
    out.

    Args:
        candidates: whole sentences.
        priority: shape (allowed,), indices of candidates, best first.
        costs: shape (candidates,), about how many tokens each adds.
        limit: tokens that may be kept.
        points: where in the text the points lie, as logits; None if nothing is known, and then the clauses of a
            sentence are alike.
        texts: the documents.
        plan: says what is protected.
        fits: see `boildown.select.protection.Fits`.

    Returns:
        Candidates whose `group` is the index of the sentence in `candidates`.
    """
    running = np.cumsum(costs[priority])
    border = int(np.searchsorted(running, limit, side="right"))
    if border == len(priority):
        return candidates
    pointed = points is not None and len(points.score) > 0 and border <= _FEW
    none_fits = costs[priority].min() > limit
    near = np.sort(priority[0 if pointed else border : border + (_NEXT if pointed or none_fits else 1)])
    lengths = candidates.units.lengths[near] * limit / costs[near]
    longest = np.maximum(lengths / _PARTS, _LEAST_FRAGMENT if none_fits else _FRAGMENT)
    longest[costs[near] <= limit] = np.inf
    peaks = _peaks(candidates.units, points) if points is not None and pointed else {}
    places = [
        _Places.of(candidates.units, sentence, most, texts, plan, fits, peaks.get(sentence, -1))
        for sentence, most in zip(near.tolist(), longest.tolist(), strict=True)
    ]
    divided = _divide(candidates, near, [p.ends for p in places])
    if len(divided) == len(candidates):
        return candidates
    first = np.diff(divided.group, prepend=-1) != 0
    score = divided.score
    if points is not None and pointed:
        score = score * _shares(divided, first, points)
    named = np.zeros(len(divided), dtype=bool)
    behind = np.full(len(divided), -1)
    for sentence, place in zip(near.tolist(), places, strict=True):
        begin = int(np.searchsorted(divided.group, sentence))
        behind[begin + 1 : begin + 1 + len(place.ends)] = np.array(place.behind, dtype=np.int64) + begin
        if place.named:
            end = begin + len(place.ends) + 1
            named[begin + np.searchsorted(divided.units.start[begin:end], place.named, side="right") - 1] = True
            named[begin] = True  # a clause that must stay cannot do without the lead
    # A protected clause is as good as the best of its sentence, so that the cut reaches it no later than that.
    score = np.where(named, candidates.score[divided.group], score)
    return replace(divided, score=score, behind=behind, protected=named)


@dataclass(frozen=True, slots=True)
class _Places:
    """Of one sentence, in characters of its document.

    Attributes:
        ends: where clauses and fragments end, without the last.
        behind: for each part but the first, the number of the part without which it is not kept.
        named: where spans begin that the plan names itself, and what else goes with the first part.
    """

    ends: list[int]
    behind: list[int]
    named: list[int]

    @classmethod
    def of(
        cls, units: Units, sentence: int, longest: float, texts: list[str], plan: Plan, fits: Fits, peak: int
    ) -> _Places:
        document, start, end = (int(column[sentence]) for column in (units.document, units.start, units.end))
        text = texts[document][start:end]
        verb_last = ends_with_its_verb(text)
        is_prose = not (verb_last or is_opener(text))
        ends = untorn(text, clause_ends(text)) if is_prose else []
        if not ends and len(text) <= longest and not (is_prose and asides(text, len(text))):
            return cls([], [], [])
        kinds = PROTECTED_KINDS if plan.protect is None else plan.protect
        found = find_protected(text, kinds, plan.patterns)
        whole = within_budget(text, found, kinds, plan, fits)
        by_line = whole is not found or (_INDENTED.search(text) is not None and not LIST_ITEM.match(text.lstrip()))
        opening = None
        if by_line:
            # Code and data have lines and no clauses: of `"depth": 3.5,` neither half says anything. An item that goes
            # on in a line further in is prose.
            ends = line_ends(text, whole)
            opening = OPENING_FENCE.search(text)
        elif whole and not verb_last:
            ends = untorn(text, clause_ends(text, whole))
        beside = _beside(text, ends, whole, fits, peak - start) if is_prose and not by_line else []
        ends = sorted([*ends, *(place for span in beside for place in (span.start, span.end))])
        between_words: list[int] = []
        if len(text) > longest:
            ends, between_words = fragment_ends(text, ends, whole, int(longest), fits)
        if opening:
            ends = [place for place in ends if place != opening.end()]  # no fence is kept without what it holds
        behind = line_parents(text, ends) if by_line else _leads(ends, behind_name(text))
        bound = {*between_words, *(() if by_line else listed(text, ends))}
        for part, (begin, after) in enumerate(pairwise([*ends, len(text)])):
            if begin in bound or continues(text, begin) or not _WORD.search(text, begin, after):
                behind[part] = part
        named = whole if plan.protect is not None else find_protected(text, (), plan.patterns)
        # Who was born when may be all that is asked of "Ada Lovelace (born 1815) was a mathematician".
        fixed = [span.start if span.start <= peak - start < span.end else span.end for span in beside]
        fixed += [span.start for span in named]
        if opening and ends:
            fixed.append(opening.start())
            if opening[1] and opening[1].lower() not in _DATA:
                behind = [part if begin > opening.start() else 0 for part, begin in enumerate(ends)]
            if CLOSING_FENCE.match(text, ends[-1]):
                fixed.append(ends[-1])
                behind[-1] = 0
        return cls([start + place for place in ends], behind, [start + place for place in fixed])


def _leads(ends: Sequence[int], named: int) -> list[int]:
    """For each part but the first the one that it goes on: the first, or what is said of the name that this is."""
    verb = ends.index(named) + 1 if named in ends else 0
    return [verb if part > verb else 0 for part in range(1, len(ends) + 1)]


def _beside(text: str, ends: Sequence[int], whole: Sequence[Span], fits: Fits, peak: int) -> list[Span]:
    """Brackets in the first clause that may be left out, so that it need not end before them, without its verb.

    None if the clause does not fit even without them, unless the sentence's point, at `peak`, lies in one.
    """
    end = ends[0] if ends else len(text)
    found = asides(text, end, whole)
    safe = set(untorn(text, [place for span in found for place in (span.start, span.end)]))
    found = [span for span in found if span.start in safe and span.end in safe]
    edges = [0, *(place for span in found for place in (span.start, span.end)), end]
    clause = "".join(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
    return found if any(span.start <= peak < span.end for span in found) or fits(clause.rstrip()) else []


def _divide(candidates: Candidates, sentences: NDArray[np.int64], ends: Sequence[Sequence[int]]) -> Candidates:
    """The candidates with some of them cut at the given ends; their parts belong to the same group."""
    count = np.ones(len(candidates), dtype=np.int64)
    count[sentences] += [len(places) for places in ends]
    group = np.repeat(np.arange(len(candidates)), count)
    units = candidates.units.at(group)
    first = np.cumsum(count) - count
    for sentence, places in zip(sentences.tolist(), ends, strict=True):
        begin = int(first[sentence])
        units.end[begin : begin + len(places)] = places
        units.start[begin + 1 : begin + 1 + len(places)] = places
    return replace(
        candidates,
        units=units,
        score=candidates.score[group],
        group=group,
        serves=candidates.serves[group],
    )


def _peaks(units: Units, points: TokenScores) -> dict[int, int]:
    """For each unit with a point that is likelier than none, the character of its document where the best one lies."""
    order = np.argsort(points.score, kind="stable")  # of several in a unit the dictionary keeps the last
    order = order[points.score[order] > 0]
    inside = units.containing(points)[order]
    return dict(zip(inside.tolist(), points.start[order].tolist(), strict=True))


def _shares(divided: Candidates, first: NDArray[np.bool_], points: TokenScores) -> NDArray[np.float64]:
    """The share of its sentence's point that each clause holds; of first ones, all. Shape (clauses,)."""
    inside = divided.units.containing(points)
    point = np.full(len(divided), -np.inf)
    np.maximum.at(point, inside, points.score)
    best = np.maximum.reduceat(point, np.flatnonzero(first))[divided.group]
    held = np.isfinite(point)
    behind = np.where(held, best - np.where(held, point, 0.0), np.where(np.isfinite(best), np.inf, 0.0))
    return np.where(first, 1.0, np.maximum(np.exp(-_SHARPNESS * behind), _LEAST_SHARE))
