from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown import Document, InputError
from boildown.checks import check_query
from boildown.sources import Sources


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ("one string", "must be a list"),
        (None, "must be a list of strings or Documents, not NoneType"),
        ([None], r"documents\[0\] must be text, not NoneType"),
        ([{"text": "fine"}], r"documents\[0\] must be text, not dict\. Make a boildown.Document"),
        ([SimpleNamespace(page_content="fine")], "For LangChain's documents there is BoildownCompressor"),
        ([SimpleNamespace(get_content=str)], "For LlamaIndex's nodes there is BoildownPostprocessor"),
        (["fine", b"bytes"], r"documents\[1\] must be text, not bytes.*Decode it first"),
        ([Document(text=b"bytes")], r"documents\[0\]\.text must be text"),
        ([Document("text", title=None)], r"documents\[0\]\.title must be text, not NoneType"),
        ({"text": "A mapping is no list of documents."}, "must be a list of strings or Documents, not dict"),
        ([3], "not int"),
    ],
)
def test_what_is_not_text_is_named(documents, message):
    with pytest.raises(InputError, match=message):
        Sources(documents)


def test_a_query_must_be_text():
    assert check_query("what?") == "what?"
    with pytest.raises(InputError, match="query must be text, not NoneType"):
        check_query(None)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"what?", "not bytes. Decode it first"),
        ({"question": "what?"}, r"not dict. Pick the string out of it, .* operator.itemgetter\('question'\)"),
        (SimpleNamespace(text="what?", content="what?"), "Give its text."),
        (SimpleNamespace(content="what?"), "Give its content."),
        (SimpleNamespace(query_str="what?"), "Give its query_str."),
    ],
)
def test_what_is_no_query_says_where_the_text_is(query, message):
    with pytest.raises(InputError, match=f"query must be text, {message}" if "not" in message else message):
        check_query(query)


@given(st.lists(st.text(max_size=80), max_size=4), st.integers(0, 5))
def test_sentences_and_words_cover_every_document(texts, min_sentence):
    sources = Sources(iter(texts), min_sentence)
    for units in (sources.sentences, sources.words):
        pieces = [""] * len(texts)
        for owner, piece in zip(units.document, sources.cut(units), strict=True):
            pieces[owner] += piece
        assert pieces == texts


def test_units_say_which_of_them_holds_a_place() -> None:
    sources = Sources(["One two. Three four.", "", "Five six seven eight."], min_sentence=0)
    sentences, words = sources.sentences, sources.words
    assert sentences.containing(words).tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
    assert sentences.containing(words.at(np.array([3, 0]))).tolist() == [1, 0]
    assert Sources([]).sentences.containing(Sources([]).words).tolist() == []
