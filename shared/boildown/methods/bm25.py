"""BM25 on sentences: no model, any language, and the yardstick for all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boildown.sources import Sources
from boildown.text.words import terms
from boildown.types import Scores

__all__ = ["BM25", "bm25_scores"]

_K1 = 1.5
_B = 0.75


class BM25:
    """Scores sentences and documents by BM25 (Robertson and Zaragoza 2009, The Probabilistic Relevance Framework,
    section 3), with statistics taken from the documents at hand.

    Text without spaces between words is matched by character bigrams. A sentence's score is its own plus a part of
    its document's, so that of two equal sentences the one in the better document is kept.
    """

    name = "bm25"
    uses_query = True

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores of at least 0, on no fixed scale: use a budget in tokens or a rate, or a ranking, with them."""
        sentences = sources.sentences
        sentence_terms = [terms(text) for text in sources.sentence_texts()]
        document_terms: list[list[str]] = [terms(document.title) for document in sources.documents]
        for owner, found in zip(sentences.document.tolist(), sentence_terms, strict=True):
            document_terms[owner].extend(found)
        wanted = terms(query)
        relevance = bm25_scores(wanted, document_terms)
        score = bm25_scores(wanted, sentence_terms)
        if len(score):
            score = score + 0.2 * relevance[sentences.document]
        return Scores(relevance=relevance, sentences=score)


def bm25_scores(query: Sequence[str], texts: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """BM25 of each text for the query.

    Args:
        query: terms; repeated ones count once.
        texts: terms of each text.

    Returns:
        shape (texts,), at least 0.
    """
    count = len(texts)
    scores = np.zeros(count)
    wanted = {term: i for i, term in enumerate(dict.fromkeys(query))}
    if not wanted or not count:
        return scores
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    mean = lengths.mean() or 1.0
    rows: list[int] = []
    columns: list[int] = []
    for i, text in enumerate(texts):
        for term in text:
            column = wanted.get(term)
            if column is not None:
                rows.append(i)
                columns.append(column)
    if not rows:
        return scores
    pairs = Counter(zip(rows, columns, strict=True))
    place = np.array(list(pairs), dtype=np.int64)
    frequency = np.fromiter(pairs.values(), dtype=np.float64, count=len(pairs))
    containing = np.bincount(place[:, 1], minlength=len(wanted))
    idf = np.log1p((count - containing + 0.5) / (containing + 0.5))
    norm = frequency + _K1 * (1 - _B + _B * lengths[place[:, 0]] / mean)
    np.add.at(scores, place[:, 0], idf[place[:, 1]] * frequency * (_K1 + 1) / norm)
    return scores
