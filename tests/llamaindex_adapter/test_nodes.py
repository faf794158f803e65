"""Node identity: what goes in comes out as itself, shorter, and nothing that went in is changed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
    TextNode,
)

from llama_index.postprocessor.boildown import BoildownPostprocessor

TEXT = (
    "The mill stands by the river. Its wheel was made of elm in 1782 and turned for ninety years. Herons fish in the "
    "pond. The miller's house has a blue door."
)
QUERY = "When was the wheel of the mill made?"
SENTENCE = "Its wheel was made of elm in 1782 and turned for ninety years."
SHOWN = 28
"""Tokens for the sentence and for the metadata that a node of `node_of` shows the LLM."""


def compress(nodes: list[NodeWithScore], query: str | None = QUERY, **arguments: Any) -> list[NodeWithScore]:
    budget = {} if {"rate", "threshold"} & arguments.keys() else {"tokens": 20}
    return BoildownPostprocessor(**{**budget, "method": "bm25", **arguments}).postprocess_nodes(nodes, query_str=query)


def spans_of(node: BaseNode) -> list[list[int]]:
    spans: list[list[int]] = json.loads(node.metadata["boildown_spans"])
    return spans


def node_of(kind: str) -> BaseNode:
    """A node of each class, with something in every field that is not text."""
    common: dict[str, Any] = {
        "id_": f"{kind}-7",
        "embedding": [0.25, 0.5],
        "metadata": {"file_name": "mill.md", "nested": {"list": [1, {"deep": True}]}, "lock": object()},
        "excluded_llm_metadata_keys": ["nested", "lock"],
        "excluded_embed_metadata_keys": ["lock"],
        "relationships": {
            NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc", metadata={"owner": {"name": "library"}}),
            NodeRelationship.CHILD: [RelatedNodeInfo(node_id="child", metadata={"n": 1})],
        },
        "metadata_template": "{key} = {value}",
        "metadata_separator": "; ",
        "text_template": "[{metadata_str}] {content}",
    }
    if kind == "text":
        return TextNode(text=TEXT, mimetype="text/markdown", start_char_idx=50, end_char_idx=50 + len(TEXT), **common)
    if kind == "image":
        return ImageNode(text=TEXT, image_url="https://example.org/mill.png", **common)
    if kind == "index":
        return IndexNode(text=TEXT, index_id="mills", obj={"any": "thing"}, **common)
    resource = MediaResource(text=TEXT, mimetype="text/markdown", embeddings={"dense": [0.5]})
    image = MediaResource(url="https://example.org/mill.png")
    make = Document if kind == "document" else Node
    return make(text_resource=resource, image_resource=image, **common)


KINDS = ("text", "image", "index", "document", "node")


def snapshot(node: BaseNode) -> dict[str, Any]:
    return {name: copied(getattr(node, name)) for name in type(node).model_fields}


def copied(value: Any) -> Any:
    """A deep copy that keeps objects without a copy as they are."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    if isinstance(value, (RelatedNodeInfo, MediaResource)):
        return value.model_copy(deep=True)
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_everything_but_the_text_is_kept(kind: str) -> None:
    node = node_of(kind)
    before = snapshot(node)
    (kept,) = compress([NodeWithScore(node=node, score=0.5)], tokens=SHOWN)
    assert snapshot(node) == before
    assert type(kept.node) is type(node)
    assert kept.node.get_content(MetadataMode.NONE) == SENTENCE
    for name in type(node).model_fields:
        value = getattr(kept.node, name)
        if name == "metadata":
            assert {key: value[key] for key in node.metadata} == node.metadata
        elif name.startswith("excluded_"):
            assert value[: len(before[name])] == before[name]
        elif name == "text_resource":
            assert value == before[name].model_copy(update={"text": SENTENCE, "embeddings": None})
        elif name not in ("text", "start_char_idx", "end_char_idx", "embedding"):
            assert value == before[name], name


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_changes_is_shared_with_the_source(kind: str) -> None:
    node = node_of(kind)
    before = snapshot(node)
    (kept,) = compress([NodeWithScore(node=node, score=0.5)], tokens=SHOWN)
    kept.node.metadata["nested"]["list"][1]["deep"] = False
    kept.node.metadata["new"] = 1
    if kept.node.embedding is not None:
        kept.node.embedding[0] = 9.0
    source, (child,) = (kept.node.relationships[k] for k in (NodeRelationship.SOURCE, NodeRelationship.CHILD))
    source.metadata["owner"]["name"] = child.metadata["n"] = "changed"
    kept.node.relationships.clear()
    kept.node.excluded_llm_metadata_keys.clear()
    kept.node.excluded_embed_metadata_keys.clear()
    assert snapshot(node) == before


@pytest.mark.parametrize("mode", [MetadataMode.LLM, MetadataMode.EMBED])
@pytest.mark.parametrize("kind", KINDS)
def test_no_model_is_shown_the_added_metadata(kind: str, mode: MetadataMode) -> None:
    node = node_of(kind)
    (kept,) = compress([NodeWithScore(node=node, score=0.5)], tokens=SHOWN)
    assert kept.node.get_metadata_str(mode) == node.get_metadata_str(mode)
    assert kept.node.get_content(mode) == node.get_content(mode).replace(TEXT, SENTENCE)


def test_the_added_metadata_are_flat_and_say_where_the_text_stood() -> None:
    (kept,) = compress([NodeWithScore(node=node_of("text"), score=0.5)], tokens=SHOWN)
    added = {key: value for key, value in kept.node.metadata.items() if key.startswith("boildown_")}
    start = TEXT.index(SENTENCE)
    assert added == {
        "boildown_method": "bm25",
        "boildown_spans": json.dumps([[start, start + len(SENTENCE)]]),
        "boildown_tokens_in": added["boildown_tokens_in"],
        "boildown_tokens_out": added["boildown_tokens_out"],
        "boildown_node_id": "text-7",
        "boildown_retrieval_score": 0.5,
    }
    assert added["boildown_tokens_in"] > 20 >= added["boildown_tokens_out"] > 0
    assert all(type(value) in (str, int, float) for value in added.values())


def test_the_score_is_a_python_float_and_none_is_no_retrieval_score() -> None:
    (kept,) = compress([NodeWithScore(node=TextNode(text=TEXT))])
    assert type(kept.score) is float
    assert kept.score > 0
    assert "boildown_retrieval_score" not in kept.node.metadata


def test_character_offsets_move_to_what_was_kept() -> None:
    document = f"# Mills\n\n{TEXT}\n\n# Bakeries\n\nNone."
    start = document.index(TEXT)
    node = TextNode(text=TEXT, start_char_idx=start, end_char_idx=start + len(TEXT))
    (kept,) = compress([NodeWithScore(node=node)])
    assert document[kept.node.start_char_idx : kept.node.end_char_idx] == SENTENCE

    # Of several spans the offsets are the two ends.
    (kept,) = compress(
        [NodeWithScore(node=node)], "When was the wheel made, and of which colour is the door?", tokens=30
    )
    assert len(spans_of(kept.node)) == 2
    around = document[kept.node.start_char_idx : kept.node.end_char_idx]
    assert around.startswith("Its wheel")
    assert around.endswith("blue door.")


@pytest.mark.parametrize("offsets", [(None, None), (5, None), (None, 9), (0, 3)])
def test_character_offsets_that_do_not_fit_the_text_are_left(offsets: tuple[int | None, int | None]) -> None:
    node = TextNode(text=TEXT, start_char_idx=offsets[0], end_char_idx=offsets[1])
    (kept,) = compress([NodeWithScore(node=node)])
    assert (kept.node.start_char_idx, kept.node.end_char_idx) == offsets


def test_a_second_pass_keeps_the_first_retrieval_score() -> None:
    (once,) = compress([NodeWithScore(node=TextNode(text=TEXT), score=0.5)], tokens=30)
    (twice,) = compress([once])
    assert twice.node.metadata["boildown_retrieval_score"] == 0.5
    assert twice.node.excluded_llm_metadata_keys.count("boildown_spans") == 1


def test_after_a_second_pass_the_spans_are_those_of_the_first_text() -> None:
    query = "When was the wheel of the mill made, and of which colour is the door?"
    node = TextNode(id_="mill", text=f"Bread is baked. {TEXT} Ducks are not fed.")
    (once,) = compress([NodeWithScore(node=node)], query, tokens=45)
    (twice,) = compress([once], query, tokens=30, unit="word")
    (thrice,) = compress([twice], query, tokens=10, unit="word")
    assert len({once.node.get_content(), twice.node.get_content(), thrice.node.get_content()}) == 3
    assert len(spans_of(twice.node)) > 1
    for kept in (once, twice, thrice):
        assert kept.node.metadata["boildown_node_id"] == "mill"
        assert "".join(node.text[s:e] for s, e in spans_of(kept.node)) == kept.node.get_content()


@pytest.mark.parametrize("changed", ["text", "id", "spans"])
def test_spans_that_are_not_the_nodes_own_are_written_anew(changed: str) -> None:
    (once,) = compress([NodeWithScore(node=TextNode(text=TEXT))], tokens=30)
    if changed == "text":
        once.node.set_content(f"{once.node.get_content()} Ducks are not fed.")
    elif changed == "id":
        once.node.id_ = "a part"
    else:
        once.node.metadata["boildown_spans"] = '[["a", "b"]]'
    (twice,) = compress([once])
    text = once.node.get_content()
    assert "".join(text[s:e] for s, e in spans_of(twice.node)) == twice.node.get_content()
    assert twice.node.metadata["boildown_node_id"] == once.node.node_id


def test_the_same_node_twice_and_equal_texts_are_told_apart_by_place() -> None:
    node = TextNode(id_="same", text=TEXT)
    twin = TextNode(id_="twin", text=TEXT)
    retrieved = [NodeWithScore(node=node, score=0.9), NodeWithScore(node=node, score=0.8), NodeWithScore(node=twin)]
    kept = compress(retrieved, tokens=200, dedupe=None)
    assert [(n.node_id, n.node.metadata.get("boildown_retrieval_score")) for n in kept] == [
        ("same", 0.9),
        ("same", 0.8),
        ("twin", None),
    ]
    assert len({id(n.node) for n in kept}) == 3
    assert len({id(n.node.metadata) for n in kept}) == 3


def test_titles_help_scoring_and_are_not_added_to_the_text() -> None:
    plain = "It was founded in 1901 and closed in 1950."
    nodes = [
        NodeWithScore(node=TextNode(id_="a", text=plain, metadata={"title": "The paper works"})),
        NodeWithScore(node=TextNode(id_="b", text=plain, metadata={"document_title": "The glass works"})),
        NodeWithScore(node=TextNode(id_="c", text=plain, metadata={"title": {"not": "text"}})),
    ]
    kept = compress(nodes, "When was the glass factory founded?", tokens=1000, documents=1)
    assert [n.node_id for n in kept] == ["b"]
    assert kept[0].node.get_content() == plain


def test_an_empty_list_is_fine() -> None:
    assert compress([]) == []
    assert compress([], None) == []


@pytest.mark.parametrize(
    "text",
    [
        "1889 was the year. <#ref0#> stands for nothing. [NEW0] and [REF3] neither. It cost $1,204.50.",
        "A { brace } and {0} and {query_str} and %s.\n\n\n\nA blank line, and then two more sentences. The end.",
        "灯塔于一八七四年首次点亮。海鹦在悬崖上筑巢。面包师烤十一种面包。",
        "See https://example.org/a?b=c&d=e and write to mill@example.org. The key is 4f3a-99b1.",
        "def turn(wheel):\n    return wheel + 1\n\n```python\nturn(3)\n```\nThat is all there is to it.",
        "A lone surrogate \ud83d stands here. It is broken. Nothing else is.",
        "NUL \x00 and bell \x07 are characters as well. They stay. Others follow them.",
        "\u202eright to left\u202c and cafe\u0301 and 👩‍👩‍👧‍👦 families. All of it stays whole.",
    ],
)
@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_odd_text_is_cut_and_never_rewritten(text: str, unit: str) -> None:
    node = TextNode.model_construct(**{**TextNode().__dict__, "text": text})
    for rate in (0.4, 0.7, 1.0):
        for kept in compress([NodeWithScore(node=node)], "Which year was it?", rate=rate, unit=unit):
            assert "".join(text[s:e] for s, e in spans_of(kept.node)) == kept.node.get_content()
    assert node.text == text


_TEXTS = st.lists(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from(["The mill turned.", "1782!", "A wheel of elm", "水車。", "\n\n", "<#ref0#>"])).map(
            " ".join
        ),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=_TEXTS,
    tokens=st.integers(0, 60),
    order=st.sampled_from(["original", "score", "edges"]),
    unit=st.sampled_from(["sentence", "word"]),
    query=st.sampled_from(["When was the mill wheel made?", "", "水車", "zzz"]),
)
def test_every_node_that_comes_out_is_one_that_went_in(
    texts: list[str], tokens: int, order: str, unit: str, query: str
) -> None:
    from boildown.counters import resolve_counter

    nodes = [NodeWithScore(node=TextNode(id_=f"n{i}", text=text), score=float(i)) for i, text in enumerate(texts)]
    before = copy.deepcopy(nodes)
    kept = compress(nodes, query, tokens=tokens, order=order, unit=unit)
    assert nodes == before
    assert len({n.node_id for n in kept}) == len(kept) <= len(nodes)
    for node in kept:
        index = int(node.metadata["boildown_retrieval_score"])
        assert node.node_id == f"n{index}"
        assert "".join(texts[index][s:e] for s, e in spans_of(node.node)) == node.node.get_content()
    joined = "\n\n".join(node.node.get_content() for node in kept)
    assert resolve_counter(None).count(joined) <= tokens
