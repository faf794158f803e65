"""The budget holds for what the LLM reads: the text of the kept nodes with the metadata that they show it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core import PromptTemplate, VectorStoreIndex
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events import BaseEvent
from llama_index.core.schema import ImageNode, MetadataMode, NodeWithScore, TextNode

from boildown import Budget, Compressor, Scores
from boildown.counters import resolve_counter
from boildown.methods.bm25 import BM25
from llama_index.postprocessor.boildown import BoildownPostprocessor, CompressionEndEvent

QUERY = "How deep is harbour 7, and when was it dug?"


def words(text: str) -> int:
    return len(text.split())


def with_an_end(text: str) -> int:
    """As a tokenizer counts that ends each text with a token of its own: one by one texts are more than joined."""
    return len(text.split()) + 1


def harbours(count: int = 12, shown: int = 2) -> list[NodeWithScore]:
    """Nodes of 38 words, each of which shows the LLM six words for each of `shown` keys."""
    return [
        NodeWithScore(
            node=TextNode(
                id_=f"harbour-{i}",
                text=f"Harbour {i} is {i + 3} metres deep. It was dug in {1800 + i} by two hundred men from the hills. "
                f"Boats of the fishers of harbour {i} lie at the quay. On Sundays there is a market on its square.",
                metadata={f"key {n}": f"value {n} of it" for n in range(shown)} | {"hidden": "word " * 50},
                excluded_llm_metadata_keys=["hidden"],
            ),
            score=0.5,
        )
        for i in range(count)
    ]


def tokens_shown(nodes: list[NodeWithScore], counter: Any = None) -> int:
    count = resolve_counter(counter).count
    contents = [node.node.get_content(metadata_mode=MetadataMode.LLM) for node in nodes]
    return max(sum(map(count, contents)), count("\n\n".join(contents))) if contents else 0


def compress(nodes: list[NodeWithScore], **arguments: Any) -> list[NodeWithScore]:
    engine = {} if "engine" in arguments else {"method": "bm25"}
    return BoildownPostprocessor(**engine, **arguments).postprocess_nodes(nodes, query_str=QUERY)


@pytest.fixture
def notes() -> Iterator[list[str]]:
    """The notes of the compressions."""
    seen: list[str] = []

    class Notes(BaseEventHandler):
        def handle(self, event: BaseEvent, **kwargs: Any) -> None:
            if isinstance(event, CompressionEndEvent):
                seen.extend(event.statistics["notes"])

    handler = Notes()
    get_dispatcher().add_event_handler(handler)
    yield seen
    get_dispatcher().event_handlers.remove(handler)


@pytest.mark.parametrize("counter", [None, "cl100k_base", words, with_an_end, len])
@pytest.mark.parametrize("shown", [0, 1, 6])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_a_budget_in_tokens_holds_and_is_used(counter: Any, shown: int, share: float) -> None:
    nodes = harbours(shown=shown)
    tokens = int(share * tokens_shown(nodes, counter))
    for unit in ("sentence", "word"):
        kept = compress(nodes, tokens=tokens, counter=counter, unit=unit)
        assert 0.5 * tokens < tokens_shown(kept, counter) <= tokens
        assert any("7 is 10 metres deep" in node.node.get_content() for node in kept)


@pytest.mark.parametrize("counter", [None, words])
@pytest.mark.parametrize("rate", [0.1, 0.4, 1.0])
def test_a_rate_is_a_share_of_what_the_llm_would_have_read(counter: Any, rate: float) -> None:
    nodes = harbours(shown=6)
    limit = math.floor(rate * tokens_shown(nodes, counter))
    kept = compress(nodes, rate=rate, counter=counter)
    assert 0.8 * limit < tokens_shown(kept, counter) <= limit
    if rate == 1.0:
        assert [n.node.get_content() for n in kept] == [n.node.get_content() for n in nodes]


def test_a_threshold_and_metadata_that_are_hidden_take_nothing() -> None:
    engine = Compressor("bm25")
    texts = [node.node.get_content() for node in harbours()]
    for budget, shown in ((Budget(threshold=0.3), 6), (Budget(tokens=80), 0), (Budget(rate=0.3), 0)):
        arguments = {name: getattr(budget, name) for name in ("tokens", "rate", "threshold")}
        kept = compress(harbours(shown=shown), engine=engine, **arguments)
        expected = engine.compress(QUERY, texts, budget)
        assert [n.node.get_content() for n in kept] == [d.text for d in expected.documents]


@pytest.mark.parametrize("separator", ["", "\n", "\n\n", "\n\n---\n\n"])
@pytest.mark.parametrize("shown", [0, 1])
def test_whatever_separator_an_engine_has_nodes_are_joined_by_blank_lines(separator: str, shown: int) -> None:
    engine = Compressor("bm25", separator=separator)
    for tokens in (300, 301, 302, 500, 501, 502):
        kept = compress(harbours(shown=shown), tokens=tokens, counter=len, engine=engine)
        assert 0.5 * tokens < tokens_shown(kept, len) <= tokens
    limit = math.floor(0.3 * tokens_shown(harbours(shown=shown), len))
    assert (
        0.5 * limit < tokens_shown(compress(harbours(shown=shown), rate=0.3, counter=len, engine=engine), len) <= limit
    )


async def test_the_async_face_gives_the_same() -> None:
    postprocessor = BoildownPostprocessor(method="bm25", tokens=90)
    kept = await postprocessor.apostprocess_nodes(harbours(), query_str=QUERY)
    assert kept == postprocessor.postprocess_nodes(harbours(), query_str=QUERY)


def test_nothing_is_scored_again(notes: list[str]) -> None:
    class Counted(BM25):
        calls = 0

        def score(self, query: str, sources: Any) -> Scores:
            Counted.calls += 1
            return super().score(query, sources)

    kept = compress(harbours(shown=6), tokens=150, engine=Compressor(Counted()))
    assert Counted.calls == 1
    assert tokens_shown(kept) <= 150
    assert notes == []


@pytest.mark.parametrize("arguments", [{"tokens": 40}, {"rate": 0.02}])
def test_metadata_that_leave_no_room_leave_nothing_and_a_note(notes: list[str], arguments: dict[str, Any]) -> None:
    assert compress(harbours(shown=20), **arguments) == []
    assert len(notes) == 1
    assert "no text fits into" in notes[0]
    assert "excluded_llm_metadata_keys" in notes[0]


def with_notes(words: int) -> list[NodeWithScore]:
    """Harbours, of which the best has so many words of metadata."""
    nodes = harbours(shown=1)
    nodes[7].node.metadata["notes"] = "note " * words
    return nodes


@pytest.mark.parametrize("engine", [Compressor("bm25"), Compressor("bm25", dedupe=None, order="score")])
@pytest.mark.parametrize("unit", [{"tokens": 90}, {"rate": 0.08}, {"tokens": 90, "documents": 2}])
def test_a_node_whose_metadata_leave_no_room_gives_way_to_others(
    notes: list[str], engine: Compressor, unit: dict[str, Any]
) -> None:
    kept = compress(with_notes(400), engine=engine, **unit)
    assert 45 < tokens_shown(kept) <= 90
    assert "harbour-7" not in {node.node_id for node in kept}
    assert len(notes) == 1
    assert "Nothing was kept of 1 nodes" in notes[0]
    assert "excluded_llm_metadata_keys" in notes[0]


@pytest.mark.parametrize(("words", "beside", "least"), [(400, 3, 95), (400, 0, 60), (70, 3, 60)])
def test_so_it_does_where_a_better_one_fills_more_than_half(
    notes: list[str], words: int, beside: int, least: int
) -> None:
    *others, heavy, best = harbours(8, shown=0)
    best.node.set_content(f"{QUERY} Harbour 7 is 10 metres deep and was dug in 1807, " + "by many men, " * 12)  # type: ignore[attr-defined]
    heavy.node.metadata = {"notes": "note " * words}
    kept = compress([heavy, best, *others[:beside]], tokens=105)
    assert least < tokens_shown(kept) <= 105
    kept_ids = {node.node_id for node in kept}
    assert "harbour-7" in kept_ids
    assert "harbour-6" not in kept_ids
    assert len(notes) == 1
    assert "Nothing was kept of 1 nodes" in notes[0]


def test_a_node_with_many_metadata_stays_where_it_fits(notes: list[str]) -> None:
    for words in (30, 45, 60, 70):
        kept = compress(with_notes(words), tokens=90)
        assert kept[-1].node.get_content().startswith("Harbour 7 is 10 metres deep.")
        assert tokens_shown(kept) > 75
    assert notes == []


@pytest.mark.parametrize("words", [[0, 160, 20, 160, 160, 6, 20, 0], [60, 60, 0, 20, 160, 60, 60, 20]])
def test_nodes_with_few_metadata_fill_what_those_with_many_leave(words: list[int]) -> None:
    nodes = harbours(8, shown=0)
    for node, count in zip(nodes, words, strict=True):
        node.node.metadata = {"summary": "word " * count}
    kept = compress(nodes, tokens=100)
    assert 50 < tokens_shown(kept) <= 100
    assert kept[-1].node.get_content().startswith("Harbour 7 is 10 metres deep.")


def test_an_image_stays_and_what_it_shows_is_counted() -> None:
    image = NodeWithScore(node=ImageNode(image_url="https://example.org/a.png", metadata={"caption": "A quay. " * 9}))
    nodes = [image, *harbours(shown=1)]
    kept = compress(nodes, tokens=90)
    assert isinstance(kept[0].node, ImageNode)
    assert len(kept) > 1
    assert tokens_shown(kept) <= 90
    (alone,) = compress(nodes, tokens=10)
    assert isinstance(alone.node, ImageNode)


def test_the_context_of_a_query_keeps_the_budget(index: VectorStoreIndex, llm: Any) -> None:
    engine = index.as_query_engine(
        similarity_top_k=3,
        text_qa_template=PromptTemplate("{context_str}"),
        node_postprocessors=[BoildownPostprocessor(method="bm25", rate=0.6)],
    )
    whole = index.as_query_engine(similarity_top_k=3, text_qa_template=PromptTemplate("{context_str}"))
    whole.query(QUERY)
    engine.query(QUERY)
    before, after = map(resolve_counter(None).count, llm.prompts)
    assert "source: " in llm.prompts[1]
    assert 0.5 * before < after <= 0.6 * before


def test_what_cannot_be_cut_again_stays_with_a_note(notes: list[str]) -> None:
    class Final(BM25):
        def score(self, query: str, sources: Any) -> Scores:
            return replace(super().score(query, sources), final=True)

    engine = Compressor(Final())
    kept = compress(harbours(), tokens=30, engine=engine)
    expected = engine.compress(QUERY, [node.node.get_content() for node in harbours()], Budget(tokens=30))
    assert [node.node.get_content() for node in kept] == [document.text for document in expected.documents]
    assert notes == [*expected.notes, "Metadata that nodes show the LLM may come on top of the budget, since this "
                     "method's result is not cut again."]  # fmt: skip


_TEXTS = st.lists(
    st.lists(st.sampled_from(["Harbour 7 is deep.", "It was dug.", "港は深い。", "\n\n", "A", "||"])).map(" ".join),
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=_TEXTS,
    metadata=st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=30), max_size=3), min_size=6),
    template=st.sampled_from(["{metadata_str}\n\n{content}", "<{content}>", "{content} ({metadata_str})"]),
    budget=st.one_of(
        st.integers(0, 60).map(lambda n: {"tokens": n}), st.floats(0, 1).map(lambda share: {"rate": share})
    ),
    counter=st.sampled_from([None, "cl100k_base", words, with_an_end, len]),
    unit=st.sampled_from(["sentence", "word"]),
)
def test_whatever_the_nodes_the_budget_holds(
    texts: list[str], metadata: list[Any], template: str, budget: dict[str, Any], counter: Any, unit: str
) -> None:
    nodes = [
        NodeWithScore(node=TextNode(text=text, metadata=shown, text_template=template))
        for text, shown in zip(texts, metadata, strict=False)
    ]
    limit = budget.get("tokens", math.floor(budget.get("rate", 0) * tokens_shown(nodes, counter) + 1e-9))
    kept = compress(nodes, **budget, counter=counter, unit=unit)
    assert tokens_shown(kept, counter) <= limit
