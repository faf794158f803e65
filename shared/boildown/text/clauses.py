"""Where a sentence may be cut in two and both parts still read well."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from boildown.types import Span

__all__ = ["CLAUSE_END", "clause_ends"]

CLAUSE_END = (
    # With a space after it: without one, a comma or a colon may stand inside a number, a time or a name.
    r"(?:[,;:)\]–—]|\s-)\s+"
    # Chinese and Japanese, Arabic and Urdu, Myanmar, Ethiopic, which may do without the space.
    r"|[，；：、､،؛၊፣፤፥]\s*"
    # White space is looked at from its beginning only, since a run of it may be as long as the text.
    r"|(?<!\s)\s+(?=\()"
)
"""An expression for what ends a clause, white space after it included."""

_CLAUSE_END = re.compile(CLAUSE_END)
_LEAST = 15
"""Bytes in UTF-8 of a part worth standing alone: two or three words, or five Chinese characters."""


def clause_ends(text: str, whole: Sequence[Span] = ()) -> list[int]:
    """Places, in characters, where a sentence may be cut; ascending, neither its beginning nor its end.

    Args:
        text: one sentence.
        whole: spans in it that must not be cut, ascending and without overlap.
    """
    begins = [span.start for span in whole]
    ends = []
    last = 0
    for match in _CLAUSE_END.finditer(text):
        end = match.end()
        inside = bisect_right(begins, end - 1) - 1
        if inside >= 0 and whole[inside].end > end:
            continue
        if _is_long(text, last, end) and _is_long(text, end, len(text)):
            ends.append(end)
            last = end
    return ends


def _is_long(text: str, start: int, end: int) -> bool:
    return end - start >= _LEAST or len(text[start:end].encode("utf-8", "surrogatepass")) >= _LEAST
