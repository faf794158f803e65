"""The selection from scores to spans, in one function."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.select.allocate import document_caps
from boildown.select.assemble import Runs, cut_out, kept_runs
from boildown.select.choose import choose_within, cut_at, priority_of
from boildown.select.clauses import into_clauses
from boildown.select.counts import SourceCounts
from boildown.select.exclude import exclude
from boildown.select.order import arrange, rank
from boildown.select.plan import Plan
from boildown.select.units import Candidates, build_candidates, protected_within
from boildown.sources import Sources
from boildown.types import CompressedDocument, DropReason, Scores, Span

__all__ = ["Cut", "cut", "limit_of"]

_LEAST_COST = 0.01
"""Tokens that each piece is taken to add, so that none is free, and costs can be divided by."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What the selection kept: the assembled text, its documents in reading order, and those that were dropped."""

    text: str
    documents: tuple[CompressedDocument, ...]
    dropped: tuple[CompressedDocument, ...]
    tokens_in: int
    tokens_out: int
    counter: str
    notes: tuple[str, ...] = ()


def cut(sources: Sources, scores: Scores, budget: Budget, plan: Plan, without: Collection[int] = ()) -> Cut:
    """Keeps the best units of all documents within the budget.

    The assembled text never counts more than the budget by the budget's counter; a budget that not even one unit
    fits into gives an empty text, and a note that says so.

    Args:
        sources: the documents.
        scores: what a method says about them.
        budget: how much to keep.
        plan: how to cut.
        without: documents of which nothing may be kept.

    Raises:
        ConfigurationError: the plan asks for a unit that the method has not scored.
    """
    texts = sources.texts
    counts = SourceCounts(sources, budget.counter)
    counter = counts.counter
    # Tokens are counted once per document, and once over all of them, since separators count too.
    tokens_in = counts.documents()
    total_in = counts.total(plan.separator)
    limit = limit_of(budget, total_in)

    def fits(text: str) -> bool:
        # Tokenizers make no more of a character than its bytes.
        return limit is None or 4 * len(text) <= limit or counter.count(text) <= limit

    candidates = build_candidates(sources, scores, plan, fits)
    priority = priority_of(candidates, scores.relevance)
    reasons = exclude(candidates, priority, sources, scores.relevance, budget, plan, without)
    if limit is not None:
        costs = _costs(candidates, sources, counts)
        if _are_sentences(candidates):
            chosen = priority[reasons[priority] == ""]
            divided = into_clauses(candidates, chosen, costs, limit, scores.points, texts, plan, fits)
            if divided is not candidates:
                costs = _costs_of_clauses(divided, costs, counts)
                candidates, reasons = divided, reasons[divided.group]
                priority = priority_of(candidates, scores.relevance)
        else:
            candidates = protected_within(candidates, costs, limit, plan)
    allowed = reasons == ""
    document = candidates.units.document

    # What is kept in the end is mostly what was measured last.
    seen: dict[bytes, _Assembled] = {}

    def assembled(kept: NDArray[np.bool_]) -> _Assembled:
        key = kept.tobytes()
        if key not in seen:
            runs = kept_runs(candidates, kept, texts)
            order = arrange(np.array(sorted(runs), dtype=np.int64), scores.relevance, plan.order).tolist()
            parts = {d: cut_out(runs[d], texts[d]) for d in order}
            text = plan.separator.join(parts.values())
            seen[key] = _Assembled(text, parts, runs, counter.count(text) if text else 0)
        return seen[key]

    if limit is None:
        kept = cut_at(candidates, budget.threshold or 0.0, allowed)
    else:
        priority = priority[allowed[priority]]
        lengths = np.bincount(document[allowed], weights=costs[allowed], minlength=len(texts)).astype(np.float64)
        kept = choose_within(
            candidates,
            priority,
            costs,
            limit,
            lambda target: document_caps(plan.allocation, target, lengths, scores.relevance, plan.spread),
            lambda kept: assembled(kept).tokens,
        )
    result = assembled(kept)
    tokens_out = counter.count_many(list(result.parts.values()))
    documents, dropped = _documents(sources, scores.relevance, candidates, reasons, result, tokens_in, tokens_out)
    for_want_of_room = not result.text and any(document.reason == "budget" for document in dropped)
    notes = _nothing_kept(limit, budget, plan) if for_want_of_room else ()
    return Cut(result.text, documents, dropped, total_in, result.tokens, counter.name, notes)


@dataclass(frozen=True, slots=True)
class _Assembled:
    """The text that some candidates make; `parts` are its documents' in reading order, cut out by `runs`."""

    text: str
    parts: dict[int, str]
    runs: dict[int, Runs]
    tokens: int


def _documents(
    sources: Sources,
    relevance: NDArray[np.float64],
    candidates: Candidates,
    reasons: NDArray[np.object_],
    result: _Assembled,
    tokens_in: list[int],
    tokens_out: list[int],
) -> tuple[tuple[CompressedDocument, ...], tuple[CompressedDocument, ...]]:
    """The documents of which text was kept, in reading order; and the others, best first.

    Args:
        sources: the documents.
        relevance: shape (documents,).
        candidates: pieces of the documents.
        reasons: shape (candidates,), why each takes no part in the cut, or an empty string.
        result: what was kept.
        tokens_in: of each document.
        tokens_out: of each of the parts of the result.
    """
    texts = sources.texts

    def compressed(d: int, tokens: int, reason: DropReason = "") -> CompressedDocument:
        runs = result.runs.get(d, [])
        return CompressedDocument(
            index=d,
            id=sources.documents[d].id,
            text=result.parts.get(d, ""),
            score=float(relevance[d]),
            spans=tuple([Span(start, end) for start, end in runs]),
            protected=_inside(candidates.spans[d], runs),
            tokens_in=tokens_in[d],
            tokens_out=tokens,
            reason=reason,
        )

    documents = tuple(compressed(d, tokens) for d, tokens in zip(result.parts, tokens_out, strict=True))
    edges = np.searchsorted(candidates.units.document, np.arange(len(texts) + 1)).tolist()
    dropped = tuple(
        compressed(d, 0, _reason(reasons[edges[d] : edges[d + 1]], texts[d]))
        for d in rank(relevance).tolist()
        if d not in result.parts
    )
    return documents, dropped


def limit_of(budget: Budget, total: int) -> int | None:
    """The most tokens that may be kept of `total`; None where scores decide."""
    if budget.rate is None:
        return budget.tokens
    # An exact share such as 0.29 * 100 must not lose a token to binary rounding.
    return math.floor(budget.rate * total + 1e-9)


def _nothing_kept(limit: int | None, budget: Budget, plan: Plan) -> tuple[str, ...]:
    if not (budget.tokens or budget.rate):
        return ()  # a threshold, or a budget of nothing, is kept to as it was asked for
    less = ", or name less in protect= and patterns=" if plan.protect or plan.patterns else ""
    return (f"Nothing was kept: no piece of the text fits into {limit} tokens. Give a larger budget{less}.",)


def _costs(candidates: Candidates, sources: Sources, source_counts: SourceCounts) -> NDArray[np.float64]:
    """About how many tokens each candidate adds; a sentence's count is spread over its units by length."""
    units, sentences = candidates.units, sources.sentences
    if _are_sentences(candidates):
        same = len(units) == len(sentences) and np.array_equal(units.start, sentences.start)
        whole = source_counts.sentences() if same else source_counts.pieces(units)
        return np.maximum(whole, _LEAST_COST)
    lengths, groups = units.lengths.astype(np.float64), candidates.group
    group_length = np.bincount(groups, weights=lengths)
    # Sentences that protected spans joined have been counted apart; their sum serves as well.
    owner = groups[units.containing(sentences)]
    group_count = np.bincount(owner, weights=source_counts.sentences(), minlength=len(group_length))
    return np.maximum(group_count[groups] * lengths / group_length[groups], _LEAST_COST)


def _costs_of_clauses(divided: Candidates, costs: NDArray[np.float64], counts: SourceCounts) -> NDArray[np.float64]:
    """The costs of sentences, of which some are now clauses, counted by themselves: each token matters."""
    parts = np.bincount(divided.group)[divided.group] > 1
    result = costs[divided.group]
    result[parts] = np.maximum(counts.pieces(divided.units.at(np.flatnonzero(parts))), _LEAST_COST)
    return result


def _are_sentences(candidates: Candidates) -> bool:
    """Whether the units are whole sentences, of which protected spans may have joined some."""
    return len(candidates) == 0 or int(candidates.group[-1]) + 1 == len(candidates)


def _inside(protected: tuple[Span, ...], runs: Runs) -> tuple[Span, ...]:
    """The protected spans that lie in kept text; both sorted."""
    found = []
    position = 0
    for span in protected:
        while position < len(runs) and runs[position][1] < span.end:
            position += 1
        if position < len(runs) and runs[position][0] <= span.start:
            found.append(span)
    return tuple(found)


def _reason(reasons: NDArray[np.object_], text: str) -> DropReason:
    if not text.strip():
        return "empty"
    excluded = [r for r in reasons.tolist() if r]
    if len(excluded) < len(reasons):
        return "budget"
    last: DropReason = excluded[0]
    return last
