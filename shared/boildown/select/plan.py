"""What the selection should do; how much it may keep is the budget's business."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from boildown.errors import ConfigurationError, unknown_name
from boildown.text.protected import PROTECTED_KINDS, find_protected
from boildown.types import Unit

__all__ = ["Allocation", "Dedupe", "Order", "Plan", "listed"]

T = TypeVar("T")

Order = Literal["original", "score", "edges"]
Allocation = Literal["global", "linear", "equal"]
Dedupe = float | Literal["long"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to cut.

    Args:
        unit: what is kept or dropped as one piece: "sentence", "word" or "token"; None takes the finest that the
            method gives whole words for: sentences where it scores sentences, else words. Near the border of a budget
            sentences are kept by clauses; a threshold cuts none.
        order: of the documents in the result: "original", "score" (best first), or "edges" (best at both ends, the
            best first), against getting lost in the middle.
        allocation: how the budget is shared: "global" (one cut over everything), "linear" (the keep rate falls
            linearly with the document's rank, as LongLLMLingua section 4.3 has it), or "equal" (the same share each).
        spread: for "linear", how far the best document's rate lies above the mean, and the last one's below it.
        protect: kinds of spans that stay whole whenever their sentence is kept; None takes all kinds, of which those
            that fit into one sentence need no care when whole sentences are cut, and gives up what the whole budget
            cannot hold.
        patterns: regular expressions for more such spans.
        dedupe: drop sentences that repeat another document's: "long" those of ten words or more that are the same but
            for case and white space, at the beginning and the end of their document, where chunks overlap, and unless
            others need them, such as a table's header; 1.0 all of five words or more; below 1 also those whose word
            shingles agree to that degree (Jaccard), if they have the same numbers and signs; None keeps repetitions.
        separator: stands between documents in the assembled text.

    Raises:
        ConfigurationError: a value is not one of the above, or a pattern is not a regular expression.
    """

    unit: Unit | None = None
    order: Order = "original"
    allocation: Allocation = "global"
    spread: float = 0.25
    protect: tuple[str, ...] | None = None
    patterns: tuple[str | re.Pattern[str], ...] = ()
    dedupe: Dedupe | None = None
    separator: str = "\n\n"

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in get_args(Unit):
            raise unknown_name("unit", self.unit, get_args(Unit))
        if self.order not in get_args(Order):
            raise unknown_name("order", self.order, get_args(Order))
        if self.allocation not in get_args(Allocation):
            raise unknown_name("allocation", self.allocation, get_args(Allocation))
        if not (_is_number(self.spread) and 0 <= self.spread <= 1):
            raise ConfigurationError(f"spread= is a difference of keep rates, from 0 to 1; got {self.spread!r}.")
        if self.dedupe not in (None, "long") and not (_is_number(self.dedupe) and 0 < float(self.dedupe) <= 1):
            raise ConfigurationError(
                f"dedupe= is 'long', a similarity above 0 and at most 1, or None; got {self.dedupe!r}."
            )
        for kind in self.protect or ():
            if kind not in PROTECTED_KINDS:
                raise unknown_name("kind of protected span", kind, PROTECTED_KINDS)
        # Compiles them, so that a wrong one is found now and not at each query; the service compiles its own in time.
        find_protected("", (), [pattern for pattern in self.patterns if not hasattr(pattern, "finditer")])
        if not isinstance(self.separator, str):
            raise ConfigurationError(f"separator= must be text, not {type(self.separator).__name__}.")


def listed(name: str, values: Iterable[T]) -> tuple[T, ...]:
    """The values of an argument that takes several, such as `Plan.protect`.

    Raises:
        ConfigurationError: it is one value, such as a string, which would pass as a list of its letters.
    """
    if isinstance(values, (str, re.Pattern)):
        raise ConfigurationError(f"{name}= takes a list; write {name}=[{values!r}].")
    if not isinstance(values, Iterable):
        raise ConfigurationError(f"{name}= takes a list of strings, and [] for none; got {values!r}.")
    return tuple(values)


def _is_number(value: object) -> bool:
    return hasattr(value, "__float__") and not isinstance(value, bool)
