"""How a target is declared, and what its checks share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise
from typing import Any

from hypothesis import given

from boildown import Budget, Compression, Document, Span
from boildown.counters import resolve_counter
from boildown.select.cut import Cut
from boildown.select.plan import Plan

__all__ = ["COUNTS", "TARGETS", "Target", "check_cut", "check_spans", "covers", "target"]


@dataclass(frozen=True)
class Target:
    """A property, the area that it belongs to, and how many of the inputs it gets beside the others.

    `make` gives the property anew, since settings can be put on it once only.
    """

    make: Callable[[], Callable[[], None]]
    area: str
    share: float


TARGETS: dict[str, Target] = {}
"""Every target by name."""
COUNTS: Counter[str] = Counter()
"""How many inputs each has run."""


def target(area: str, *, share: float = 1.0, **strategies: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a target of a function; `strategies` are its arguments."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)  # with its examples
        def counted(**arguments: Any) -> None:
            COUNTS[function.__name__] += 1
            function(**arguments)

        TARGETS[function.__name__] = Target(lambda: given(**strategies)(counted), area, share)
        return function

    return add


def covers(spans: Any, length: int) -> bool:
    """Whether spans cover a text of this length, in order, without gaps and without empty ones."""
    pairs = spans.tolist()
    if not pairs:
        return length == 0
    return (
        pairs[0][0] == 0
        and pairs[-1][1] == length
        and all(s < e for s, e in pairs)
        and all(a[1] == b[0] for a, b in pairwise(pairs))
    )


def check_spans(spans: Sequence[Span], length: int) -> None:
    """Spans lie in the text, in order, are not empty and do not overlap."""
    assert all(0 <= s.start < s.end <= length for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


def check_cut(result: Cut | Compression, documents: Sequence[Document], budget: Budget, plan: Plan) -> None:
    """All that a cut promises."""
    counter = resolve_counter(budget.counter)
    everyone = [*result.documents, *result.dropped]
    assert sorted(d.index for d in everyone) == list(range(len(documents)))
    for kept in result.documents:
        source = documents[kept.index]
        check_spans(kept.spans, len(source.text))
        assert kept.text == "".join(s.of(source.text) for s in kept.spans)
        assert kept.text
        assert kept.text == kept.text.strip()
        assert (kept.id, kept.reason) == (source.id, "")
        assert all(any(s.start <= p.start and p.end <= s.end for s in kept.spans) for p in kept.protected)
    for dropped in result.dropped:
        assert (dropped.text, dropped.spans, dropped.protected, dropped.tokens_out) == ("", (), (), 0)
        assert dropped.reason in ("budget", "documents", "duplicate", "empty")
    assert result.text == plan.separator.join(d.text for d in result.documents)
    assert result.tokens_out == (counter.count(result.text) if result.text else 0)
    if budget.tokens is not None:
        assert result.tokens_out <= budget.tokens
    if budget.rate is not None:
        assert result.tokens_out <= budget.rate * result.tokens_in + 1e-6
    if budget.documents is not None:
        assert len(result.documents) <= budget.documents
