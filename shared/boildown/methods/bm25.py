"""BM25 on sentences: no model, any language, and the yardstick for all others."""

from __future__ import annotations

from boildown.methods.lexical import Lexical
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["BM25", "DOCUMENT_PART"]

DOCUMENT_PART = 0.7
"""How much of its document's score a sentence gets: of two equal sentences, the one in the better document is kept."""


class BM25:
    """Scores sentences and documents by BM25 (Robertson and Zaragoza 2009, The Probabilistic Relevance Framework,
    section 3), with statistics taken from the documents at hand.

    Words are compared by what stays the same under inflection, and without accents; text without spaces between words
    by runs of characters (`boildown.text.words`). A sentence's score is its own plus a part of its document's.
    """

    name = "bm25"
    uses_query = True

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores of at least 0, on no fixed scale: use a budget in tokens or a rate, or a ranking, with them."""
        words = Lexical(query, sources)
        sentences = words.sentences + DOCUMENT_PART * words.documents[sources.sentences.document]
        return Scores(relevance=words.documents, sentences=sentences)
