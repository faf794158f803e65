"""Lines that are headings, marked as such or not, and how deep they stand."""

from __future__ import annotations

import re

from boildown.text.blocks import LIST_ITEM, SETTINGS_NAME
from boildown.text.sentences import AFTER_STOP, STOPS

__all__ = ["LABEL_LEVEL", "LONGEST_TITLE", "SETTINGS_LEVEL", "TITLE_LEVEL", "is_title", "marked_heading"]

LONGEST_TITLE = 60
"""Characters of a heading that no marks tell from other lines."""
TITLE_LEVEL = 7
"""Of a heading that is not marked, which stands below all that are."""
SETTINGS_LEVEL = 8
"""Of the name of some settings, as in INI and TOML."""
FRAMED_LEVEL = 9
"""Of a line between rules, which may stand below any heading."""
LABEL_LEVEL = 10
"""Of a line right above a paragraph, which stands below a heading with a blank line after it."""

_MARKED = re.compile(r"(#{1,6}(?=[ \t])|={2,6}(?=[ \t]+[^\s=]|[^\s=][^\r\n]{0,200}={2}[ \t]*[\r\n]))[^\r\n]*[\r\n]\s*")
"""As in Markdown, MediaWiki and AsciiDoc."""
_PAGE = r"[^\W\d]*\.? ?\d+(?: ?(?:/|\w{2,4}) ?\d+)?"
_FRAMED = re.compile(rf"([-*_~+#])\1{{2,}}[ \t]+(?!{_PAGE}[ \t]+\1)\w[^\r\n]{{0,100}}[ \t]\1{{3,}}[ \t]*[\r\n]\s*")
"""Whose comment follows, say, in a line between rules; but not the number of a page."""
_UNDERLINED = re.compile(r"[^\r\n]{1,200}(?:\r\n?|\n)([=-])\1{2,}[ \t]*[\r\n]\s*")
# Other elements may open right before it, such as the one that holds a page's title.
_TAGGED = re.compile(
    r"[^\w<]{0,3}(?:<[a-z][^<>]{0,200}>\s*){0,4}<h([1-6])\b[^<>]{0,100}>.{0,100}?</h\1>\s*", re.IGNORECASE | re.DOTALL
)
_SETTINGS = re.compile(rf"({SETTINGS_NAME.pattern}[ \t]*[\r\n]\s*)(?:[#;][^\r\n]*[\r\n]\s*)*[^\s=\[][^\r\n=]{{0,60}}=")
"""The name of some settings, and the first of them, perhaps after comments."""
_TITLE = re.compile(r"[*_【〔]*(?:§{1,2} ?)?\w(?!.*(?::\s|[=|\t])).*\Z")
_STOPPED = re.compile(rf"[{STOPS}]{AFTER_STOP}")


def marked_heading(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The end of a heading that begins at `start`, white space included, and its level.

    It is one of a markup language, with a level of 1 to 6, the name of some settings, or a line between rules.
    """
    if found := _MARKED.match(text, start, end):
        return found.end(), len(found[1])
    if found := _TAGGED.match(text, start, end):
        return found.end(), int(found[1])
    if found := _UNDERLINED.match(text, start, end):
        return found.end(), "=-".index(found[1]) + 1
    if found := _FRAMED.match(text, start, end):
        return found.end(), FRAMED_LEVEL
    if (found := _SETTINGS.match(text, start)) and found.start(1) < end:
        return min(found.end(1), end), SETTINGS_LEVEL
    return None


def is_title(line: str) -> bool:
    """Whether a line may be a heading though nothing marks it: it is short, without a stop, and no list item or row."""
    is_short = len(line) <= LONGEST_TITLE and _TITLE.match(line) is not None
    return is_short and not (_STOPPED.search(line) or LIST_ITEM.match(line))
