"""Marks where lines were left out, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.tools.gaps import GAP, cut_with_gaps
from boildown.types import Span

CODE = "def read(port):\n    first = 1\n    second = 2\n\n    third = 3; fourth = 4\n    return first\n"
WRAPPED = "The lamp was lit. It burned\ncolza oil. It was changed\nto paraffin. Nobody came."


def spans(text: str, *pieces: str) -> list[Span]:
    return [Span(text.index(piece), text.index(piece) + len(piece)) for piece in pieces]


@pytest.mark.parametrize(
    ("text", "pieces", "cut"),
    [
        (CODE, ["def read(port):\n", "    return first"], f"def read(port):\n{GAP}\n    return first"),
        (CODE, ["def read(port):\n", "    second = 2\n"], f"def read(port):\n{GAP}\n    second = 2\n"),
        (CODE, ["first = 1\n", "\n\n", "    third = 3"], f"first = 1\n\n\n{GAP}\n    third = 3"),
        (CODE, ["first = 1\n", "    second = 2", "\n\n    third"], "first = 1\n    second = 2\n\n    third"),
        (CODE, ["second = 2\n\n", "    third"], "second = 2\n\n    third"),
        (CODE, ["third = 3", "\n    return"], f"third = 3\n{GAP}\n    return"),
        (CODE, ["second = 2\n\n", "fourth = 4"], f"second = 2\n\n{GAP}\nfourth = 4"),
        (CODE, ["def read(", "):\n"], "def read():\n"),
        (
            WRAPPED,
            ["The lamp was lit. ", "It was changed\nto paraffin."],
            "The lamp was lit. It was changed\nto paraffin.",
        ),
        (WRAPPED, ["The lamp was lit. ", "Nobody came."], f"The lamp was lit.\n{GAP}\nNobody came."),
        (WRAPPED, ["Nobody came."], "Nobody came."),
        (WRAPPED, [], ""),
        ("a\r\nb\r\n  c", ["a\r\n", "  c"], f"a\r\n{GAP}\n  c"),
    ],
)
def test_lines_that_were_left_out_are_marked(text: str, pieces: list[str], cut: str) -> None:
    assert cut_with_gaps(spans(text, *pieces), text) == cut


@given(st.lists(st.booleans(), max_size=12), st.sampled_from(["", "  ", "\t"]))
def test_of_whole_lines_none_goes_without_a_mark(kept: list[bool], indentation: str) -> None:
    lines = [f"{indentation}line {i};\n" for i in range(len(kept))]
    starts = [sum(map(len, lines[:i])) for i in range(len(kept))]
    chosen = [i for i, keep in enumerate(kept) if keep]
    found = cut_with_gaps([Span(starts[i], starts[i] + len(lines[i])) for i in chosen], "".join(lines))
    marks = [f"{GAP}\n" if i and chosen[i - 1] < line - 1 else "" for i, line in enumerate(chosen)]
    assert found == "".join(mark + lines[line] for mark, line in zip(marks, chosen, strict=True))
