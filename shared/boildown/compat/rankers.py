"""The published names of rankings, and what stands for each here."""

from __future__ import annotations

from typing import Any

from boildown.errors import ConfigurationError, unknown_name
from boildown.methods.base import Method
from boildown.methods.bm25 import BM25
from boildown.methods.gzip_rank import Gzip

__all__ = ["PERPLEXITY_RANKINGS", "find_ranker"]

PERPLEXITY_RANKINGS = ("llmlingua", "longllmlingua")

_EMBEDDINGS = {
    "sentbert": "sentence-transformers/multi-qa-mpnet-base-dot-v1",
    "bge": "BAAI/bge-large-en-v1.5",
    "bge_llmembedder": "BAAI/llm-embedder",
    "jinza": "jinaai/jina-embeddings-v2-base-en",
}
_RERANKERS = {"bge_reranker": "BAAI/bge-reranker-large"}
_REMOTE = ("openai", "voyageai", "cohere")


def find_ranker(name: str | Method, device: str) -> Method:
    """The method that ranks texts.

    Args:
        name: a published name other than those of `PERPLEXITY_RANKINGS`, or a method.
        device: for models that are loaded by name.

    Raises:
        ConfigurationError: the name is unknown, or one of a remote service, whose client the caller has to bring.
    """
    if isinstance(name, Method):
        return name
    options: dict[str, Any] = {"device": device}
    if name == "bm25":
        return BM25()
    if name == "gzip":
        return Gzip()
    if name in _EMBEDDINGS:
        from boildown.methods.embedding import Embedding

        return Embedding(_EMBEDDINGS[name], **options)
    if name in _RERANKERS:
        from boildown.methods.cross_encoder import CrossEncoder

        return CrossEncoder(_RERANKERS[name], **options)
    if name in _REMOTE:
        raise ConfigurationError(
            f"rank_method={name!r} is a remote service. Pass its LangChain or LlamaIndex client instead: "
            "rank_method=Embedding(OpenAIEmbeddings()) or rank_method=CrossEncoder(...), from boildown.methods."
        )
    raise unknown_name("rank_method", name, (*PERPLEXITY_RANKINGS, "bm25", "gzip", *_EMBEDDINGS, *_RERANKERS))
