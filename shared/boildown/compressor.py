"""The facade: score, cut, assemble."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from re import Pattern
from time import perf_counter
from typing import Any, Literal, cast, get_args

import numpy as np

from boildown.budget import Budget, check_budget
from boildown.cache import CacheSpec, resolve_cache
from boildown.checks import check_min_sentence, check_query, method_options
from boildown.errors import ConfigurationError, InputError, unknown_name
from boildown.methods.base import BudgetedMethod, Method, check_scores
from boildown.methods.registry import DEFAULT_METHOD, create_method
from boildown.methods.stored import reading_stored
from boildown.result import Compression
from boildown.select.cut import Cut, cut, limit_of
from boildown.select.plan import Allocation, Dedupe, Order, Plan, listed
from boildown.sources import Sources
from boildown.types import Document, Scores, TokenScores, Unit

__all__ = ["Compressor", "EmptyQuery", "check_empty_query"]

EmptyQuery = Literal["passthrough", "raise"]


class Compressor:
    """Boils documents down to what a query needs, within a token budget.

    A compressor is a configuration: building one loads nothing, copying or pickling one carries no weights, and all
    compressors of a process share the models they name. It is safe to use from several threads and event loops.

    Args:
        method: how text is scored: a name (see `boildown.methods.registry`) or a `Method`.
        model: path or hub id of the method's model, where it takes one.
        rank: another method, by which documents are ranked; None ranks by `method` itself. The rank decides which
            documents a `Budget(documents=)` keeps, their order, and the shares of a linear allocation.
        rank_model: the ranking method's model.
        device: "auto" takes CUDA, else MPS, else the CPU; or any torch device.
        dtype: "auto" takes the fastest that the device has in hardware; or "float32", "bfloat16", "float16". "int8" is
            for encoders like BERT and XLM-R on CPUs without bf16; it changes a few decisions in a hundred.
        options: more arguments for the method's constructor.
        unit, order, allocation, spread, protect, patterns, dedupe, separator: how to cut; see `Plan`. By default a long
            sentence that stands in several documents is kept of the best of them only.
        min_sentence: sentences of fewer words are joined to a neighbour.
        on_empty_query: what a blank query does where the method reads the query: "passthrough" scores nothing and
            keeps documents in their order as far as the budget goes; "raise" raises `InputError`.
        cache: where scores are kept, so that no model reads a document twice: True keeps up to 64 MB in this process's
            memory; a path keeps them in a file as well; or a `boildown.cache.ScoreCache`; False keeps none.

    Raises:
        ConfigurationError: an argument is unknown, or does not fit the method.
    """

    def __init__(
        self,
        method: str | Method = DEFAULT_METHOD,
        *,
        model: str | None = None,
        rank: str | Method | None = None,
        rank_model: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        options: Mapping[str, Any] | None = None,
        unit: Unit | None = None,
        order: Order = "original",
        allocation: Allocation = "global",
        spread: float = 0.25,
        protect: Iterable[str] | None = None,
        patterns: Iterable[str | Pattern[str]] = (),
        dedupe: Dedupe | None = "long",
        separator: str = "\n\n",
        min_sentence: int = 3,
        on_empty_query: EmptyQuery = "passthrough",
        cache: CacheSpec = True,
    ) -> None:
        given = method_options(model, options)
        self.plan = Plan(
            unit=unit,
            order=order,
            allocation=allocation,
            spread=spread,
            protect=None if protect is None else listed("protect", protect),
            patterns=listed("patterns", patterns),
            dedupe=dedupe,
            separator=separator,
        )
        if rank is None and rank_model is not None:
            raise ConfigurationError("rank_model= is the model of rank=, which is missing.")
        placement = {"device": device, "dtype": dtype}
        self.method = _method("method", method, given, placement)
        self.rank = None if rank is None else _method("rank", rank, {"model": rank_model}, placement)
        self.min_sentence = check_min_sentence(min_sentence)
        self.on_empty_query = check_empty_query(on_empty_query)
        found = resolve_cache(cache)
        # Not by a path, which would name another file in another working directory.
        self.cache: CacheSpec = cache if isinstance(cache, bool) or found is None else found

    def compress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> Compression:
        """Keeps what the query needs of the documents.

        Args:
            query: the question, in the user's words.
            documents: strings or `Document`s; they are not changed.
            budget: how much to keep.

        Returns:
            The compressed text, with spans, scores and counts; see `Compression`.

        Raises:
            InputError: the query or a document is not text; the query is blank and `on_empty_query` is "raise".
            ConfigurationError: the budget is none, its counter is unknown or no counter, or the device or the precision
                cannot be had.
            ModelError: a model or the counter's tokenizer cannot be loaded.
            MissingExtraError: the method or the counter needs a package that is not installed.
            OverloadedError: too many calls of this process wait for a model already; see `boildown.errors`.
            DeadlineError: the time of `boildown.runtime.requests.deadline` is over.
        """
        check_budget(budget)
        query = check_query(query)
        sources = Sources(documents, self.min_sentence, resolve_cache(self.cache))
        begin = perf_counter()
        scores = self._score(query, sources, budget)
        scored = perf_counter()
        result = cut(sources, scores, *_cutting(scores, budget, self.plan))
        if scores.final:
            result = replace(result, notes=result.notes + _beyond(budget, result))
        seconds = {
            "score": scored - begin,
            "model": scores.model_seconds,
            "select": perf_counter() - scored,
        }
        return Compression(query, budget, sources, scores, self.plan, self.method.name, seconds, result)

    async def acompress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> Compression:
        """`compress` without blocking the event loop: the same code on a worker thread."""
        from boildown.workers import run_in_worker  # asyncio takes a while to import

        return await run_in_worker(partial(self.compress, query, documents, budget))

    def _score(self, query: str, sources: Sources, budget: Budget) -> Scores:
        reads_query = self.method.uses_query or (self.rank is not None and self.rank.uses_query)
        if not sources.documents:
            return _all_alike(sources, self.plan.unit)
        if reads_query and not query.strip():
            if self.on_empty_query == "raise":
                raise InputError(
                    'The query is blank. Pass a query, or build the compressor with on_empty_query="passthrough".'
                )
            note = "The query is blank, so nothing was scored: documents were kept in their order."
            return _all_alike(sources, self.plan.unit, note)
        if getattr(self.method, "needs_budget", False):
            scores = cast(BudgetedMethod, self.method).score_within(query, sources, budget)
        else:
            scores = reading_stored(self.method).score(query, sources)
        check_scores(scores, sources, self.method)
        if self.rank is not None:
            ranked = reading_stored(self.rank).score(query, sources)
            check_scores(ranked, sources, self.rank)
            scores = replace(
                scores,
                relevance=ranked.relevance,
                model_seconds=scores.model_seconds + ranked.model_seconds,
                notes=scores.notes + ranked.notes,
            )
        return scores


def check_empty_query(policy: EmptyQuery) -> EmptyQuery:
    """The policy itself.

    Raises:
        ConfigurationError: there is no such policy.
    """
    if policy not in get_args(EmptyQuery):
        raise unknown_name("on_empty_query policy", policy, get_args(EmptyQuery))
    return policy


def _cutting(scores: Scores, budget: Budget, plan: Plan) -> tuple[Budget, Plan]:
    """How to cut: as asked, or for a method that has cut already, exactly what it kept."""
    if not scores.final:
        return budget, plan
    unit: Unit = "sentence" if scores.tokens is None else "token"
    kept = Budget(threshold=0.5, documents=budget.documents, counter=budget.counter)
    return kept, replace(plan, unit=unit, protect=(), patterns=(), dedupe=None)


def _beyond(budget: Budget, result: Cut) -> tuple[str, ...]:
    """Says so where a method that cut by itself kept more than the budget."""
    limit = limit_of(budget, result.tokens_in)
    if limit is None or result.tokens_out <= limit:
        return ()
    return (
        f"The method chose by published rules of its own and kept {result.tokens_out} tokens by the counter "
        f"{result.counter!r}, which is more than the budget of {limit}. For a budget that holds, leave out "
        "exact=True.",
    )


def _all_alike(sources: Sources, unit: Unit | None, *notes: str) -> Scores:
    """Scores above every threshold that prefer nothing, so that the cut keeps text from the front."""
    tokens = None
    if unit == "token":
        words = sources.words
        tokens = TokenScores(words.document, words.start, words.end, np.full(len(words), np.inf))
    sentences = np.full(len(sources.sentences), np.inf)
    return Scores(relevance=np.zeros(len(sources)), sentences=sentences, tokens=tokens, notes=notes)


def _method(name: str, method: str | Method, options: Mapping[str, Any], placement: Mapping[str, Any]) -> Method:
    if isinstance(method, str):
        return create_method(method, options, placement, "rank_model" if name == "rank" else "model")
    given: Sequence[str] = [key for key, value in options.items() if value is not None]
    if given:
        raise ConfigurationError(f"{', '.join(given)}: give these to the method object itself, since you passed one.")
    if isinstance(method, type):
        raise ConfigurationError(
            f"{name}= must be a name or a Method; {method.__name__} is a class. Give an instance of it."
        )
    if not isinstance(method, Method):
        raise ConfigurationError(f"{name}= must be a name or a Method, not {type(method).__name__}.")
    return method
