"""The logits that a threshold is compared with: the model's own, mixed with BM25 as at inference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from boildown.methods.lexical import Lexical
from boildown.methods.mixing import Mix, MixedScores
from boildown.runtime.reader import Reading
from boildown.sources import Sources
from boildown.types import Document, TokenScores

from .examples import GOLD
from .pools import ScoredPool

__all__ = ["Mixed", "mixed_logits"]

_NEAREST = 1e-12
"""How near a probability comes to 0 and 1, so that its logit is finite."""


class Mixed(NamedTuple):
    """One pool's logits before calibration, with what is right: documents first, then the sentences that were read."""

    relevance: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    keep: NDArray[np.float64]
    gold: NDArray[np.bool_]


def mixed_logits(pool: ScoredPool) -> Mixed:
    """What `prune` would make of the pool with a checkpoint that names no mix.

    A sentence stands for its tokens. Second readings, which only raise what a lead speaks of, are left out.
    """
    documents = pool.documents
    sources = Sources([Document(d.passage.text, title=d.passage.title) for d in documents])
    read = [np.flatnonzero(np.isfinite(d.logits)) for d in documents]
    owner = np.repeat(np.arange(len(documents)), [len(rows) for rows in read])
    spans = np.concatenate([d.sentences[rows].reshape(-1, 2) for d, rows in zip(documents, read, strict=True)])
    keep = np.concatenate([d.logits[rows] for d, rows in zip(documents, read, strict=True)]).astype(np.float64)
    labels = np.concatenate([d.labels[rows] for d, rows in zip(documents, read, strict=True)])
    relevance = np.array([d.relevance for d in documents])
    # Short sentences are joined to their neighbours for selecting, but not for training.
    inside = sources.sentences.containing(TokenScores(owner, spans[:, 0], spans[:, 1], keep))
    mixed = MixedScores(sources, Lexical(pool.question.text, sources), Mix())
    reading = Reading(
        relevance=relevance,
        document=owner,
        start=spans[:, 0],
        end=spans[:, 1],
        keep=keep,
        window=relevance[owner],
        answer=np.zeros(len(owner)),
        query_cut=False,
        seconds=0.0,
    )
    mixed.add(reading, np.arange(len(documents)))
    scores = mixed.scores(0.0)
    assert scores.sentences is not None
    gold = np.zeros(len(sources.sentences), dtype=bool)
    gold[inside[labels == GOLD]] = True
    counted = np.unique(inside)
    return Mixed(
        _logit(scores.relevance),
        np.array([d.passage.relevant for d in documents], dtype=bool),
        _logit(scores.sentences[counted]),
        gold[counted],
    )


def _logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(inside) - np.log1p(-inside))
