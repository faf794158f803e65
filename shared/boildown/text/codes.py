"""Codes that a query names: part and ticket numbers, error codes, versions."""

from __future__ import annotations

import re

from boildown.text.identifiers import identifier_spans

__all__ = ["code_pattern"]

_LONG_NUMBER = re.compile(r"(?<![\w.,\-])\d{5,}(?!\w|[.,]\d)")
_TWO_DIGITS = re.compile(r"\d\D*\d")
"""With fewer it may be a name that many a sentence has, such as IPv6."""


def code_pattern(query: str) -> re.Pattern[str] | None:
    """An expression for the codes in a query, upper or lower case, each as a whole; None if it names none.

    A code is an identifier with at least two digits, such as "PRB-1047" or "8.5.5.3", or a number of at least five.
    """
    spans = [*identifier_spans(query), *(match.span() for match in _LONG_NUMBER.finditer(query))]
    codes = {code for start, end in spans if _TWO_DIGITS.search(code := query[start:end])}
    found = [re.escape(code) for code in sorted(codes, key=len, reverse=True)]
    return re.compile(rf"(?<!\w)(?<!\d[.\-])(?:{'|'.join(found)})(?!\w|[.\-]\d)", re.IGNORECASE) if found else None
