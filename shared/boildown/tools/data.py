"""Where data stand in a text: JSON, or lists, tuples and dictionaries as Python writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

__all__ = ["LONG", "Data", "find_data"]

LONG = 100
"""What has no more characters, such as a name, a path or a link, is data more than text."""

# Data begin their line, or follow the colon of a label or an opening fence.
_BEGIN = re.compile(r"(?:^(?:[ \t]*|[^\n:]{1,100}:\s*)(?:`{3,}[^\n`]*\n\s*)?|:\s*)(?=[\[({])", re.MULTILINE)
_END = re.compile(r"(?:\s*`{3,})?[^\S\n]*$", re.MULTILINE)
_REMARK = re.compile(r"[\[({][^\[({\"'\n]{0,98}[\])}]")  # such as [3] or (draft)
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>[bru]{0,2}(?P<quoted>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')(?P<key>\s*:)?)
    |(?P<word>[-+]?[\w.][\w.+-]*|<[^<>\n]*>)  # a number, a name, or an object that has no other writing
    |(?P<open>[\[({])|(?P<close>[\])}])|(?P<mark>[,:=]))""",
    re.VERBOSE | re.IGNORECASE,
)


class Data(NamedTuple):
    """One value, complete from bracket to bracket.

    Attributes:
        start: where its label or opening fence begins, which belong to it.
        begin, end: the value.
        stop: the end of its line, or of the closing fence.
        strings: where string values are written in more than `LONG` characters.
    """

    start: int
    begin: int
    end: int
    stop: int
    strings: list[tuple[int, int]]


def find_data(text: str) -> list[Data]:
    """The data in a text, in order, read in time linear in its length.

    A value counts if nothing but a closing fence follows on its line. These are no data:

    - Records: values one right after the other, such as JSON lines, or in lines of a log.
    - Remarks: a pair of brackets with some words or numbers in it, such as a citation. At the end of a text, where it
      may be the whole result, it counts.
    """
    found = [*_values(text)]
    follows = [False, *(_is_record(text[one.end : other.begin]) for one, other in pairwise(found)), False]
    end = len(text.rstrip())
    return [
        data
        for i, data in enumerate(found)
        if not (follows[i] or follows[i + 1])
        and (data.stop >= end or not _REMARK.fullmatch(text, data.begin, data.end))
    ]


def _values(text: str) -> Iterator[Data]:
    end = 0
    while match := _BEGIN.search(text, end):
        begin = match.end()
        end, complete, strings = _read(text, begin)
        line_end = _END.match(text, end)
        if complete and line_end:
            yield Data(match.start(), begin, end, line_end.end(), strings)


def _is_record(between: str) -> bool:
    # A line of a log has a colon in its time, or behind its level, and one before the value.
    label = between.strip()
    return not label or (label[-1] == ":" and label.count(":") > 1 and "\n" not in label)


def _read(text: str, at: int) -> tuple[int, bool, list[tuple[int, int]]]:
    """Reads data that begin at a bracket, to its counterpart or as far as they are data.

    A reading by tokens, since one by Python's own parser would take a hundred times the text's memory, or the
    whole stack. Two values in a row without a mark between them, as words in prose stand, are no data.

    Returns:
        how far it came, whether that is the counterpart, and where the longer string values are.
    """
    strings: list[tuple[int, int]] = []
    depth, last = 0, "mark"
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup or ""
        if kind in ("string", "word") and last in ("string", "word", "close"):
            break
        if kind == "string" and match["key"]:
            kind = "mark"
        elif kind == "string" and match.end("quoted") - match.start("string") > LONG:
            strings.append(match.span("string"))
        elif kind == "open":
            called = last == "word" and match.end() == at + 1  # as in Decimal('1.50')
            if last in ("string", "word", "close") and not called:
                break
            depth += 1
        elif kind == "close":
            depth -= 1
            if not depth:
                return match.end(), True, strings
        at, last = match.end(), kind
    return at, False, strings
