"""Which parts of a tool's text may be shortened: all of prose, and of data only the longer strings."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from typing import NamedTuple

from boildown.counters import well_formed

__all__ = ["Slot", "slots_of"]

_SHORT = 100
"""A string of fewer characters, such as a name, a path or a link, is data more than text, and stays."""

_BEGIN = re.compile(r"(?:^[ \t]*|:\s*)(?=[\[({])", re.MULTILINE)
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>[bru]{0,2}(?P<quoted>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')(?P<key>\s*:)?)
    |(?P<word>[-+]?[\w.][\w.+-]*|<[^<>\n]*>)  # a number, a name, or an object that has no other writing
    |(?P<open>[\[({])|(?P<close>[\])}])|(?P<mark>[,:=]))""",
    re.VERBOSE | re.IGNORECASE,
)
_END = re.compile(r"\s*(?:```\s*)?")


class Slot(NamedTuple):
    """A part that may be shortened: its characters from where to where, what it says, and how that is written."""

    start: int
    end: int
    text: str
    write: Callable[[str], str] = str


def slots_of(text: str) -> list[Slot]:
    """The parts of a text that may be shortened, in order.

    Data are JSON, or lists, tuples and dictionaries as Python writes them, which is what frameworks make of a result
    that is no text. They are the whole text, or stand behind an introduction or in a Markdown fence. Any cut in them
    would say something else than the tool did, so what may be shortened are their string values of more than 100
    characters, and the introduction if it is as long.
    """
    found = _find_data(text)
    if found is None:
        return [Slot(0, len(text), text)] if text.strip() else []
    begin, end, strings = found
    is_json = _is_json(text[begin:end])
    read, write = (json.loads, _json) if is_json else (ast.literal_eval, repr)
    slots = [Slot(0, begin, text[:begin])] if begin > _SHORT else []
    for start, stop in strings:
        try:
            value = read(text[start:stop])
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, str):
            slots.append(Slot(start, stop, value, write))
    return slots


def _find_data(text: str) -> tuple[int, int, list[tuple[int, int]]] | None:
    """Where the data that the text ends in begin and end, and where their longer string values are; None without any.

    Brackets in the introduction, as in "Query: (pH or sensor)", are no data, and reading goes on behind them.
    """
    begin = _BEGIN.search(text)
    while begin:
        end, complete, strings = _read_data(text, begin.end())
        if complete and _END.fullmatch(text, end):
            return begin.end(), end, strings
        following = _BEGIN.search(text, end)
        if complete and following and not text[end : following.end()].strip():
            return None  # one value after the other, such as JSON lines
        begin = following
    return None


def _read_data(text: str, at: int) -> tuple[int, bool, list[tuple[int, int]]]:
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
        elif kind == "string" and match.end("quoted") - match.start("string") > _SHORT:
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


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json(text: str) -> str:
    # A lone surrogate is written as an escape, since no encoding of the whole would take it.
    return json.dumps(text, ensure_ascii=text != well_formed(text))
