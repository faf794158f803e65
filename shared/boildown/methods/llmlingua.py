"""LLMLingua: keep the tokens that a language model finds surprising."""

from __future__ import annotations

from boildown.budget import Budget
from boildown.methods.base import check_flag
from boildown.methods.surprise import CausalMethod
from boildown.runtime.causal import CausalLM
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["LLMLingua"]


class LLMLingua(CausalMethod):
    """Scores a token by its negative log-likelihood (Jiang et al. 2023, LLMLingua, sections 4.1 and 4.2).

    A document's relevance is the mean over its tokens, as published: it does not read the question, and prefers text
    that the model finds hard. Rank by another method where relevance to a question is wanted.

    One pass over all documents replaces the paper's iterations: each token is judged given the whole text before it,
    and the token that is surprising is the one that gets the score.

    Args:
        model: path or hub id of any `AutoModelForCausalLM`, or a `CausalLM` that is already loaded.
        device: "auto", or a torch device.
        dtype: "auto", "float32", "bfloat16" or "float16".
        exact: reproduce the published implementation, whose iterations need the budget, instead. Its text to the
            letter, lost characters included, is that of `boildown.compat.PromptCompressor(exact=True)`; here the
            same tokens are cut from the documents.

    Raises:
        ConfigurationError: `exact` is neither True nor False.
    """

    name = "llmlingua"
    uses_query = False

    def __init__(self, model: str | CausalLM, device: str = "auto", dtype: str = "auto", exact: bool = False) -> None:
        super().__init__(model, device, dtype)
        self.needs_budget = check_flag("exact", exact)

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores in nats; `query` is not read."""
        return self.surprise(sources)

    def score_within(self, query: str, sources: Sources, budget: Budget) -> Scores:
        """The published implementation's cut as scores of 0 and 1; for `exact=True`."""
        from boildown.methods.exact.arguments import ExactArguments
        from boildown.methods.exact.spans import exact_scores

        return exact_scores(self.load(), sources, budget, ExactArguments(question=query, concate_question=False))
