"""Long documents of several subjects, scored as if each section were a document of its own."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["Sectioned"]


class Sectioned:
    """Documents in sections, and the way back; documents without sections are one each.

    Attributes:
        sources: the sections; their sentences are those of the documents, in the same order.
    """

    def __init__(self, sources: Sources) -> None:
        sections = sources.sections
        self.sources, self._count = sources.split(sections), len(sources)
        self._owner = np.repeat(np.arange(len(sources)), [len(found) for found in sections])
        sentences = self.sources.sentences
        first = np.searchsorted(sentences.document, np.arange(len(self._owner)))
        # A document without text has no sentence.
        starts = np.append(sources.sentences.start, 0)[first]
        self._start = np.where(np.diff(self._owner, prepend=-1) > 0, 0, starts)

    def of(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """Indices of the sections of some documents."""
        return np.flatnonzero(np.isin(self._owner, documents))

    def whole(self, sections: Set[int]) -> int:
        """Of how many documents these are all sections."""
        missing = np.setdiff1d(np.arange(len(self._owner)), list(sections))
        return self._count - len(np.unique(self._owner[missing]))

    def back(self, scores: Scores) -> Scores:
        """Scores of the documents, from those of the sections; a document is as relevant as its best section."""
        relevance = np.full(self._count, -np.inf)
        np.maximum.at(relevance, self._owner, scores.relevance)
        tokens, points = self._moved(scores.tokens), self._moved(scores.points)
        return replace(scores, relevance=relevance, tokens=tokens, points=points)

    def _moved(self, tokens: TokenScores | None) -> TokenScores | None:
        if tokens is None:
            return None
        start = self._start[tokens.document]
        return TokenScores(self._owner[tokens.document], tokens.start + start, tokens.end + start, tokens.score)
