"""Selective Context: keep the phrases or sentences that carry information."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from boildown.errors import unknown_name
from boildown.methods.surprise import CausalMethod
from boildown.runtime.causal import CausalLM
from boildown.sources import Sources, Units
from boildown.types import Scores, TokenScores

__all__ = ["SelectiveContext"]

Level = Literal["sentence", "phrase", "token"]

_ENDS_PHRASE = re.compile(r"[^\w\s'’\-)\]}”\"][)\]}”’\"']*\s*$|\n[^\S\n]*$")


class SelectiveContext(CausalMethod):
    """Scores units by the mean self-information of their tokens (Li et al. 2023, Selective Context, section 3).

    Args:
        model: path or hub id of any `AutoModelForCausalLM`, or a `CausalLM` that is already loaded.
        level: the lexical unit: "sentence"; "phrase", which ends at a punctuation mark, in place of the paper's noun
            phrases, which need a parser for each language; or "token".
        device: "auto", or a torch device.
        dtype: "auto", "float32", "bfloat16" or "float16".

    Raises:
        ConfigurationError: the level is none of these.
    """

    name = "selective_context"
    uses_query = False

    def __init__(
        self, model: str | CausalLM, level: Level = "sentence", device: str = "auto", dtype: str = "auto"
    ) -> None:
        super().__init__(model, device, dtype)
        if level not in get_args(Level):
            raise unknown_name("level", level, get_args(Level))
        self.level = level

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores in nats; `query` is not read."""
        scores = self.surprise(sources)
        if self.level == "token" or scores.tokens is None:
            return scores
        if self.level == "sentence":
            return replace(scores, sentences=_mean_inside(sources.sentences, scores.tokens), tokens=None)
        return replace(scores, tokens=_phrases(sources, scores.tokens))


def _mean_inside(units: Units, tokens: TokenScores) -> NDArray[np.float64]:
    """The mean of the tokens that start in each unit; 0, than which nothing is less surprising, for units without."""
    if not len(tokens.score):
        return np.zeros(len(units))
    place = units.containing(tokens)
    total = np.bincount(place, weights=tokens.score, minlength=len(units))
    count = np.bincount(place, minlength=len(units))
    return total / np.maximum(count, 1)


def _phrases(sources: Sources, tokens: TokenScores) -> TokenScores:
    """Words, each with the score of its phrase, so that the words of a phrase are kept or dropped together."""
    words = sources.words
    ends = np.array([bool(_ENDS_PHRASE.search(text)) for text in sources.cut(words)], dtype=bool)
    first = np.ones(len(words), dtype=bool)
    first[1:] = ends[:-1] | (np.diff(words.document) != 0)
    at = np.flatnonzero(first)
    score = _mean_inside(words.joined(at) if len(at) else words, tokens)
    return TokenScores(words.document, words.start, words.end, np.repeat(score, np.diff(at, append=len(words))))
