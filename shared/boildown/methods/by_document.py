"""Scores taken apart into those of single documents, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["completed", "join_scores", "split_scores"]


def completed(found: Sequence[Scores | None], sources: Sources, score: Callable[[Sources], Scores]) -> Scores:
    """The scores that were found of some documents, and of the others what `score` says of them by themselves."""
    missing = [i for i, scores in enumerate(found) if scores is None]
    if len(missing) == len(found):
        return score(sources)
    if not missing:
        return join_scores([scores for scores in found if scores is not None])
    rest = sources.some(missing)
    new = score(rest)
    parts = split_scores(new, rest)
    joined = join_scores([next(parts) if scores is None else scores for scores in found])
    return replace(joined, model_seconds=new.model_seconds, notes=new.notes, cached=new.cached)


def split_scores(scores: Scores, sources: Sources) -> Iterator[Scores]:
    """The scores of each document by itself."""
    edges = np.arange(len(sources) + 1)
    sentence = np.searchsorted(sources.sentences.document, edges).tolist()
    token = [] if scores.tokens is None else np.searchsorted(scores.tokens.document, edges).tolist()
    for i in range(len(sources)):
        sentences = None if scores.sentences is None else scores.sentences[sentence[i] : sentence[i + 1]]
        tokens = None
        if scores.tokens is not None:
            own, all_ = slice(token[i], token[i + 1]), scores.tokens
            none = np.zeros(token[i + 1] - token[i], dtype=np.int64)
            tokens = TokenScores(none, all_.start[own], all_.end[own], all_.score[own])
        yield Scores(scores.relevance[i : i + 1], sentences=sentences, tokens=tokens)


def join_scores(parts: Sequence[Scores]) -> Scores:
    """The scores of all documents together, each part being one document's."""
    sentences = [part.sentences for part in parts if part.sentences is not None]
    tokens = [part.tokens for part in parts if part.tokens is not None]
    return Scores(
        relevance=np.concatenate([part.relevance for part in parts]),
        sentences=np.concatenate(sentences) if len(sentences) == len(parts) else None,
        tokens=None
        if len(tokens) < len(parts)
        else TokenScores(
            np.repeat(np.arange(len(parts), dtype=np.int64), [len(t.score) for t in tokens]),
            *(np.concatenate([getattr(t, name) for t in tokens]) for name in ("start", "end", "score")),
        ),
    )
