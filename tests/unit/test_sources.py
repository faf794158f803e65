from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown import Document, InputError
from boildown.sources import Sources, check_query, join_fragments
from boildown.text.sentences import split_sentences


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ("one string", "must be a list"),
        (None, "must be a list of strings or Documents, not NoneType"),
        ([None], r"documents\[0\] must be text, not NoneType"),
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


@given(st.lists(st.text(max_size=80), max_size=4), st.integers(0, 5))
def test_sentences_and_words_cover_every_document(texts, min_sentence):
    sources = Sources(iter(texts), min_sentence)
    for units in (sources.sentences, sources.words):
        pieces = [""] * len(texts)
        for owner, piece in zip(units.document, sources.cut(units), strict=True):
            pieces[owner] += piece
        assert pieces == texts


def joined(text: str, min_words: int = 3) -> list[str]:
    return [text[s:e] for s, e in join_fragments(text, split_sentences(text), min_words)]


def test_a_lone_conjunction_goes_with_the_sentence_before_it():
    assert joined("They agreed to build it. And? Then nothing happened.") == [
        "They agreed to build it. And? ",
        "Then nothing happened.",
    ]


def test_a_heading_goes_with_its_paragraph():
    assert joined("Opening hours\n\nWe open at nine every day. We close at six.")[0] == (
        "Opening hours\n\nWe open at nine every day. "
    )


def test_a_list_of_short_items_does_not_become_one_lump():
    text = "".join(f"- item {i}\n" for i in range(40))
    assert max(len(piece) for piece in joined(text, 6)) < 60


def test_nothing_is_joined_for_one_word():
    spans = np.array([[0, 3], [3, 6]])
    assert join_fragments("Oh. No.", spans, 1) is spans


def test_units_say_which_of_them_holds_a_place() -> None:
    sources = Sources(["One two. Three four.", "", "Five six seven eight."], min_sentence=0)
    sentences, words = sources.sentences, sources.words
    assert sentences.containing(words).tolist() == [0, 0, 1, 1, 2, 2, 2, 2]
    assert sentences.containing(words.at(np.array([3, 0]))).tolist() == [1, 0]
    assert Sources([]).sentences.containing(Sources([]).words).tolist() == []
