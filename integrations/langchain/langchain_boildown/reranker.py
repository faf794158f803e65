"""A LangChain reranker as one of the engine's methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.documents import BaseDocumentCompressor, Document

from boildown.errors import ConfigurationError
from boildown.methods.reranked import Reranked

__all__ = ["RerankerMethod"]

_LABEL = "boildown_label"


class RerankerMethod(Reranked):
    """Ranks documents by a LangChain reranker, such as `CohereRerank`; it scores no sentences.

    It goes wherever the engine takes a ranking: `Compressor("llmlingua2", rank=RerankerMethod(CohereRerank(...)))`, or
    `PromptCompressor(...).compress_prompt(..., rank_method=RerankerMethod(...))`.

    Args:
        reranker: a document compressor that gives whole documents, best first; where it writes `relevance_score` into
            their metadata, that is their relevance. Its `top_n` should not be less than the documents.

    Raises:
        ConfigurationError: it is no document compressor.
    """

    def __init__(self, reranker: BaseDocumentCompressor) -> None:
        if not isinstance(reranker, BaseDocumentCompressor):
            raise ConfigurationError(
                f"A LangChain reranker is a BaseDocumentCompressor, such as CohereRerank; {type(reranker).__name__} is "
                "none. Embeddings go into boildown.methods.embedding.Embedding."
            )
        self.reranker = reranker

    def _ranked(self, query: str, texts: Mapping[str, str]) -> list[tuple[Any, Any]]:
        documents = [Document(page_content=text, metadata={_LABEL: label}) for label, text in texts.items()]
        found = self.reranker.compress_documents(documents, query)
        return [(d.metadata.get(_LABEL), d.metadata.get("relevance_score")) for d in found]
