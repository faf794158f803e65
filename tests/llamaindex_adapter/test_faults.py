"""The known faults of LlamaIndex's LongLLMLinguaPostprocessor; each test shows one to be absent here.

Faults that other modules show absent: classes, metadata, relationships and offsets (test_nodes), events and spans
(test_events), an async face of its own (test_concurrency), the round trip of model and device (test_settings).
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from llama_index.core.node_parser import SentenceWindowNodeParser
from llama_index.core.postprocessor import MetadataReplacementPostProcessor
from llama_index.core.schema import Document, NodeWithScore, TextNode

from boildown import InputError
from llama_index.postprocessor.boildown import BoildownPostprocessor


def test_nodes_are_not_joined(nodes: list[NodeWithScore], query: str) -> None:
    kept = BoildownPostprocessor(rate=0.9, method="bm25").postprocess_nodes(nodes, query_str=query)
    assert [n.node_id for n in kept] == ["lighthouse", "harbour", "bakery"]
    for node, source in zip(kept, nodes, strict=True):
        assert node.node.get_content()[:10] in source.node.get_content()


def test_ranking_and_reordering_happen(nodes: list[NodeWithScore], query: str) -> None:
    by_score = BoildownPostprocessor(rate=0.8, order="score", method="bm25").postprocess_nodes(
        nodes[::-1], query_str=query
    )
    assert by_score[0].node_id == "lighthouse"
    assert [n.score for n in by_score] == sorted((n.score for n in by_score), reverse=True)
    edges = BoildownPostprocessor(rate=0.8, order="edges", method="bm25").postprocess_nodes(
        nodes[::-1], query_str=query
    )
    assert [edges[0].node_id, edges[-1].node_id] == [by_score[0].node_id, by_score[1].node_id]


def test_ids_and_scores_are_there_and_metadata_are_each_nodes_own(nodes: list[NodeWithScore], query: str) -> None:
    kept = BoildownPostprocessor(rate=0.8, method="bm25").postprocess_nodes(nodes, query_str=query)
    assert kept
    for node in kept:
        (source,) = [n for n in nodes if n.node_id == node.node_id]
        assert type(node.score) is float
        assert node.node.metadata["file_name"] == source.node.metadata["file_name"]
        assert f"file_name: {source.node.metadata['file_name']}" in node.node.get_content(metadata_mode="llm")


def test_an_empty_list_an_empty_text_and_an_empty_query_are_fine(query: str) -> None:
    postprocessor = BoildownPostprocessor(tokens=50, method="bm25")
    assert postprocessor.postprocess_nodes([], query_str=query) == []
    blank = NodeWithScore(node=TextNode(text=""))
    some = NodeWithScore(node=TextNode(text="Some text."))
    assert [n.node_id for n in postprocessor.postprocess_nodes([blank, some], query_str="")] == [some.node_id]


@pytest.mark.parametrize("wrong", [[TextNode(text="A.")], ["A."], [None], None, "A.", NodeWithScore(node=TextNode())])
async def test_what_is_no_node_is_said_so(wrong: Any) -> None:
    postprocessor = BoildownPostprocessor(tokens=50, method="bm25")
    with pytest.raises(InputError, match=r"^nodes.* NodeWithScore"):
        postprocessor.postprocess_nodes(wrong, query_str="What?")
    with pytest.raises(InputError, match=r"^nodes.* NodeWithScore"):
        await postprocessor.apostprocess_nodes(wrong, query_str="What?")


def test_a_query_in_the_bundles_place_is_said_so(nodes: list[NodeWithScore], query: str) -> None:
    with pytest.raises(InputError, match="Pass text as query_str="):
        BoildownPostprocessor(tokens=50, method="bm25").postprocess_nodes(nodes, query)  # type: ignore[arg-type]


def test_markers_digits_and_blank_lines_in_the_text_mean_nothing() -> None:
    texts = ["1889 was the year.\n\nThe next paragraph: <#ref0#>.", "[NEW0] is 2 of 3.", "1889 was the year."]
    nodes = [NodeWithScore(node=TextNode(id_=str(i), text=text)) for i, text in enumerate(texts)]
    kept = BoildownPostprocessor(rate=1.0, method="bm25").postprocess_nodes(nodes, query_str="Which year was it?")
    assert [(n.node_id, n.node.get_content()) for n in kept] == [(str(i), t) for i, t in enumerate(texts)]


@pytest.mark.parametrize("tokens", [0, 1, 7, 20, 10_000])
def test_the_budget_is_kept(nodes: list[NodeWithScore], query: str, tokens: int) -> None:
    def characters(text: str) -> int:
        return len(text)

    kept = BoildownPostprocessor(tokens=tokens * 5, counter=characters, method="bm25").postprocess_nodes(
        nodes, query_str=query
    )
    assert len("\n\n".join(n.node.get_content() for n in kept)) <= tokens * 5


def test_building_and_copying_load_no_model_and_need_no_network() -> None:
    script = """
import copy, pickle, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("network")

socket.socket.connect = socket.getaddrinfo = refuse
from boildown import InputError
from llama_index.postprocessor.boildown import BoildownPostprocessor

for settings in ({}, {"method": "llmlingua2", "model": "nobody/nothing"}, {"counter": "gpt-4o"}):
    postprocessor = BoildownPostprocessor(tokens=9, **settings)
    copy.deepcopy(postprocessor)
    pickle.loads(pickle.dumps(postprocessor))
    BoildownPostprocessor.from_dict(postprocessor.to_dict())
assert "torch" not in sys.modules and "transformers" not in sys.modules, "a model library was loaded"
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_model_says_what_was_looked_for(nodes: list[NodeWithScore], query: str, tmp_path: Any) -> None:
    from boildown import ModelError

    missing = str(tmp_path / "no-model-here")
    postprocessor = BoildownPostprocessor(tokens=9, method="llmlingua2", model=missing, device="cpu")
    with pytest.raises(ModelError, match="no-model-here"):
        postprocessor.postprocess_nodes(nodes, query_str=query)


def test_windows_that_overlap_are_kept_once(query: str) -> None:
    text = (
        "Harrow Point is a headland on the north coast of the county. The lighthouse of Harrow Point was lit for the "
        "first time in the winter of 1874. Its lamp burned rape oil until the keepers changed it to paraffin in 1901. "
        "Puffins nest in the cliffs below the lighthouse from the first days of April to July."
    )
    parser = SentenceWindowNodeParser.from_defaults(window_size=1)
    windows = MetadataReplacementPostProcessor("window").postprocess_nodes(
        [NodeWithScore(node=node) for node in parser.get_nodes_from_documents([Document(text=text)])]
    )
    for dedupe, times in (({}, 1), ({"dedupe": None}, 3)):
        kept = BoildownPostprocessor(method="bm25", rate=1.0, **dedupe).postprocess_nodes(windows, query_str=query)
        assert " ".join(n.node.get_content() for n in kept).count("winter of 1874") == times
