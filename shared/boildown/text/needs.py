"""What a sentence needs beside it to be understood: a row its header, a list item what announces the list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boildown.text.blocks import LIST_ITEM
from boildown.text.lines import LONGEST_BEGINNING, NOTE, line_ends, log_lines, turns
from boildown.text.markup import bare_end
from boildown.text.records import fields
from boildown.text.sentences import AFTER_STOP, QUESTION_MARKS, STOPS
from boildown.text.speakers import SPEAKER

__all__ = ["is_label", "is_opener", "needs", "only_announces", "only_leads"]

_LONGEST_LABEL = 80
"""Characters of a few words with a colon, or of a title with the first item of its list."""
_COLONS = (":", "：")

_ENDED = re.compile(rf"[{STOPS}:：,;]{AFTER_STOP}")
_FOLLOWING = re.compile(
    r"\b(?:following|below|folgende\w*|nachstehend\w*|suivant\w*|ci-dessous|siguientes?|seguintes?|seguenti|volgende"
    r"|następując\w*|poniższ\w*|следующ\w*|наступн\w*|aşağıdaki\w*|berikut|sau đây)\b"
    r"|次の|以下|下記|下列|如下|다음|아래|التالية|הבאים|निम्न|ต่อไปนี้",
    re.IGNORECASE,
)
"""What announces a list though a stop ends it, as is usual in Japanese and Korean."""

_NUMBER = re.compile(r"\d+|[一二三四五六七八九十百]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_STOPPED = re.compile(rf"[{STOPS}:：]{AFTER_STOP}")

_CLOSED = ("</ul>", "</ol>", "</dl>", "</table>")
"""Ends of what somebody announces with a colon, since pages may do without blank lines."""
_CLOSES = re.compile(r"(?:</\w+>\s*)*(?:</(?:[uod]l|table)>|<h[1-6]\b)")

_OPENED = re.compile(r"[{\[(:][ \t]*\n[ \t]")
"""At the end of a line, what opens something that lines further in are a part of."""

_MARKED_ROW = re.compile(r"^[ \t]*\|| \| |<t[rd]\b", re.MULTILINE)
_HEADER = re.compile(r"^[ \t]*\|?[ \t]*:?-{3,}:?[ \t]*\||<th\b", re.MULTILINE)
_FEWEST_ROWS = 3
"""Of a table whose rows are not marked as such."""
_ALIGNED = re.compile(r"\S {3,}\S")
_DELIMITERS = (re.compile(r"[\t;]"), re.compile(r",(?=\S)"))
"""Of which the first that a row has counts, since a comma beside it is a decimal one."""
_QUOTED_CELL = re.compile(r'(?<![^,;\t])"[^"]*"(?![^,;\t])')
"""In which delimiters stand for themselves."""
_FIGURE = re.compile(r"(?:^|[\t;,]|   )\s*[^\w\s]?(?!(?:19|20)\d\d(?!\d))\d", re.MULTILINE)
"""A cell that begins with digits, and is no year."""


def needs(text: str, sentences: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which sentences need which others.

    A table's row needs the first row; a list's item what announces the list, or the item that it is a part of; what
    follows a colon at a line's end the line before; the rest of an item, of a row or of what a speaker says, the
    beginning of the line; a line of data or code the one that opens what it is a part of; a field the first one of its
    record; a line below one of a log that, and a stack's frame the error; a mark its footnote, and the other way round;
    and a question the line after it, as all of that needs the question.

    Args:
        text: the text the sentences were cut from.
        sentences: shape (n, 2), covering the text.

    Returns:
        Pairs of indices, of a sentence and of the one that it needs, ascending. Shape (pairs, 2).
    """
    begin = text.lstrip()
    if not any(mark in text for mark in "\n|<") and not (SPEAKER.match(begin) or LIST_ITEM.match(begin)):
        return np.zeros((0, 2), dtype=np.int64)  # a paragraph, as most texts are
    pieces = [text[start:end] for start, end in sentences.tolist()]
    bodies = [piece.strip() for piece in pieces]
    found = sorted(
        {
            *_questions(pieces, bodies),
            *_announced(pieces, bodies),
            *_items(pieces, bodies),
            *turns(pieces, bodies),
            *log_lines(text, pieces, bodies),
            *_rows(pieces, bodies),
            *_nested(text, sentences),
            *fields(text, sentences),
            *_footnotes(bodies),
        }
    )
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def is_opener(text: str) -> bool:
    """Whether what follows may need all of a text: it announces that, or is a table's row, or holds one."""
    return _ends_with_colon(text) or _MARKED_ROW.search(text) is not None


def only_announces(text: str) -> bool:
    """Whether a text says nothing without what follows it: a few words with a colon, or the header of a table."""
    return is_label(text) or _HEADER.search(text) is not None


def only_leads(text: str, item: str) -> bool:
    """Whether a text breaks off before a list's item that needs it: "Do not take it if you", and no item itself."""
    body = text.rstrip()
    return bool(_mark(item.lstrip())) and not _ENDED.search(body) and not _mark(body.rpartition("\n")[2].lstrip())


def is_label(text: str) -> bool:
    """Whether a text is a few words with a colon after them: "Answer 2:"."""
    return len(text) <= _LONGEST_LABEL and _ends_with_colon(text)


def _ends_with_colon(text: str) -> bool:
    return bare_end(text).endswith(_COLONS)


def _questions(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a question and the line after it, both ways, unless that is another question; of all of that line."""
    asks = [bare_end(body).endswith(QUESTION_MARKS) for body in bodies]
    for i, (piece, body) in enumerate(zip(pieces[:-1], bodies, strict=False)):
        if asks[i] and not asks[i + 1] and piece.count("\n", len(body)) == 1:
            yield i, i + 1
            for j in range(i + 1, len(pieces)):
                yield j, i
                if line_ends(pieces[j]):
                    break


def _announced(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of what stands after an announcement and that; after a short one, "Answer 2:", all up to a blank line."""
    opener, inner = -1, False  # `inner`: something after the announcement stands further in
    for i in range(1, len(pieces)):
        ends = line_ends(pieces[i - 1])
        if _announces(bodies[i - 1]):
            opener, inner = i - 1, False
        elif ends > 1 or len(bodies[opener]) > _LONGEST_LABEL or (ends and _mark(bodies[i - 1])):
            opener = -1  # below a list's item stands another, or what is none of the list
        elif bodies[i - 1].endswith(_CLOSED) or (bodies[i].startswith("<") and _CLOSES.match(bodies[i])):
            opener = -1
        if opener >= 0 and ends and _depth(pieces[i]) < _last_depth(pieces[opener]):
            opener = -1
        if opener >= 0 and ends:
            further = _depth(pieces[i]) > _depth(pieces[opener])
            if ends == 1 and not further and (inner or _announces(bodies[i])):
                opener = -1  # another of its kind, as in a form, or what comes after those that stand further in
            inner |= further
        if opener >= 0:
            yield i, opener


def _depth(piece: str) -> int:
    """Characters that a piece stands in."""
    return len(piece) - len(piece.lstrip(" \t"))


def _last_depth(piece: str) -> int:
    """Characters that the last line of a piece stands in."""
    return _depth(piece.rstrip().rpartition("\n")[2])


def _announces(body: str) -> bool:
    """Whether a text announces what follows it, with a colon; it may be longer than a label."""
    return len(body) <= LONGEST_BEGINNING and _ends_with_colon(body)


def _items(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a list's item and what announces the list, or the item that it is a part of."""
    outer: list[_Outer] = []
    for i, body in enumerate(bodies):
        before, above = (pieces[i - 1], bodies[i - 1]) if i else ("\n", "")
        if not (ends := line_ends(before)):
            continue
        depth = _depth(pieces[i])
        mark = _mark(body)
        if not mark:
            if not depth:
                if len(outer) > 1 and body[0].islower() and not _STOPPED.search(above):
                    # It ends the sentence that the list is a part of, perhaps with "unless".
                    yield i, outer[-2].place
                    yield outer[-2].place, i
                outer = []
            elif outer and outer[-1].depth < depth:
                yield i, outer[-1].place
            continue
        announced = i > 0 and _last_depth(before) <= depth
        announced = announced and (
            _announces(above) or _is_title_with_item(above, mark) or (ends == 1 and _leads(above))
        )
        if announced and not _mark(above):
            outer = [_Outer(i - 1, -1, "", True)]
        alike = [k for k, one in enumerate(outer) if (one.depth, one.mark) == (depth, mark)]
        if alike:
            del outer[alike[0] :]
        within = len(outer)
        while outer and (outer[-1].depth > depth or (outer[-1].depth == depth and not outer[-1].open)):
            outer.pop()
        if within > len(outer) == 1 and ends > 1 and not alike and outer[0].depth < 0:
            outer = []  # another list begins, as the next section of a contract does
        if outer:
            yield i, outer[-1].place
        outer.append(_Outer(i, depth, mark, _announces(body) or not _ENDED.search(body)))


class _Outer(NamedTuple):
    """What announces a list, or an item that others may be parts of."""

    place: int
    depth: int  # characters that it stands in
    mark: str
    open: bool  # it does not end in a stop, so that other items may follow that are no further in


def _mark(body: str) -> str:
    """The kind of mark that an item begins with, as "1." of "12." and "a." of "ix."; empty for what is none."""
    found = LIST_ITEM.match(body)
    if found and found[0][0] == "第":
        return found[0][-1]  # chapters hold articles
    return _LETTERS.sub("a", _NUMBER.sub("1", found[0].split()[0])) if found else ""


def _leads(body: str) -> bool:
    """Whether a line right above a list announces it without a colon."""
    return len(body) <= LONGEST_BEGINNING and (not _ENDED.search(body) or _FOLLOWING.search(body) is not None)


def _nested(text: str, sentences: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Pairs of a part of data or code and the line that it is a part of: "database": {, say, or limits:."""
    if _OPENED.search(text) is None:
        return
    starts = sentences[:, 0].tolist()
    outer: list[tuple[int, int, bool]] = []  # how far in a line stands, its sentence, and whether it opens something
    at = i = 0
    for line in text.split("\n"):
        if body := line.strip():
            depth = _depth(line)
            begin = at + depth
            while i + 1 < len(starts) and starts[i + 1] <= begin:
                i += 1
            while outer and outer[-1][0] >= depth:
                outer.pop()
            if outer and outer[-1][2] and outer[-1][1] < i and not text[starts[i] : begin].strip():
                yield i, outer[-1][1]
            opens = body[-1] in "{[(" or (body[-1] == ":" and body[0] != "#")
            outer.append((depth, i, opens and any(map(str.isalnum, body))))
        at += len(line) + 1


def _footnotes(bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a text with a mark at a word's end and the footnote that begins with the mark, and back to the first."""
    notes: dict[str, list[int]] = {}
    for i, body in enumerate(bodies):
        if found := NOTE.match(body):
            notes.setdefault(found[1], []).append(i)
    for mark, places in notes.items():
        if len(places) == 1:  # else they are the items of a list
            marked = re.compile(rf"[\w)%]{re.escape(mark)}(?![\w*])")
            note = places[0]
            # Two marks would be emphasis.
            of = [i for i in range(note) if bodies[i].count(mark) == 1 and marked.search(bodies[i])]
            yield from ((i, note) for i in of)
            yield from ((note, i) for i in of[:1])


def _is_title_with_item(body: str, mark: str) -> bool:
    title, _, item = body.rpartition("\n")
    is_title = bool(title) and len(body) <= _LONGEST_LABEL and not LIST_ITEM.match(title)
    return is_title and _mark(item.lstrip()) == mark


def _rows(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a table's row and its first one."""
    ended = [*pieces[:-1], f"{pieces[-1]}\n"]  # the end of the text ends its line
    for shape, places in groupby(range(len(bodies)), lambda i: _row_shape(ended[i], bodies[i])):
        header, *rows = places
        if shape == "marked" or (shape and len(rows) >= _FEWEST_ROWS - 1 and not _FIGURE.search(bodies[header])):
            yield from ((row, header) for row in rows)


def _row_shape(piece: str, body: str) -> str:
    """What the rows of one table have in common; empty for what is no row."""
    if _MARKED_ROW.search(body):
        return "marked"
    if _ALIGNED.search(body):
        return "aligned"
    if not line_ends(piece):
        return ""
    body = _QUOTED_CELL.sub('""', body) if '"' in body else body
    return next((shape for one in _DELIMITERS if (shape := "".join(one.findall(body)))), "")
