"""Budgets of the context level and the sentence level, as published."""

from __future__ import annotations

import re
from collections.abc import Sequence

from boildown.errors import ConfigurationError
from boildown.methods.exact.ratios import Segment

__all__ = [
    "apply_context_budget",
    "choose_contexts",
    "choose_sentences",
    "rate_offsets",
    "reading_order",
    "split_segments",
    "take_until",
]

_EXPRESSION = re.compile(r"\s*([-+*/])\s*(\d+(?:\.\d*)?|\.\d+)\s*")


def apply_context_budget(target: float, expression: str) -> float:
    """A budget such as "+100", "*1.5", "-20" or "/2" applied to a number of tokens.

    Raises:
        ConfigurationError: it is nothing of the kind.
    """
    match = _EXPRESSION.fullmatch(expression) if isinstance(expression, str) else None
    if match is None or (match[1] == "/" and float(match[2]) == 0):
        raise ConfigurationError(f'context_budget={expression!r} must be an operation such as "+100" or "*1.5".')
    number = float(match[2])
    if match[1] == "*":
        return target * number
    if match[1] == "/":
        return target / number
    return target + number if match[1] == "+" else target - number


def take_until(order: Sequence[int], costs: Sequence[int], budget: float, kept: Sequence[int] = ()) -> list[int]:
    """The kept ones and then those in order, up to and including the one that overdraws the budget."""
    found = list(kept)
    for i in order:
        budget -= costs[i]
        if i not in found:
            found.append(i)
        if budget < 0:
            break
    return found


def choose_contexts(
    order: Sequence[int],
    costs: Sequence[int],
    target: float,
    context_budget: str,
    forced: Sequence[int],
    reorder: str,
) -> tuple[list[int], list[int]]:
    """Indices of contexts to keep: in reading order, and in the order they were taken."""
    budget = apply_context_budget(target if target >= 0 else 100, context_budget)
    taken = take_until(order, costs, budget, forced)
    return reading_order(taken, reorder), taken


def reading_order(taken: Sequence[int], reorder: str) -> list[int]:
    """Contexts as they are to be read: "original", "two_stage" (best at both ends), or else best first."""
    if reorder == "original":
        return sorted(taken)
    if reorder == "two_stage":
        return [*taken[::2], *taken[1::2][::-1]]
    return list(taken)


def rate_offsets(taken: Sequence[int], used: Sequence[int], spread: float) -> list[float]:
    """What is added to each used context's rate: from +spread for the one taken first down to -spread."""
    count = len(taken)
    if spread <= 0 or count < 2:
        return [0.0] * len(used)
    # The unit comes first, so that offsets round as they always did.
    unit = spread / (count - 1)
    by_context = {context: (count - 1 - 2 * i) * unit for i, context in enumerate(taken)}
    return [by_context[context] for context in used]


def choose_sentences(order: Sequence[int], costs: Sequence[int], budget: float, forced: Sequence[int]) -> set[int]:
    """Indices of sentences to keep."""
    return {*take_until(order, costs, budget), *forced}


def split_segments(segments: Sequence[Segment], sentences: Sequence[str]) -> list[list[Segment]]:
    """The parts of segments that lie in each sentence."""
    rows: list[list[Segment]] = []
    at = seen = 0
    for sentence in sentences:
        row, left = [], len(sentence)
        while left and at < len(segments):
            part = min(left, segments[at].length - seen)
            row.append(Segment(part, segments[at].rate, segments[at].compress))
            left, seen = left - part, seen + part
            if seen == segments[at].length:
                at, seen = at + 1, 0
        rows.append(row)
    return rows
