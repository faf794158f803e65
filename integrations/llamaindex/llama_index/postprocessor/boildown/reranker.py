"""A LlamaIndex reranker as one of the engine's methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode

from boildown.errors import ConfigurationError
from boildown.methods.reranked import Reranked

__all__ = ["RerankerMethod"]


class RerankerMethod(Reranked):
    """Ranks documents by a LlamaIndex reranker, such as `CohereRerank`; it scores no sentences.

    It goes wherever the engine takes a ranking: `Compressor("llmlingua2", rank=RerankerMethod(CohereRerank(...)))`, or
    `PromptCompressor(...).compress_prompt(..., rank_method=RerankerMethod(...))`.

    Args:
        reranker: a node postprocessor that gives nodes best first; where they have a score, that is their relevance.
            Its `top_n` should not be less than the documents.

    Raises:
        ConfigurationError: it is no node postprocessor.
    """

    def __init__(self, reranker: BaseNodePostprocessor) -> None:
        if not isinstance(reranker, BaseNodePostprocessor):
            raise ConfigurationError(
                f"A LlamaIndex reranker is a BaseNodePostprocessor, such as CohereRerank; {type(reranker).__name__} is "
                "none. Embeddings go into boildown.methods.embedding.Embedding."
            )
        self.reranker = reranker

    def _ranked(self, query: str, texts: Mapping[str, str]) -> list[tuple[Any, Any]]:
        nodes = [NodeWithScore(node=TextNode(id_=label, text=text)) for label, text in texts.items()]
        return [(n.node.node_id, n.score) for n in self.reranker.postprocess_nodes(nodes, query_str=query)]
