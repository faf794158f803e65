"""Slips of the finger in a query."""

from __future__ import annotations

import pytest
from thread_seconds import thread_seconds

from boildown.text.spelling import respell
from boildown.text.words import terms

DOCUMENTS = [
    terms("The treaty of Ghent was signed in 1814. Its guardians lived in the county, and the crossing took hours."),
    terms("The Treaty ended a war. Ljubljana and Kraków sent nobody. Der Straßenbau begann. ENOENT means no file."),
]
DICTIONARY = frozenset(["which", "place", "plate", "signed", "when", "where", "built", "great"])


def is_word(word: str) -> bool:
    return word.lower() in DICTIONARY


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("when was the trety signed", "when was the treaty signed"),
        ("when was the treatty signed", "when was the treaty signed"),
        ("when was the traety signed", "when was the treaty signed"),
        ("when was the trwaty signed?", "when was the treaty signed?"),
        ("Trety of Ghent", "Treaty of Ghent"),
        ("the gaurdians, and the cunty", "the guardians, and the county"),
        ("who lives in it", "who lived in it"),
        ("crossings croosings", "crossings crossings"),
        ("Where is Ljubljanna?", "Where is Ljubljana?"),
        ("Krakow or Krakóv", "Krakow or Krakow"),
        ("WHEN WAS THE TRETY SIGNED", "WHEN WAS THE Treaty SIGNED"),
    ],
)
def test_a_slip_is_put_right(typed: str, meant: str) -> None:
    read, changes = respell(typed, DOCUMENTS, is_word)
    assert read == meant
    assert all(was in typed and now in meant for was, now in changes.items())
    assert changes


@pytest.mark.parametrize(
    "query",
    [
        "",
        "When was the treaty of Ghent signed?",
        "Where do treaties end?",  # a plural of what is there
        "Which plate is it?",  # a word of the dictionary
        "the breaty of Ghent",  # another first letter
        "taetry",  # a letter that moved further than one place
        "Gent",  # short words have too many neighbours
        "trety_of trety.html /trety trety() trety@example.org http://trety",
        "trety2 and 1815",
        "getTrety ENOENT ENOEMT",
        "trety-maker",
        "条约是什么时候签署的",
        " ".join(f"trety{letter}" for letter in "abcdefghijklm"),  # more than a slip or two
    ],
)
def test_all_else_stays(query: str) -> None:
    assert respell(query, DOCUMENTS, is_word) == (query, {})


def test_the_most_frequent_spelling_is_meant() -> None:
    once, often = ["harper"], ["harder", "harder", "harmer"]
    for documents in ([once, often], [often, once]):
        assert respell("harber", documents, is_word) == ("harder", {"harber": "harder"})


def test_documents_are_read_only_for_a_word_in_doubt() -> None:
    def unread():
        raise AssertionError
        yield

    assert respell("where was it signed", unread(), is_word) == ("where was it signed", {})


@pytest.mark.parametrize("query", ["x" * 100_000, "trety" * 20_000, "trety " * 20_000, "trety." * 20_000])
def test_the_longest_query_takes_no_long_time(query: str) -> None:
    assert thread_seconds(lambda: respell(query, [["y" * 20_000, "treaty"]], is_word)) < 2
