"""The document transformer, for ingestion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document

from boildown.checks import check_min_sentence
from boildown.methods.stored import storing_method
from boildown.settings import copied
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.workers import run_in_worker
from langchain_boildown.documents import check_documents, from_langchain

__all__ = ["BoildownTransformer"]


class BoildownTransformer(BaseDocumentTransformer):
    """Scores documents once, when they are ingested, for methods that don't read the query.

    Each document that comes out is a copy with one more metadata key, `boildown_scores`: a string, four to six
    characters for each token, that any vector store takes. A `BoildownCompressor` of the same method, model
    and options then reads it, and runs no model. What has changed since (the text, the model's files, an
    option) is noticed, and scored again at query time. So this belongs last, after text splitters; and
    documents that carry scores which still fit pass through unscored.

    Building a transformer loads nothing, and pickles carry no weights. The asynchronous face scores on a
    thread.

    Args:
        method: a method that does not read the query, such as "llmlingua2".
        model, device, dtype, options, min_sentence: as the `BoildownCompressor` will have them; the device
            may differ. A compressor with dtype="auto" takes scores of any precision.

    Raises:
        ConfigurationError: the method reads the query, or an argument is wrong.
    """

    def __init__(
        self,
        method: str = "llmlingua2",
        *,
        model: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        options: Mapping[str, Any] | None = None,
        min_sentence: int = 3,
    ) -> None:
        self.method = storing_method(method, model=model, device=device, dtype=dtype, options=options)
        self.min_sentence = check_min_sentence(min_sentence)

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """Copies of the documents, with their scores.

        Args:
            documents: they are not changed.
            kwargs: of no matter.

        Raises:
            InputError: something else than documents came.
            ModelError: the model cannot be loaded.
        """
        listed = check_documents(documents)
        values = self.method.values(Sources(from_langchain(listed), self.min_sentence))
        return [
            document.model_copy(update={"metadata": {**copied(document.metadata or {}), STORED_KEY: value}})
            for document, value in zip(listed, values, strict=True)
        ]

    async def atransform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """`transform_documents` without blocking the event loop."""
        return await run_in_worker(partial(self.transform_documents, documents, **kwargs))
