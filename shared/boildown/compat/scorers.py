"""Which methods of this package stand behind the published arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boildown.compat.arguments import Arguments
from boildown.compat.rankers import find_ranker
from boildown.errors import ConfigurationError
from boildown.methods.base import Method
from boildown.methods.exact.ranking import PERPLEXITY
from boildown.methods.llmlingua import LLMLingua
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.methods.longllmlingua import Condition, LongLLMLingua

__all__ = ["Scorers", "causal_scorers", "classifier_scorers", "method_scorers"]


@dataclass(frozen=True, slots=True)
class Scorers:
    """What scores and ranks.

    Attributes:
        method: scores tokens for `query`.
        query: what it reads.
        rank: ranks contexts and sentences by the question.
        same: the method's relevance is the rank's, so that contexts need not be read twice.
        classifier: it is LLMLingua-2, whose context level has arguments of its own.
        threshold: keep what scores at least this, whatever the budget.
    """

    method: Method
    query: str
    rank: Method
    same: bool
    classifier: bool = False
    threshold: float | None = None


def causal_scorers(model: Any, device: str, a: Arguments) -> Scorers:
    """LLMLingua and LongLLMLingua.

    Args:
        model: a `CausalLM`.
        device: for a ranking model that is loaded by name.
        a: the call's arguments.

    Raises:
        ConfigurationError: an unknown ranking.
    """
    condition: Condition = "before" if a.condition_in_question.startswith("before") else "after"
    query = f"{a.question}\n\n{a.instruction}" if a.add_instruction and a.instruction else a.question
    conditioned = a.conditioned and bool(query.strip())
    rank: Method
    if a.rank_method == "llmlingua":
        rank = LLMLingua(model)
    elif a.rank_method == "longllmlingua":
        rank = LongLLMLingua(model, condition, token_score="none")
    else:
        rank = find_ranker(a.rank_method, device)
    method: Method
    if conditioned:
        token_score = "contrastive" if a.condition_compare else "conditional"
        method = LongLLMLingua(model, condition, token_score=token_score)  # type: ignore[arg-type]
        return Scorers(method, query, rank, a.rank_method == "longllmlingua" and query == a.question)
    if a.rank_method == "longllmlingua":
        return Scorers(LongLLMLingua(model, condition, token_score="plain"), a.question, rank, same=True)
    method = LLMLingua(model)
    return Scorers(method, a.question, rank, same=a.rank_method == "llmlingua")


def classifier_scorers(method: LLMLingua2, device: str, a: Arguments, threshold: float | None) -> Scorers:
    """LLMLingua-2; by a published perplexity ranking its own mean probability is meant, as it has no other model.

    Raises:
        ConfigurationError: an unknown ranking or `token_to_word`.
    """
    if a.token_to_word not in ("mean", "first"):
        raise ConfigurationError(f"token_to_word must be 'mean' or 'first', not {a.token_to_word!r}.")
    own = a.rank_method in PERPLEXITY
    rank: Method = method if own else find_ranker(a.rank_method, device)
    return Scorers(method, a.question, rank, same=own, classifier=True, threshold=threshold)


def method_scorers(method: Method, device: str, a: Arguments) -> Scorers:
    """Any method of this package, which ranks too, unless another ranking is asked for.

    Raises:
        ConfigurationError: an unknown ranking.
    """
    own = a.rank_method in PERPLEXITY
    return Scorers(method, a.question, method if own else find_ranker(a.rank_method, device), same=own)
