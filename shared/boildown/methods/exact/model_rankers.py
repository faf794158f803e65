"""The published rankings by other models: whole texts, as they come, by dot product or in pairs.

`boildown.methods.embedding` and `boildown.methods.cross_encoder` judge a document by its sentences and passages, and
so also what lies beyond the window of such a model.
"""

from __future__ import annotations

import numpy as np

from boildown.counters import well_formed
from boildown.errors import ModelError
from boildown.methods.base import Method
from boildown.runtime.sentence_models import load_pair_classifier, sentence_model
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["PairRanker", "TextEmbeddingRanker", "published_ranker"]


class TextEmbeddingRanker:
    """Ranks by the dot product of embeddings.

    Args:
        model: path or hub id of a sentence-transformers model.
        device: where to run; see `boildown.runtime.devices`.
        query_prefix, text_prefix: what is written before the query and before each text.
        normalize: whether vectors have length 1.
    """

    name = "embedding"
    uses_query = True

    def __init__(
        self, model: str, device: str, query_prefix: str = "", text_prefix: str = "", normalize: bool = True
    ) -> None:
        self.model, self.device = model, device
        self.query_prefix, self.text_prefix = query_prefix, text_prefix
        self.normalize = normalize

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance of documents alone."""
        given = [self.query_prefix + well_formed(query), *(self.text_prefix + well_formed(t) for t in sources.texts)]
        with sentence_model("SentenceTransformer", self.model, self.device, "float32", self.name) as model:
            asked, *texts = model.encode(given, normalize_embeddings=self.normalize)
        return Scores(np.asarray([text @ asked for text in texts], dtype=np.float64))


class PairRanker:
    """Ranks by a cross-encoder that reads the text first and the query after it.

    Args:
        model: path or hub id of a cross-encoder.
        device: where to run; see `boildown.runtime.devices`.
    """

    name = "cross_encoder"
    uses_query = True

    def __init__(self, model: str, device: str) -> None:
        self.model, self.device = model, device

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance of documents alone."""
        model = load_pair_classifier(self.model, self.device, "float32")
        if model is None:
            raise ModelError(f"{self.model!r} is no cross-encoder of the published kind; `cross_encoder` runs others.")
        # Logits: a sigmoid would make good texts equal.
        return Scores(model.logits([(text, query) for text in sources.texts]))


def published_ranker(name: str, model: str, device: str) -> Method:
    """The ranking of a published name.

    Args:
        name: "sentbert", "bge", "bge_llmembedder", "jinza" or "bge_reranker".
        model: path or hub id of its model.
        device: where to run.
    """
    if name == "bge_reranker":
        return PairRanker(model, device)
    if name == "bge_llmembedder":
        # In one piece with their models, these words say what the text is for.
        query_prefix = "Represent this query for retrieving relevant documents: "
        return TextEmbeddingRanker(model, device, query_prefix, "Represent this document for retrieval: ")
    return TextEmbeddingRanker(model, device, normalize=name == "bge")
