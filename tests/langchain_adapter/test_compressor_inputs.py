"""Documents and queries of any kind: none is changed, and wrong ones are refused."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
from kept_documents import QUESTION
from langchain_core.documents import Document

from boildown import InputError
from langchain_boildown import BoildownCompressor


def test_a_title_in_the_metadata_helps_scoring_and_is_not_in_the_text() -> None:
    texts = ["It opens at nine. Entry is free.", "It opens at ten. Entry is free."]
    titles = ["Railway museum", "Glass museum"]
    titled = [Document(text, metadata={"title": t}) for text, t in zip(texts, titles, strict=True)]
    [kept] = BoildownCompressor(method="bm25", rate=1.0, documents=1).compress_documents(titled, "glass")
    assert kept.page_content == texts[1]
    odd = [Document(text, metadata={"title": ["Glass museum"]}) for text in texts]
    assert BoildownCompressor(method="bm25", rate=1.0).compress_documents(odd, "glass")


def test_metadata_that_hold_themselves() -> None:
    metadata: dict[str, Any] = {"title": "Bell"}
    metadata["self"] = metadata
    document = Document("The lamp burned colza oil.", metadata=metadata)
    (kept,) = BoildownCompressor(method="bm25", rate=1.0).compress_documents([document], "lamp")
    assert kept.metadata["self"]["self"] is kept.metadata["self"]
    assert kept.metadata["self"] is not metadata


def test_inputs_are_never_mutated(documents: list[Document]) -> None:
    before = copy.deepcopy(documents)
    objects = [(id(d), id(d.metadata), id(d.metadata["extra"])) for d in documents]
    BoildownCompressor(method="bm25", rate=0.3, order="edges", dedupe=0.8).compress_documents(documents, QUESTION)
    assert documents == before
    assert objects == [(id(d), id(d.metadata), id(d.metadata["extra"])) for d in documents]


def test_the_same_object_twice_and_equal_texts_stay_apart() -> None:
    same = Document("The tower is 41 m high.", metadata={"n": 0})
    twin = Document("The tower is 41 m high.", metadata={"n": 1}, id="twin")
    kept = BoildownCompressor(method="bm25", rate=1.0).compress_documents([same, same, twin], "How high is the tower?")
    assert [d.metadata["boildown_index"] for d in kept] == [0, 1, 2]
    assert [d.id for d in kept] == [None, None, "twin"]
    assert [d.metadata["n"] for d in kept] == [0, 0, 1]


def test_metadata_of_any_kind_survives() -> None:
    lock = threading.Lock()
    document = Document("The tower is high.", metadata={"lock": lock, "deep": {"a": [{"b": 1}]}, "title": None})
    [kept] = BoildownCompressor(method="bm25", rate=1.0).compress_documents([document], "tower")
    assert kept.metadata["lock"] is lock
    assert kept.metadata["deep"] == {"a": [{"b": 1}]}


@pytest.mark.parametrize(
    "text",
    [
        "Invoice 0047-B of 2024-02-29 is 1,299.50 EUR; mail ops@example.org.",
        "Markers such as <#ref0#>, [NEW0], {query} and %s are only text.",
        "港口的冬天很冷,但是从不结冰。渔民在黎明之前出海。",
        "One paragraph.\n\n\nAnother paragraph after blank lines.\r\n\r\nA third.",
        "A lone surrogate \ud800 and a NUL \x00 pass through.",
        "👩‍👩‍👧 wave 👋🏽 at the e\u0301clair.",
    ],
)
def test_nothing_is_changed_where_everything_is_kept(text: str) -> None:
    [kept] = BoildownCompressor(method="bm25", rate=1.0).compress_documents([Document(text)], "What is it?")
    assert kept.page_content == text


def test_empty_and_blank_input() -> None:
    compressor = BoildownCompressor(method="bm25", tokens=50)
    assert compressor.compress_documents([], "question") == []
    assert compressor.compress_documents([Document(""), Document(" \n ")], "question") == []
    [kept] = compressor.compress_documents([Document(""), Document("A full sentence stands here.")], "sentence")
    assert kept.metadata["boildown_index"] == 1


def test_metadata_may_be_none() -> None:
    document = Document("A full sentence stands here.")
    document.metadata = None  # type: ignore[assignment]
    [kept] = BoildownCompressor(method="bm25", tokens=50).compress_documents([document], "sentence")
    assert (kept.page_content, kept.metadata["boildown_index"]) == (document.page_content, 0)


def test_a_blank_query_follows_the_policy(documents: list[Document]) -> None:
    documents[0].metadata["relevance_score"] = 0.75
    kept = BoildownCompressor(method="bm25", tokens=40).compress_documents(documents, "  ")
    assert [d.id for d in kept] == ["bell"]
    assert kept[0].metadata["relevance_score"] == 0.75, "a score that was there is not overwritten by none"
    with pytest.raises(InputError, match="blank"):
        BoildownCompressor(method="bm25", tokens=40, on_empty_query="raise").compress_documents(documents, "")


@pytest.mark.parametrize(
    "wrong", ["text", b"bytes", None, 7, ["text"], [None], [{"page_content": "x"}], {"page_content": "x"}]
)
def test_documents_that_are_none_raise_a_clear_error(wrong: Any) -> None:
    with pytest.raises(InputError, match="documents"):
        BoildownCompressor(method="bm25", tokens=40).compress_documents(wrong, "question")


@pytest.mark.parametrize("wrong", [None, b"bytes", 3, ["a"]])
def test_a_query_that_is_no_text_raises(documents: list[Document], wrong: Any) -> None:
    with pytest.raises(InputError, match="query"):
        BoildownCompressor(method="bm25", tokens=40).compress_documents(documents, wrong)
