"""LongLLMLingua: keep the documents that predict the question, and the tokens that the question predicts."""

from __future__ import annotations

from time import perf_counter
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.errors import unknown_name
from boildown.methods.base import check_flag
from boildown.methods.surprise import RESTRICTION, CausalMethod, mean_by_document, token_scores
from boildown.runtime.causal import CausalLM
from boildown.runtime.causal_text import Encoded
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["LongLLMLingua"]

Condition = Literal["after", "before"]
TokenScore = Literal["contrastive", "conditional", "plain", "none"]

_SEPARATOR = "\n\n"


class LongLLMLingua(CausalMethod):
    """Scores documents and tokens for a question (Jiang et al. 2023, LongLLMLingua, sections 4.1 and 4.2).

    A document's relevance is minus the mean negative log-likelihood of the question after it; with
    `condition="before"`, of the document after the question. A token's score is how much more likely the question
    makes it: NLL(token | text before) - NLL(token | question, text before).

    Args:
        model: path or hub id of any `AutoModelForCausalLM`, or a `CausalLM` that is already loaded.
        condition: where the question stands when documents are ranked.
        token_score: "contrastive" as above; "conditional" for its second term alone; "plain" for its first, which is
            LLMLingua's; "none" to rank documents only.
        device: "auto", or a torch device.
        dtype: "auto", "float32", "bfloat16" or "float16".
        exact: reproduce the published implementation, whose iterations need the budget, instead; see `LLMLingua`.

    Raises:
        ConfigurationError: an argument has the wrong type or value.
    """

    name = "longllmlingua"
    uses_query = True

    def __init__(
        self,
        model: str | CausalLM,
        condition: Condition = "after",
        token_score: TokenScore = "contrastive",
        device: str = "auto",
        dtype: str = "auto",
        exact: bool = False,
    ) -> None:
        super().__init__(model, device, dtype)
        self.needs_budget = check_flag("exact", exact)
        if condition not in get_args(Condition):
            raise unknown_name("condition", condition, get_args(Condition))
        if token_score not in get_args(TokenScore):
            raise unknown_name("token_score", token_score, get_args(TokenScore))
        self.condition = condition
        self.token_score = token_score

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores in nats. A question of more than half the model's window is cut in its middle, with a note."""
        model = self.load()
        texts = model.encode(sources.texts)
        asked, separator = (e.ids for e in model.encode([query, _SEPARATOR]))
        asked, shortened = model.fit_question(asked)
        prefix = np.concatenate([asked, separator])
        begin = perf_counter()
        conditional = plain = None
        if self.condition == "before" or self.token_score in ("contrastive", "conditional"):
            conditional = model.token_nll(texts, prefix)
        if self.token_score in ("contrastive", "plain"):
            plain = model.token_nll(texts)
        if self.condition == "before" and conditional is not None:
            relevance = mean_by_document([-v for v in conditional])
        else:
            relevance = self._relevance(model, query, sources, texts)
        seconds = perf_counter() - begin
        values = conditional if self.token_score == "conditional" else plain
        if self.token_score == "contrastive" and plain is not None and conditional is not None:
            values = [a - b for a, b in zip(plain, conditional, strict=True)]
        tokens = None if values is None else token_scores(sources, texts, values)
        notes = (f"The question was cut to {len(asked)} tokens, half of the model's window.",) if shortened else ()
        return Scores(relevance, tokens=tokens, model_seconds=seconds, notes=notes)

    def score_within(self, query: str, sources: Sources, budget: Budget) -> Scores:
        """The published implementation's cut as scores of 0 and 1; for `exact=True`.

        It runs with a dynamic ratio of 0.3 where the score is contrastive, as its authors did.
        """
        from boildown.methods.exact.arguments import ExactArguments
        from boildown.methods.exact.spans import exact_scores

        contrastive = self.token_score == "contrastive"
        arguments = ExactArguments(
            question=query,
            concate_question=False,
            rank_method="longllmlingua",
            condition_in_question=self.condition + ("_condition" if self.token_score != "plain" else ""),
            condition_compare=contrastive,
            dynamic_context_compression_ratio=0.3 if contrastive else 0.0,
            use_token_level_filter=self.token_score != "none",
        )
        return exact_scores(self.load(), sources, budget, arguments)

    def _relevance(self, model: CausalLM, query: str, sources: Sources, texts: list[Encoded]) -> NDArray[np.float64]:
        titled = [i for i, document in enumerate(sources.documents) if document.title]
        if titled:
            texts = list(texts)
            with_title = [f"{sources.documents[i].title}\n{sources.documents[i].text}" for i in titled]
            for i, encoded in zip(titled, model.encode(with_title), strict=True):
                texts[i] = encoded
        separator, asked = (e.ids for e in model.encode([_SEPARATOR, query + RESTRICTION]))
        asked, _ = model.fit_question(asked)
        relevance = -model.continuation_nll(texts, np.concatenate([separator, asked]), unscored=len(separator))
        # A question alone may be likelier than after any document, so a blank document has to be put last.
        relevance[[not text.strip() for text in sources.texts]] = relevance.min(initial=0.0)
        return relevance
