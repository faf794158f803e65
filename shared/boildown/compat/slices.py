"""Scores of whole texts brought to pieces of them, so that each piece can be cut by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boildown.sources import Sources, Units
from boildown.types import Scores, TokenScores

__all__ = ["Piece", "slice_scores"]

Piece = tuple[int, int, int]
"""A document's index, and the characters from where to where."""


def slice_scores(
    sources: Sources, scores: Scores, relevance: NDArray[np.float64], pieces: Sequence[Piece]
) -> tuple[Sources, Scores]:
    """The pieces as documents of their own, with the scores that their text has already.

    Args:
        sources: the whole texts.
        scores: of their tokens or sentences, or of whole documents alone.
        relevance: shape (documents,).
        pieces: in any order.
    """
    texts = sources.texts
    parts = Sources([texts[d][start:end] for d, start, end in pieces], sources.min_sentence)
    owner = np.array([d for d, _, _ in pieces], dtype=np.int64)
    offset = np.array([start for _, start, _ in pieces], dtype=np.int64)
    tokens = None if scores.tokens is None else _slice_tokens(scores.tokens, pieces)
    sentences = None
    if scores.sentences is not None:
        inner = parts.sentences
        start = offset[inner.document]
        there = Units(owner[inner.document], start + inner.start, start + inner.end)
        sentences = scores.sentences[sources.sentences.containing(there)]
    elif tokens is None:
        sentences = relevance[owner][parts.sentences.document]
    return parts, Scores(relevance[owner], sentences=sentences, tokens=tokens)


def _slice_tokens(tokens: TokenScores, pieces: Sequence[Piece]) -> TokenScores:
    base = int(tokens.end.max(initial=0)) + 1
    places = tokens.document * base + tokens.start
    rows = []
    for number, (document, start, end) in enumerate(pieces):
        first, last = np.searchsorted(places, [document * base + start, document * base + end])
        rows.append((np.full(last - first, number), slice(first, last), start, end - start))
    if not rows:
        none = np.zeros(0, dtype=np.int64)
        return TokenScores(none, none, none, np.zeros(0))
    return TokenScores(
        np.concatenate([number for number, _, _, _ in rows]).astype(np.int64),
        np.concatenate([tokens.start[part] - start for _, part, start, _ in rows]),
        np.concatenate([np.minimum(tokens.end[part] - start, length) for _, part, start, length in rows]),
        np.concatenate([tokens.score[part] for _, part, _, _ in rows]),
    )
