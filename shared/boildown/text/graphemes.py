"""Where a string may be cut without tearing a character that a reader sees as one.

This is the part of Unicode's extended grapheme clusters (UAX #29, section 3.1.1) that matters for cutting: combining
marks, variation selectors, zero-width joiners, emoji modifiers and flags, Hangul jamo, conjuncts after a virama,
CR LF, and surrogate pairs that arrived as two code points.
"""

from __future__ import annotations

import unicodedata

_ZWJ = "\u200d"


def is_boundary(text: str, at: int, floor: int = 0) -> bool:
    """Whether ``text`` may be cut at ``at`` (0 < at < len(text)), ``floor`` being a known boundary before it."""
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":
        return not (before == "\r" and after == "\n")
    if before == _ZWJ or after in "\u200c\u200d" or unicodedata.category(after)[0] == "M":
        return False
    # Thai and Lao write some vowels before and some after their consonant.
    if after in "\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3" or before in "เแโใไເແໂໃໄ":
        return False
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return False
    if "\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff":
        run = at
        while run > floor and "\U0001f1e6" <= text[run - 1] <= "\U0001f1ff":
            run -= 1
        return (at - run) % 2 == 0
    if "\u1160" <= after <= "\u11ff" and ("\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"):
        return False
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return False
    return unicodedata.combining(before) != 9  # a virama joins the next consonant


def safe_cut(text: str, start: int, high: int, end: int) -> int:
    """The last boundary up to ``high`` of the piece that begins at ``start``, else the first one up to ``end``."""
    for at in range(high, start, -1):
        if is_boundary(text, at, start):
            return at
    for at in range(high + 1, end):
        if is_boundary(text, at, start):
            return at
    return end
