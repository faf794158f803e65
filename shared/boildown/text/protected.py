"""Spans that must not be torn: numbers, dates, URLs, identifiers, code, JSON, quotations and user patterns.

Every kind is found in time linear in the text: expressions are anchored at the start of a run or bounded in length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from boildown.errors import ConfigurationError, unknown_name
from boildown.text.fences import fence_spans
from boildown.text.identifiers import email_spans, identifier_spans, url_spans
from boildown.text.json_spans import json_spans
from boildown.text.quantities import date_spans, number_spans
from boildown.types import Span

PROTECTED_KINDS = ("code", "json", "url", "email", "date", "identifier", "number", "quote")
"""Names that `find_protected` accepts, the most specific first."""

_Pair = tuple[int, int]


def find_protected(text: str, kinds: Collection[str], patterns: Sequence[re.Pattern[str] | str] = ()) -> list[Span]:
    """Find the spans of some kinds.

    Spans that overlap become one span, so that each stays whole; it is labelled by the longest of them, and among
    equals by the most specific (user patterns first, then in the order of `PROTECTED_KINDS`).

    Args:
        text: Any string.
        kinds: Names of `PROTECTED_KINDS`.
        patterns: Regular expressions of the user, labelled "pattern". Empty matches are left out. They run as they
            are: one that backtracks without bound takes as long on hostile text as it does in `re`.

    Returns:
        Spans in order, without overlap.

    Raises:
        ConfigurationError: If a kind is unknown, or a pattern is not a valid regular expression for strings.
    """
    for kind in kinds:
        if kind not in _FINDERS:
            raise unknown_name("kind of protected text", kind, PROTECTED_KINDS)
    found: list[tuple[int, int, int, str]] = []
    for pattern in map(_compiled, patterns):
        found.extend((m.start(), -m.end(), -1, "pattern") for m in pattern.finditer(text) if m.end() > m.start())
    for rank, kind in enumerate(PROTECTED_KINDS):
        if kind in kinds:
            found.extend((start, -end, rank, kind) for start, end in _FINDERS[kind](text))
    return united(sorted(found))


def united(found: list[tuple[int, int, int, str]]) -> list[Span]:
    """Unite overlapping spans; ``found`` is sorted by start, then longest first, then most specific first."""
    spans: list[Span] = []
    longest = 0
    for start, negative_end, _, label in found:
        end = -negative_end
        if not spans or start >= spans[-1].end:
            spans.append(Span(start, end, label))
            longest = end - start
        elif end > spans[-1].end or end - start > longest:
            last = spans[-1]
            spans[-1] = Span(last.start, max(end, last.end), label if end - start > longest else last.label)
            longest = max(longest, end - start)
    return spans


def _compiled(pattern: re.Pattern[str] | str) -> re.Pattern[str]:
    if not isinstance(pattern, str):
        # Compiled by `re`, or by another library with its interface.
        if hasattr(pattern, "finditer") and isinstance(getattr(pattern, "pattern", None), str):
            return pattern
        raise ConfigurationError(f"A pattern to protect must be a str or a compiled str pattern, not {pattern!r}.")
    try:
        return re.compile(pattern)
    except re.error as error:
        where = "" if error.pos is None else f" at position {error.pos}"
        raise ConfigurationError(
            f"The pattern to protect {pattern!r} is not a valid regular expression: {error.msg}{where}. "
            "To match it literally, pass re.escape(...)."
        ) from error


_INLINE_CODE = re.compile(r"(?<!`)(?:`[^`\n]+`|``(?:[^`\n]|`(?!`))+``)(?!`)")


def _code(text: str) -> Iterator[_Pair]:
    yield from fence_spans(text)
    if "`" in text:
        for match in _INLINE_CODE.finditer(text):
            yield match.span()


# A quotation of more than 120 characters is ordinary text.
_QUOTE = re.compile(
    r"“(?=\S)[^“”\n]{1,120}”"
    r"|„(?=\S)[^„“”\n]{1,120}[“”]"
    r"|‘(?=\S)(?:[^‘’\n]|(?<=\w)’(?=\w)){1,120}’(?!\w)"
    r"|‚(?=\S)[^‚‘’\n]{1,120}[‘’]"
    r"|«[^«»\n]{1,120}»"
    r"|»(?<!\S.)(?=\S)[^«»\n]{1,120}(?<=\S)«(?!\w)"
    r"|‹[^‹›\n]{1,120}›"
    r"|「[^「」\n]{1,120}」|『[^『』\n]{1,120}』|《[^《》\n]{1,120}》|〈[^〈〉\n]{1,120}〉"
    r"|”(?<![\w.,!?…”].)(?=\S)[^”\n]{1,120}(?<=\S)”(?!\w)"
    r"|\"(?<![A-Za-z0-9_].)(?=\S)[^\"\n]{1,120}(?<=\S)\"(?![A-Za-z0-9_])"
    r"|'(?<!\w.)(?=\S)(?:[^'\n]|(?<=\w)'(?=\w)){1,120}(?<=\S)'(?!\w)"
)


def _quote(text: str) -> Iterator[_Pair]:
    for match in _QUOTE.finditer(text):
        yield match.span()


_FINDERS: dict[str, Callable[[str], Iterator[_Pair]]] = {
    "code": _code,
    "json": json_spans,
    "url": url_spans,
    "email": email_spans,
    "date": date_spans,
    "identifier": identifier_spans,
    "number": number_spans,
    "quote": _quote,
}
