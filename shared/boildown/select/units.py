"""Candidates for the cut: pieces of text with a score, a group (their sentence) and their protected spans."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from boildown.errors import ConfigurationError
from boildown.select.plan import Plan
from boildown.select.protection import CROSS_SENTENCES, Fits, within_budget
from boildown.sources import Sources, Units
from boildown.text.needs import is_label, only_announces, only_leads
from boildown.text.protected import PROTECTED_KINDS, find_protected
from boildown.types import Scores, Span, TokenScores, Unit

__all__ = ["Candidates", "build_candidates", "protected_within"]

_PROMISING = 0.5
"""Of the best sentence's score, from which on an announcement is one that the query asks for."""
_OF_ITEMS = 0.3
"""Of its score, for its items."""
_AT_MOST = 3
"""So many times a text has to fit into a budget where others need it; else it would take the place of what is asked."""
_SPAN = 130
"""Bytes of a `Span`."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What may be kept, ordered by document and start and covering every document; arrays of shape (units,).

    `group` is the index of the sentence a unit belongs to; `protected` marks units that must stay if any other of
    their group stays; `behind` is the index of the unit without which one is not kept, -1 for none. `needs`, of shape
    (pairs, 2), says of groups that are not understood without another which one that is: the group, and the one that it
    needs; `firm`, of shape (pairs,), which of these the budget can afford, so that they have to be met. `serves`
    marks units that are worth nothing without something that needs them, since they say nothing by themselves, or were
    raised to its score. `spans` are the protected spans of each document.
    """

    units: Units
    score: NDArray[np.float64]
    group: NDArray[np.int64]
    protected: NDArray[np.bool_]
    behind: NDArray[np.int64]
    needs: NDArray[np.int64]
    firm: NDArray[np.bool_]
    serves: NDArray[np.bool_]
    spans: tuple[tuple[Span, ...], ...]

    def __len__(self) -> int:
        return len(self.units)

    @classmethod
    def free(
        cls,
        units: Units,
        score: NDArray[np.float64],
        spans: tuple[tuple[Span, ...], ...],
        group: NDArray[np.int64] | None = None,
        protected: NDArray[np.bool_] | None = None,
    ) -> Candidates:
        """Candidates of which none needs another. Without `group` each is a sentence of its own."""
        no = np.zeros(len(units), dtype=bool)
        return cls(
            units,
            score,
            group=np.arange(len(units)) if group is None else group,
            protected=no if protected is None else protected,
            behind=np.full(len(units), -1),
            needs=np.zeros((0, 2), dtype=np.int64),
            firm=no[:0],
            serves=no,
            spans=spans,
        )


def build_candidates(sources: Sources, scores: Scores, plan: Plan, fits: Fits = lambda _: True) -> Candidates:
    """Brings the method's scores to the unit that is to be cut.

    Args:
        sources: the documents.
        scores: of sentences, of tokens, of both, or of documents alone.
        plan: names the unit, or leaves it to the scores, and says what is protected.
        fits: see `boildown.select.protection.Fits`; everything does where there is no limit.

    Raises:
        ConfigurationError: tokens are asked for, and the method has scored none.
    """
    unit = plan.unit or ("sentence" if scores.tokens is None or scores.sentences is not None else "word")
    spans = _protected_spans(sources, plan, unit, fits)
    if unit == "sentence" and not scores.final:
        return _with_headings(sources, _sentence_scores(sources, scores), spans, fits)
    covering = _covering(sources.sentences, spans, sources.starts)
    sentences, sentence_score = _merge(sources.sentences, _sentence_scores(sources, scores), covering)
    if unit == "sentence":  # what a method has kept in the end is kept as it is
        return Candidates.free(sentences, sentence_score, spans)
    units, score = _finer_units(sources, scores, unit)
    group = sentences.containing(units)
    if scores.tokens is None:
        score = sentence_score[group]
    elif scores.sentences is not None:
        score = (score + sentence_score[group]) / 2
    covering = _covering(units, spans, sources.starts)
    first = units.at(covering[:, 0])
    units, score = _merge(units, score, covering)
    protected = np.zeros(len(units), dtype=bool)
    protected[units.containing(first)] = True
    group = sentences.containing(units)
    # A protected unit is as good as the best of its sentence, so that the cut reaches it no later than that.
    best = np.full(len(sentences), -np.inf)
    np.maximum.at(best, group, score)
    score = np.where(protected, best[group], score)
    return Candidates.free(units, score, spans, group, protected)


def protected_within(candidates: Candidates, costs: NDArray[np.float64], limit: int, plan: Plan) -> Candidates:
    """The candidates, of which no sentence must keep more protected units than the whole budget holds.

    Where a sentence has more, each of them is kept or dropped by itself; unless the plan names them, which is a
    guarantee.

    Args:
        candidates: units finer than sentences.
        costs: shape (candidates,), about how many tokens each adds.
        limit: tokens that may be kept.
        plan: names kinds and patterns.
    """
    if plan.protect is not None or plan.patterns or not candidates.protected.any():
        return candidates
    needed = np.bincount(candidates.group, weights=costs * candidates.protected)
    return replace(candidates, protected=candidates.protected & (needed <= limit)[candidates.group])


def _protected_spans(sources: Sources, plan: Plan, unit: Unit, fits: Fits) -> tuple[tuple[Span, ...], ...]:
    kinds = plan.protect
    if kinds is None:
        # The others lie inside a sentence, so that they need no care where whole ones are cut.
        kinds = CROSS_SENTENCES if unit == "sentence" else PROTECTED_KINDS
    if not kinds and not plan.patterns:
        return ((),) * len(sources)

    def find(text: str) -> tuple[Span, ...]:
        return tuple(find_protected(text, kinds, plan.patterns))

    if all(isinstance(pattern, str) for pattern in plan.patterns):
        every = sources.derive(("protected", *kinds, None, *plan.patterns), find, lambda found: _SPAN * len(found))
    else:  # a compiled one would live as long as the cache, which does not know how large it is
        every = [find(text) for text in sources.texts]
    pairs = zip(sources.texts, every, strict=True)
    return tuple([tuple(within_budget(text, found, kinds, plan, fits)) for text, found in pairs])


def _with_headings(
    sources: Sources, score: NDArray[np.float64], spans: tuple[tuple[Span, ...], ...], fits: Fits
) -> Candidates:
    """Sentences, with the headings before them apart, so that whatever stands below one can bring it.

    Args:
        sources: the documents.
        score: shape (sentences,).
        spans: the protected spans of each document.
        fits: see `boildown.select.protection.Fits`.
    """
    pieces, outline = sources.outline
    merged, score = _merge(pieces, score[outline.sentence], _covering(pieces, spans, sources.starts))
    whole = Candidates.free(merged, score, spans)
    if not len(outline.below) and not len(sources.needs):
        return whole
    place = merged.containing(pieces)
    # A sentence that is needed, or needs something, is the last of its pieces, which is no heading unless all of it is.
    last = np.flatnonzero(np.diff(outline.sentence, append=-1))
    needs = np.concatenate([place[last][sources.needs], place[outline.below]])
    needs = np.unique(needs[needs[:, 0] != needs[:, 1]], axis=0)
    if not len(needs):
        return whole
    headings = np.zeros(len(merged), dtype=bool)
    headings[place[outline.heading]] = True
    needed, which = np.unique(needs[:, 1], return_inverse=True)
    firm = np.array([fits(_AT_MOST * text) for text in sources.cut(merged.at(needed))])[which]
    return _raised(replace(whole, needs=needs, firm=firm), headings, sources.texts)


def _raised(sentences: Candidates, headings: NDArray[np.bool_], texts: list[str]) -> Candidates:
    """The sentences, of which each is as good as the best of those that need it.

    And the items of a list have some of what announces it: "The following goods are excluded:" may have all words of
    the query, and each item none.

    Args:
        sentences: with scores of their own.
        headings: shape (sentences,), which are headings.
        texts: the documents.
    """
    # Of scores that may be negative, such as of a loss, the lowest is what 0 is of others.
    lowest = min(float(sentences.score.min()), 0.0)
    units, own = sentences.units, sentences.score - lowest
    score = own.copy()
    # One pass from the end follows from a row to its header and to what announces the table, but goes no way back.
    needs = sentences.needs
    for other, needed in needs[sentences.firm][::-1].tolist():
        score[needed] = max(score[needed], (score if needed < other else own)[other])
    serves = (own < _PROMISING * score) | headings
    promising = _PROMISING * own.max()
    asked = np.zeros(len(own), dtype=bool)
    for needed, other in dict(needs[::-1, ::-1].tolist()).items():  # the first one that needs it
        text, item = (texts[int(units.document[i])][int(units.start[i]) : int(units.end[i])] for i in (needed, other))
        serves[needed] |= only_announces(text) or only_leads(text, item)
        above = text.rstrip().rpartition("\n")[0]  # of a first item too short to stand alone, what announces it
        announces = is_label(text) or is_label(above.rstrip())
        asked[needed] = own[needed] >= promising and not headings[needed] and announces
    items, announcement = needs[asked[needs[:, 1]]].T
    np.maximum.at(score, items, _OF_ITEMS * own[announcement])
    return replace(sentences, score=score + lowest, serves=serves)


def _sentence_scores(sources: Sources, scores: Scores) -> NDArray[np.float64]:
    sentences = sources.sentences
    if scores.sentences is not None:
        return scores.sentences
    if scores.tokens is None:
        return scores.relevance[sentences.document]
    return _mean_inside(scores.tokens, sentences.containing(scores.tokens), len(sentences))


def _mean_inside(tokens: TokenScores, inside: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """The mean score of the tokens in each of `count` units; a unit without tokens gets the lowest score of all."""
    totals = np.bincount(inside, weights=tokens.score, minlength=count)
    sizes = np.bincount(inside, minlength=count)
    lowest = tokens.score.min() if len(tokens.score) else 0.0
    return np.where(sizes > 0, totals / np.maximum(sizes, 1), lowest)


def _finer_units(sources: Sources, scores: Scores, unit: Unit) -> tuple[Units, NDArray[np.float64]]:
    tokens = scores.tokens
    if unit == "word":
        words = sources.words
        if tokens is None:
            return words, np.zeros(len(words))
        return words, _mean_inside(tokens, words.containing(tokens), len(words))
    if tokens is None:
        raise ConfigurationError('This method scores no tokens. Use unit="sentence" or unit="word".')
    return _stretch(sources, tokens)


def _stretch(sources: Sources, tokens: TokenScores) -> tuple[Units, NDArray[np.float64]]:
    """Token units that cover the text: what lies between two tokens belongs to the first."""
    count = len(sources)
    has_token = np.zeros(count, dtype=bool)
    has_token[tokens.document] = True
    bare = [d for d in range(count) if not has_token[d] and sources.texts[d]]
    lowest = tokens.score.min() if len(tokens.score) else 0.0
    document = np.concatenate([tokens.document, np.array(bare, dtype=np.int64)])
    start = np.concatenate([tokens.start, np.zeros(len(bare), dtype=np.int64)])
    score = np.concatenate([tokens.score, np.full(len(bare), lowest)])
    order = np.lexsort((start, document))
    document, start, score = document[order], start[order], score[order]
    first = np.diff(document, prepend=-1) != 0
    start = np.where(first, 0, start)
    last = np.append(first[1:], True)
    lengths = np.array([len(text) for text in sources.texts], dtype=np.int64)
    end = np.where(last, lengths[document], np.append(start[1:], 0))
    some = end > start  # several byte-level tokens may share one character; the first of them stands for it
    return Units(document[some], start[some], end[some]), score[some]


def _covering(units: Units, spans: tuple[tuple[Span, ...], ...], base: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each protected span, the first and last unit that it touches. Shape (spans, 2)."""
    flat = [(d, s.start, s.end) for d, found in enumerate(spans) for s in found]
    if not flat:
        return np.zeros((0, 2), dtype=np.int64)
    document, start, end = np.array(flat, dtype=np.int64).T
    places = base[units.document] + units.start
    first = np.searchsorted(places, base[document] + start, side="right") - 1
    last = np.searchsorted(places, base[document] + end - 1, side="right") - 1
    return np.stack([first, last], axis=1)


def _merge(units: Units, score: NDArray[np.float64], covering: NDArray[np.int64]) -> tuple[Units, NDArray[np.float64]]:
    """The units, of which those that one span touches become one, as good as the best of them."""
    if len(covering) == 0 or len(units) == 0:
        return units, score
    edges = np.zeros(len(units) + 1, dtype=np.int64)
    np.add.at(edges, covering[:, 0] + 1, 1)
    np.add.at(edges, covering[:, 1] + 1, -1)
    begin = np.flatnonzero(np.cumsum(edges)[:-1] == 0)
    return units.joined(begin), np.maximum.reduceat(score, begin)
