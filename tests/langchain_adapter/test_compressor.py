"""What the compressor gives: documents with the text, the metadata and the order that they should have."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from kept_documents import QUESTION, joined_tokens
from langchain_core.documents import BaseDocumentCompressor, Document

from boildown import BoildownError, InputError
from boildown.methods.registry import DEFAULT_METHOD
from langchain_boildown import BoildownCompressor, source_spans


def test_the_kept_text_answers_the_question(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", tokens=60).compress_documents(documents, QUESTION)
    text = "\n\n".join(d.page_content for d in kept)
    assert "1889" in text
    assert "41.5 m" in text
    assert joined_tokens(kept) <= 60


def test_the_default_method_answers_too(documents: list[Document]) -> None:
    kept = BoildownCompressor(tokens=60).compress_documents(documents, QUESTION)
    assert "41.5 m" in "\n\n".join(d.page_content for d in kept)
    assert kept[0].metadata["boildown_method"] == DEFAULT_METHOD
    assert joined_tokens(kept) <= 60


def test_outputs_are_plain_documents_with_the_identity_of_their_original(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", rate=0.4).compress_documents(documents, QUESTION)
    assert kept
    for document in kept:
        original = documents[document.metadata["boildown_index"]]
        assert type(document) is Document
        assert document.id == original.id
        assert {k: document.metadata[k] for k in original.metadata} == original.metadata
        assert document.metadata is not original.metadata
        pieces = [original.page_content[start:end] for start, end in source_spans(document)]
        assert "".join(pieces) == document.page_content


def test_added_metadata_is_flat_and_plain_python(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", rate=0.4).compress_documents(documents, QUESTION)
    assert kept
    for document in kept:
        added = {k: v for k, v in document.metadata.items() if k not in documents[0].metadata}
        assert {k: type(v) for k, v in added.items()} == {
            "relevance_score": float,
            "boildown_index": int,
            "boildown_method": str,
            "boildown_spans": str,
            "boildown_tokens_in": int,
            "boildown_tokens_out": int,
        }
        assert added["boildown_tokens_out"] <= added["boildown_tokens_in"]
        json.dumps(added)


def test_the_score_is_the_documents_relevance(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", rate=0.8, order="score").compress_documents(documents, QUESTION)
    scores = [d.metadata["relevance_score"] for d in kept]
    assert kept[0].id == "bell"
    assert len(scores) > 1
    assert scores == sorted(scores, reverse=True)


def test_the_score_that_a_document_came_with_is_kept(documents: list[Document]) -> None:
    for i, document in enumerate(documents):
        document.metadata["relevance_score"] = i / 10
    compressor = BoildownCompressor(method="bm25", rate=0.8)
    once = compressor.compress_documents(documents, QUESTION)
    for kept in (once, compressor.compress_documents(once, QUESTION)):
        came_with = {d.id: d.metadata["boildown_retrieval_score"] for d in kept}
        assert came_with == {d.id: d.metadata["relevance_score"] for d in documents if d.id in came_with}


@pytest.mark.parametrize("score", [np.float32(0.5), np.array(0.5), 0.5, 1, "high", None])
def test_the_score_that_a_document_came_with_can_be_written_to_json(score: Any) -> None:
    document = Document("The bell rings at noon.", metadata={"relevance_score": score})
    compressor = BoildownCompressor(method="bm25", tokens=30)
    once = compressor.compress_documents([document], "When does the bell ring?")
    for (kept,) in (once, compressor.compress_documents(once, "When does the bell ring?")):
        assert json.loads(json.dumps(kept.metadata))["boildown_retrieval_score"] == score
    assert document.metadata["relevance_score"] is score


def test_the_order_is_that_of_the_result(documents: list[Document]) -> None:
    def ids(order: str) -> list[str | None]:
        kept = BoildownCompressor(method="bm25", rate=0.8, order=order).compress_documents(documents, QUESTION)
        return [d.id for d in kept]

    by_score = ids("score")
    assert ids("original") == sorted(by_score, key=[d.id for d in documents].index)
    assert ids("edges") == by_score[::2] + by_score[1::2][::-1]


def test_a_nested_pipeline_of_two_keeps_the_latest_spans(documents: list[Document]) -> None:
    first = BoildownCompressor(method="bm25", rate=0.5).compress_documents(documents, QUESTION)
    second = BoildownCompressor(method="bm25", rate=0.5).compress_documents(first, QUESTION)
    assert second
    for document in second:
        source = first[document.metadata["boildown_index"]]
        assert "".join(source.page_content[s:e] for s, e in source_spans(document)) == document.page_content


def test_source_spans_of_a_foreign_document() -> None:
    with pytest.raises(InputError, match="boildown_spans"):
        source_spans(Document("text"))
    with pytest.raises(InputError, match=r"takes one Document, .*not a list"):
        source_spans([Document("text")])  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["no JSON", "[1, 2]", "5", 5, None, [[1]], '[["a", "b"]]', "[[0, null]]"])
def test_source_spans_that_somebody_else_wrote(written: object) -> None:
    with pytest.raises(InputError, match="no BoildownCompressor wrote"):
        source_spans(Document("text", metadata={"boildown_spans": written}))


@pytest.mark.parametrize("tokens", [0, 1, 2, 7, 40, 150, 10_000])
@pytest.mark.parametrize("separator", ["\n\n", " ", "\n---\n"])
def test_the_budget_is_never_exceeded(documents: list[Document], tokens: int, separator: str) -> None:
    kept = BoildownCompressor(method="bm25", tokens=tokens, separator=separator).compress_documents(documents, QUESTION)
    assert joined_tokens(kept, separator=separator) <= tokens


def test_any_callable_counts(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", tokens=300, counter=len).compress_documents(documents, QUESTION)
    assert 0 < joined_tokens(kept, len) <= 300


def test_it_is_a_langchain_compressor() -> None:
    assert issubclass(BoildownCompressor, BaseDocumentCompressor)
    assert issubclass(InputError, BoildownError)


def test_what_two_retrievers_found_is_kept_once(documents: list[Document]) -> None:
    twice = [*documents, *documents]
    kept = BoildownCompressor(method="bm25", rate=1.0).compress_documents(twice, QUESTION)
    assert sorted(d.id for d in kept) == sorted(d.id for d in documents)
    kept = BoildownCompressor(method="bm25", rate=1.0, dedupe=None).compress_documents(twice, QUESTION)
    assert [d.id for d in kept] == [d.id for d in twice]
