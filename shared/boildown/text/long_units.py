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
    """The last line end in the second half of the length, else clause end, else white space, else grapheme."""
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
        return safe_cut(text, start, high, end)
    blanks = _BLANKS.match(text, cut, end)
    return blanks.end() if blanks else cut
