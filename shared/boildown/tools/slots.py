"""Which parts of a tool's text may be shortened: all of prose, and of data only the longer strings."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from boildown.counters import well_formed
from boildown.tools.data import LONG, Data, find_data

__all__ = ["Slot", "slots_of"]


_JSON_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[^\\]", re.DOTALL)
_PYTHON_CHARACTER = re.compile(r"\\x..|\\u.{4}|\\U.{8}|\\N\{[^}]*\}|\\[0-7]{1,3}|\\.|[^\\]", re.DOTALL)
_QUOTE = re.compile(r"\\.|\"", re.DOTALL)
_KEY = re.compile(r"""(["'])([^"'\n]{1,60})\1\s*:\s*\Z""")
_LONGEST_KEY = 80


class Slot(NamedTuple):
    """A part that may be shortened: its characters from where to where, what it says, how that is written, and the key
    that it stands behind, "" without one."""

    start: int
    end: int
    text: str
    write: Callable[[str], str] = str
    key: str = ""


def slots_of(text: str) -> list[Slot]:
    """The parts of a text that may be shortened, in order.

    Data are JSON, or lists, tuples and dictionaries as Python writes them, which is what frameworks make of a result
    that is no text. They are the whole text, or stand in lines of their own among prose, maybe behind a label or in a
    Markdown fence. Any cut in them would say something else than the tool did, so what may be shortened are their
    string values of more than 100 characters, and prose of as many before, between and behind them. Where such a value
    is data itself, as of tools behind MCP, the same holds in it.
    """
    found = find_data(text)
    if not found:
        return [Slot(0, len(text), text)] if text.strip() else []
    slots, place = [], 0
    for data in found:
        slots += [*_prose(text, place, data.start), *_strings(text, data)]
        place = data.stop
    return [*slots, *_prose(text, place, len(text))]


def _prose(text: str, start: int, end: int) -> Iterator[Slot]:
    # Without the white space around it, which keeps data and fences in lines of their own.
    prose = text[start:end].lstrip()
    start, prose = end - len(prose), prose.rstrip()
    if len(prose) > LONG:
        yield Slot(start, start + len(prose), prose)


def _strings(text: str, data: Data) -> Iterator[Slot]:
    if not data.strings:
        return
    read, write = (json.loads, _json) if _is_json(text[data.begin : data.end]) else (ast.literal_eval, repr)
    for start, end in data.strings:
        try:
            value = read(text[start:end])
        except (ValueError, SyntaxError):
            continue
        if isinstance(value, str) and len(value) > LONG:
            key = _KEY.search(text, max(0, start - _LONGEST_KEY), start)
            slot = Slot(start, end, value, write, key[2] if key else "")
            yield from _within(slot, text[start:end]) if _is_data(value) else [slot]


def _is_data(value: str) -> bool:
    found = find_data(value)
    return (
        len(found) == 1 and found[0].start == len(value) - len(value.lstrip()) and found[0].stop >= len(value.rstrip())
    )


def _within(outer: Slot, written: str) -> Iterator[Slot]:
    """The parts of a string that may be shortened, where it holds data. `written` is the string with its quotes."""
    character = _JSON_CHARACTER if outer.write is _json else _PYTHON_CHARACTER
    places = [match.start() for match in character.finditer(written, 1)]
    if len(places) != len(outer.text) + 1:  # written in a way that Python itself does not write
        yield outer
        return
    for slot in slots_of(outer.text):

        def write(text: str, inner: Callable[[str], str] = slot.write) -> str:
            return _quoted(inner(text), outer.write, written[0])

        start, end = outer.start + places[slot.start], outer.start + places[slot.end]
        yield Slot(start, end, slot.text, write, slot.key)


def _quoted(text: str, write: Callable[[str], str], quote: str) -> str:
    """The text as it is written between such quotes."""
    if write is _json:
        return _json(text)[1:-1]
    inside = repr(text + '"')[1:-2]  # in single quotes, since it has a double one
    if quote == "'":
        return inside
    return _QUOTE.sub(lambda match: {"\\'": "'", '"': '\\"'}.get(match[0], match[0]), inside)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json(text: str) -> str:
    # A lone surrogate is written as an escape, since no encoding of the whole would take it.
    return json.dumps(text, ensure_ascii=text != well_formed(text))
