"""Regular expressions of strangers, which may be written to take for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from math import prod
from time import process_time, thread_time
from typing import Any

from boildown.runtime import requests
from boildown.service.errors import invalid

__all__ = ["BoundedPattern", "Patterns"]

_SECONDS = 0.2
"""Of one thread's time, for one pattern on one text."""
_ALL_SECONDS = 2.0
"""The same for all searches of a request."""
_SIZE = 20_000
"""Characters of all patterns of a request, repetitions written out: at most a tenth of a second for the compiler."""
_COUNTS = re.compile(r"\{(\d*)(?:,(\d*))?\}")


class Patterns:
    """The patterns of one request, which share the time for their searches.

    Args:
        patterns: as they were given. Nothing is compiled yet, since that takes its time.

    Attributes:
        each: what takes the place of a compiled pattern.
        seconds: of a thread's time that are left for searches.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.each = [BoundedPattern(self, pattern, f"patterns[{i}]") for i, pattern in enumerate(patterns)]
        self.seconds = _ALL_SECONDS

    def compile(self) -> None:
        """Compiles them all; to be called on a thread before the first search.

        Raises:
            Refusal: one is no regular expression, or they repeat too often.
        """
        size = 0
        for pattern in self.each:
            # The compiler writes counted repetitions out, so nested ones could fill the memory.
            counts = (max(int(n) for n in (m[1], m[2] or 0, 1) if n != "") for m in _COUNTS.finditer(pattern.pattern))
            size += len(pattern.pattern) * prod(counts)
            if size > _SIZE:
                raise invalid("The patterns repeat too often. Make them simpler, or give fewer.", pattern.field)
            pattern.compile()


class BoundedPattern:
    """A pattern whose searches end in time, and let other threads run meanwhile.

    Attributes:
        pattern: as it was given.
        field: of the request, for refusals.
    """

    def __init__(self, group: Patterns, pattern: str, field: str) -> None:
        self._group, self.pattern, self.field = group, pattern, field
        self._compiled: Any = None

    def compile(self) -> None:
        """See `Patterns.compile`."""
        import regex

        try:
            self._compiled = regex.compile(self.pattern)
        except (regex.error, ValueError, RecursionError, OverflowError) as error:  # flags may exclude each other
            raise invalid(f"The pattern is not a regular expression: {error}.", self.field) from None

    def finditer(self, text: str) -> Iterator[Any]:
        """Its matches.

        Raises:
            Refusal: the search takes too long, or those of all patterns together.
            DeadlineError, CancelledError: the request is no longer wanted.
        """
        wanted = requests.current()
        begin, begin_all = thread_time(), process_time()
        limit = min(_SECONDS, self._group.seconds)
        found, threads = 0, 1.0
        try:
            while True:
                if wanted is not None:
                    wanted.check()
                left = limit - (thread_time() - begin)
                if left <= 0:
                    raise invalid("The pattern takes too long on these documents. Make it simpler.", self.field)
                try:
                    remaining = None if wanted is None else wanted.remaining()
                    timeout = left * threads if remaining is None else min(left * threads, remaining)
                    search = self._compiled.finditer(text, timeout=max(timeout, 1e-3), concurrent=True)
                    for match in islice(search, found, None):
                        found += 1
                        yield match
                    return
                except TimeoutError:
                    # The library's clock runs with the time of all threads, so a busy process has taken most of it.
                    threads = max(1.0, (process_time() - begin_all) / max(thread_time() - begin, 1e-3))
        finally:
            self._group.seconds -= thread_time() - begin
