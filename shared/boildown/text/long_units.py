"""Units of text that are longer than a limit, cut where it does the least harm."""

from __future__ import annotations

import re
from collections.abc import Iterator

from boildown.text.clauses import CLAUSE_END
from boildown.text.graphemes import safe_cut

__all__ = ["shorten"]

# A cell of a table row or an element of a page is no clause of a sentence, but the next best place.
_CLAUSE_END = re.compile(rf"{CLAUSE_END}|\|\s+|>(?=<)")
_BLANKS = re.compile(r"\s*")
_FEWEST = 200
_OPAQUE = re.compile(rf"[A-Za-z0-9+/=_\-.~%:?&#@!$*]{{{_FEWEST},}}")
"""A signed link, an encoded file: half of it is worth nothing, and looks like all of it."""


def shorten(text: str, ends: list[int], max_length: int) -> Iterator[int]:
    """Cut units longer than ``max_length`` at the best place in the second half of the allowed length.

    Args:
        text: A text whose lines end with "\\n" alone.
        ends: Where its units end, in order; the first begins at 0, and each begins where the last one ended.
        max_length: In characters, not counting trailing white space.

    Yields:
        The ends of the units after that.
    """
    start = 0
    for end in ends:
        if end - start > max_length:
            content = start + len(text[start:end].rstrip())
        while end - start > max_length and content - start > max_length:
            cut = _best_cut(text, start, max_length, end)
            if cut >= end:
                break
            yield cut
            start = cut
        yield end
        start = end


def _best_cut(text: str, start: int, max_length: int, end: int) -> int:
    """The last line end in the second half of the length, else clause end, else white space, else grapheme.

    A long run of letters and digits without white space stays whole, however long it is.
    """
    low, high = start + max(1, max_length // 2), start + max_length
    cut = text.rfind("\n", low, high) + 1
    if not cut:
        for match in _CLAUSE_END.finditer(text, low, min(high + 1, end)):
            if match.start() < high:  # white space may stand beyond the limit, but no mark
                cut = match.end()
    if not cut:
        head = text[low : high + 1].rstrip()
        pieces = head.rsplit(None, 1) if len(head) == high + 1 - low else [head, ""]
        cut = low + len(pieces[0]) if len(pieces) == 2 else 0
    if not cut:
        opaque = _OPAQUE.search(text, start, min(high + _FEWEST, end))
        if opaque is None or opaque.start() > high:
            return safe_cut(text, start, high, end)
        whole = _OPAQUE.match(text, opaque.start(), end)
        cut = opaque.start() if opaque.start() > start or whole is None else whole.end()
    blanks = _BLANKS.match(text, cut, end)
    return blanks.end() if blanks else cut
