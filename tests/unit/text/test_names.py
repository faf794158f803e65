"""The name that a text opens with."""

from __future__ import annotations

import pytest

from boildown.text.names import opening_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada Fell (born 1920) was a Scottish engineer.", "Ada Fell"),
        ("Vincent van Gogh, peintre", "Vincent van Gogh"),
        ("The Long Tide is a film.", "The Long Tide"),
        ("Straße der 17. Juni (Berlin)", "Straße der 17. Juni"),
        ("A. B. Fell was born in Leith.", "A. B. Fell"),
        ("Chloroplasts are organelles.", "Chloroplasts"),
        ("1984 is a novel.", "1984"),
        ("NASA is an agency.", "NASA"),
        ('"Red Gorse" is a song.', "Red Gorse"),
        ("« Le Temps » est un journal.", "Le Temps"),
        ("# Ada Fell was here", "Ada Fell"),
    ],
)
def test_a_name_that_is_explained(text: str, name: str) -> None:
    assert opening_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "(1920)",
        "Ada Fell",
        "Ada Fell\nwas born in Leith.",
        "In 1885, Ada Fell left.",
        "On 4 March 1920 (a Thursday) it rained.",
        "Typically, it rains.",
        "There are four.",
        "I was born in Leith.",
        "If you are asked, say no.",
        "The tide is high.",
        "What is Red Gorse?",
        "Rain falls, and Ada Fell was cold.",
        "NOTICE (2): closed.",
        "RED GORSE; TIDE; FAQ (2)",
        '"Come in," she said.',
        '"Stay" he called.',
        "灯塔位于港口的北端。",
    ],
)
def test_no_name(text: str) -> None:
    assert opening_name(text) == ""
