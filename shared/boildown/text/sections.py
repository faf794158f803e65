"""Long texts that tell of several things in turn: passages pasted together, a page of entries, a handbook."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boildown.text.blocks import LIST_ITEM
from boildown.text.names import opening_name
from boildown.text.sentences import AFTER_STOP, STOPS
from boildown.text.words import stems, terms

__all__ = ["Section", "find_sections"]

_LONG = 2000
"""Characters; what is shorter a model reads at once."""
_NAMED = 0.5
"""The least share of paragraphs, or of headings where there are any, that say what they are about."""
_HEADING = 90
_LINES = 6
"""Above a paragraph that may be headings, blank ones included."""
_OPENING = 300
"""Characters after a heading that say whether it names what they are about."""
_MARKED = re.compile(r"#{1,6}\s")
_PAGE = re.compile(rf"\s*#\s+([^\n]{{1,{_HEADING}}})\n(?!(?s:.)*\n#\s)")
"""A page's only heading of the first level, above all else."""
_MARKS = "#*_= \t"
_STOPPED = re.compile(rf"[{STOPS},;]{AFTER_STOP}")


class Section(NamedTuple):
    """Sentences of a text from `first` on, up to the next section's, and what they are about; "" if that is unknown."""

    first: int
    name: str


def find_sections(text: str, sentences: NDArray[np.int64]) -> list[Section]:
    """The sections of a text that say themselves what they are about, in order; one for the whole text if few do.

    A section begins after a blank line or with a marked heading. Its name is a heading of which the words come again in
    what follows, or the name that it opens with, after the heading of the whole page. "Cause" and "Resolution" above
    parts of a page name nothing, so that such parts, and paragraphs that go on, stay with what is before them.

    Args:
        text: any string.
        sentences: shape (n, 2), covering the text.
    """
    whole = [Section(0, "")]
    if len(text) < _LONG:
        return whole
    begins = [_Beginning(0, *_opening(text, 0))]
    for index, (start, _) in enumerate(sentences[1:].tolist(), 1):
        before = text[int(sentences[index - 1, 0]) : start]
        if _MARKED.match(text, start) or len(before[len(before.rstrip()) :].splitlines()) > 1:
            begins.append(_Beginning(index, *_opening(text, start)))
    if any(begin.headed for begin in begins[1:]):  # then a paragraph without a heading belongs to the one before
        begins = [begin for begin in begins if begin.headed or begin.first == 0]
    named = [Section(begin.first, begin.name) for begin in begins if begin.name]
    names = {section.name for section in named}
    if len(names) < 2 or len(names) < _NAMED * len(begins):
        return whole
    if named[0].first > 0:
        named = [*whole, *named]
    page = _PAGE.match(text)
    return [named[0], *(Section(first, f"{page[1].strip()}. {name}") for first, name in named[1:])] if page else named


class _Beginning(NamedTuple):
    first: int
    headed: bool
    name: str


def _opening(text: str, start: int) -> tuple[bool, str]:
    """Whether a heading stands at `start`, and what the text from there on is about."""
    heading = ""
    place = start
    for line in text[start : start + 4 * _HEADING].splitlines(keepends=True)[:_LINES]:
        bare = line.strip().strip(_MARKS)
        if bare:
            if len(bare) > _HEADING or LIST_ITEM.match(bare) or _STOPPED.search(bare) or line[-1] not in "\n\r":
                break
            heading = bare
        place += len(line)
    body = text[place : place + _OPENING]
    words = set(stems(terms(heading)))
    if 2 * len(words.intersection(stems(terms(body)))) > len(words):
        return True, heading
    return heading != "", opening_name(body)
