"""Ends of clauses at which a cut would mislead: inside of brackets, or before what takes back what was said."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from boildown.text.markup import TAG

__all__ = ["untorn"]

_WHOLE = re.compile(rf"{TAG}|\((?:[^()\n]|\([^()\n]*\)){{0,120}}\)|\[[^\[\]\n]{{0,120}}\]|（[^（）\n]{{0,60}}）")
"""Tags, and brackets around less than a sentence."""
_EXCEPTION = re.compile(
    r"(?:and |or |und |oder |et |ou |y |o )?(?:"
    r"unless|except|excluding|provided|as long as|only if|but not|if not|other than|save for|subject to|until"
    r"|es sei denn|sofern|soweit|außer|ausgenommen|(?:nicht )?jedoch|nur wenn|solange"
    r"|sauf|excepté|hormis|à moins|à condition|mais pas|salvo|excepto|a menos|a no ser|siempre que"
    r"|tranne|eccetto|a condizione|exceto|desde que|tenzij|behalve|mits"
    r")\b|除非|除外|但|ただし|ما لم|إلا|بشرط|जब तक|बशर्ते",
    re.IGNORECASE,
)
_AFTER_COLON = re.compile(r"[:：]\s*\Z")


def untorn(text: str, ends: Sequence[int]) -> list[int]:
    """The ends without those inside of brackets and tags, after a colon, and before an exception or a condition.

    Args:
        text: one sentence.
        ends: where its clauses end, in characters, without the last.
    """
    if not ends:
        return []
    whole = [match.span() for match in _WHOLE.finditer(text)]
    begins = [begin for begin, _ in whole]

    def tears(end: int) -> bool:
        around = bisect_left(begins, end) - 1
        inside = around >= 0 and end < whole[around][1]
        return bool(inside or _AFTER_COLON.search(text, max(0, end - 9), end) or _EXCEPTION.match(text, end))

    return [end for end in ends if not tears(end)]
