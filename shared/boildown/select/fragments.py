"""Lines, and text that is longer than a whole budget, taken apart at line ends, or else between elements or words."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from boildown.select.protection import Fits
from boildown.text.blocks import SETTINGS_NAME
from boildown.text.clauses import clause_ends
from boildown.text.markup import tag_spans
from boildown.text.torn import taken_back, untorn
from boildown.text.words import split_words
from boildown.types import Span

__all__ = ["fragment_ends", "line_ends", "line_parents"]

_LINE_END = re.compile(r"\n\s*")
_ELEMENT_END = re.compile(r"[,;|}\]](?=\S)|>(?=<)")
"""Between the fields of a row, the elements of a list or the tags of a page that were written without spaces."""
_NAME_OF_SETTINGS = re.compile(rf"{SETTINGS_NAME.pattern}[ \t]*\n")
_SENTENCE = 300
"""Characters; a longer text without an end is none, and each part of it may say something."""


def fragment_ends(
    text: str, ends: Sequence[int], whole: Sequence[Span], longest: int, fits: Fits
) -> tuple[list[int], list[int]]:
    """The ends of clauses, and more in each clause that does not fit.

    Args:
        text: one sentence.
        ends: where its clauses end, in characters, without the last.
        whole: spans in it that must not be cut, ascending and without overlap.
        longest: in characters; a fragment is only longer where it cannot be cut.
        fits: see `Fits`.

    Returns:
        Places in characters, ascending, neither the beginning nor the end of the text; and those of them at which
        nothing ends but a word of a sentence.
    """
    # A blank line parts a title from what it stands for.
    lines = [place for place in line_ends(text, whole) if text[:place].rstrip(" \t")[-2:] != "\n\n"]
    clauses = untorn(text, clause_ends(text, whole))
    elements = {match.end() for match in _ELEMENT_END.finditer(text)}
    words = _outside({*_outside(elements.union(split_words(text)[:, 1].tolist()), whole)}, tag_spans(text))
    # A key goes with its value, and what announces something with that. Where a text is about to take back what it
    # said, it would seem to be complete.
    takes_back = {place for begin, end in taken_back(text) for place in range(begin, end + 1)}
    complete = [place for place in words if text[max(0, place - 3) : place].rstrip()[-1:] != ":"]
    places = lines, clauses, [place for place in complete if place not in takes_back]
    found: list[int] = []
    start = 0
    for end in [*ends, len(text)]:
        if end - start > longest and not fits(text[start:end].rstrip()):
            found += _cuts(start, end, places, longest)
        found.append(end)
        start = end
    torn = set(found[:-1]).difference(ends, lines, clauses, elements) if len(text) <= _SENTENCE else set()
    return found[:-1], sorted(torn)


def line_ends(text: str, whole: Sequence[Span]) -> list[int]:
    """Where lines of a text begin but the first, in characters, ascending, and not inside of spans that stay whole."""
    return _outside({match.end() for match in _LINE_END.finditer(text) if match.end() < len(text)}, whole)


def line_parents(text: str, ends: Sequence[int]) -> list[int]:
    """For each part of code or data but the first, the number of the one that it is a part of.

    It is the nearest line before it that stands less far in, such as the key above values of YAML, or the name of some
    settings, else the first part.

    Args:
        text: the code.
        ends: where its parts end, in characters, without the last.
    """
    outer: list[tuple[int, int]] = []  # how far in, and which part
    parents = []
    for part, begin in enumerate(ends, 1):
        line = text.rfind("\n", 0, begin) + 1
        if text[line:begin].strip():  # it begins inside of a line, and so goes with that
            parents.append(outer[-1][1] if outer else 0)
            continue
        # All that stands as far in as the name of some settings is below it.
        depth = begin - line - (_NAME_OF_SETTINGS.match(text, begin) is not None)
        while outer and outer[-1][0] >= depth:
            outer.pop()
        parents.append(outer[-1][1] if outer else 0)
        outer.append((depth, part))
    return parents


def _outside(ends: set[int], whole: Sequence[Span]) -> list[int]:
    places = np.array(sorted(ends), dtype=np.int64)
    if whole:
        around = np.searchsorted([span.start for span in whole], places) - 1
        places = places[(around < 0) | (places >= np.array([span.end for span in whole])[around])]
    found: list[int] = places.tolist()
    return found


def _cuts(start: int, end: int, places: Sequence[Sequence[int]], longest: int) -> Iterator[int]:
    """Of the first kind of places that has one within the length the last, else the next of the last kind."""
    while end - start > longest:
        for ends in places:
            last = bisect_right(ends, start + longest) - 1
            if last >= 0 and ends[last] > start:
                cut = ends[last]
                break
        else:
            cut = ends[last + 1] if last + 1 < len(ends) else end
        if cut >= end:
            return
        yield cut
        start = cut
