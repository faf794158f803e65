"""What records below each other need: a field the first one of its record, which mostly says whose it is."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from boildown.text.sentences import AFTER_STOP, STOPS

__all__ = ["TERM", "fields"]

_LONGEST = 80
"""Characters of a record's first field, which is a name, a number or a title."""
_FEWEST = 3
"""Fields of a record that nothing but its fields tells from other text."""

_MARKS = r"[*_`]{0,3}"
TERM = rf"{_MARKS}-{{0,2}}[^\W_][^\s:：]*(?: [^\s:：]+){{0,4}}?{_MARKS}"
"""An expression for a few words at the beginning of a line, of which something is told in the rest of it."""
_FIELD = re.compile(rf"({TERM})(?::{_MARKS}[ \t]+|：[ \t]*)\S")
_STOPPED = re.compile(rf"[{STOPS},;]{AFTER_STOP}")


@dataclass(slots=True)
class _Record:
    """Lines of a paragraph, up to one that begins with the same field as the first."""

    names: list[str] = field(default_factory=list)
    first: str = ""
    start: int = 0  # where the first field begins
    end: int = 0
    lines: int = 0

    def add(self, at: int, line: str, name: str) -> None:
        """One more line, which begins at a character of the text, and the name of its field, if it is one."""
        if name and not self.names:
            self.start, self.first = at, line.strip()
        if name:
            self.names.append(name)
        self.lines += 1
        self.end = at + len(line)

    def is_one(self, least: int) -> bool:
        """Whether most lines are fields, at least so many, each with its name; a speaker's turn ends with a stop."""
        names, first = self.names, self.first
        is_one = least <= len(names) == len({*names}) and 2 * len(names) > self.lines
        return is_one and len(first) <= _LONGEST and not _STOPPED.search(first)


def fields(text: str, sentences: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Pairs of a sentence in a record and the one with the record's first field, such as "Name: Ada Lovelace".

    Several records begin with the same field, and a single one begins the text. Where other text follows each of
    several, as the mails of a thread, that belongs to it as well.

    Args:
        text: the text the sentences were cut from.
        sentences: shape (n, 2), covering the text.
    """
    if sum(map(text.count, ":：")) < 2:
        return
    found = _records(text)
    count = Counter(one.names[0] for one in found if one is not None)
    # Whose records have no other text below them.
    bare = {one.names[0] for one, after in pairwise([*found, *found[-1:]]) if one is not None and after is not None}
    starts = sentences[:, 0].tolist()
    begin = len(text) - len(text.lstrip())
    end = len(text)
    for one in reversed([one for one in found if one is not None]):
        name = one.names[0]
        if count[name] > 1 or (one.start == begin and len(one.names) >= _FEWEST):
            opener = bisect_right(starts, one.start) - 1
            below = bisect_left(starts, one.end if name in bare else end)
            yield from ((i, opener) for i in range(opener + 1, below))
        end = one.start


def _records(text: str) -> list[_Record | None]:
    """The records of a text in order, and None for each paragraph without one."""
    found: list[_Record | None] = []
    paragraph: list[_Record] = []
    at = 0
    for line in [*text.split("\n"), ""]:
        body = line.strip()
        if body:
            colon = ":" in body or "：" in body
            name = match[1] if colon and (match := _FIELD.match(body)) else ""
            if not paragraph or (name and paragraph[-1].names[:1] == [name]):
                paragraph.append(_Record())
            paragraph[-1].add(at, line, name)
        elif paragraph:
            least = _FEWEST if len(paragraph) > 1 else 2
            found += [one for one in paragraph if one.is_one(least)] or [None]
            paragraph = []
        at += len(line) + 1
    return found
