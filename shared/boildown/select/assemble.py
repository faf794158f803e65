"""Text cut from the originals by offsets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from boildown.select.units import Candidates
from boildown.types import Span

__all__ = ["kept_spans", "pieces"]


def kept_spans(candidates: Candidates, kept: NDArray[np.bool_], texts: list[str]) -> dict[int, tuple[Span, ...]]:
    """The kept spans of each document that has any, neighbours joined, without white space at the two ends.

    White space between pieces is kept as it stood after the piece before it, so that joining a document's spans
    needs no glue and every character of the result is one of the original.
    """
    index = np.flatnonzero(kept)
    if len(index) == 0:
        return {}
    units = candidates.units
    document = units.document[index]
    begins = (np.diff(index, prepend=-2) != 1) | (np.diff(document, prepend=-1) != 0)
    first = index[begins]
    last = index[np.append(np.flatnonzero(begins)[1:], len(index)) - 1]
    runs: dict[int, list[tuple[int, int]]] = {}
    columns = zip(units.document[first].tolist(), units.start[first].tolist(), units.end[last].tolist(), strict=True)
    for owner, start, end in columns:
        runs.setdefault(owner, []).append((start, end))
    trimmed = {owner: _trim(spans, texts[owner]) for owner, spans in runs.items()}
    return {owner: spans for owner, spans in trimmed.items() if spans}


def pieces(spans: tuple[Span, ...], text: str) -> str:
    """The text that spans cut out."""
    return "".join([text[s.start : s.end] for s in spans])


def _trim(runs: list[tuple[int, int]], text: str) -> tuple[Span, ...]:
    while runs:
        start, end = runs[0]
        piece = text[start:end]
        if stripped := piece.lstrip():
            runs[0] = (end - len(stripped), end)
            break
        runs = runs[1:]
    while runs:
        start, end = runs[-1]
        if stripped := text[start:end].rstrip():
            runs[-1] = (start, start + len(stripped))
            break
        runs = runs[:-1]
    return tuple(Span(start, end) for start, end in runs)
