from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
import requests
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.load import dumpd
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler
from langchain_core.vectorstores import InMemoryVectorStore
from langsmith import Client

from boildown import Compressor
from langchain_boildown import BoildownCompressor

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"


class Events(BaseCallbackHandler):
    """Keeps the runs' names and parents, and the custom events."""

    def __init__(self) -> None:
        self.names: dict[UUID, str | None] = {}
        self.parents: dict[UUID, UUID | None] = {}
        self.custom: list[tuple[str, Any, UUID]] = []
        self.failed: list[UUID] = []

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self.names[run_id], self.parents[run_id] = kwargs.get("name"), parent_run_id

    def on_retriever_start(
        self, serialized: Any, query: str, *, run_id: UUID, parent_run_id: UUID | None = None, **kwargs: Any
    ) -> None:
        self.names[run_id], self.parents[run_id] = kwargs.get("name"), parent_run_id

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        self.failed.append(run_id)

    def on_custom_event(self, name: str, data: Any, *, run_id: UUID, **kwargs: Any) -> None:
        self.custom.append((name, data, run_id))


def check_event(events: Events, kept: list[Document], count: int) -> None:
    [(name, data, run_id)] = events.custom
    assert name == "boildown"
    assert events.names[run_id] == "BoildownCompressor"
    assert data["documents_in"] == count
    assert data["documents_out"] == len(kept)
    assert data["tokens_out"] <= data["tokens_in"]
    assert data["method"] == "bm25"
    assert len(data["dropped"]) == count - len(kept)
    assert {d["reason"] for d in data["dropped"]} <= {"budget"}
    assert "page_content" not in str(data)


@pytest.fixture(params=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "async")


async def test_the_event_reaches_handlers(documents: list[Document], is_async: bool) -> None:
    events = Events()
    compressor = BoildownCompressor(method="bm25", tokens=40)
    if is_async:
        kept = await compressor.acompress_documents(documents, QUESTION, callbacks=[events])
    else:
        kept = compressor.compress_documents(documents, QUESTION, callbacks=[events])
    check_event(events, kept, len(documents))
    [run_id] = events.names
    assert events.parents[run_id] is None


async def test_the_run_is_nested_in_the_retrievers(store: InMemoryVectorStore, is_async: bool) -> None:
    events = Events()
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", tokens=40),
        base_retriever=store.as_retriever(search_kwargs={"k": 3}),
    )
    config: Any = {"callbacks": [events], "run_name": "outer"}
    kept = await retriever.ainvoke(QUESTION, config) if is_async else retriever.invoke(QUESTION, config)
    check_event(events, kept, 3)
    run_id = events.custom[0][2]
    parent = events.parents[run_id]
    assert parent is not None
    assert events.names[parent] == "outer"
    assert events.parents[parent] is None


def test_without_callbacks_it_joins_the_surrounding_run(documents: list[Document]) -> None:
    events = Events()
    compressor = BoildownCompressor(method="bm25", tokens=40)
    outer = RunnableLambda(lambda question: compressor.compress_documents(documents, question), name="outer")
    kept = outer.invoke(QUESTION, {"callbacks": [events]})
    check_event(events, kept, len(documents))
    parent = events.parents[events.custom[0][2]]
    assert parent is not None
    assert events.names[parent] == "outer"


def test_tracers_see_inputs_and_outputs(documents: list[Document]) -> None:
    collector = RunCollectorCallbackHandler()
    kept = BoildownCompressor(method="bm25", tokens=40).compress_documents(documents, QUESTION, callbacks=[collector])
    [run] = collector.traced_runs
    assert run.name == "BoildownCompressor"
    assert run.inputs["query"] == QUESTION
    assert run.inputs["documents"] == documents
    assert run.outputs is not None
    assert run.outputs["output"] == kept


def test_a_failure_ends_the_run_with_an_error(documents: list[Document]) -> None:
    events = Events()
    with pytest.raises(ValueError, match="blank"):
        BoildownCompressor(method="bm25", tokens=40, on_empty_query="raise").compress_documents(
            documents, "", callbacks=[events]
        )
    assert events.failed == list(events.names)
    assert events.custom == []


async def test_astream_events_shows_the_custom_event(store: InMemoryVectorStore) -> None:
    chain = {"documents": store.as_retriever(), "query": RunnablePassthrough()} | BoildownCompressor(
        method="bm25", tokens=40
    ).as_runnable()
    seen = [event async for event in chain.astream_events(QUESTION, version="v2")]
    [custom] = [event for event in seen if event["event"] == "on_custom_event"]
    assert custom["name"] == "boildown"
    assert custom["data"]["tokens_out"] <= 40
    named = [event["event"] for event in seen if event["name"] == "BoildownCompressor"]
    assert named[0] == "on_chain_start"
    assert named[-1] == "on_chain_end"


class Sent(requests.Session):
    """Keeps what would be sent."""

    bodies: list[Any]

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        self.bodies = [*getattr(self, "bodies", []), json.loads(options["data"])]
        answer = requests.Response()
        answer.status_code, answer._content = 200, b"{}"
        return answer


def test_a_compressor_that_json_refuses_is_shown_all_the_same(store: InMemoryVectorStore) -> None:
    compressor = BoildownCompressor(tokens=40, counter=len, engine=Compressor("bm25"))
    retriever = ContextualCompressionRetriever(base_compressor=compressor, base_retriever=store.as_retriever())
    for component in (compressor, retriever, retriever | compressor.as_runnable()):
        assert "BoildownCompressor" in json.dumps(dumpd(component))
    sent = Sent()
    langsmith = Client(api_url="http://localhost:9", api_key="-", session=sent, auto_batch_tracing=False, info={})
    langsmith.create_run("run", {"compressor": compressor}, "chain")
    shown = sent.bodies[0]["inputs"]["compressor"]
    assert (shown["tokens"], "Compressor" in shown["engine"]) == (40, True)
