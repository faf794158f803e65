"""Markup: tags of HTML, between which the parts of a page lie and in which nothing is cut, and marks around words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from boildown.types import Span

__all__ = ["TAG", "bare_end", "begins_part", "page_parts", "tag_spans"]

TAG = r"<(?:/?[A-Za-z]|!)[^<>]*>"
"""An expression for one tag."""

_TAGS = re.compile(rf"(?:{TAG}\s*)+")
_ONE_TAG = re.compile(TAG)
_PART = re.compile(
    r"</?(?:address|article|aside|blockquote|body|br|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]"
    r"|head|header|hr|li|main|nav|ol|option|p|pre|script|section|style|table|tbody|tfoot|thead|title|tr|ul)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(r"<(?!/|br\b|hr\b)", re.IGNORECASE)
_WORD = re.compile(r"\w")
_ENDING = re.compile(r"(?:[\s*_]|</\w+>)+\Z")
_ENDS = ("*", "_", ">", " ", "\n", "\t", "\r")
_TAIL = 40


def page_parts(text: str, start: int, end: int) -> Iterator[int]:
    """Where a paragraph, a list item, a table row or another part of a page ends inside `text[start:end]`.

    Closing tags and line ends belong to the part before, and opening ones to the part after; tags alone are no part.
    """
    seen = start
    says_something = False
    for tags in _TAGS.finditer(text, start, end):
        says_something = says_something or _WORD.search(text, seen, tags.start()) is not None
        seen = tags.end()
        if says_something and _PART.search(text, tags.start(), seen):
            opening = _OPENING.search(text, tags.start(), seen)
            cut = opening.start() if opening else seen
            if start < cut < end:
                yield cut
                says_something = False


def begins_part(text: str) -> bool:
    """Whether a text begins with the tag of a part of a page."""
    return text.startswith("<") and _PART.match(text) is not None


def tag_spans(text: str) -> list[Span]:
    """Each tag, in order."""
    return [Span(*match.span()) for match in _ONE_TAG.finditer(text)] if "<" in text else []


def bare_end(text: str) -> str:
    """The last characters of a text, without white space, closing tags and the marks of bold and italics after them."""
    tail = text[-_TAIL:]
    return _ENDING.sub("", tail) if tail.endswith(_ENDS) else tail
