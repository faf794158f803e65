"""Headings, labels, one-word answers: pieces that say little alone, joined to the sentence they belong to."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from boildown.text.markup import bare_end
from boildown.text.sentences import AFTER_STOP, QUESTION_MARKS, STOPS
from boildown.text.titles import LABEL_LEVEL, SETTINGS_LEVEL, TITLE_LEVEL, is_title, marked_heading
from boildown.text.words import split_words

__all__ = ["join_fragments"]

_LONGEST_FRAGMENT = 24
"""Characters; a longer sentence is never a fragment, so its words need not be counted."""

# Cells of a row are words too, though no white space stands between them.
_SPACED_WORD = re.compile(r"[^\s,;|]*\w[^\s,;|]*")
_WORD = re.compile(r"\w")
_STOPPED = re.compile(rf"[{STOPS}]{AFTER_STOP}")


def join_fragments(text: str, sentences: NDArray[np.int64], min_words: int) -> NDArray[np.int64]:
    """Joins headings, and sentences of fewer than `min_words` words, to a neighbour.

    A heading goes with what follows it, and so does a label or whatever else begins a paragraph; but not with a heading
    that does not stand below it. A short sentence goes with the one before it in its paragraph, or with the question
    that it answers, but one that begins a line with the rest of that.

    Args:
        text: the text the sentences were cut from.
        sentences: shape (n, 2), covering the text.
        min_words: 0 or 1 joins nothing.

    Returns:
        shape (m, 2) with m <= n, covering the text.
    """
    if min_words <= 1 or len(sentences) < 2:
        return sentences
    starts: list[int] = []
    words = 0  # of the fragments at the end of the unit at hand
    waiting = 0  # the level of the heading or label that ends the unit at hand, if one does
    begins = begins_line = True  # `begins`: a paragraph
    asked = announced = False
    for start, end in sentences.tolist():
        piece = text[start:end]
        body = piece.rstrip()
        count = _words(body) if len(body) <= _LONGEST_FRAGMENT else min_words
        short = count < min_words
        ends_line = piece[-1] in "\n\r>"
        closes = end == len(text) or (ends_line and len(piece[len(body) :].splitlines()) > 1)
        # The end of a record of data belongs to that, and not to the next one, as "... 12 more" does to a stack.
        rest = body.endswith(("}", "},")) or body.lstrip().startswith("... ")
        stopped = short and (rest or _STOPPED.search(body) is not None)
        level = _level(text, start, end, begins and closes) if ends_line else 0
        # A line without a stop announces what follows, unless it ends a paragraph that it does not begin.
        # Of "Step 3. Pull out the filter." the number goes with what it counts.
        leads = short and begins_line and not ends_line and end < len(text)
        back = stopped or not ends_line or (closes and not bare_end(body).endswith(":"))
        back = short and not level and not leads and back and (not begins or (asked and stopped))
        if waiting and not (announced and level == SETTINGS_LEVEL):
            joins = not level or level > waiting or (level == waiting and words < min_words)
        else:
            # Fragments in a row become no longer than it takes.
            joins = back and (words < min_words or closes) and len(starts) > 0
        if not joins:
            starts.append(start)
            words = 0
        words = words + count if short or level else 0
        if level:
            waiting = level
        else:
            forward = short and not back and not (stopped and ends_line)
            waiting = LABEL_LEVEL if forward and (leads or words < min_words) else 0
        begins, begins_line = closes, ends_line
        tail = bare_end(body)
        asked, announced = tail.endswith(QUESTION_MARKS), tail.endswith(":")
    kept = np.array(starts, dtype=np.int64)
    return np.stack([kept, np.append(kept[1:], sentences[-1, 1])], axis=1)


def _words(text: str) -> int:
    """Words that are more than marks."""
    if text.isascii():
        return len(_SPACED_WORD.findall(text))
    return sum(_WORD.search(text, start, end) is not None for start, end in split_words(text).tolist())


def _level(text: str, start: int, end: int, alone: bool) -> int:
    """The level of a sentence that is a heading, 0 of any other; `alone` says that blank lines stand around it."""
    marked = marked_heading(text, start, end)
    if marked and marked[0] == end:
        return marked[1]
    return TITLE_LEVEL if alone and is_title(text[start:end].rstrip()) else 0
