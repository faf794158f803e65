"""Ranks documents by how much they help to compress the question."""

from __future__ import annotations

import gzip

import numpy as np

from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["Gzip"]


class Gzip:
    """Relevance is minus the normalised compression distance of query and document (Cilibrasi and Vitányi 2005,
    Clustering by Compression, section 4), with gzip as the compressor. No model; a yardstick more than a ranker.
    """

    name = "gzip"
    uses_query = True

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance of documents alone, about -1 to 0."""
        return Scores(relevance=-np.array([_distance(text, query) for text in sources.texts], dtype=np.float64))


def _distance(x: str, y: str) -> float:
    sizes = [len(gzip.compress(part.encode("utf-8", "replace"))) for part in (x, y, f"{x} {y}")]
    return (sizes[2] - min(sizes[:2])) / max(sizes[:2])
