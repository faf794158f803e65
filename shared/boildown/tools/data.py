"""Where data stand in a text: JSON, or lists, tuples, dictionaries and objects as Python writes them."""

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
_FIELD = re.compile(r" ?[^\W\d]\w*=(?=\S)")  # as pydantic writes a model's, with nothing around all of them
_CALL = re.compile(r"[^\W\d][\w.]*(?=\()")
_NUMBER = re.compile(r"[-+]?(?:[\d.]|nan\b|inf\b)|True\b|False\b")
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
    - Objects, unless they are the whole text, since calls in code look the same.
    - Remarks: a pair of brackets with some words or numbers in it, such as a citation. At the end of a text, where it
      may be the whole result, it counts.
    """
    whole = _object(text)
    if whole:
        return [whole]
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


def _object(text: str) -> Data | None:
    """The whole text as an object: a dataclass such as `Row(id=1)`, or a pydantic model such as `id=1 name='x'`."""
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    at = begin
    strings: list[tuple[int, int]] = []
    called = _CALL.match(text, begin)
    while field := called or _FIELD.match(text, at):
        at, complete, found = _read(text, at if called else field.end())
        strings += found
        if not complete:
            return None
        if at == end:
            return Data(begin, begin, end, end, strings)
        called = None
    return None


def _is_record(between: str) -> bool:
    # A line of a log has a colon in its time, or behind its level, and one before the value.
    label = between.strip()
    return not label or (label[-1] == ":" and label.count(":") > 1 and "\n" not in label)


def _read(text: str, at: int) -> tuple[int, bool, list[tuple[int, int]]]:
    """Reads one value, mostly from a bracket to its counterpart, or as far as it is data.

    A reading by tokens, since one by Python's own parser would take a hundred times the text's memory, or the
    whole stack. Two values in a row without a mark between them, as words in prose stand, are no data; but numbers are,
    and rows of them, as numpy writes its arrays.

    Returns:
        how far it came, whether that is the value's end, and where the longer string values are.
    """
    strings: list[tuple[int, int]] = []
    depth, last = 0, "mark"
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup or ""
        if kind == "word" and _NUMBER.match(match["word"]):
            kind = "number"
        in_a_row = kind in ("string", "word", "number") and last in ("string", "word", "number", "close")
        if in_a_row and not kind == last == "number":
            break
        if kind == "string" and match["key"]:
            kind = "mark"
        elif kind == "string" and match.end("quoted") - match.start("string") > LONG:
            strings.append(match.span("string"))
        elif kind == "open":
            called = last == "word" and match.end() == at + 1  # as in Decimal('1.50')
            if last in ("string", "word", "number") and not called:
                break
            depth += 1
        elif kind == "close":
            depth -= 1
        if depth <= 0 and kind != "mark" and not (kind == "word" and text.startswith("(", match.end())):
            return match.end(), depth == 0, strings
        at, last = match.end(), kind
    return at, False, strings
