"""JSON values in running text, found in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator

_START = re.compile(r"[{\[](?=\s*[\"{\[\-0-9tfn])")
_TOKEN = re.compile(
    r"[ \t\n\r]*(?:"
    r'(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+\-]?[0-9]+)?)"
    r"|(?P<literal>true|false|null)"
    r"|(?P<mark>[\[\]{}:,]))"
)
_LONG = 400
"""Characters of a value whose elements are worth looking at one by one."""
_COMMA = re.compile(r"\s*,(?:[^\S\n]*\n|[^\S\n]*)")
_DEEPEST = 200  # json.loads gives up at about a thousand levels
_MAY_CLOSE = ("comma", "first", "first key")


def json_spans(text: str) -> Iterator[tuple[int, int]]:
    """The outermost objects and arrays that ``json.loads`` accepts, in order.

    What reads like a reference mark is none: an empty container, or an array of at most three numbers.
    """
    if "{" not in text and "[" not in text:
        return
    at = 0
    while start := _START.search(text, at):
        found, failed = _parse(text, start.start(), [])
        yield from found
        at = max(failed, start.end())


def element_ends(text: str) -> list[int]:
    """Where the objects and arrays inside a long value end, each with the comma after it, in order."""
    ends: list[int] = []
    at = 0
    while start := _START.search(text, at):
        _, failed = _parse(text, start.start(), ends)
        at = max(failed, start.end())
    return ends


class _Container:
    """An object or array that is still open."""

    __slots__ = ("begin", "is_object", "items", "mark", "rich")

    def __init__(self, begin: int, is_object: bool, mark: int) -> None:
        self.begin, self.is_object, self.items, self.mark, self.rich = begin, is_object, 0, mark, is_object


def _parse(text: str, at: int, ends: list[int]) -> tuple[list[tuple[int, int]], int]:
    """Read one value that begins at ``at``.

    The grammar is LL(1): where reading fails, no open container can be valid, and every closed one is. So the
    result is the outermost closed ones and the place where reading ended, and nothing is read twice.
    """
    stack: list[_Container] = []
    closed: list[tuple[int, int]] = []
    expected = "value"  # or: first (a value or the end), key, first key, colon, comma
    while match := _TOKEN.match(text, at):
        kind, token = match.lastgroup, match[match.lastindex or 0]
        if kind == "mark":
            if token in "{[" and expected in ("value", "first") and len(stack) < _DEEPEST:
                if stack:
                    stack[-1].rich = True
                stack.append(_Container(match.end() - 1, token == "{", len(ends)))
                expected = "first key" if token == "{" else "first"
            elif token in "}]" and expected in _MAY_CLOSE and stack[-1].is_object == (token == "}"):
                done = stack.pop()
                while closed and closed[-1][0] > done.begin:
                    closed.pop()
                if match.end() - done.begin <= _LONG:
                    del ends[done.mark :]
                if done.items and (done.rich or done.items > 3):
                    closed.append((done.begin, match.end()))
                    if comma := _COMMA.match(text, match.end()):
                        ends.append(comma.end())
                if not stack:
                    return closed, match.end()
                stack[-1].items += 1
                expected = "comma"
            elif token == "," and expected == "comma":
                expected = "key" if stack[-1].is_object else "value"
            elif token == ":" and expected == "colon":
                expected = "value"
            else:
                break
        elif kind == "string" and expected in ("key", "first key"):
            expected = "colon"
        elif expected in ("value", "first"):
            stack[-1].items += 1
            stack[-1].rich |= kind != "number"
            expected = "comma"
        else:
            break
        at = match.end()
    return closed, at
