"""Rerankers of LlamaIndex rank for the engine."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from boildown import Budget, Compressor, ConfigurationError, Document
from boildown.methods.bm25 import BM25
from boildown.sources import Sources
from llama_index.postprocessor.boildown import RerankerMethod

DOCUMENTS = ["Swifts sleep on the wing.", "", "Ships carried timber.", "The ships were counted.", "Bread needs time."]
QUERY = "ships timber"


class Words(BaseNodePostprocessor):
    """Reranks as the remote ones do: new nodes, best first, so many at most."""

    top_n: int = 10
    scored: bool = True

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        assert query_bundle is not None
        words = query_bundle.query_str.split()
        scores = [float(sum(n.node.get_content().lower().count(word) for word in words)) for n in nodes]
        best = sorted(range(len(nodes)), key=lambda i: -scores[i])[: self.top_n]
        return [NodeWithScore(node=nodes[i].node, score=scores[i] if self.scored else None) for i in best]


@pytest.mark.parametrize(
    ("options", "relevance"),
    [
        ({}, [0.0, -1.0, 2.0, 1.0, 0.0]),
        ({"scored": False}, [-2.0, -4.0, 0.0, -1.0, -3.0]),
        ({"top_n": 2}, [0.0, 0.0, 2.0, 1.0, 0.0]),
    ],
)
def test_relevance(options: dict[str, Any], relevance: list[float]) -> None:
    scores = RerankerMethod(Words(**options)).score(QUERY, Sources(DOCUMENTS))
    assert scores.relevance.tolist() == relevance
    assert bool(scores.notes) == ("top_n" in options)


def test_titles_are_read() -> None:
    sources = Sources([Document("Here."), Document("Here.", title="Ships and timber")])
    assert RerankerMethod(Words()).score(QUERY, sources).relevance.tolist() == [0.0, 2.0]


def test_it_ranks_for_a_compressor() -> None:
    compressor = Compressor(BM25(), rank=RerankerMethod(Words()), order="score")
    result = compressor.compress(QUERY, DOCUMENTS, Budget(rate=1.0, documents=2))
    assert [document.index for document in result.documents] == [2, 3]


def test_nodes_that_the_reranker_made_itself_count_as_left_out() -> None:
    class Splits(BaseNodePostprocessor):
        def _postprocess_nodes(
            self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
        ) -> list[NodeWithScore]:
            return [nodes[1], NodeWithScore(node=TextNode(text="A half."), score=3.0)]

    scores = RerankerMethod(Splits()).score(QUERY, Sources(DOCUMENTS))
    assert scores.relevance.argmax() == 2
    assert "no score for 3 documents" in scores.notes[0]


def test_nothing_to_rank() -> None:
    assert RerankerMethod(Words()).score(QUERY, Sources([""])).relevance.tolist() == [-1.0]


def test_what_is_no_reranker() -> None:
    with pytest.raises(ConfigurationError, match=r"methods\.embedding"):
        RerankerMethod(object())  # type: ignore[arg-type]
