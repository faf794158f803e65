"""Where the text of a node stands in its original, also after an engine has split the node once more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core import SummaryIndex
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, TextNode

from boildown import InputError
from llama_index.postprocessor.boildown import BoildownPostprocessor, source_spans

QUERY = "How deep are the harbours, and when were they dug?"


def guide(name: str) -> str:
    return "\n\n".join(
        f"Harbour {i} of {name} is {i + 3} metres deep. It was dug in {1800 + i} by two hundred men. A market is held "
        "on the square, where rye bread is sold. Gulls are not fed.\nThe path is steep."
        for i in range(20)
    )


TEXTS = {name: guide(name) for name in ("Harrow", "Quill")}


def cut(node: BaseNode | NodeWithScore, text: str) -> str:
    return "".join(text[start:end] for start, end in source_spans(node, text))


def body(node: NodeWithScore) -> str:
    return node.node.get_content().partition(":\n")[2].strip()


def citing(llm: Any, **settings: Any) -> list[NodeWithScore]:
    index = SummaryIndex([TextNode(id_=name, text=text) for name, text in TEXTS.items()])
    postprocessor = BoildownPostprocessor(method="bm25", rate=0.6)
    engine = CitationQueryEngine.from_args(index, llm=llm, node_postprocessors=[postprocessor], **settings)
    return list(engine.query(QUERY).source_nodes)


@pytest.mark.parametrize(
    "settings",
    [
        {"citation_chunk_size": 4096},
        {},
        {"citation_chunk_size": 120},
        {"text_splitter": SentenceSplitter(chunk_size=40, chunk_overlap=15)},
    ],
)
def test_each_citation_leads_to_its_own_characters(llm: Any, settings: dict[str, Any]) -> None:
    sources = citing(llm, **settings)
    assert (len(sources) > len(TEXTS)) == (settings != {"citation_chunk_size": 4096})
    for source in sources:
        assert cut(source, TEXTS[source.node.metadata["boildown_node_id"]]) == body(source)
    places = {
        (id_ := source.node.metadata["boildown_node_id"], *source_spans(source, TEXTS[id_])) for source in sources
    }
    assert len(places) == len(sources)


def test_a_whole_source_needs_no_text_and_a_part_says_so(llm: Any) -> None:
    for source in citing(llm, citation_chunk_size=4096):
        assert source_spans(source) == source_spans(source.node, TEXTS[source.node.metadata["boildown_node_id"]])
    with pytest.raises(InputError, match=r"source_spans\(node, index\.docstore"):
        source_spans(citing(llm)[1])


def test_the_nodes_of_the_postprocessor_itself() -> None:
    nodes = [NodeWithScore(node=TextNode(id_=name, text=text)) for name, text in TEXTS.items()]
    nodes.append(NodeWithScore(node=TextNode(id_="named", text="Source 1:\nHow deep the harbours are is not known.")))
    texts = {**TEXTS, "named": nodes[-1].node.get_content()}
    kept = BoildownPostprocessor(method="bm25", rate=0.7).postprocess_nodes(nodes, query_str=QUERY)
    assert {node.node_id for node in kept} == set(texts)
    for node in kept:
        found = "".join(texts[node.node_id][start:end] for start, end in source_spans(node))
        assert found == node.node.get_content()


def test_text_that_the_engine_has_changed_has_all_that_was_kept(llm: Any) -> None:
    index = SummaryIndex([TextNode(id_=name, text=text, metadata={"area": "coast"}) for name, text in TEXTS.items()])
    engine = CitationQueryEngine.from_args(
        index,
        llm=llm,
        metadata_mode=MetadataMode.LLM,
        node_postprocessors=[BoildownPostprocessor(method="bm25", rate=0.6)],
    )
    source = engine.query(QUERY).source_nodes[0]
    assert body(source).startswith("area: coast")
    text = TEXTS[source.node.metadata["boildown_node_id"]]
    kept = [text[start:end] for start, end in json.loads(source.node.metadata["boildown_spans"])]
    assert cut(source, text) == "".join(kept)


def test_the_text_of_another_node(llm: Any) -> None:
    with pytest.raises(InputError, match="too short"):
        source_spans(citing(llm)[0], "Short.")
    (kept,) = BoildownPostprocessor(method="bm25", rate=0.6).postprocess_nodes(
        [NodeWithScore(node=TextNode(text=TEXTS["Harrow"]))], query_str=QUERY
    )
    for whole in (kept, citing(llm, citation_chunk_size=4096)[0]):
        with pytest.raises(InputError, match="not cut from it"):
            source_spans(whole, TEXTS["Quill"] * 2)


def test_sources_of_nodes_that_were_cut_twice(llm: Any) -> None:
    index = SummaryIndex([TextNode(id_=name, text=text) for name, text in TEXTS.items()])
    cuts = [BoildownPostprocessor(method="bm25", rate=rate) for rate in (0.7, 0.6)]
    for size in (4096, 120):
        engine = CitationQueryEngine.from_args(index, llm=llm, node_postprocessors=cuts, citation_chunk_size=size)
        sources = engine.query(QUERY).source_nodes
        for source in sources:
            assert cut(source, TEXTS[source.node.metadata["boildown_node_id"]]) == body(source)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({}, "has no 'boildown_spans'"),
        ({"boildown_spans": "no JSON"}, "no BoildownPostprocessor wrote"),
        ({"boildown_spans": 5}, "no BoildownPostprocessor wrote"),
    ],
)
def test_foreign_nodes(metadata: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        source_spans(TextNode(text="text", metadata=metadata))


def test_what_is_no_node_or_no_text_is_said() -> None:
    node: Any = TextNode(text="text", metadata={"boildown_spans": "[[0, 4]]"})
    for given, message in [
        (([node],), r"takes one node, .*not a list"),
        (("text",), r"takes one node, .*not a str"),
        ((node, node), r"text= must be the original's text, not a TextNode\. Give its get_content\(\)\."),
        ((node, b"text"), r"text= must be the original's text, not a bytes\.$"),
    ]:
        with pytest.raises(InputError, match=message):
            source_spans(*given)
