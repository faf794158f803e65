"""A LlamaIndex reranker as one of the engine's methods."""

from __future__ import annotations

from time import perf_counter

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode

from boildown.errors import ConfigurationError
from boildown.methods.reranked import reranked_scores, titled_texts
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["RerankerMethod"]


class RerankerMethod:
    """Ranks documents by a LlamaIndex reranker, such as `CohereRerank`; it scores no sentences.

    It goes wherever the engine takes a ranking: `Compressor("llmlingua2", rank=RerankerMethod(CohereRerank(...)))`, or
    `PromptCompressor(...).compress_prompt(..., rank_method=RerankerMethod(...))`.

    Args:
        reranker: a node postprocessor that gives nodes best first; where they have a score, that is their relevance.
            Its `top_n` should not be less than the documents.

    Raises:
        ConfigurationError: it is no node postprocessor.
    """

    name = "reranker"
    uses_query = True

    def __init__(self, reranker: BaseNodePostprocessor) -> None:
        if not isinstance(reranker, BaseNodePostprocessor):
            raise ConfigurationError(
                f"A LlamaIndex reranker is a BaseNodePostprocessor, such as CohereRerank; {type(reranker).__name__} is "
                "none. Embeddings go into boildown.methods.embedding.Embedding."
            )
        self.reranker = reranker

    def score(self, query: str, sources: Sources) -> Scores:
        """Relevance on the reranker's own scale; documents that it leaves out come last."""
        texts = titled_texts(sources)
        begin = perf_counter()
        nodes = [NodeWithScore(node=TextNode(id_=str(i), text=text)) for i, text in texts]
        found = self.reranker.postprocess_nodes(nodes, query_str=query) if nodes else []
        seconds = perf_counter() - begin
        ranked = [(int(n.node.node_id), None if n.score is None else float(n.score)) for n in found]
        return reranked_scores(ranked, sources, seconds)
