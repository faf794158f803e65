"""How well a model tells right from wrong on questions that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .examples import GOLD
from .pools import ScoredPool


def auc(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The share of pairs of a right and a wrong one in which the right one scores higher; a tie is half a pair.

    Not-a-number where there are no such pairs.
    """
    pairs = scores[right][:, None] - scores[~right][None, :]
    return float(np.mean((np.sign(pairs) + 1) / 2)) if pairs.size else float("nan")


def held_out_measures(pools: Iterable[ScoredPool]) -> dict[str, float]:
    """AUC of the model's own logits within a question's pool, of documents and of sentences; means over questions."""
    found: dict[str, list[float]] = {"relevance": [], "keep": []}
    for pool in pools:
        documents = pool.documents
        relevant = np.array([d.passage.relevant for d in documents], dtype=bool)
        found["relevance"].append(auc(np.array([d.relevance for d in documents]), relevant))
        logits = np.concatenate([d.logits for d in documents]).astype(np.float64)
        gold = np.concatenate([d.labels for d in documents]) == GOLD
        read = np.isfinite(logits)
        found["keep"].append(auc(logits[read], gold[read]))
    means = {name: [value for value in values if np.isfinite(value)] for name, values in found.items()}
    return {name: float(np.mean(values)) for name, values in means.items() if values}
