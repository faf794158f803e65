"""Arguments, fields, copies and pickles of the compressor."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kept_documents import QUESTION, joined_tokens
from langchain_core.documents import Document
from pydantic import BaseModel

from boildown import Budget, Compressor, ConfigurationError
from boildown.methods.bm25 import BM25
from langchain_boildown import BoildownCompressor


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
        ({"tokens": 5, "cache": object()}, r"cache= is <[^:]*: Input should be a valid boolean, or .* valid string"),
        ({"tokens": 5, "engine": object()}, "compress and acompress"),
        (
            {"tokens": 5, "rank": BM25()},
            r"rank= takes the name of a method, not BM25; .* engine=boildown.Compressor\(rank",
        ),
        ({"tokens": 5, "method": BM25()}, r"engine=boildown.Compressor\(method=\.\.\.\)"),
        ({"tokens": 5, "patterns": ["("]}, "not a valid regular expression"),
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


def test_paths_are_taken_and_written_to_json(tmp_path: Path) -> None:
    given = {name: tmp_path / name for name in ("model", "rank_model", "counter", "cache")}
    compressor = BoildownCompressor(tokens=5, method="llmlingua2", rank="embedding", **given)
    assert {name: getattr(compressor, name) for name in given} == {name: str(path) for name, path in given.items()}
    assert BoildownCompressor.model_validate_json(compressor.model_dump_json()) == compressor


def test_json_is_refused_where_an_object_would_be_lost() -> None:
    objects: dict[str, Any] = {"counter": len, "engine": Compressor("bm25", order="score")}
    for given in ({"counter": len}, {"engine": objects["engine"]}, objects):
        compressor = BoildownCompressor(tokens=5, **given)
        said = " and ".join(f"{name}=" for name in given)
        for write in (compressor.model_dump_json, lambda compressor=compressor: compressor.model_dump(mode="json")):
            with pytest.raises(ConfigurationError, match=rf"^{said} cannot be written to JSON\. Give .*exclude="):
                write()
        assert BoildownCompressor(**compressor.model_dump()) == compressor
        rest = json.loads(compressor.model_dump_json(exclude=set(given)))
        assert BoildownCompressor(**rest, **given) == compressor


def test_a_model_that_holds_a_compressor_does_not_lose_its_objects() -> None:
    class Settings(BaseModel):
        compressor: BoildownCompressor

    with pytest.raises(ValueError, match="counter= cannot be written to JSON"):
        Settings(compressor=BoildownCompressor(tokens=5, counter=len)).model_dump_json()
    plain = Settings(compressor=BoildownCompressor(tokens=5, counter="estimate"))
    assert Settings.model_validate_json(plain.model_dump_json()) == plain


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
