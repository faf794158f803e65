"""Rerankers of LangChain rank for the engine; the remote one is asked through a client that answers here."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_core.cross_encoders import BaseCrossEncoder

from boildown import Budget, Compressor, ConfigurationError, Document
from boildown.compat import PromptCompressor
from boildown.methods.bm25 import BM25
from boildown.sources import Sources
from langchain_boildown import RerankerMethod

DOCUMENTS = ["Swifts sleep on the wing.", "", "Ships carried timber.", "The ships were counted.", "Bread needs time."]
QUERY = "ships timber"


def matches(query: str, text: str) -> float:
    return float(sum(text.lower().count(word) for word in query.split()))


class Words(BaseCrossEncoder):
    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        return [matches(query, text) for query, text in text_pairs]


class Client:
    """Answers as Cohere's client does."""

    def rerank(self, query: str, documents: Sequence[str], top_n: int | None, **_: Any) -> Any:
        scores = [(matches(query, text), -i) for i, text in enumerate(documents)]
        best = sorted(scores, reverse=True)[:top_n]
        return SimpleNamespace(results=[SimpleNamespace(index=-i, relevance_score=s / 10) for s, i in best])


def cohere(**options: Any) -> Any:
    from langchain_classic.retrievers.document_compressors import CohereRerank

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # for langchain-cohere's, which is the same but for imports
        return CohereRerank(client=Client(), **options)


def test_scores_are_the_rerankers() -> None:
    scores = RerankerMethod(cohere(top_n=10)).score(QUERY, Sources(DOCUMENTS))
    assert scores.relevance.tolist() == [0.0, -1.0, 0.2, 0.1, 0.0]
    assert scores.notes == ()


def test_where_there_are_no_scores_the_order_counts() -> None:
    scores = RerankerMethod(CrossEncoderReranker(model=Words(), top_n=10)).score(QUERY, Sources(DOCUMENTS))
    assert scores.relevance.tolist() == [-2.0, -4.0, 0.0, -1.0, -3.0]


def test_what_the_reranker_leaves_out_comes_last_with_a_note() -> None:
    scores = RerankerMethod(cohere(top_n=1)).score(QUERY, Sources(DOCUMENTS))
    assert scores.relevance.argmax() == 2
    assert sorted(scores.relevance) == pytest.approx([-0.8] * 4 + [0.2])
    assert "no score for 3 documents" in scores.notes[0]


def test_titles_are_read() -> None:
    sources = Sources([Document("Here."), Document("Here.", title="Ships and timber")])
    assert RerankerMethod(cohere()).score(QUERY, sources).relevance.argmax() == 1


def test_it_ranks_for_a_compressor_and_for_the_drop_in() -> None:
    compressor = Compressor(BM25(), rank=RerankerMethod(cohere(top_n=10)), order="score")
    result = compressor.compress(QUERY, DOCUMENTS, Budget(rate=1.0, documents=2))
    assert [document.index for document in result.documents] == [2, 3]
    drop_in = PromptCompressor(BM25(), counter="estimate")
    kept = drop_in.compress_prompt(
        DOCUMENTS, question=QUERY, rank_method=RerankerMethod(cohere()), force_context_number=1, rate=0.9,
        concate_question=False, use_token_level_filter=False,
    )  # fmt: skip
    assert kept["compressed_prompt"] == DOCUMENTS[2]


def test_nothing_to_rank() -> None:
    assert RerankerMethod(cohere()).score(QUERY, Sources([" "])).relevance.tolist() == [-1.0]


def test_what_is_no_reranker() -> None:
    with pytest.raises(ConfigurationError, match=r"methods\.embedding"):
        RerankerMethod(Words())  # type: ignore[arg-type]
