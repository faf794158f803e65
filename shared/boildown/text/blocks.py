"""Lines of a text, grouped into the blocks that no sentence crosses.

A block is a fence, a table row, a list item, a heading or a paragraph, which may be hard-wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from boildown.text.fences import closed_fences

__all__ = ["LIST_ITEM", "UNSPACED", "Block", "blocks", "fold_newlines"]

UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3\U00020000-\U0003ffff]")
"""A character of a script that is written without spaces, or with few: Chinese, Japanese, Korean."""

LIST_ITEM = re.compile(
    r"(?:[-*+•‣◦▪▫●○■□–—·∙✓✔➢►]|\(?\d{1,3}(?:\.\d{1,2}){0,2}[.)]|\(?[a-z][.)]|\(?[A-Z]\)|\(?[ivx]{1,5}[.)]|[IVX]{1,5}[.)]"
    r"|\[\d{1,3}\]|\[[ xX]\])\s+\S"
    r"|(?:[一二三四五六七八九十]{1,3}|\d{1,2})、|[（(][一二三四五六七八九十\d]{1,3}[）)]|[①-⑳]|第[一二三四五六七八九十百\d]{1,4}[章节条]"
)
_HEADING = re.compile(r"#{1,6}\s")
_OTHER_NEWLINES = {ord(c): "\n" for c in "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
_OTHER_NEWLINE = re.compile("[\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")

# No hard-wrapped text is wider, and none narrower (in characters; a CJK character takes two columns).
_WIDEST_WRAP = 160
_NARROWEST_WRAP = 40


class Block(NamedTuple):
    """A piece of the text, as character offsets."""

    start: int
    end: int
    whole: bool  # one unit, in which no stop ends a sentence: a heading, a table row, code


def fold_newlines(text: str) -> str:
    """Every line end as "\\n", with all offsets unchanged."""
    if _OTHER_NEWLINE.search(text) is None:
        return text
    return text.replace("\r\n", " \n").translate(_OTHER_NEWLINES)


def blocks(text: str, max_length: int) -> Iterator[Block]:
    """Group lines into blocks that no sentence crosses. Blank lines belong to the block before them.

    Args:
        text: A text whose lines end with "\\n" alone.
        max_length: Longest fence in characters that stays one block; a longer one gives a block a line, and 0 means
            that there is no limit.
    """
    lines = text.split("\n")
    fences = closed_fences(lines)
    start = position = index = 0
    whole = False
    previous = ""
    indent = -1  # of the list item that the current block is, if it is one
    while index < len(lines):
        line = lines[index]
        stripped = line.strip()
        if not stripped:
            position += len(line) + 1
            index += 1
            previous = ""
            continue
        closing = fences.get(index)
        if closing is not None:
            if position > start:
                yield Block(start, position, whole)
            start = position
            size = sum(len(line) + 1 for line in lines[index : closing + 1])
            by_line = max_length > 0 and size > max_length
            for line in lines[index : closing + 1]:
                position += len(line) + 1
                if by_line and position < len(text):
                    yield Block(start, position, True)
                    start = position
            index, previous, whole, indent = closing + 1, "", True, -1
            continue
        bare = stripped.lstrip("> ") if stripped[0] == ">" else stripped
        kind_whole = bare.startswith("|") or (bare.startswith("#") and _HEADING.match(bare) is not None)
        item = LIST_ITEM.match(bare) is not None
        own_line = kind_whole or item or " | " in line or "\t" in stripped or stripped[0] == "<"
        depth = len(line) - len(line.lstrip())
        if position > start and not (
            previous and not whole and not own_line and (0 <= indent < depth or _wraps(lines, index, previous, bare))
        ):
            yield Block(start, position, whole)
            start, whole, indent = position, kind_whole, -1
        elif position == start:
            whole = kind_whole
        if item:
            indent = depth
        previous = "" if own_line and not item else stripped
        position += len(line) + 1
        index += 1
    yield Block(start, len(text), whole)


def _wraps(lines: list[str], index: int, previous: str, current: str) -> bool:
    """Whether the line end before line ``index`` lies inside a sentence: the text is hard-wrapped there."""
    if current[:1].islower() or previous[-1] in ",-–—(，、،":
        return True
    size = len(previous)
    if size > _WIDEST_WRAP:
        return False
    if UNSPACED.match(current):
        first, narrowest = 3, _NARROWEST_WRAP // 2
    else:
        first, narrowest = len(current.split(None, 1)[0]) if current else 0, _NARROWEST_WRAP
    # A line is wrapped where the next word did not fit any more: the widest neighbour tells the width.
    width = max(size, len(lines[index].rstrip()), len(lines[index - 2].rstrip()) if index > 1 else 0)
    return size >= narrowest and size + 1 + first >= width
