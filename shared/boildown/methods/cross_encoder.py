"""A cross-encoder as a ranker of documents."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.counters import resolve_counter, well_formed
from boildown.errors import ConfigurationError, ModelError
from boildown.runtime.sentence_models import sentence_model
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["CrossEncoder"]

_PASSAGE_TOKENS = 320
"""Of the 512 that cross-encoders read, with room for the query, the title, and the estimate's error."""


class CrossEncoder:
    """Ranks documents by a model that reads the query together with each of them; it scores no sentences.

    A document that is longer than what such models read is split into passages at sentence ends, and the best
    passage's score is the document's, so that nothing is ranked by its beginning alone.

    Args:
        model: path or hub id of a cross-encoder: one like BERT, RoBERTa, XLM-R, DeBERTa or ModernBERT runs on the
            device's scheduler, packed together with all other requests; any other CrossEncoder of
            sentence-transformers by that package. Or an object with `predict` (sentence-transformers) or `score`
            (LangChain's cross-encoders), from a list of (query, text) to one number for each.
        device: where to run a model that is given by name; see `boildown.runtime.devices`.
        dtype: what to compute in, likewise.

    Raises:
        ConfigurationError: the object has neither method.
    """

    name = "cross_encoder"
    uses_query = True

    def __init__(self, model: str | Any, device: str = "auto", dtype: str = "auto") -> None:
        if not isinstance(model, str) and not (hasattr(model, "predict") or hasattr(model, "score")):
            raise ConfigurationError(
                f"model= must be a name or an object that ranks pairs of texts. {type(model).__name__} has neither "
                "predict nor score."
            )
        self.model, self.device, self.dtype = model, device, dtype

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance on the model's own scale; a document without text gets the lowest of all.

        Raises:
            MissingExtraError: the model needs sentence-transformers, which is not installed.
            ModelError: the model cannot be loaded, or gives something else than one number for each pair.
        """
        owner, passages = _passages(sources)
        if not passages:
            return Scores(np.zeros(len(sources)))
        pairs = [(well_formed(query), well_formed(passage)) for passage in passages]
        with sentence_model("CrossEncoder", self.model, self.device, self.dtype, self.name) as model:
            begin = perf_counter()
            values = model.predict(pairs) if hasattr(model, "predict") else model.score(pairs)
            seconds = perf_counter() - begin
        scores = np.asarray(values, dtype=np.float64)
        if scores.shape == (len(pairs), 1):
            scores = scores[:, 0]
        if scores.shape != (len(pairs),):
            raise ModelError(
                f"{type(model).__name__} gave an array of shape {scores.shape} for {len(pairs)} pairs. A ranker gives "
                "one number for each; a model with several labels, such as one for entailment, cannot rank."
            )
        relevance = np.full(len(sources), scores.min())
        relevance[np.unique(owner)] = -np.inf
        np.maximum.at(relevance, owner, scores)
        return Scores(relevance, model_seconds=seconds)


def _passages(sources: Sources) -> tuple[NDArray[np.int64], list[str]]:
    """Runs of whole sentences of at most about `_PASSAGE_TOKENS` tokens, under their document's title.

    Returns:
        The document of each passage, shape (passages,), and the passages; documents without text have none.
    """
    sentences = sources.sentences
    sizes = resolve_counter(None).count_many(sources.sentence_texts())
    texts = sources.texts
    owners: list[int] = []
    spans: list[tuple[int, int]] = []
    filled = 0
    columns = zip(sentences.document.tolist(), sentences.start.tolist(), sentences.end.tolist(), sizes, strict=True)
    for document, start, end, size in columns:
        if owners and owners[-1] == document and filled + size <= _PASSAGE_TOKENS:
            spans[-1] = (spans[-1][0], end)
            filled += size
        else:
            owners.append(document)
            spans.append((start, end))
            filled = size
    kept = [(d, text) for d, (s, e) in zip(owners, spans, strict=True) if (text := texts[d][s:e].strip())]
    titles = [document.title for document in sources.documents]
    passages = [f"{titles[d]}\n{text}" if titles[d] else text for d, text in kept]
    return np.array([d for d, _ in kept], dtype=np.int64), passages
