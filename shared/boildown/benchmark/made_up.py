"""Made-up English text to measure speed on."""

from __future__ import annotations

import itertools
from collections.abc import Callable

__all__ = ["QUESTION", "made_up_documents"]

QUESTION = "Who keeps the log of the harbour, and how often is the tide gauge read?"
_SENTENCES = (
    "The harbour office at pier {n} opens at six in the morning and closes when the last ferry has left.",
    "Boats longer than {n} feet need a permit, which the office sends by post within a week.",
    "In the winter of 19{n} the old breakwater was damaged by a storm and rebuilt in stone.",
    "The tide gauge is read {n} times a month, and the readings are copied into the log.",
    "Fuel is sold on weekdays only, because the tank holds no more than {n} cubic metres.",
    "Visitors pay for a berth by the night, and children under ten sleep on board for free.",
    "Most of the fish that is landed here goes to the market in town before noon.",
    "A small museum in the lighthouse keeps letters, maps and the uniforms of former pilots.",
)


def made_up_documents(tokens: int, chunk: int, count: Callable[[str], int], run: int) -> list[str]:
    """English documents of which no two are alike, in this run or another.

    Args:
        tokens: of all together, about.
        chunk: tokens of each, about; there are tokens / chunk of them, rounded, and at least one.
        count: counts tokens.
        run: which run.
    """
    numbers = itertools.count(10_000 * (run + 1))
    sentence = count(" ".join(_SENTENCES)) / len(_SENTENCES)
    documents = max(1, round(tokens / chunk))
    total = max(documents, round(tokens / sentence))
    lines = [_SENTENCES[i % len(_SENTENCES)].format(n=next(numbers)) for i in range(total)]
    borders = [i * total // documents for i in range(documents + 1)]
    return [" ".join(lines[first:last]) for first, last in itertools.pairwise(borders)]
