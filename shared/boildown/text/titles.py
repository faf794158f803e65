"""Lines that are headings, marked as such or not, and how deep they stand."""

from __future__ import annotations

import re

from boildown.text.blocks import LIST_ITEM, SETTINGS_NAME
from boildown.text.function_words import FUNCTION_WORDS
from boildown.text.sentences import AFTER_STOP, STOPS

__all__ = [
    "LABEL_LEVEL",
    "LONGEST_TITLE",
    "NUMBERED_LEVEL",
    "SETTINGS_LEVEL",
    "TITLE_LEVEL",
    "is_title",
    "marked_heading",
    "numbered_headings",
]

LONGEST_TITLE = 60
"""Characters of a heading that no marks tell from other lines."""
TITLE_LEVEL = 7
"""Of a heading that is not marked, which stands below all that are."""
NUMBERED_LEVEL = 8
"""Of "2. Term", below which "2.1 Renewal" and the like take the next three."""
SETTINGS_LEVEL = 12
"""Of the name of some settings, as in INI and TOML."""
FRAMED_LEVEL = 13
"""Of a line between rules, which may stand below any heading."""
LABEL_LEVEL = 14
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
_NUMBERED = re.compile(
    r"^([ \t]*)(?:(\d{1,2}(?:\.\d{1,2}){0,3}[.)]|[IVX]{1,5}\.|[A-H]\.|\d{1,2}(?:\.\d{1,2}){1,3}"
    r"|(?:§{1,2} ?|(?:Article|Artikel|Artículo|Articolo|Artigo|Art\.|Section|Chapter|Part|Kapitel|Abschnitt|Teil"
    r"|Chapitre|Sección|Capítulo|Capitolo|Sezione|Hoofdstuk|Статья|Раздел|Глава) )\d{1,3}[.:]?)[ \t]+"
    r"|(第[一二三四五六七八九十百\d]{1,4}[章节節条條])[ \t\u3000]*)(?:[-–—][ \t]+)?([^\n]*)\n(\s*)",
    re.MULTILINE,
)
"""A line that begins with a number, and the white space below it."""
_LONGEST_NUMBERED = 100
_DIGITS = re.compile(r"[\dIVXA-H一二三四五六七八九十百]+")
_STOPPED = re.compile(rf"[{STOPS}]{AFTER_STOP}")
_ENDED = re.compile(rf"[{STOPS}:：,;，；、]{AFTER_STOP}")


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


def numbered_headings(text: str) -> dict[int, tuple[int, int]]:
    """Where a line begins that is a heading by its number, such as "2. Term", and for each its end and its level.

    All lines that are numbered in the same way have to look like titles and have something else below them, or they
    are the items of a list.
    """
    found: dict[str, list[tuple[int, int, int]]] = {}
    lists: set[str] = set()
    before, end_before = "", -1
    for match in _NUMBERED.finditer(text) if "\n" in text else ():
        number = match[2] or match[3]
        kind = _DIGITS.sub("1", number)
        if kind == before and match.start() == end_before:
            lists.add(kind)
        before, end_before = kind, match.end() - len(match[5].rpartition("\n")[2])
        if end_before == len(text):
            continue  # nothing is below it
        line = match[4].rstrip()
        below = text[match.end() : match.end() + 1]
        if line[:1].islower() and number[-1].isdigit():
            continue  # "3.5 times as much"
        goes_on = "\n" not in match[5] and (below.islower() or len(match[5]) > len(match[1]))
        if goes_on or line[:1].islower() or not _is_numbered_title(line):
            lists.add(kind)
        place = match.start() + len(match[1])
        found.setdefault(kind, []).append((place, match.end(), NUMBERED_LEVEL + min(number.rstrip(".").count("."), 3)))
    return {place: (end, level) for kind in found if kind not in lists for place, end, level in found[kind]}


def _is_numbered_title(line: str) -> bool:
    is_short = len(line) <= _LONGEST_NUMBERED and _TITLE.match(line) is not None
    return is_short and not _ENDED.search(line) and line.rsplit(None, 1)[-1].lower() not in FUNCTION_WORDS


def is_title(line: str) -> bool:
    """Whether a line may be a heading though nothing marks it: it is short, without a stop, and no list item or row."""
    is_short = len(line) <= LONGEST_TITLE and _TITLE.match(line) is not None
    return is_short and not (_STOPPED.search(line) or LIST_ITEM.match(line))
