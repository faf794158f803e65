"""Embedding similarity of sentences with the query, by any embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.counters import well_formed
from boildown.errors import ConfigurationError, ModelError
from boildown.methods.cached import CachedVectors, computed_in
from boildown.runtime.identity import model_identity
from boildown.runtime.sentence_models import sentence_model, with_owner
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["Embedding"]

_NOTHING = -1.0
"""The score of text that cannot be embedded, such as white space: the lowest that a cosine can be."""


class Embedding:
    """Scores sentences by the cosine of their embedding with the query's, all documents in one call.

    A document's relevance is the mean of its best and its average sentence, its title counted as one: the best finds
    the document with the answer, the average prefers the one that stays with the topic. Vectors of a model that is
    given by name are kept in the cache, so that documents are embedded once, and only the query anew.

    Args:
        model: path or hub id of a model of sentence-transformers: an encoder like BERT, RoBERTa, XLM-R, MPNet, DeBERTa
            or ModernBERT with the mean or the first token on top of it runs on the device's scheduler, packed
            together with all other requests; any other one by that package. Or an object with `encode`
            (sentence-transformers, model2vec), `embed_documents` and `embed_query` (LangChain), or
            `get_text_embedding_batch` and `get_query_embedding` (LlamaIndex).
        device: where to run a model that is given by name; see `boildown.runtime.devices`.
        dtype: what to compute in, likewise.

    Raises:
        ConfigurationError: the object has none of these methods.
    """

    name = "embedding"
    uses_query = True

    def __init__(self, model: str | Any, device: str = "auto", dtype: str = "auto") -> None:
        if not isinstance(model, str):
            _check_interface(model)
        self.model, self.device, self.dtype = model, device, dtype

    def score(self, query: str, sources: Sources) -> Scores:
        """Cosines, from -1 to 1.

        Raises:
            MissingExtraError: the model needs sentence-transformers, which is not installed.
            ModelError: the model cannot be loaded, or gives something else than one vector for each text.
        """
        sentences = sources.sentences
        texts = [*sources.sentence_texts(), *(document.title for document in sources.documents)]
        owner = np.concatenate([sentences.document, np.arange(len(sources))])
        some = np.flatnonzero([bool(text.strip()) for text in texts])
        some = some[np.argsort(owner[some], kind="stable")]
        cosines = np.full(len(texts), _NOTHING)
        count = np.bincount(owner[some], minlength=len(sources))
        seconds, cached = 0.0, 0
        if len(some):
            stored = CachedVectors(self._identity(sources), sources, count)
            given = [well_formed(texts[i].strip()) for i in some[np.isin(owner[some], stored.missing)].tolist()]
            with sentence_model("SentenceTransformer", self.model, self.device, self.dtype, self.name) as model:
                begin = perf_counter()
                asked, found = _embed(model, well_formed(query), given)
                seconds = perf_counter() - begin
            cosines[some] = _cosines(asked, stored.complete(found))
            cached = int(np.count_nonzero(count)) - len(stored.missing)

        best = np.full(len(sources), _NOTHING)
        np.maximum.at(best, owner[some], cosines[some])
        total = np.bincount(owner[some], weights=cosines[some], minlength=len(sources))
        mean = np.where(count > 0, total / np.maximum(count, 1), _NOTHING)
        relevance = (best + mean) / 2
        return Scores(relevance, sentences=cosines[: len(sentences)], model_seconds=seconds, cached=cached)

    def _identity(self, sources: Sources) -> tuple[str, ...] | None:
        """What the vectors depend on, if they are to be kept; of an object nobody can tell."""
        if sources.cache is None or not isinstance(self.model, str):
            return None
        return model_identity(with_owner(self.model)), *computed_in(self)


def _check_interface(model: Any) -> None:
    pairs = (("encode",), ("embed_documents", "embed_query"), ("get_text_embedding_batch", "get_query_embedding"))
    if not any(all(callable(getattr(model, name, None)) for name in names) for names in pairs):
        wanted = "; ".join(" and ".join(names) for names in pairs)
        raise ConfigurationError(
            f"model= must be a name or an object that embeds texts. {type(model).__name__} has none of: {wanted}."
        )


def _embed(model: Any, query: str, texts: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vectors of the query, shape (width,), and of the texts, shape (texts, width)."""
    if hasattr(model, "encode"):
        # Prompts are not all that may tell the two apart: a model can have modules of its own for queries.
        if hasattr(model, "encode_query") and not getattr(model, "symmetric", False):
            asked, found = model.encode_query([query])[0], model.encode_document(list(texts)) if texts else []
        else:
            asked, *found = model.encode([query, *texts])
    elif hasattr(model, "embed_documents"):
        asked, found = model.embed_query(query), model.embed_documents(list(texts))
    else:
        asked, found = model.get_query_embedding(query), model.get_text_embedding_batch(list(texts))
    vector, vectors = np.asarray(asked, dtype=np.float64), np.asarray(found, dtype=np.float64)
    if not texts:
        vectors = vectors.reshape(0, len(vector))
    if vector.ndim != 1 or vectors.shape != (len(texts), len(vector)):
        raise ModelError(
            f"{type(model).__name__} gave an array of shape {vectors.shape} for {len(texts)} texts, and one of "
            f"{vector.shape} for the query. It must give one vector for each, all of the same width."
        )
    return vector, vectors


def _cosines(query: NDArray[np.float64], texts: NDArray[np.float64]) -> NDArray[np.float64]:
    norms = np.linalg.norm(texts, axis=1) * np.linalg.norm(query)
    cosines: NDArray[np.float64] = np.divide(texts @ query, norms, out=np.zeros(len(texts)), where=norms > 0)
    return np.clip(cosines, -1.0, 1.0)
