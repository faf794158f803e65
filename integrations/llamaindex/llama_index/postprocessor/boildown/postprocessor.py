"""The node postprocessor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.rerank import ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle

from boildown.errors import ConfigurationError, InputError
from boildown.fields import EngineFields
from boildown.result import Compression
from boildown.settings import statistics
from boildown.types import Document
from llama_index.postprocessor.boildown.events import CompressionEndEvent
from llama_index.postprocessor.boildown.nodes import check_nodes, rebuild_nodes, to_document

__all__ = ["BoildownPostprocessor"]

dispatcher = get_dispatcher(__name__)


class BoildownPostprocessor(EngineFields, BaseNodePostprocessor):
    """Keeps what the query needs of the retrieved nodes, within a token budget that all of them share.

    Each node that comes out is one that went in: its class, id, metadata, relationships and everything that
    is not text are kept; its text is cut, with white space and wording as they were, and then an embedding of the
    whole text goes. Nodes of which nothing is worth keeping do not come out. The score is the node's relevance to the
    query. `start_char_idx` and `end_char_idx` move to the part of the source document that holds what was kept.

    The metadata gain these flat values, which neither the LLM nor an embedding model is shown:

    - `boildown_spans` (str): JSON, the [start, end] pairs of characters of the text that went in; cut out and
      joined they are the text that comes out;
    - `boildown_tokens_in`, `boildown_tokens_out` (int): the node's tokens before and after;
    - `boildown_method` (str): the method that scored;
    - `boildown_node_id` (str): the node's id, which outlives engines that split nodes once more;
    - `boildown_retrieval_score` (float): the score the node came with, if it had one.

    The budget counts the nodes' texts joined by blank lines, as response synthesizers join them. Metadata
    that a node shows to the LLM come on top.

    All arguments are keywords, and all but `engine` and `callback_manager` survive `to_dict` and `from_dict`.

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
            return call.finish(await engine.acompress(call.query, call.documents, budget))

    @contextmanager
    def _call(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> Iterator[_Call]:
        """Tells handlers of the start and the end, whichever face compresses in between."""
        call = _Call(nodes, query_bundle)
        top_n = len(call.nodes) if self.documents is None else min(self.documents, len(call.nodes))
        name = self.model or self.method
        dispatcher.event(ReRankStartEvent(query=query_bundle, nodes=call.nodes, top_n=top_n, model_name=name))
        payload: dict[str, Any] = {
            EventPayload.NODES: call.nodes,
            EventPayload.MODEL_NAME: name,
            EventPayload.QUERY_STR: call.query,
            EventPayload.TOP_K: top_n,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            yield call
            event.on_end(payload={EventPayload.NODES: call.kept})
        dispatcher.event(CompressionEndEvent(nodes=call.kept, statistics=statistics(call.result)))


class _Call:
    """One call's query and documents, and what became of them."""

    result: Compression
    kept: list[NodeWithScore]

    def __init__(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None) -> None:
        if query_bundle is not None and not isinstance(query_bundle, QueryBundle):
            raise InputError(
                f"query_bundle= must be a QueryBundle, not {type(query_bundle).__name__}. Pass text as query_str=."
            )
        self.query = "" if query_bundle is None else query_bundle.query_str or ""
        self.nodes = check_nodes(nodes, NodeWithScore)
        self.documents: list[Document] = [to_document(node.node) for node in self.nodes]

    def finish(self, result: Compression) -> list[NodeWithScore]:
        self.result = result
        self.kept = rebuild_nodes(self.nodes, result)
        return self.kept
