"""Rankings of texts by the names that the published implementation knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boildown.errors import unknown_name
from boildown.methods.base import Method
from boildown.methods.exact.language_model import ReferenceLM
from boildown.methods.gzip_rank import Gzip
from boildown.methods.surprise import RESTRICTION
from boildown.sources import Sources

__all__ = ["PERPLEXITY", "rank_texts"]

PERPLEXITY = ("llmlingua", "longllmlingua")


def rank_texts(lm: ReferenceLM, texts: Sequence[str], question: str, method: str | Method, condition: str) -> list[int]:
    """Indices of texts in the order in which they are taken.

    Args:
        lm: the model, for the rankings by perplexity.
        texts: what is ranked.
        question: what it is ranked for.
        method: a published name, or any method; embedding models and rerankers are brought in so.
        condition: where the question stands, for the rankings by perplexity.

    Raises:
        ConfigurationError: the method is unknown.
    """
    if method == "gzip":
        method = Gzip()
    if isinstance(method, Method):
        return [int(i) for i in np.argsort(-method.score(question, Sources(texts)).relevance)]
    if method in PERPLEXITY:
        losses = lm.mean_nll(texts, question + RESTRICTION, condition)
        sign = -1 if condition == "none" else 1
        return sorted(range(len(texts)), key=lambda i: sign * losses[i])
    if method == "bm25":
        scores = -_okapi([text.split(" ") for text in texts], question.split(" "))
        return [int(i) for i in scores.argsort()]
    raise unknown_name("rank_method", method, (*PERPLEXITY, "bm25", "gzip"))


def _okapi(texts: Sequence[Sequence[str]], question: Sequence[str]) -> NDArray[np.float64]:
    """BM25 Okapi with k1 = 1.5, b = 0.75, and negative idfs raised to a quarter of the mean idf."""
    counts = [Counter(text) for text in texts]
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    containing = Counter(term for count in counts for term in count)
    idf = {t: float(np.log(len(texts) - n + 0.5) - np.log(n + 0.5)) for t, n in containing.items()}
    floor = 0.25 * (sum(idf.values()) / len(idf)) if idf else 0.0
    scores = np.zeros(len(texts))
    norm = 1.5 * (0.25 + 0.75 * lengths / lengths.mean()) if len(texts) else lengths
    for term in question:
        frequency = np.array([count[term] for count in counts], dtype=np.float64)
        weight = idf.get(term, 0.0)
        scores += (floor if weight < 0 else weight) * frequency * 2.5 / (frequency + norm)
    return scores
