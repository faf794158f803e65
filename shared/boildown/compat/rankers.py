"""The published names of rankings, and what stands for each here."""

from __future__ import annotations

from boildown.errors import ConfigurationError, unknown_name
from boildown.methods.base import Method
from boildown.methods.bm25 import BM25
from boildown.methods.exact.ranking import PERPLEXITY
from boildown.methods.gzip_rank import Gzip

__all__ = ["find_ranker"]

_MODELS = {
    "sentbert": "sentence-transformers/multi-qa-mpnet-base-dot-v1",
    "bge": "BAAI/bge-large-en-v1.5",
    "bge_llmembedder": "BAAI/llm-embedder",
    "jinza": "jinaai/jina-embeddings-v2-base-en",
    "bge_reranker": "BAAI/bge-reranker-large",
}
_REMOTE = ("openai", "voyageai", "cohere")


def find_ranker(name: str | Method, device: str, exact: bool = False) -> Method:
    """The method that ranks texts.

    Args:
        name: a published name other than those of `PERPLEXITY`, or a method.
        device: for models that are loaded by name.
        exact: judge whole texts by the named models as published, and not their sentences and passages.

    Raises:
        ConfigurationError: the name is unknown, or one of a remote service, whose client the caller has to bring.
    """
    if isinstance(name, Method):
        return name
    if name == "bm25":
        return BM25()
    if name == "gzip":
        return Gzip()
    if exact and name in _MODELS:
        from boildown.methods.exact.model_rankers import published_ranker

        return published_ranker(name, _MODELS[name], device)
    if name == "bge_reranker":
        from boildown.methods.cross_encoder import CrossEncoder

        return CrossEncoder(_MODELS[name], device)
    if name in _MODELS:
        from boildown.methods.embedding import Embedding

        return Embedding(_MODELS[name], device)
    if name in _REMOTE:
        raise ConfigurationError(
            f"rank_method={name!r} is a remote service. Pass its LangChain or LlamaIndex client instead: "
            "rank_method=Embedding(OpenAIEmbeddings()), from boildown.methods.embedding, or "
            "rank_method=RerankerMethod(CohereRerank()), from langchain_boildown or llama_index.postprocessor.boildown."
        )
    raise unknown_name("rank_method", name, (*PERPLEXITY, "bm25", "gzip", *_MODELS))
