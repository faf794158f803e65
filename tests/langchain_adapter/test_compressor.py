from __future__ import annotations

import asyncio
import copy
import json
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document

from boildown import BoildownError, Budget, Compressor, ConfigurationError, InputError
from boildown.counters import resolve_counter
from boildown.methods.registry import DEFAULT_METHOD
from langchain_boildown import BoildownCompressor, source_spans

QUESTION = "How high is the tower of the Carrick Bell lighthouse, and when was it built?"


def joined_tokens(documents: list[Document], counter: Any = None, separator: str = "\n\n") -> int:
    return resolve_counter(counter).count(separator.join(d.page_content for d in documents))


# What comes out


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
    for document in BoildownCompressor(method="bm25", rate=0.4).compress_documents(documents, QUESTION):
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


def test_the_order_is_that_of_the_result(documents: list[Document]) -> None:
    def ids(order: str) -> list[str | None]:
        kept = BoildownCompressor(method="bm25", rate=0.8, order=order).compress_documents(documents, QUESTION)
        return [d.id for d in kept]

    by_score = ids("score")
    assert ids("original") == sorted(by_score, key=[d.id for d in documents].index)
    assert ids("edges") == by_score[::2] + by_score[1::2][::-1]


def test_a_title_in_the_metadata_helps_scoring_and_is_not_in_the_text() -> None:
    texts = ["It opens at nine. Entry is free.", "It opens at ten. Entry is free."]
    titles = ["Railway museum", "Glass museum"]
    titled = [Document(text, metadata={"title": t}) for text, t in zip(texts, titles, strict=True)]
    [kept] = BoildownCompressor(method="bm25", rate=1.0, documents=1).compress_documents(titled, "glass")
    assert kept.page_content == texts[1]
    odd = [Document(text, metadata={"title": ["Glass museum"]}) for text in texts]
    assert BoildownCompressor(method="bm25", rate=1.0).compress_documents(odd, "glass")


def test_a_nested_pipeline_of_two_keeps_the_latest_spans(documents: list[Document]) -> None:
    first = BoildownCompressor(method="bm25", rate=0.5).compress_documents(documents, QUESTION)
    second = BoildownCompressor(method="bm25", rate=0.5).compress_documents(first, QUESTION)
    for document in second:
        source = first[document.metadata["boildown_index"]]
        assert "".join(source.page_content[s:e] for s, e in source_spans(document)) == document.page_content


def test_source_spans_of_a_foreign_document() -> None:
    with pytest.raises(InputError, match="boildown_spans"):
        source_spans(Document("text"))


@pytest.mark.parametrize("written", ["no JSON", "[1, 2]", "5", 5, None, [[1]]])
def test_source_spans_that_somebody_else_wrote(written: object) -> None:
    with pytest.raises(InputError, match="no BoildownCompressor wrote"):
        source_spans(Document("text", metadata={"boildown_spans": written}))


def test_metadata_that_hold_themselves() -> None:
    metadata: dict[str, Any] = {"title": "Bell"}
    metadata["self"] = metadata
    document = Document("The lamp burned colza oil.", metadata=metadata)
    (kept,) = BoildownCompressor(method="bm25", rate=1.0).compress_documents([document], "lamp")
    assert kept.metadata["self"]["self"] is kept.metadata["self"]
    assert kept.metadata["self"] is not metadata


# Identity of what goes in


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


# Text


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


@pytest.mark.parametrize("tokens", [0, 1, 2, 7, 40, 150, 10_000])
@pytest.mark.parametrize("separator", ["\n\n", " ", "\n---\n"])
def test_the_budget_is_never_exceeded(documents: list[Document], tokens: int, separator: str) -> None:
    kept = BoildownCompressor(method="bm25", tokens=tokens, separator=separator).compress_documents(documents, QUESTION)
    assert joined_tokens(kept, separator=separator) <= tokens


def test_any_callable_counts(documents: list[Document]) -> None:
    kept = BoildownCompressor(method="bm25", tokens=300, counter=len).compress_documents(documents, QUESTION)
    assert 0 < joined_tokens(kept, len) <= 300


def test_empty_and_blank_input() -> None:
    compressor = BoildownCompressor(method="bm25", tokens=50)
    assert compressor.compress_documents([], "question") == []
    assert compressor.compress_documents([Document(""), Document(" \n ")], "question") == []
    [kept] = compressor.compress_documents([Document(""), Document("A full sentence stands here.")], "sentence")
    assert kept.metadata["boildown_index"] == 1


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


# Configuration


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of tokens=, rate= and threshold="),
        ({"tokens": 5, "rate": 0.5}, "tokens and rate"),
        ({"tokens": -1}, "at least 0"),
        ({"tokens": True}, "tokens= is True"),
        ({"tokens": "90"}, "tokens= is '90'"),
        ({"rate": 300}, "use tokens="),
        ({"tokens": 5, "method": "bm52"}, "Did you mean 'bm25'"),
        ({"tokens": 5, "method": "llmlingua2"}, "needs model="),
        ({"tokens": 5, "options": {"k1": 2}}, "takes no 'k1'"),
        ({"tokens": 5, "order": "best"}, "'original', 'score' or 'edges'"),
        ({"tokens": 5, "protect": ["figures"]}, "figures"),
        ({"tokens": 5, "token": 5}, "Did you mean 'tokens'"),
        ({"tokens": 5, "counter": 3.5}, "counter= cannot be a float"),
        ({"tokens": 5, "engine": object()}, "compress and acompress"),
        ({"tokens": 5, "engine": Compressor("bm25"), "order": "score"}, "excludes order"),
    ],
)
def test_wrong_arguments_are_refused_at_construction(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BoildownCompressor(**arguments)


def test_an_engine_of_ones_own(documents: list[Document]) -> None:
    engine = Compressor("bm25", order="score")
    kept = BoildownCompressor(engine=engine, rate=0.5).compress_documents(documents, QUESTION)
    expected = engine.compress(QUESTION, [d.page_content for d in documents], Budget(rate=0.5))
    assert [d.page_content for d in kept] == [d.text for d in expected.documents]


def test_fields_round_trip_through_json(documents: list[Document]) -> None:
    compressor = BoildownCompressor(
        method="bm25",
        tokens=90,
        order="edges",
        allocation="linear",
        spread=0.1,
        protect=["number"],
        patterns=["No\\. \\d+"],
        documents=3,
    )
    again = BoildownCompressor.model_validate_json(compressor.model_dump_json())
    assert again == compressor
    assert again.compress_documents(documents, QUESTION) == compressor.compress_documents(documents, QUESTION)


def test_objects_are_left_out_of_json_or_named() -> None:
    dumped = json.loads(BoildownCompressor(tokens=5, counter=len, engine=Compressor("bm25")).model_dump_json())
    assert dumped["counter"] == "len"
    assert "engine" not in dumped


def test_a_changed_field_takes_effect(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=200)
    narrow = compressor.model_copy(update={"tokens": 30})
    assert joined_tokens(narrow.compress_documents(documents, QUESTION)) <= 30
    compressor.order = "score"
    assert compressor.compress_documents(documents, QUESTION)[0].id == "bell"


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies_and_pickles_are_small_and_equal(documents: list[Document], clone: Any) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=80, order="score")
    before = compressor.compress_documents(documents, QUESTION)
    assert len(pickle.dumps(compressor)) < 5_000
    assert clone(compressor).compress_documents(documents, QUESTION) == before


def test_import_and_construction_load_no_torch_and_open_no_connection() -> None:
    program = """
import socket, sys
def refuse(*a, **k): raise AssertionError("network")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from langchain_boildown import BoildownCompressor
BoildownCompressor(method="bm25", tokens=5, counter="gpt-4o")
heavy = {"torch", "transformers", "langchain", "llama_index", "tiktoken"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# Sync and async, threads and loops


async def test_async_equals_sync(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=120)
    expected = compressor.compress_documents(documents, QUESTION)
    assert await compressor.acompress_documents(documents, QUESTION) == expected


def test_threads_and_loops_equal_serial(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=120)
    questions = [
        QUESTION,
        "How hot is green tea brewed?",
        "How long is the main span of the bridge at Orne?",
    ] * 5
    serial = [compressor.compress_documents(documents, q) for q in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda q: compressor.compress_documents(documents, q), questions)) == serial

    async def gathered() -> list[Any]:
        return await asyncio.gather(*[compressor.acompress_documents(documents, q) for q in questions])

    assert asyncio.run(gathered()) == serial
    assert asyncio.run(gathered()) == serial


async def test_the_event_loop_runs_on_while_text_is_compressed(documents: list[Document]) -> None:
    loop_ran = threading.Event()

    def count(text: str) -> int:
        # Waits until the event loop has run on meanwhile, which it cannot if this blocks it.
        assert loop_ran.wait(30)
        return len(text.split())

    task = asyncio.create_task(
        BoildownCompressor(method="bm25", tokens=40, counter=count).acompress_documents(documents, QUESTION)
    )
    await asyncio.sleep(0.01)
    assert not task.done()
    loop_ran.set()
    assert await task


async def test_cancelling_one_call_leaves_the_others_alone(documents: list[Document]) -> None:
    go = threading.Event()

    def count(text: str) -> int:
        assert go.wait(30)
        return len(text.split())

    compressor = BoildownCompressor(method="bm25", tokens=40, counter=count)
    first, second = (asyncio.create_task(compressor.acompress_documents(documents, QUESTION)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == BoildownCompressor(method="bm25", tokens=40, counter=count).compress_documents(
        documents, QUESTION
    )


def test_it_is_a_langchain_compressor() -> None:
    assert issubclass(BoildownCompressor, BaseDocumentCompressor)
    assert issubclass(InputError, BoildownError)
