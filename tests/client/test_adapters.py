"""Both adapters with the real service behind them: the same as with an engine in the process."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from boildown import Client, Compressor, ConfigurationError
from boildown.counters import resolve_counter
from boildown.settings import build_engine
from boildown.tools.content import Content
from boildown.tools.shorten import ToolRule, shorten
from langchain_boildown import BoildownCompressor, source_spans
from llama_index.postprocessor.boildown import BoildownPostprocessor

QUESTION = "How long does the battery of the Pelican last?"
TEXTS = {
    "reed": "The Reed is made for marinas and rivers. It weighs 2.1 kg. Its battery lasts nine months.",
    "pelican": "The Pelican goes down to 120 m and weighs 11.5 kg. The battery of the Pelican lasts 36 months. 🐦",
    "leave": "Annual leave is 28 days. Up to five days can be carried over until 31 March.",
}


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def documents() -> list[Document]:
    # What cannot be written as JSON stays at home.
    return [Document(text, id=name, metadata={"source": name, "when": object()}) for name, text in TEXTS.items()]


def nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text, id_=name), score=0.5) for name, text in TEXTS.items()]


def plain_documents(found: list[Document]) -> list[Any]:
    shown = [(d.id, d.page_content, source_spans(d), d.metadata) for d in found]
    for *_, metadata in shown:
        metadata.pop("when")
        metadata["relevance_score"] = pytest.approx(metadata["relevance_score"], abs=1e-5)
    return shown


def plain_nodes(found: list[NodeWithScore]) -> list[Any]:
    return [(n.node.node_id, n.node.get_content(), n.node.metadata, pytest.approx(n.score, abs=1e-5)) for n in found]


def test_langchain(client: Client) -> None:
    local = plain_documents(BoildownCompressor(tokens=30).compress_documents(documents(), QUESTION))
    remote = BoildownCompressor(tokens=30, engine=client)
    assert plain_documents(list(remote.compress_documents(documents(), QUESTION))) == local
    assert [name for name, *_ in local] == ["pelican"]

    async def later() -> list[Any]:
        return plain_documents(list(await remote.acompress_documents(documents(), QUESTION)))

    assert asyncio.run(later()) == local
    chain = remote.as_runnable()
    assert plain_documents(chain.invoke({"context": documents(), "question": QUESTION})) == local


def test_llamaindex(client: Client) -> None:
    local = plain_nodes(BoildownPostprocessor(tokens=30).postprocess_nodes(nodes(), QueryBundle(QUESTION)))
    remote = BoildownPostprocessor(tokens=30, engine=client)
    assert plain_nodes(remote.postprocess_nodes(nodes(), QueryBundle(QUESTION))) == local
    assert [name for name, *_ in local] == ["pelican"]

    async def later() -> list[Any]:
        return plain_nodes(await remote.apostprocess_nodes(nodes(), QueryBundle(QUESTION)))

    assert asyncio.run(later()) == local


def test_a_node_whose_metadata_leave_no_room_gives_way_there_too(client: Client) -> None:
    given = nodes()
    given[1].node.metadata = {"notes": "note " * 300}
    local, remote = (BoildownPostprocessor(tokens=60, **engine) for engine in ({}, {"engine": client}))
    kept = [node.node_id for node in remote.postprocess_nodes(given, QueryBundle(QUESTION))]
    assert kept == [node.node_id for node in local.postprocess_nodes(given, QueryBundle(QUESTION))] == ["reed", "leave"]


def test_a_blank_query_leaves_the_nodes_their_scores(client: Client) -> None:
    local = BoildownPostprocessor(tokens=30).postprocess_nodes(nodes(), QueryBundle(""))
    remote = BoildownPostprocessor(tokens=30, engine=client).postprocess_nodes(nodes(), QueryBundle(""))
    assert [node.score for node in remote] == [0.5] * len(remote)
    assert plain_nodes(remote) == plain_nodes(local)


def test_metadata_are_estimated_where_only_the_service_knows_the_counter() -> None:
    pytest.importorskip("fastapi", exc_type=ImportError)
    from running_service import running

    from boildown.service.settings import Settings

    seen: list[Any] = []

    class Events(BaseEventHandler):
        def handle(self, event: Any, **kwargs: Any) -> None:
            seen.append(event)

    shown = [NodeWithScore(node=TextNode(text=text, metadata={"source": name})) for name, text in TEXTS.items()]
    handler = Events()
    get_dispatcher().add_event_handler(handler)
    try:
        with running(Settings(counters={"ours": "estimate"})) as url, Client(url) as client:
            found = BoildownPostprocessor(tokens=40, counter="ours", engine=client).postprocess_nodes(
                shown, QueryBundle(QUESTION)
            )
    finally:
        get_dispatcher().event_handlers.remove(handler)
    contents = [node.node.get_content(metadata_mode=MetadataMode.LLM) for node in found]
    assert 30 < resolve_counter(None).count("\n\n".join(contents)) <= 40
    assert "only the service knows the counter 'ours'" in seen[-1].statistics["notes"][-1]


@pytest.mark.parametrize("adapter", [BoildownCompressor, BoildownPostprocessor])
def test_settings_of_the_engine_are_given_to_the_engine(client: Client, adapter: Any) -> None:
    with pytest.raises(ConfigurationError, match="excludes order"):
        adapter(tokens=30, engine=client, order="score")
    with pytest.raises(ConfigurationError, match=r"give boildown\.Client\('http://gpu:8000'\)"):
        adapter(tokens=30, engine="http://gpu:8000")
    assert build_engine({"tokens": 30}, client)[0] is client


@pytest.mark.parametrize("adapter", [BoildownCompressor, BoildownPostprocessor])
def test_a_pickled_adapter_takes_its_client_along(client: Client, adapter: Any) -> None:
    again = pickle.loads(pickle.dumps(adapter(tokens=30, engine=client)))
    with again.engine as other:
        assert other.compress(QUESTION, list(TEXTS.values()), again._engine_and_budget()[1]).tokens_out <= 30


def test_tool_results_of_agents_are_shortened_through_it(client: Client) -> None:
    content = Content(json.dumps([f'{text}\n\t"{text}"\n' * 20 for text in TEXTS.values()]))
    rule = ToolRule(tokens=120, trigger_tokens=200)
    found = [shorten(content, QUESTION, rule, "[shortened]", engine, None) for engine in (client, Compressor())]
    assert found[0] == found[1]
    assert found[0] is not None
    shown = content.text_with(found[0].texts, "[shortened]")
    assert "36 months" in shown
    assert resolve_counter(None).count(shown) <= 120
