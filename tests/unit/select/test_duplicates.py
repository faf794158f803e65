"""What counts as a repetition of another document, and what only looks like one."""

from __future__ import annotations

import numpy as np
import pytest

from boildown.select.duplicates import find_duplicates

HALL = "The heating in the northern machine hall must run at {} degrees in the winter months."


def repeated(documents: list[list[str]], threshold: float, long: bool = False) -> list[tuple[int, str]]:
    """The dropped texts, each with its document's number; documents and texts count in their order."""
    texts = [text for document in documents for text in document]
    owners = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    dropped = find_duplicates(texts, owners, np.arange(len(texts)), threshold, long)
    return [(int(owners[i]), texts[i]) for i in np.flatnonzero(dropped)]


@pytest.mark.parametrize("threshold", [1.0, 0.9, 0.3])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5", "-5"),
        ("-5", "5"),
        ("- 5", "5"),
        ("−5", "5"),
        ("$5", "€5"),
        ("5%", "5"),
        ("<10", ">10"),
        ("< 10", "> 10"),
        ("1.5", "1-5"),
        (".5", "5"),
        ("10²", "102"),
        ("C++", "C"),
        ("5 to 10", "10 to 5"),
    ],
)
def test_texts_that_differ_in_a_number_or_a_sign_are_no_duplicates(one: str, other: str, threshold: float) -> None:
    assert repeated([[HALL.format(one)], [HALL.format(other)]], threshold) == []


@pytest.mark.parametrize("threshold", [1.0, 0.9])
def test_the_order_of_words_and_the_small_ones_count(threshold: float) -> None:
    there, back = "from the tank to the hall", "to the tank from the hall"
    for one, other in [(there, back), (f"{there} today", f"not {there} today"), ("is in the hall", "is on the hall")]:
        assert repeated([[f"At night the pump works {one}."], [f"At night the pump works {other}."]], threshold) == []


def test_case_and_white_space_do_not_count() -> None:
    text = HALL.format("+5")
    assert repeated([[text], [text.upper().replace(" ", " \n")]], 1.0) == [(1, text.upper().replace(" ", " \n"))]


def test_punctuation_counts_only_where_texts_must_be_the_same() -> None:
    text = HALL.format("+5")
    other = text.replace("+5", "(+5)").replace("hall", "hall,").removesuffix(".")
    assert repeated([[text], [other]], 1.0) == []
    assert repeated([[text], [other]], 0.9) == [(1, other)]


def test_scripts_without_spaces() -> None:
    text = "水泵在夜间把冷却液从水箱输送到大厅里面。"
    other = text.replace("里面", "里头")
    assert repeated([[text], [other]], 1.0) == []
    assert repeated([[text], [other]], 0.5) == [(1, other)]
    assert repeated([[f"5度{text}"], [f"6度{text}"]], 0.5) == []


@pytest.mark.parametrize("threshold", [1.0, 0.9])
def test_a_repeated_document_leaves_no_shards(threshold: float) -> None:
    long, short = HALL.format("+5"), "It is red."
    copies = [[long, short], [long, short], [long, "It is blue.", short]]
    assert repeated(copies, threshold) == [(1, long), (1, short), (2, long), (2, short)]
    assert repeated([[short, "See also."], [short, "See also."], [short]], threshold) == [(1, short), (1, "See also.")]


def test_short_repetitions_stay_where_their_document_says_something_else() -> None:
    long, own, short = HALL.format("+5"), "Nobody is allowed to enter the hall at night.", "It is red."
    assert repeated([[long, short], [long, own, short]], 1.0) == [(1, long)]


ROW = "| hull | 1,450 | 2.1 | red | 5 | Harrow | 2011 |"


def long_repetitions(documents: list[list[str]]) -> list[tuple[int, str]]:
    return repeated(documents, 1.0, long=True)


@pytest.mark.parametrize(
    "text", [ROW, "The warranty period is two years.", "Its county seat is Carrollton.", "if x is None or not x.sides:"]
)
def test_what_two_things_may_share_is_no_long_repetition(text: str) -> None:
    documents = [["The Reed is made for rivers.", text], ["The Heron is made for lakes.", text]]
    assert long_repetitions(documents) == []
    assert repeated(documents, 1.0) == [(1, text)]


def test_a_long_sentence_is_a_long_repetition() -> None:
    text = HALL.format("+5")
    assert long_repetitions([[text, "It is new."], ["It is red.", text.upper()]]) == [(1, text.upper())]
    assert long_repetitions([["水泵在夜间把冷却液从水箱输送到大厅里面。"]] * 2) == [
        (1, "水泵在夜间把冷却液从水箱输送到大厅里面。")
    ]


def test_a_document_of_short_texts_is_a_long_repetition_if_it_is_long_as_a_whole() -> None:
    steps = ["Open the lid.", "Pull the red ring.", "Close the lid again."]
    assert long_repetitions([steps, steps]) == [(1, text) for text in steps]
    assert long_repetitions([["Yes."], ["Yes."]]) == []
    long = HALL.format("+5")
    assert long_repetitions([[long, "It is red."], [long, "It is red."]]) == [(1, long), (1, "It is red.")]


def test_a_long_repetition_in_the_middle_of_a_procedure_stays() -> None:
    first, step, last = (HALL.format(number) for number in (1, 2, 3))
    own = "Before that the valve behind the pump is to be closed by two people from the hall."
    assert long_repetitions([[first, step, last], [own, step, own.upper()]]) == []
    assert long_repetitions([[first, step, last], [first, own, last]]) == [(1, first), (1, last)]
