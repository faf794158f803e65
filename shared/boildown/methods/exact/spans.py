"""The exact mode's cut as scores, so that it can be shown by its spans in the documents."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np

from boildown.budget import Budget
from boildown.errors import ConfigurationError
from boildown.methods.exact.arguments import ExactArguments
from boildown.methods.exact.language_model import ReferenceLM
from boildown.methods.exact.prompt import compress_exactly
from boildown.runtime.causal import CausalLM
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["exact_scores"]


def exact_scores(model: CausalLM, sources: Sources, budget: Budget, arguments: ExactArguments) -> Scores:
    """Scores of 1 for the tokens that the published code keeps for this budget, and 0 for the others.

    Args:
        model: the language model.
        sources: the documents.
        budget: tokens or a rate, in the model's own tokens as published.
        arguments: all but the budget.

    Raises:
        ConfigurationError: a threshold, which the published code does not know.
    """
    if budget.threshold is not None:
        raise ConfigurationError("exact=True needs Budget(tokens=) or Budget(rate=); it knows no threshold.")
    if budget.tokens is not None:
        arguments = replace(arguments, target_token=float(budget.tokens))
    else:
        arguments = replace(arguments, rate=float(budget.rate or 0.0))
    count = len(sources)
    begin = perf_counter()
    found = compress_exactly(ReferenceLM(model), sources.texts, arguments)
    seconds = perf_counter() - begin
    relevance = np.zeros(count)
    relevance[found.order] = np.arange(len(found.order), 0, -1)
    texts = [sources.texts[i] for i in found.used]
    whole = model.encode([found.prefix + "\n\n".join(texts)])[0]
    kept = np.full(len(whole.ids), float(found.kept is None))
    kept[found.kept or []] = 1.0
    lengths = np.array([len(text) + 2 for text in texts], dtype=np.int64)
    begins = len(found.prefix) + np.cumsum(lengths) - lengths
    inside = np.searchsorted(begins, whole.start, side="right") - 1
    start = whole.start - begins[inside]
    end = np.minimum(whole.end - begins[inside], lengths[inside] - 2)
    real = (inside >= 0) & (end > start)
    document = np.array(found.used, dtype=np.int64)[inside[real]]
    start, end, kept = start[real], end[real], kept[real]
    order = np.lexsort((start, document))
    tokens = TokenScores(document[order], start[order], end[order], kept[order])
    return Scores(relevance, tokens=tokens, final=True, model_seconds=seconds)
