"""What is dropped takes no line ends with it that what is kept needs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from boildown.select.assemble import cut_out, kept_runs
from boildown.select.units import Candidates
from boildown.sources import Units


def kept(*pieces: str) -> str:
    """The text kept of one document; pieces in brackets are dropped."""
    dropped = np.array([piece.startswith("[") for piece in pieces])
    texts = [piece[1:-1] if piece.startswith("[") else piece for piece in pieces]
    ends = np.cumsum([len(text) for text in texts])
    zeros = np.zeros(len(texts), dtype=np.int64)
    units = Units(zeros, ends - [len(text) for text in texts], ends)
    yes = np.ones(len(texts), dtype=bool)
    no_pairs = np.zeros((0, 2), dtype=np.int64)
    candidates = Candidates(
        units,
        np.zeros(len(texts)),
        np.arange(len(texts)),
        ~yes,
        np.full(len(texts), -1),
        no_pairs,
        yes[:0],
        ~yes,
        ((),),
    )
    text = "".join(texts)
    runs = kept_runs(candidates, ~dropped, [text])[0]
    assert all(a[1] < b[0] for a, b in pairwise(runs))
    return cut_out(runs, text)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (
            ("It weighs 2.1 kg, ", "[with cells.\n\n]", "## Pelican\n\n", "It dives."),
            "It weighs 2.1 kg,\n\n## Pelican\n\nIt dives.",
        ),
        (("- pump ", "[test\n]", "- valve ", "[close\n]", "- end"), "- pump\n- valve\n- end"),
        (("first ", "[row \r\n]", "  second"), "first\r\n  second"),
        (("one", "[\n]", "two"), "one\ntwo"),
        (("one ", "[ \n]", "two"), "one\ntwo"),
        ((" ", "[a\n]", "two"), "two"),
    ],
    ids=["heading", "list", "row", "nothing but the line end", "space before it", "nothing before it"],
)
def test_what_begins_a_line_still_does(pieces: tuple[str, ...], expected: str) -> None:
    assert kept(*pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("Title\n\n", "[One thing.\n\n]", "Two things."), "Title\n\nTwo things."),
        (("[One thing.\n]", "Two things."), "Two things."),
    ],
    ids=["after a line end", "the first"],
)
def test_no_other_line_ends_are_kept(pieces: tuple[str, ...], expected: str) -> None:
    assert kept(*pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("It is lent. ", "[Open.\n\nElm Street. ]", "It is not."), "It is lent.\n\nIt is not."),
        (("Ada: It works. ", "[Thanks.\nBo: Fine. ]", "Closed."), "Ada: It works.\nClosed."),
        (("one ", "[a\nb\r\n \r\nc\nd ]", "two"), "one\r\n \r\ntwo"),
        (("one ", "[a\n\nb\n]", "  two"), "one\n\n  two"),
        (("one\n", "[a\n\nb ]", "two"), "one\n\ntwo"),
        (("one\n\n  ", "[a\nb ]", "two"), "one\n\n  two"),
    ],
    ids=["paragraphs", "turns", "the widest break", "before a line", "after a line", "wide enough"],
)
def test_words_of_another_line_stand_in_a_line_of_their_own(pieces: tuple[str, ...], expected: str) -> None:
    assert kept(*pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("a:\n  ", "[b: 1\n    ]", "c: 2\n  ", "d: 3"), "a:\n    c: 2\n  d: 3"),
        (("    a\n    ", "[b\n]", "c"), "a\nc"),
        (("if a:\n    ", "[b()\n\n\n    ]", "return"), "if a:\n\n\n    return"),
        (("| a | 1 |\n", "[| b | 2 |\n\n]", "Refunds take days."), "| a | 1 |\n\nRefunds take days."),
        (("- a\n", "[- b\n\n]", "## C\n\n", "[D.\n]", "E."), "- a\n\n## C\n\nE."),
    ],
    ids=["deeper", "at the margin", "after blank lines", "after a table", "after a list"],
)
def test_a_line_stays_as_far_in_and_apart_as_it_was(pieces: tuple[str, ...], expected: str) -> None:
    assert kept(*pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("[> It broke. ]", "Who pays\n> for that?\n\n", "We do."), "> Who pays\n> for that?\n\nWe do."),
        (("Hello.\n\n", "[> > It broke. ]", "Who pays?"), "Hello.\n\n> > Who pays?"),
        (("> It broke. ", "[On Monday. ]", "Who pays?"), "> It broke. Who pays?"),
        (("> It broke. ", "[On Monday.\n> At noon. ]", "Who pays?"), "> It broke.\n> Who pays?"),
        (("[> It broke.\n]", "> Who pays?"), "> Who pays?"),
        (("[> It broke, ]", "[so ]", "who pays?"), "> who pays?"),
        (("> It broke. ", "[On Monday.\n\n]", "We pay."), "> It broke.\n\nWe pay."),
        (("> It broke. ", "[On Monday.\n\nNo. ]", "We pay."), "> It broke.\n\nWe pay."),
        (("[If a > b, stop. ]", "Go on."), "Go on."),
    ],
    ids=["first", "twice", "same line", "next line", "whole line", "no line end", "its end", "after it", "no mark"],
)
def test_a_quotation_stays_one(pieces: tuple[str, ...], expected: str) -> None:
    assert kept(*pieces) == expected
