"""Text cut from the originals by offsets."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from boildown.select.units import Candidates

__all__ = ["Runs", "cut_out", "kept_runs"]

Runs = list[tuple[int, int]]
"""From where to where, in characters; ascending, and no two touch."""

_LINE_BREAK = re.compile(r"\r?\n(?:[^\S\n]*\n)*")
"""One or more line ends with nothing but white space between them."""
_QUOTED = re.compile(r"[ \t]*>[> \t]*")
"""Marks of quotation at the beginning of a line."""


def kept_runs(candidates: Candidates, kept: NDArray[np.bool_], texts: list[str]) -> dict[int, Runs]:
    """What is kept of each document that has any, neighbours joined, without white space at the two ends.

    White space between pieces is kept as it stood after the piece before it. Where lines or paragraphs ended between
    two pieces, the widest of these breaks stands between them, if need be as a run of its own, so that nobody's words
    come to stand in another's line; and a piece that begins a line keeps its indentation. So joining a document's runs
    needs no glue, every character of the result is one of the original, and headings, list items, rows and nested
    lines stay what they are.

    Args:
        candidates: pieces of the documents.
        kept: shape (candidates,).
        texts: the documents.

    Returns:
        The runs of each document that has any, by its index.
    """
    index = np.flatnonzero(kept)
    if len(index) == 0:
        return {}
    units = candidates.units
    document = units.document[index]
    begins = (np.diff(index, prepend=-2) != 1) | (np.diff(document, prepend=-1) != 0)
    first = index[begins]
    last = index[np.append(np.flatnonzero(begins)[1:], len(index)) - 1]
    pairs = list(zip(units.start[first].tolist(), units.end[last].tolist(), strict=True))
    owner = units.document[first]
    edges = np.append(np.flatnonzero(np.diff(owner, prepend=-1)), len(owner)).tolist()
    owners = owner[edges[:-1]].tolist()
    runs = {}
    for d, (i, j) in zip(owners, pairwise(edges), strict=True):
        if found := _trim(_on_lines(pairs[i:j], texts[d]), texts[d]):
            runs[d] = _marked(found, texts[d]) if ">" in texts[d] else found
    return runs


def cut_out(runs: Runs, text: str) -> str:
    """The text that runs cut out."""
    return "".join([text[start:end] for start, end in runs])


def _on_lines(runs: Runs, text: str) -> Runs:
    """The runs, with the widest line break that was dropped between two of them, and the indentation after it."""
    if len(runs) < 2 or "\n" not in text:
        return runs
    result = runs[:1]
    for start, end in runs[1:]:
        first, last = result[-1]
        breaks = [match.span() for match in _LINE_BREAK.finditer(text, last, start)]
        if breaks:
            content = first + len(text[first:last].rstrip())
            after = text.count("\n", content, last)
            widest = max(reversed(breaks), key=lambda found: text.count("\n", *found))
            indentation = breaks[-1][1]
            begins_line = not text[indentation:start].strip()
            if begins_line:
                start = indentation
            if text.count("\n", *widest) > after:
                last = content if content > first else last
                if begins_line and widest[1] == start:
                    start = widest[0]
                else:
                    result[-1:] = [(first, last), widest]
                    first, last = widest
            elif begins_line:
                last = content + text[content:last].rindex("\n") + 1
        result[-1:] = [(first, end)] if start == last else [(first, last), (start, end)]
    return result


def _marked(runs: Runs, text: str) -> Runs:
    """The runs, each that begins within a quoted line, of which nothing else is kept, with the marks before it."""
    result: Runs = []
    for start, end in runs:
        kept = result[-1][1] if result else 0
        line = text.rfind("\n", max(kept - 1, 0), start) + 1
        marks = _QUOTED.match(text, line, start) if line >= kept and not text[start].isspace() else None
        for begin, after in [*([marks.span()] if marks else []), (start, end)]:
            if result and result[-1][1] == begin:
                begin = result.pop()[0]
            result.append((begin, after))
    return result


def _trim(runs: Runs, text: str) -> Runs:
    while runs:
        start, end = runs[0]
        piece = text[start:end]
        if stripped := piece.lstrip():
            runs[0] = (end - len(stripped), end)
            break
        runs = runs[1:]
    while runs:
        start, end = runs[-1]
        if stripped := text[start:end].rstrip():
            runs[-1] = (start, start + len(stripped))
            break
        runs = runs[:-1]
    return runs
