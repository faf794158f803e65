"""What is protected by default, where the whole budget cannot hold it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence

from boildown.select.plan import Plan
from boildown.text.json_spans import json_spans
from boildown.text.protected import find_protected, united
from boildown.types import Span

__all__ = ["CROSS_SENTENCES", "Fits", "within_budget"]

CROSS_SENTENCES = ("code", "json")
"""Kinds that may run over a sentence's end, and may be of any length."""

_KEY = re.compile(r'"[^"\n]*"\s*:\s*\Z')
_LONGEST_KEY = 80

Fits = Callable[[str], bool]
"""Whether a text by itself counts no more than the whole budget."""


def within_budget(text: str, spans: Sequence[Span], kinds: Collection[str], plan: Plan, fits: Fits) -> Sequence[Span]:
    """The spans, without code and JSON that the plan does not name and the budget cannot hold.

    Such a span would be kept by no means. In its place stand the objects and arrays in it that fit, and elsewhere in it
    the protected spans of other kinds.

    Args:
        text: a document, or a part of one.
        spans: what `find_protected` found in it.
        kinds: that it looked for.
        plan: names kinds and patterns, which are a guarantee.
        fits: see `Fits`.

    Returns:
        Ascending and without overlap, as `spans` are.
    """
    if plan.protect is not None:
        return spans
    larger = [span for span in spans if span.label in CROSS_SENTENCES and not fits(span.of(text))]
    if not larger:
        return spans
    begins = [span.start for span in larger]
    inside = [element for span in larger for element in _elements(text, span, fits)]
    for span in find_protected(text, [kind for kind in kinds if kind not in CROSS_SENTENCES], plan.patterns):
        around = bisect_right(begins, span.start) - 1
        if around >= 0 and span.start < larger[around].end:
            inside.append(span)
    found = [*set(spans).difference(larger), *inside]
    return united(sorted([(span.start, -span.end, 0, span.label) for span in found]))


def _elements(text: str, span: Span, fits: Fits) -> Iterator[Span]:
    """The largest objects and arrays in one that fit, each with its key."""
    first = span.start + 1
    for start, end in json_spans(text[first : span.end - 1]):
        element = Span(first + start, first + end, span.label)
        key = _KEY.search(text, max(first, element.start - _LONGEST_KEY), element.start)
        keyed = Span(key.start() if key else element.start, element.end, span.label)
        if fits(keyed.of(text)):
            yield keyed
        else:
            yield from _elements(text, element, fits)
