"""Headings as pieces of their own, and what stands below which."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boildown.text.blocks import LIST_ITEM
from boildown.text.fences import fence_spans
from boildown.text.sentences import AFTER_STOP
from boildown.text.titles import (
    LABEL_LEVEL,
    LONGEST_TITLE,
    NUMBERED_LEVEL,
    SETTINGS_LEVEL,
    TITLE_LEVEL,
    is_title,
    marked_heading,
    numbered_headings,
)

__all__ = ["Outline", "join_outlines", "outline"]

_COMMENT = re.compile(r"(?m)^(#{1,6})(?:[ \t][^\n]*)?\n(?:\1(?:[ \t][^\n]*)?(?:\n|\Z))+|^#[^\n]*\n(?=[\w.\-]+[ \t]*=)")
"""Above each other, or a setting."""
_SETTING = re.compile(r"[#;]|[^\n=]+=")
_LINE = re.compile(rf"([^\n]{{1,{LONGEST_TITLE}}})\n(\s*)")
_WORD = re.compile(r"[^\W\d_]{2}")
_GOES_ON = re.compile(rf"[:：,;，；、]{AFTER_STOP}")
_COLUMNS = (((2,), np.int64), ((), np.int64), ((), np.bool_), ((2,), np.int64))
"""Shape of a row and type of each of an outline's arrays."""


class Outline(NamedTuple):
    """A text's sentences, with the headings before them cut off.

    Attributes:
        pieces: shape (n, 2), from where to where, in characters; they cover what the sentences do.
        sentence: shape (n,), which sentence each piece is of.
        heading: shape (n,), which pieces are headings and nothing else; a line right above others may say something,
            unless it is a number or a version.
        below: pairs of a piece and the heading above it, or of a heading and the one that it is a part of, ascending.
            Shape (pairs, 2).
    """

    pieces: NDArray[np.int64]
    sentence: NDArray[np.int64]
    heading: NDArray[np.bool_]
    below: NDArray[np.int64]


def outline(text: str, sentences: NDArray[np.int64]) -> Outline:
    """Cuts headings off, and says what stands below them.

    A heading is marked as in Markdown or HTML, or a short line without a stop that begins a paragraph.

    Args:
        text: the text the sentences were cut from.
        sentences: shape (n, 2), covering the text.
    """
    count = len(sentences)
    plain = Outline(sentences, np.arange(count), np.zeros(count, dtype=bool), np.zeros((0, 2), dtype=np.int64))
    if "\n" not in text and "<" not in text:
        return plain
    pieces: list[tuple[int, int]] = []
    owner: list[int] = []
    below: list[tuple[int, int]] = []
    above: list[tuple[int, int]] = []  # (level, piece) of the headings that hold, the outermost first
    alone: list[int] = []
    announces = False  # the last heading stands right above a list, and above nothing else
    begins = True  # a paragraph
    code = _code_spans(text)
    begins_code = [begin for begin, _ in code]
    numbered = numbered_headings(text)
    for index, (start, end) in enumerate(sentences.tolist()):
        around = bisect_right(begins_code, start) - 1
        coded = around >= 0 and start < code[around][1]
        while start < end and (found := _heading(text, start, end, begins, numbered)):
            cut, level = found
            if coded and level != SETTINGS_LEVEL:
                break
            while above and above[-1][0] >= level:
                above.pop()
            if above:
                below.append((len(pieces), above[-1][1]))
            above.append((level, len(pieces)))
            announces = level == LABEL_LEVEL and LIST_ITEM.match(text, cut) is not None
            if level < LABEL_LEVEL or not _WORD.search(text, start, cut):
                alone.append(len(pieces))
            pieces.append((start, cut))
            owner.append(index)
            begins = level < LABEL_LEVEL
            start = cut
        if start == end:
            continue
        if above and above[-1][0] == SETTINGS_LEVEL and begins and not _SETTING.match(text, start):
            above.pop()
        if announces and begins and not LIST_ITEM.match(text, start):
            above.pop()
            announces = False
        if above:
            below.append((len(pieces), above[-1][1]))
        pieces.append((start, end))
        owner.append(index)
        body = text[start:end].rstrip()
        # Short lines one below the other are no headings of each other.
        begins = text.count("\n", start + len(body), end) > 1 and not (begins and _is_title(body.rpartition("\n")[2]))
    if not below:
        return plain
    heading = np.zeros(len(pieces), dtype=bool)
    heading[alone] = True
    offsets, sentence, pairs = (np.array(column, dtype=np.int64) for column in (pieces, owner, below))
    return Outline(offsets, sentence, heading, pairs)


def _code_spans(text: str) -> list[tuple[int, int]]:
    """Fences, and comments of several lines, which begin as headings do; ascending."""
    comments = [match.span() for match in _COMMENT.finditer(text)] if "#" in text else []
    return sorted([*comments, *fence_spans(text)])


def join_outlines(outlines: Sequence[Outline]) -> Outline:
    """The outlines of several texts as one, which counts sentences and pieces over all of them."""
    parts = [Outline(*(np.zeros((0, *shape), dtype=kind) for shape, kind in _COLUMNS)), *outlines]
    sentences = np.cumsum([0, *(int(one.sentence[-1]) + 1 if len(one.sentence) else 0 for one in parts)])
    pieces = np.cumsum([0, *(len(one.pieces) for one in parts)])
    return Outline(
        np.concatenate([one.pieces for one in parts]),
        np.concatenate([one.sentence + n for one, n in zip(parts, sentences.tolist(), strict=False)]),
        np.concatenate([one.heading for one in parts]),
        np.concatenate([one.below + n for one, n in zip(parts, pieces.tolist(), strict=False)]),
    )


def _heading(
    text: str, start: int, end: int, begins: bool, numbered: Mapping[int, tuple[int, int]]
) -> tuple[int, int] | None:
    """Where the heading ends that a sentence begins with, white space included, and its level; None without one.

    Args:
        text: the text.
        start, end: of the sentence, or of what is left of it.
        begins: it begins a paragraph.
        numbered: the text's headings with numbers, by their beginning; each with its end and its level.
    """
    start += len(text[start:end]) - len(text[start:end].lstrip())
    found = marked_heading(text, start, end)
    if found is None and start in numbered:
        found = min(numbered[start][0], end), numbered[start][1]
    if found is None and begins and (line := _LINE.match(text, start, end)) and _is_title(line[1]):
        alone = "\n" in line[2]
        following = _LINE.match(text, line.end(), end)
        if alone and following and "\n" in following[2] and _is_title(following[1]):
            return None  # short lines between blank ones are no headings of each other
        if not alone and line.end() < end and line[1].count(" ") > 1:
            return None  # the first line of a sentence that is wrapped
        found = line.end(), TITLE_LEVEL if alone else LABEL_LEVEL
    if found is None:
        return None
    # Something must be left that it is the heading of, in this sentence or right below it.
    cut, level = found
    return found if cut < end or (level >= NUMBERED_LEVEL and end < len(text)) else None


def _is_title(line: str) -> bool:
    return is_title(line.rstrip()) and not _GOES_ON.search(line.rstrip())
