"""The context level and the sentence level: what is dropped as a whole before words are."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from boildown.compat.arguments import Arguments
from boildown.counters import Counter
from boildown.errors import ConfigurationError
from boildown.methods.base import Method
from boildown.methods.exact.coarse import apply_context_budget
from boildown.select.order import rank
from boildown.sources import Sources
from boildown.text.structured import Section
from boildown.types import Scores

__all__ = ["DROPPED", "after_sentence_level", "choose_contexts", "forced_contexts"]

DROPPED = 1e6
"""Taken from the scores of dropped sentences, so that they come back only where nothing else is left."""


def choose_contexts(
    relevance: NDArray[np.float64],
    costs: Sequence[int],
    target: float,
    fixed: Sequence[int],
    a: Arguments,
    classifier: bool,
) -> list[int]:
    """Contexts to keep: forced ones, then the best until their tokens overdraw the context level's budget.

    Args:
        relevance: shape (contexts,).
        costs: tokens of each.
        target: tokens that are to be kept in the end.
        fixed: contexts with a part that must not be compressed.
        a: the call's arguments.
        classifier: take the context level's arguments of LLMLingua-2.

    Returns:
        indices, best first, but for the forced ones in front.

    Raises:
        ConfigurationError: `force_context_ids` names a context that is not there, or `context_budget` is malformed.
    """
    kept = list(dict.fromkeys([*forced_contexts(a, len(costs)), *fixed]))
    most = len(costs) if a.force_context_number is None else a.force_context_number
    total = float(sum(costs))
    if not classifier:
        left = apply_context_budget(target, a.context_budget)
    elif a.target_context > 0:
        most, left = min(most, a.target_context), total
    elif a.context_level_target_token > 0:
        left = a.context_level_target_token
    elif a.context_level_rate < 1:
        left = a.context_level_rate * total
    else:
        left = 2 * target if a.target_token >= 0 else (1 + a.rate) / 2 * total
    left -= sum(costs[i] for i in kept)
    for i in rank(relevance).tolist():
        if len(kept) >= most or left < 0:
            break
        if i not in kept:
            kept.append(i)
            left -= costs[i]
    return kept


def forced_contexts(a: Arguments, contexts: int) -> list[int]:
    """`force_context_ids`, checked.

    Raises:
        ConfigurationError: one names a context that is not there.
    """
    ids = a.force_context_ids if a.force_context_ids is not None else ()
    for i in ids:
        if not hasattr(i, "__index__") or not 0 <= i < contexts:
            raise ConfigurationError(f"force_context_ids: there is no context {i!r}; there are {contexts}.")
    return [operator.index(i) for i in ids]


def after_sentence_level(
    scores: Scores,
    relevance: NDArray[np.float64],
    ranker: Method,
    sources: Sources,
    used: Sequence[int],
    rows: Sequence[Sequence[Section]],
    counter: Counter,
    target: float,
    a: Arguments,
) -> Scores:
    """Scores in which the sentences that the sentence level drops come last, if it is on.

    Without a token level what stays are whole sentences, so then these are all that is scored.

    Args:
        scores: of the units.
        relevance: shape (contexts,).
        ranker: ranks sentences by the question.
        sources: the contexts.
        used: indices of those that are kept.
        rows: the sections of each context.
        counter: counts.
        target: tokens that are to be kept in the end.
        a: the call's arguments.
    """
    units = sources.sentences
    loss: NDArray[np.float64] = np.zeros(len(units))
    if a.use_sentence_level_filter:
        loss[_dropped_sentences(ranker, sources, used, rows, counter, target, a)] = DROPPED
    if not a.use_token_level_filter:
        return replace(scores, sentences=-loss, tokens=None)
    if not loss.any():
        return scores
    sentences = scores.sentences
    if sentences is None and scores.tokens is None:
        sentences = relevance[units.document]
    tokens = scores.tokens
    if tokens is not None:
        tokens = replace(tokens, score=tokens.score - loss[units.containing(tokens)])
    return replace(scores, tokens=tokens, sentences=None if sentences is None else sentences - loss)


def _dropped_sentences(
    ranker: Method,
    sources: Sources,
    used: Sequence[int],
    rows: Sequence[Sequence[Section]],
    counter: Counter,
    target: float,
    a: Arguments,
) -> NDArray[np.bool_]:
    """Sentences that the sentence level drops: the least relevant beyond `token_budget_ratio` times the target.

    The first, last and best so many of each context stay if the arguments say so, and so do those that touch a
    section which must not be compressed.

    Returns:
        shape (sentences,), aligned with `sources.sentences`.
    """
    sentences = sources.sentences
    texts = sources.sentence_texts()
    inside = np.isin(sentences.document, np.array(used, dtype=np.int64))
    index = np.flatnonzero(inside)
    if not len(index):
        return ~inside
    relevance = np.full(len(texts), -np.inf)
    relevance[index] = ranker.score(a.question, Sources([texts[i] for i in index], min_sentence=0)).relevance
    keep = np.zeros(len(texts), dtype=bool)
    for document in used:
        own = np.flatnonzero(sentences.document == document)
        best = own[rank(relevance[own])]
        keep[own[: a.keep_first_sentence]] = True
        keep[own[max(len(own) - a.keep_last_sentence, 0) :]] = True
        keep[best[: a.keep_sentence_number]] = True
        for section in rows[document]:
            if not section.compress:
                keep[own[(sentences.start[own] < section.end) & (sentences.end[own] > section.start)]] = True
    costs = counter.count_many(texts)
    left = target * a.token_budget_ratio - sum(costs[i] for i in np.flatnonzero(keep))
    for i in index[rank(relevance[index])].tolist():
        if left < 0:
            break
        if not keep[i]:
            keep[i] = True
            left -= costs[i]
    return ~keep
