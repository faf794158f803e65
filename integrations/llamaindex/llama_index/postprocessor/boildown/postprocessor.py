"""The node postprocessor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from boildown.counters import Counter as TokenCounter
from boildown.counters import resolve_counter
from boildown.errors import BoildownError, ConfigurationError, InputError, RebudgetError
from boildown.fields import EngineFields
from boildown.result import Compression
from boildown.select.cut import limit_of
from boildown.settings import Engine, statistics
from boildown.types import Document
from boildown.workers import run_in_worker
from llama_index.postprocessor.boildown.events import CompressionEndEvent
from llama_index.postprocessor.boildown.nodes import check_nodes, rebuild_nodes, to_document

__all__ = ["BoildownPostprocessor"]

_ATTEMPTS = 8
"""Cuts at most until nodes fit with their metadata; two or three do, unless metadata take most of the budget."""
_TOLERANCE = 0.03
"""The share of the budget that may stay empty before one more cut is tried."""
_SHARES = (1.0, 0.5, 0.25)
"""Where half of the budget would stay empty, nodes whose metadata take more than such a share of it give way; those
whose metadata take more than all of it, in any case."""
_BLANK_LINE = "\n\n"
"""What response synthesizers join nodes by, whatever the separator of an engine."""
_NO_ROOM = (
    "Nothing was kept: beside the metadata that its node shows the LLM, no text fits into {} tokens. Give a larger "
    "budget, or name metadata in excluded_llm_metadata_keys."
)
_GAVE_WAY = (
    "Nothing was kept of {} nodes whose text is better than other text, since the metadata that they show the LLM take "
    "too much of {} tokens. Name metadata in excluded_llm_metadata_keys, or give a larger budget."
)
_ON_TOP = "Metadata that nodes show the LLM may come on top of the budget, since this method's result is not cut again."
_ESTIMATED = "Metadata were counted by the built-in estimate, since only the service knows the counter {!r}."

dispatcher = get_dispatcher(__name__)


class BoildownPostprocessor(EngineFields, BaseNodePostprocessor):
    """Keeps what the query needs of the retrieved nodes, within a token budget that all of them share.

    Each node that comes out is one that went in: its class, id, metadata, relationships and everything that
    is not text are kept; its text is cut, with white space and wording as they were, and then an embedding of the
    whole text goes. Nodes of which nothing is worth keeping do not come out. The score is the node's relevance to the
    query. `start_char_idx` and `end_char_idx` move to the part of the source document that holds what was kept.

    The metadata gain these flat values, which neither the LLM nor an embedding model is shown:

    - `boildown_spans` (str): JSON, the [start, end] pairs of characters of the text that went in, or of the text
      that went into an earlier postprocessor; cut out and joined they are the text that comes out;
    - `boildown_tokens_in`, `boildown_tokens_out` (int): the node's tokens before and after;
    - `boildown_method` (str): the method that scored;
    - `boildown_node_id` (str): the node's id, which outlives engines that split nodes once more;
    - `boildown_retrieval_score` (float): the score the node came with, if it had one.

    The budget is for what the LLM reads: the texts with the metadata that the nodes' templates show it, joined by blank
    lines, as response synthesizers join them. A rate is a share of the same of all nodes that came in. Where metadata
    take room, the same scores are cut again.

    All arguments are keywords, and all but `callback_manager` survive `to_dict` and `from_dict`. So do they `to_json`
    and `from_json`, but for an engine and a counter that are objects, which JSON cannot hold: `to_json` says so.

    Args:
        tokens, rate, threshold, documents, counter: how much to keep; exactly one of the first three. See
            `boildown.Budget`.
        method, model, rank, rank_model, device, dtype, options, min_sentence, cache: how to score. See
            `boildown.Compressor`.
        unit, order, allocation, spread, protect, patterns, dedupe: how to cut. See
            `boildown.select.plan.Plan`.
        on_empty_query: what a missing or blank query does where the method reads the query: "passthrough"
            keeps the nodes in their order with the scores they have, as far as the budget goes; "raise"
            raises `InputError`.
        engine: what compresses, in place of a `Compressor` built from the settings: a `boildown.Client`, or
            anything else with `compress` and `acompress`. Then only the budget may be given.

    Raises:
        ConfigurationError: an argument is unknown or wrong, or two exclude each other.
    """

    @classmethod
    def class_name(cls) -> str:
        """The name under which the postprocessor is serialised."""
        return "BoildownPostprocessor"

    def to_json(self, **options: Any) -> str:
        """The arguments as JSON.

        Args:
            options: as pydantic has them, such as `exclude`.

        Raises:
            ConfigurationError: a counter or an engine is an object.
        """
        return super().to_json(**{"mode": "json", **options})

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        # The base class leaves out what cannot be pickled, and a setting must not be lost on the way.
        lost = type(self).model_fields.keys() - state["__dict__"].keys() - {"callback_manager"}
        if lost:
            raise ConfigurationError(
                f"{' and '.join(sorted(lost))}= cannot be pickled, and so the postprocessor cannot. Give what can be, "
                "such as the name of a counter or a function that a module defines."
            )
        return state

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        engine, budget = self._engine_and_budget()
        with self._call(nodes, query_bundle) as call:
            return call.finish(engine.compress(call.query, call.documents, budget))

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        engine, budget = self._engine_and_budget()
        with self._call(nodes, query_bundle) as call:
            result = await engine.acompress(call.query, call.documents, budget)
            return await run_in_worker(partial(call.finish, result))

    @contextmanager
    def _call(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> Iterator[_Call]:
        """Tells handlers of the start and the end, whichever face compresses in between."""
        call = _Call(nodes, query_bundle)
        top_n = len(call.nodes) if self.documents is None else min(self.documents, len(call.nodes))
        name = (self.model or self.method) if self.engine is None else _model_name(self.engine)
        dispatcher.event(ReRankStartEvent(query=query_bundle, nodes=call.nodes, top_n=top_n, model_name=name))
        payload: dict[str, Any] = {
            EventPayload.NODES: call.nodes,
            EventPayload.MODEL_NAME: name,
            EventPayload.QUERY_STR: call.query,
            EventPayload.TOP_K: top_n,
        }
        with (self.callback_manager or CallbackManager()).event(CBEventType.RERANKING, payload=payload) as event:
            yield call
            event.on_end(payload={EventPayload.NODES: call.kept})
        dispatcher.event(CompressionEndEvent(nodes=call.kept, statistics=call.statistics))


def _model_name(engine: Engine) -> str:
    """The model of an engine's method, or the method; of an engine that does not say, such as a client, its class."""
    method = getattr(engine, "method", None)
    names = (getattr(method, "model", None), getattr(method, "name", None), method, type(engine).__name__)
    return next(str(name) for name in names if name and isinstance(name, (str, Path)))


def _indices(result: Compression) -> set[int]:
    return {document.index for document in result.documents}


class _Cut(NamedTuple):
    """A result, the nodes made of it, and the tokens that the LLM reads of them."""

    result: Compression
    nodes: list[NodeWithScore]
    tokens: int


class _Call:
    """One call's query and documents, and what became of them."""

    kept: list[NodeWithScore]
    statistics: dict[str, Any]

    def __init__(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> None:
        if query_bundle is not None and not isinstance(query_bundle, QueryBundle):
            raise InputError(
                f"query_bundle= must be a QueryBundle, not {type(query_bundle).__name__}. Pass text as query_str=."
            )
        self.query = "" if query_bundle is None else query_bundle.query_str or ""
        self.nodes = check_nodes(nodes, NodeWithScore)
        self.documents: list[Document] = [to_document(node.node) for node in self.nodes]
        self._seconds: Counter[str] = Counter()
        self._notes: list[str] = []

    def finish(self, result: Compression) -> list[NodeWithScore]:
        """The nodes of the result; with less text, where the LLM would read more of them than the budget allows."""
        cut, limit = self._cut(result), self._limit(result)
        if limit is not None and cut.tokens > limit:
            try:
                cut = self._fitting(cut, limit)
            except RebudgetError:
                if cut.tokens > result.tokens_out:  # else the method's own note says it all
                    self._notes.append(_ON_TOP)
            if result.text and not cut.result.text:
                self._notes.append(_NO_ROOM.format(limit))
        self.kept = cut.nodes
        notes = [*result.notes, *dict.fromkeys(self._notes)]
        self.statistics = {**statistics(cut.result), "notes": notes, "seconds": dict(self._seconds)}
        return self.kept

    def _fitting(self, first: _Cut, limit: int) -> _Cut:
        """The cut that fits with the most text; without nodes of many metadata where these would leave it half empty.

        A node whose metadata leave its text no room stands in the way of all that scores less.
        """
        best = self._search(first, limit)
        metadata = self._metadata_tokens(first.result)
        heavy: set[int] = set()
        left_out: set[int] = set()
        for share in _SHARES:
            if best.tokens > limit * (1 - _TOLERANCE if share == 1 else 0.5):
                break
            more = {i for i, tokens in enumerate(metadata) if tokens > share * limit} - _indices(best.result)
            if more <= heavy:
                continue
            heavy |= more
            budget = replace(first.result.budget, tokens=limit, rate=None)
            lighter = self._search(self._cut(first.result.rebudget(budget, without=heavy)), limit, heavy)
            if lighter.result.tokens_out > best.result.tokens_out:
                best = lighter
                left_out = {*heavy}
        # Beside more than half of the budget there is no room for more than half of it.
        left_out |= {i for i, tokens in enumerate(metadata) if tokens > limit / 2}
        gave_way = left_out & (_indices(first.result) - _indices(best.result))
        if gave_way and best.result.text:  # else there is a note for all of them
            self._notes.append(_GAVE_WAY.format(len(gave_way), limit))
        return best

    def _search(self, first: _Cut, limit: int, without: Collection[int] = ()) -> _Cut:
        """Of a few cuts of the same scores, the one that fits with the most text.

        Which nodes are kept, and with them their metadata, is only known after a cut.
        """

        def cut_at(tokens: int) -> _Cut:
            budget = replace(first.result.budget, tokens=tokens, rate=None)
            return self._cut(first.result.rebudget(budget, without=without))

        if first.tokens <= limit:
            return first
        best = None
        # What the text may take lies between what was seen to fit and what was seen not to.
        low, high = 0, first.result.tokens_out
        target = high + limit - first.tokens
        for _ in range(_ATTEMPTS):
            if not low < target < high:
                target = (low + high) // 2
            if target == low:
                break
            cut = cut_at(target)
            room = limit - cut.tokens
            if room < 0:
                high, target = target, cut.result.tokens_out + room
                continue
            if best is None or cut.result.tokens_out > best.result.tokens_out:
                best = cut
            if room <= _TOLERANCE * limit:
                break
            low, target = target, target + room
        return best or cut_at(0)

    def _cut(self, result: Compression) -> _Cut:
        self._seconds.update(result.seconds)
        nodes = rebuild_nodes(self.nodes, result)
        counted = max(result.tokens_out, sum(document.tokens_out for document in result.documents))
        return _Cut(result, nodes, self._shown(nodes, [d.text for d in result.documents], counted, result))

    def _metadata_tokens(self, result: Compression) -> list[int]:
        """How many tokens the LLM would read of each node beside its text."""
        counter = self._counter(result)
        shown = counter.count_many([node.node.get_content(metadata_mode=MetadataMode.LLM) for node in self.nodes])
        texts = counter.count_many([document.text for document in self.documents])
        return [all_ - text for all_, text in zip(shown, texts, strict=True)]

    def _limit(self, result: Compression) -> int | None:
        if result.budget.rate is None:
            return result.budget.tokens
        texts = [document.text for document in self.documents]
        return limit_of(result.budget, self._shown(self.nodes, texts, result.tokens_in, result))

    def _shown(self, nodes: Sequence[NodeWithScore], texts: Sequence[str], counted: int, result: Compression) -> int:
        """Tokens of what the LLM reads of nodes, joined or one by one, whichever are more.

        Args:
            nodes: any.
            texts: the same without metadata.
            counted: the tokens of the texts, which do where no metadata are shown and blank lines join them.
            result: names the counter, and the separator.
        """
        contents = [node.node.get_content(metadata_mode=MetadataMode.LLM) for node in nodes]
        contents = [content for content in contents if content]
        if contents == [text for text in texts if text] and result.plan.separator == _BLANK_LINE:
            return counted
        counter = self._counter(result)
        return max(counter.count(_BLANK_LINE.join(contents)), sum(counter.count_many(contents)))

    def _counter(self, result: Compression) -> TokenCounter:
        spec = result.budget.counter
        try:
            return resolve_counter(result.counter if spec is None else spec)
        except BoildownError:
            self._notes.append(_ESTIMATED.format(result.counter))
            return resolve_counter(None)
