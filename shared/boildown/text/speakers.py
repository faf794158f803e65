"""Who speaks, at the beginning of a line of minutes, an interview or a chat."""

from __future__ import annotations

import re

__all__ = ["SPEAKER"]

_STAMP = r"(?:\d{1,4}[./\-]\d{1,2}[./\-]\d{1,4},? )?\d{1,2}:\d\d(?::\d\d)?(?:\s?[AaPp][Mm])?"
_MARKS = "[*_]{0,3}"
SPEAKER = re.compile(
    rf"{_MARKS}(?:(?:\[[^\]\n]{{1,30}}\]|\(?{_STAMP}\)?(?: [-–—])?){_MARKS} {_MARKS})?"
    rf"(?:[^\W\d_a-z][\w.'’\-]*(?: [\w.'’\-]+){{0,3}}{_MARKS}(?: [(\[][^()\[\]\n]{{1,30}}[)\]])?{_MARKS}:{_MARKS}"
    r"|<[^\W\d_a-z][^\W\d_A-Z][\w.'’\- ]{0,30}>)\s"  # in capitals it would be a tag
    r"|[\w ]{1,6}：|[QA][.．]\s?(?=[^\W\d_a-zA-Z])"
)
"""Who speaks, and when, as in minutes and chats; in Chinese and Japanese with a wide colon, or a question's and an
answer's letter with a stop."""
