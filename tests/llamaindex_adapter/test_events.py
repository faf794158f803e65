"""What instrumentation and legacy callbacks see of a compression."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, CBEventType, EventPayload, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler
from llama_index.core.schema import NodeWithScore, TextNode

from boildown import Compressor, InputError
from llama_index.postprocessor.boildown import BoildownPostprocessor, CompressionEndEvent


class Events(BaseEventHandler):
    """Keeps the events."""

    seen: list[Any] = []  # noqa: RUF012 - pydantic copies it for each handler

    @classmethod
    def class_name(cls) -> str:
        return "Events"

    def handle(self, event: BaseEvent, **kwargs: Any) -> None:
        self.seen.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.seen if isinstance(event, kind)]


@pytest.fixture
def events() -> Iterator[Events]:
    root = get_dispatcher()
    handler = Events()
    root.add_event_handler(handler)
    yield handler
    root.event_handlers.remove(handler)


@pytest.fixture
def spans() -> Iterator[SimpleSpanHandler]:
    root = get_dispatcher()
    handler = SimpleSpanHandler()
    root.add_span_handler(handler)
    yield handler
    root.span_handlers.remove(handler)


def run(postprocessor: BoildownPostprocessor, nodes: list[NodeWithScore], query: str, face: str) -> list[Any]:
    if face == "sync":
        return postprocessor.postprocess_nodes(nodes, query_str=query)
    return asyncio.run(postprocessor.apostprocess_nodes(nodes, query_str=query))


FACES = ["sync", "async"]


@pytest.mark.parametrize("face", FACES)
def test_a_start_and_an_end_with_statistics(events: Events, nodes: list[NodeWithScore], query: str, face: str) -> None:
    kept = run(BoildownPostprocessor(tokens=30, documents=2, method="bm25"), nodes, query, face)
    (start,) = events.of(ReRankStartEvent)
    assert start.query.query_str == query
    assert [n.node_id for n in start.nodes] == [n.node_id for n in nodes]
    assert (start.top_n, start.model_name) == (2, "bm25")

    (end,) = events.of(ReRankEndEvent)
    assert type(end) is CompressionEndEvent
    assert end.nodes == kept
    said = end.statistics
    assert said["tokens_in"] > 100
    assert 0 < said["tokens_out"] <= 30
    assert (said["method"], said["counter"], said["documents_in"]) == ("bm25", "estimate", 3)
    assert {d["id"] for d in said["dropped"]} == {n.node_id for n in nodes} - {n.node_id for n in kept}
    assert "documents" in {d["reason"] for d in said["dropped"]}
    json.dumps(said)


class Elsewhere:
    """An engine that does not say what it scores with."""

    async def acompress(self, *call: Any) -> Any:
        return self.compress(*call)

    def compress(self, *call: Any) -> Any:
        return Compressor("bm25").compress(*call)


@pytest.mark.parametrize(
    ("engine", "name"),
    [(Compressor("bm25"), "bm25"), (Compressor(), "prune"), (Elsewhere(), "Elsewhere")],
)
def test_the_model_is_the_engines(
    events: Events, nodes: list[NodeWithScore], query: str, engine: Any, name: str
) -> None:
    BoildownPostprocessor(tokens=30, engine=engine).postprocess_nodes(nodes, query_str=query)
    (start,) = events.of(ReRankStartEvent)
    assert start.model_name == name


def test_the_model_is_the_engines_with_a_model(events: Events, bert: Path) -> None:
    engine = Compressor("llmlingua2", model=str(bert))
    BoildownPostprocessor(tokens=30, engine=engine).postprocess_nodes([])
    (start,) = events.of(ReRankStartEvent)
    assert start.model_name == str(bert)


@pytest.mark.parametrize("face", FACES)
def test_one_span_which_the_events_belong_to(
    spans: SimpleSpanHandler, events: Events, nodes: list[NodeWithScore], query: str, face: str
) -> None:
    run(BoildownPostprocessor(tokens=30, method="bm25"), nodes, query, face)
    name = "_postprocess_nodes" if face == "sync" else "_apostprocess_nodes"
    (span,) = spans.completed_spans
    assert span.id_.startswith(f"BoildownPostprocessor.{name}")
    assert {event.span_id for event in events.of(BaseEvent)} == {span.id_}


@pytest.mark.parametrize("face", FACES)
def test_spans_are_nested_in_the_query(
    spans: SimpleSpanHandler, index: VectorStoreIndex, query: str, face: str
) -> None:
    engine = index.as_query_engine(node_postprocessors=[BoildownPostprocessor(tokens=30, method="bm25")])
    if face == "sync":
        engine.query(query)
    else:
        asyncio.run(engine.aquery(query))
    by_id = {span.id_: span for span in spans.completed_spans}
    (ours,) = [span for span in by_id.values() if span.id_.startswith("BoildownPostprocessor.")]
    assert by_id[ours.parent_id].id_.startswith("RetrieverQueryEngine.")


@pytest.mark.parametrize("face", FACES)
def test_legacy_callbacks(nodes: list[NodeWithScore], query: str, face: str) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    postprocessor = BoildownPostprocessor(tokens=30, callback_manager=CallbackManager([debug]), method="bm25")
    kept = run(postprocessor, nodes, query, face)
    ((start, end),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert start.payload == {
        EventPayload.NODES: nodes,
        EventPayload.MODEL_NAME: "bm25",
        EventPayload.QUERY_STR: query,
        EventPayload.TOP_K: len(nodes),
    }
    assert end.payload == {EventPayload.NODES: kept}


@pytest.mark.parametrize("face", FACES)
def test_an_error_is_told_and_raised(
    spans: SimpleSpanHandler, events: Events, nodes: list[NodeWithScore], face: str
) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    postprocessor = BoildownPostprocessor(
        tokens=30, on_empty_query="raise", callback_manager=CallbackManager([debug]), method="bm25"
    )
    with pytest.raises(InputError):
        run(postprocessor, nodes, " ", face)
    ((_, end),) = debug.get_event_pairs(CBEventType.RERANKING)
    assert isinstance(end.payload[EventPayload.EXCEPTION], InputError)
    assert events.of(ReRankEndEvent) == []
    assert len(spans.dropped_spans) == 1


def test_notes_reach_the_event(events: Events) -> None:
    BoildownPostprocessor(tokens=30, method="bm25").postprocess_nodes([NodeWithScore(node=TextNode(text="Some text."))])
    (end,) = events.of(CompressionEndEvent)
    assert "blank" in end.statistics["notes"][0]


class Shown(SimpleSpanHandler):
    """Looks at the components of spans, as exporters do."""

    seen: list[Any] = []  # noqa: RUF012 - pydantic copies it for each handler

    def new_span(self, id_: str, bound_args: Any, instance: Any = None, *arguments: Any, **options: Any) -> Any:
        if isinstance(instance, BoildownPostprocessor):
            self.seen.append(instance.to_dict())
        return super().new_span(id_, bound_args, instance, *arguments, **options)


def test_a_postprocessor_that_json_refuses_is_shown_all_the_same(nodes: list[NodeWithScore], query: str) -> None:
    handler = Shown()
    get_dispatcher().add_span_handler(handler)
    try:
        engine = Compressor("bm25")
        BoildownPostprocessor(tokens=60, counter=len, engine=engine).postprocess_nodes(nodes, query_str=query)
    finally:
        get_dispatcher().span_handlers.remove(handler)
    assert [(shown["counter"], shown["engine"]) for shown in handler.seen] == [(len, engine)]
