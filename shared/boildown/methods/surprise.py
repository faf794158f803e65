"""What the methods that measure surprise share: their model, and token values brought to offsets."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from boildown.runtime.causal import CausalLM
from boildown.runtime.causal_text import Encoded
from boildown.runtime.tokens import Tokens, split_at
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["RESTRICTION", "CausalMethod", "mean_by_document", "token_scores"]

RESTRICTION = " We can get the answer to this question in the given documents."
"""Jiang et al. 2023, LongLLMLingua, section 4.1: a sentence that binds the question to the document."""


class CausalMethod:
    """A method with a causal language model.

    Args:
        model: path or hub id of any `AutoModelForCausalLM`, or a `CausalLM` that is already loaded.
        device: "auto", or a torch device.
        dtype: "auto", "float32", "bfloat16" or "float16".
    """

    def __init__(self, model: str | CausalLM, device: str = "auto", dtype: str = "auto") -> None:
        self.model = model
        self.device = device
        self.dtype = dtype

    def load(self) -> CausalLM:
        """The model; shared by all that name it."""
        if isinstance(self.model, CausalLM):
            return self.model
        from boildown.runtime.causal_loading import load_causal

        return load_causal(self.model, self.device, self.dtype)

    def surprise(self, sources: Sources) -> Scores:
        """How surprising each token is after the text before it, in nats, and each document on average."""
        model = self.load()
        texts = model.encode(sources.texts)
        begin = perf_counter()
        values = model.token_nll(texts)
        seconds = perf_counter() - begin
        relevance = mean_by_document(values, least=0.0)
        return Scores(relevance, tokens=token_scores(sources, texts, values), model_seconds=seconds)


def token_scores(sources: Sources, texts: Sequence[Encoded], values: Sequence[NDArray[np.float64]]) -> TokenScores:
    """Values of tokens as scores with offsets.

    Tokens of white space alone say nothing about a word and are left out. Byte-level tokens that share a character
    become one, which can't be torn, with their mean: what the model is surprised by per token that it costs. A token
    that runs over several words counts for each.

    Args:
        sources: the documents.
        texts: the tokens of each document.
        values: for each document, shape (its tokens,).
    """
    document = np.repeat(np.arange(len(texts), dtype=np.int64), [len(text.ids) for text in texts])
    if not len(document):
        none = np.zeros(0, dtype=np.int64)
        return TokenScores(none, none, none, np.zeros(0))
    start = np.concatenate([text.start for text in texts])
    end = np.concatenate([text.end for text in texts])
    score = np.concatenate(values)
    filled = end > start
    document, start, end, score = document[filled], start[filled], end[filled], score[filled]
    if not len(document):
        return TokenScores(document, start, end, score)
    base = document * (int(end.max()) + 1)
    reached = np.maximum.accumulate(base + end)
    first = np.flatnonzero(np.append(True, base[1:] + start[1:] >= reached[:-1]))
    sizes = np.diff(np.append(first, len(document)))
    mean = np.add.reduceat(score, first) / sizes
    whole = Tokens(first, document[first], start[first], np.maximum.reduceat(end, first))
    words = sources.starts[sources.words.document] + sources.words.start
    parts, origin = split_at(whole, words, sources.starts)
    return TokenScores(parts.text, parts.start, parts.end, mean[origin])


def mean_by_document(values: Sequence[NDArray[np.float64]], least: float | None = None) -> NDArray[np.float64]:
    """The mean of each document's values. Finite.

    Args:
        values: for each document, shape (its tokens,).
        least: for a document without tokens; None gives it the lowest of the others', which then count.
    """
    means = np.array([v.mean() if len(v) else np.nan for v in values])
    filled = means[~np.isnan(means)]
    if least is None:
        least = float(filled.min()) if len(filled) else 0.0
    means[np.isnan(means)] = least
    return means
