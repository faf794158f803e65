"""Repetitions of a force token, which the cut has brought together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["without_repeats"]


def without_repeats(text: str, spans: Sequence[tuple[int, int]], tokens: Iterable[str]) -> list[tuple[int, int]]:
    """The spans without what repeats a token right after itself, white space on its line aside.

    Args:
        text: what the spans are of.
        spans: ascending, (start, end) in characters.
        tokens: the force tokens.
    """
    found = list(spans)
    for token in filter(None, tokens):
        again = re.compile(rf"(?<={re.escape(token)})(?:[^\S\n]*{re.escape(token)})+")
        gone = [match.span() for match in again.finditer("".join([text[start:end] for start, end in found]))]
        if gone:
            found = _taken_out(found, gone)
    return found


def _taken_out(spans: Sequence[tuple[int, int]], gone: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans without some places of their joined text."""
    places = np.concatenate([np.arange(start, end) for start, end in spans])
    stays = np.ones(len(places), dtype=bool)
    for start, end in gone:
        stays[start:end] = False
    runs = np.split(places[stays], np.flatnonzero(np.diff(places[stays]) != 1) + 1)
    return [(int(run[0]), int(run[-1]) + 1) for run in runs if len(run)]
