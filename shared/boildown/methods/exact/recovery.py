"""Recovery of the original wording by token ids, as published (Jiang et al. 2023, LongLLMLingua, section 4.4)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import Any

__all__ = ["recover_exactly"]

_REACH = 10
"""Tokens between two matched ones, at most."""


def recover_exactly(tokenizer: Any, original: str, compressed: str, response: str) -> str:
    """The response with each run of words that stands in the compressed text replaced by the original's span."""
    ids: list[int] = tokenizer(original, add_special_tokens=False).input_ids
    places: dict[int, list[int]] = defaultdict(list)
    for place, token in enumerate(ids):
        places[token].append(place)
    words = response.split(" ")
    recovered = []
    i = 0
    while i < len(words):
        end = i + 1
        if words[i] in compressed:
            while end < len(words) and " ".join(words[i : end + 1]) in compressed:
                end += 1
        run = " ".join(words[i:end])
        wanted = tokenizer(run, add_special_tokens=False).input_ids if words[i] in compressed else []
        span = _best_span(wanted, places) if wanted else None
        recovered.append(tokenizer.decode(ids[span[0] : span[1]]) if span else run)
        i = end
    return " ".join(recovered)


def _best_span(wanted: list[int], places: dict[int, list[int]]) -> tuple[int, int] | None:
    """The span of the original with the most of the wanted tokens in their order, the shortest of those."""
    best: tuple[int, int] | None = None
    most, least = 1, float("inf")
    for start in places.get(wanted[0], ()):
        at, matched = start, 1
        for token in wanted[1:]:
            found = places.get(token, [])
            next_place = bisect_right(found, at)
            if next_place < len(found) and found[next_place] - at <= _REACH:
                at, matched = found[next_place], matched + 1
        length = at - start + 1
        if matched > most or (matched == most and length < least):
            best, most, least = (start, at + 1), matched, length
    return best
