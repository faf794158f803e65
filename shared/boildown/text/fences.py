"""Fenced code blocks of Markdown (CommonMark 0.31, section 4.5)."""

from __future__ import annotations

import re
from itertools import accumulate

OPENING_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`\n]*\n\s*", re.MULTILINE)
"""The line that opens a block, and the white space before what it holds; its group is the language, if it has one."""
CLOSING_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})\s*\Z")
"""The line that closes a block, as the end of a text."""
_FENCE = re.compile(r"(`{3,}|~{3,})([^`]*)$")
_LANGUAGE = re.compile(r"\w")


def closed_fences(lines: list[str]) -> dict[int, int]:
    """First and last line of every fenced code block, as ``{first: last}``.

    A fence that names a language and is never closed runs to the end, as in a chunk cut inside a block. One that
    names none is taken for the end of a block that began before the chunk, and not for a beginning.
    """
    marks = []
    for index, line in enumerate(lines):
        if "```" in line or "~~~" in line:
            match = _FENCE.match(line.strip())
            if match:
                marks.append((index, match[1][0], len(match[1]), match[2].strip()))
    fences: dict[int, int] = {}
    unclosed: dict[str, int] = {}  # no later fence closes one of this length or longer
    at = 0
    while at < len(marks):
        index, char, size, info = marks[at]
        at += 1
        closing = None
        if size < unclosed.get(char, size + 1):
            for ahead in range(at, len(marks)):
                last, other, length, after = marks[ahead]
                if other == char and length >= size and not after:
                    closing, at = last, ahead + 1
                    break
            else:
                unclosed[char] = size
        if closing is None and info and _LANGUAGE.match(info):
            closing, at = len(lines) - 1, len(marks)
        if closing is not None:
            fences[index] = closing
    return fences


def fence_spans(text: str) -> list[tuple[int, int]]:
    """Where every fenced code block of a text begins and ends, in characters."""
    if "```" not in text and "~~~" not in text:
        return []
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    return [(starts[first], starts[last] + len(lines[last].rstrip())) for first, last in closed_fences(lines).items()]
