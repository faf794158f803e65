"""The faults of LangChain's earlier prompt-compression wrapper, each shown to be absent here."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document

from langchain_boildown import BoildownCompressor

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"


@pytest.fixture(scope="module")
def model_path(bert: Path) -> str:
    return str(bert)


def llmlingua2(path: str, **arguments: Any) -> BoildownCompressor:
    return BoildownCompressor(method="llmlingua2", model=path, device="cpu", **arguments)


def test_the_model_is_not_loaded_at_construction(tmp_path: Path) -> None:
    missing = tmp_path / "nothing-here"
    compressor = llmlingua2(str(missing), rate=0.5)
    with pytest.raises(Exception, match="nothing-here"):
        compressor.compress_documents([Document("Some text stands here.")], QUESTION)


def test_no_token_table_is_fetched_at_construction() -> None:
    assert BoildownCompressor(method="bm25", tokens=5, counter="gpt-4o").counter == "gpt-4o"


def test_the_device_is_found_and_not_assumed() -> None:
    assert BoildownCompressor(method="bm25", tokens=5).device == "auto"


def test_llmlingua2_works_and_beyond_one_window(model_path: str, documents: list[Document]) -> None:
    long = Document(" ".join(d.page_content for d in documents) * 3, id="long")
    kept = llmlingua2(model_path, rate=0.5).compress_documents([*documents, long], QUESTION)
    ids = [d.id for d in kept]
    assert ids == [i for i in ["bell", "tea", "bridge", "code", "harbour", "bees", "long"] if i in ids]
    before = sum(d.metadata["boildown_tokens_in"] for d in kept)
    assert 0 < sum(d.metadata["boildown_tokens_out"] for d in kept) < before


def test_a_deep_copy_holds_no_second_model(model_path: str, documents: list[Document]) -> None:
    compressor = llmlingua2(model_path, rate=0.5)
    before = compressor.compress_documents(documents, QUESTION)
    assert len(pickle.dumps(compressor)) < 5_000
    assert copy.deepcopy(compressor).compress_documents(documents, QUESTION) == before


def test_the_default_constructor_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="exactly one of tokens=, rate= and threshold="):
        BoildownCompressor()
    assert BoildownCompressor(method="bm25", tokens=100)


def test_texts_stay_with_their_metadata() -> None:
    texts = ["The tower is 41 m high.", "A tower of cards.", "The lighthouse tower is white."]
    kept = BoildownCompressor(method="bm25", rate=1.0).compress_documents(
        [Document(text, metadata={"text": text}) for text in texts], QUESTION
    )
    assert [d.page_content for d in kept] == texts
    assert [d.metadata["text"] for d in kept] == texts


@pytest.mark.parametrize("text", ["1889 was the year.", "<#ref0#> 7 was cut.", "<#ref2#> here <#ref0#>", "0: zero"])
def test_digits_and_tags_are_only_text(text: str) -> None:
    kept = BoildownCompressor(method="bm25", rate=1.0, order="score").compress_documents(
        [Document("Padding text."), Document(text)], "7"
    )
    assert sorted(d.page_content for d in kept) == sorted(["Padding text.", text])
    assert next(d for d in kept if d.metadata["boildown_index"] == 1).page_content == text


def test_ids_are_kept(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", rate=1.0).compress_documents(documents, QUESTION)
    assert [d.id for d in kept] == [d.id for d in documents]


def test_a_blank_line_makes_no_second_document() -> None:
    text = "The tower is high.\n\nThe tower is white.\n\n\nThe tower stands."
    [kept] = BoildownCompressor(method="bm25", rate=1.0).compress_documents([Document(text)], QUESTION)
    assert kept.page_content == text


def test_an_empty_query_does_not_raise(documents: list[Document]) -> None:
    assert BoildownCompressor(method="bm25", rate=0.5).compress_documents(documents, "")


def test_it_dumps_to_json() -> None:
    assert json.loads(BoildownCompressor(method="bm25", rate=0.5).model_dump_json())["rate"] == 0.5


def test_callbacks_are_heard(documents: list[Document]) -> None:
    class Heard(BaseCallbackHandler):
        events = 0

        def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
            self.events += 1

    heard = Heard()
    BoildownCompressor(method="bm25", rate=0.5).compress_documents(documents, QUESTION, callbacks=[heard])
    assert heard.events == 1


def test_scores_and_counts_are_reported(documents: list[Document]) -> None:
    [first, *_] = BoildownCompressor(method="bm25", rate=0.5, order="score").compress_documents(documents, QUESTION)
    assert first.metadata["relevance_score"] > 0
    assert 0 < first.metadata["boildown_tokens_out"] <= first.metadata["boildown_tokens_in"]
