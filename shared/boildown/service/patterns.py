"""Regular expressions of strangers, which may be written to take for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from boildown.service.errors import invalid

__all__ = ["BoundedPattern", "read_patterns"]

_SECONDS = 0.2
"""For one pattern on one document."""
_REPETITIONS = 10_000
_COUNTS = re.compile(r"\{(\d*)(?:,(\d*))?\}")


class BoundedPattern:
    """A compiled pattern whose search ends in time, and lets other threads run meanwhile.

    Attributes:
        pattern: as it was given.
    """

    def __init__(self, pattern: str, field: str) -> None:
        import regex

        # The compiler writes counted repetitions out, so nested ones could fill the memory.
        if prod(max(int(n) for n in (m[1], m[2] or 0, 1) if n != "") for m in _COUNTS.finditer(pattern)) > _REPETITIONS:
            raise invalid("The pattern repeats too often.", field)
        try:
            self._compiled: Any = regex.compile(pattern)
        except (regex.error, RecursionError, OverflowError) as error:
            raise invalid(f"The pattern is not a regular expression: {error}.", field) from None
        self.pattern, self._field = pattern, field

    def finditer(self, text: str) -> Iterator[Any]:
        """Its matches.

        Raises:
            Refusal: the search takes too long.
        """
        try:
            yield from self._compiled.finditer(text, timeout=_SECONDS, concurrent=True)
        except TimeoutError:
            raise invalid("The pattern takes too long on these documents. Make it simpler.", self._field) from None


def read_patterns(patterns: Sequence[str]) -> list[BoundedPattern]:
    """The patterns of a request.

    Raises:
        Refusal: one is no regular expression, or too large.
    """
    return [BoundedPattern(pattern, f"patterns[{i}]") for i, pattern in enumerate(patterns)]
