"""Lines of a text, grouped into the blocks that no sentence crosses.

A block is a fence, a table row, a list item, a heading or a paragraph, which may be hard-wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from boildown.text.fences import closed_fences
from boildown.text.wrapping import wraps

__all__ = ["LIST_ITEM", "LONGEST_ROW", "SETTINGS_NAME", "Block", "blocks", "fold_newlines"]

LIST_ITEM = re.compile(
    r"(?:[-*+•‣◦▪▫●○■□–—·∙✓✔➢►]|\(?\d{1,3}(?:\.\d{1,2}){0,2}[.)]|\(?[a-z][.)]|\(?[A-Z]\)|\(?[ivx]{1,5}[.)]|[IVX]{1,5}[.)]"
    r"|\[\d{1,3}\]|\[[ xX]\])\s+\S"
    r"|(?:[一二三四五六七八九十]{1,3}|\d{1,2})、|[（(][一二三四五六七八九十\d]{1,3}[）)]|[①-⑳]|[・•●■◆]\S|第[一二三四五六七八九十百\d]{1,4}[章节条]"
)
SETTINGS_NAME = re.compile(r"\[{1,2}[^\W\d][^\[\],\r\n]{0,60}\]{1,2}")
"""Above some settings, as in INI and TOML: "[mail]"."""
_HEADING = re.compile(r"#{1,6}\s")
_RULE = re.compile(r"[^\w\s]{3,}")
_OTHER_NEWLINES = {ord(c): "\n" for c in "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
_OTHER_NEWLINE = re.compile("[\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


LONGEST_ROW = 500
"""Characters of a row of data; of a longer one, the sentences of a cell may be kept or not."""
_QUOTED_CELL = re.compile(r'(?:(?<=[,;])|^)"(?:[^"]|"")*"(?=[,;]|$)')
_NEXT_CELL = re.compile(r"[,;](?=\S|$)")


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
        kind_whole = kind_whole or (not item and _is_row(stripped))
        own_line = kind_whole or item or " | " in line or "\t" in stripped or stripped[0] == "<"
        own_line = own_line or (
            not bare[:1].isalnum() and (_RULE.fullmatch(bare) or SETTINGS_NAME.fullmatch(bare)) is not None
        )
        depth = len(line) - len(line.lstrip())
        if position > start and not (
            previous and not whole and not own_line and (0 <= indent < depth or wraps(lines, index, previous, bare))
        ):
            yield Block(start, position, whole)
            start, whole, indent = position, kind_whole, -1
        elif position == start:
            whole = kind_whole
        if item:
            indent = depth
        previous = "" if own_line and not item else bare
        position += len(line) + 1
        index += 1
    yield Block(start, len(text), whole)


def _is_row(line: str) -> bool:
    """Whether a line is a row of three cells or more, between tabs, or some of them in quotation marks."""
    if len(line) > LONGEST_ROW:
        return False
    if '"' in line and not line.startswith(("{", "[")):
        cells = _QUOTED_CELL.sub('""', line)
        if cells.count('""') and len(_NEXT_CELL.findall(cells)) > 1:
            return True
    return line.count("\t") > 1
