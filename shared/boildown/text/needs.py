"""What a sentence needs beside it to be understood: a row its header, a list item what announces the list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from boildown.text.blocks import LIST_ITEM
from boildown.text.markup import bare_end
from boildown.text.sentences import QUESTION_MARKS

__all__ = ["is_opener", "needs", "only_announces"]

_LONGEST = 200
"""Characters of what announces something; a longer text costs more than it explains."""
_LONGEST_TITLE = 80
"""Characters of a title and the first item of its list, or of a speaker and the first words."""
_COLONS = (":", "：")

_SPEAKER = re.compile(r"(?:\[[^\]\n]{1,30}\] )?[^\W\d_a-z][\w.'’\-]*(?: [\w.'’\-]+){0,3}:\s")

_MARKED_ROW = re.compile(r"^[ \t]*\|| \| |<tr\b", re.MULTILINE)
_HEADER = re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*\||<th\b", re.MULTILINE)
_FEWEST_ROWS = 3
"""Of a table whose rows are not marked as such."""
_ALIGNED = re.compile(r"\S {3,}\S")
_DELIMITER = re.compile(r"[\t;]|,(?=\S)")
_FIGURE = re.compile(r"(?:^|[\t;,]|   )\s*[^\w\s]?(?!(?:19|20)\d\d(?!\d))\d", re.MULTILINE)
"""A cell that begins with digits, and is no year."""


def needs(text: str, sentences: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which sentences need which others.

    A table's row needs the first row, a list's item what announces the list, what follows a colon at a line's end the
    line before, what a speaker goes on to say the beginning of the line, and a question the line after it, as that one
    needs the question.

    Args:
        text: the text the sentences were cut from.
        sentences: shape (n, 2), covering the text.

    Returns:
        Pairs of indices, of a sentence and of the one that it needs, ascending. Shape (pairs, 2).
    """
    if "\n" not in text and "|" not in text and "<" not in text and not _SPEAKER.match(text.lstrip()):
        return np.zeros((0, 2), dtype=np.int64)  # a paragraph, as most texts are
    pieces = [text[start:end] for start, end in sentences.tolist()]
    bodies = [piece.strip() for piece in pieces]
    found = sorted(
        {*_next_to_each_other(pieces, bodies), *_items(pieces, bodies), *_turns(pieces, bodies), *_rows(bodies)}
    )
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def is_opener(text: str) -> bool:
    """Whether what follows may need all of a text: it announces that, or is a table's row, or holds one."""
    return bare_end(text).endswith(_COLONS) or _MARKED_ROW.search(text) is not None


def only_announces(text: str) -> bool:
    """Whether a text says nothing without what follows it: a few words with a colon, or the header of a table."""
    return (len(text) <= _LONGEST_TITLE and bare_end(text).endswith(_COLONS)) or _HEADER.search(text) is not None


def _next_to_each_other(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of what stands after an announcement and that; of a question, both ways, and the line after it."""
    for i, (piece, body) in enumerate(zip(pieces[:-1], bodies, strict=False)):
        asks = bare_end(body).endswith(QUESTION_MARKS) and piece.count("\n", len(body)) == 1
        if asks or _announces(body):
            yield i + 1, i
        if asks:
            yield i, i + 1


def _announces(body: str) -> bool:
    return len(body) <= _LONGEST and bare_end(body).endswith(_COLONS)


def _items(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a list's item and what announces the list."""
    opener = -1  # of the list at hand
    for i in range(1, len(pieces)):
        before = bodies[i - 1]
        if _announces(before):
            opener = i - 1
        elif LIST_ITEM.match(bodies[i]):
            if _is_title_with_item(before):
                opener = i - 1
        elif pieces[i - 1][-1:] in "\n\r" and not pieces[i][0].isspace():
            opener = -1
        if opener >= 0 and LIST_ITEM.match(bodies[i]):
            yield i, opener


def _turns(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of what somebody goes on to say, and the beginning of the line, which says who it is."""
    opener = -1
    for i, body in enumerate(bodies):
        if i == 0 or pieces[i - 1][-1:] in "\n\r":
            opener = i if len(body) <= _LONGEST_TITLE and _SPEAKER.match(body) else -1
        elif opener >= 0:
            yield i, opener


def _is_title_with_item(body: str) -> bool:
    title, _, item = body.rpartition("\n")
    is_title = bool(title) and len(body) <= _LONGEST_TITLE and not LIST_ITEM.match(title)
    return is_title and LIST_ITEM.match(item.lstrip()) is not None


def _rows(bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a table's row and its first one."""
    for shape, places in groupby(range(len(bodies)), lambda i: _row_shape(bodies[i])):
        header, *rows = places
        if shape == "marked" or (shape and len(rows) >= _FEWEST_ROWS - 1 and not _FIGURE.search(bodies[header])):
            yield from ((row, header) for row in rows)


def _row_shape(body: str) -> str:
    """What the rows of one table have in common; empty for what is no row."""
    if _MARKED_ROW.search(body):
        return "marked"
    if _ALIGNED.search(body):
        return "aligned"
    return "".join(_DELIMITER.findall(body))
