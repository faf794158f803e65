"""What a method is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from boildown.budget import Budget
from boildown.errors import ConfigurationError
from boildown.sources import Sources
from boildown.types import Scores

__all__ = ["BudgetedMethod", "Method", "check_flag", "check_scores"]


@runtime_checkable
class Method(Protocol):
    """Reads a query and documents, and scores them. It builds no text and, but for `Scores.final`, knows no budget.

    A method is a small object that holds its configuration; models live in a cache of the process, so that copying
    or pickling a method carries no weights. `score` may be called from several threads at once.

    Attributes:
        name: as in the registry.
        uses_query: False if the scores of a document depend on its text alone. If such a method has a `model`, given
            by name, its scores are cached.
    """

    name: str
    uses_query: bool

    def score(self, query: str, sources: Sources) -> Scores:
        """Scores every document, and its sentences or tokens, for `query`."""
        ...


class BudgetedMethod(Method, Protocol):
    """A method that cuts while it scores, such as the published LLMLingua, and so needs to know the budget.

    Attributes:
        needs_budget: True if `score_within` is to be called and not `score`.
    """

    needs_budget: bool

    def score_within(self, query: str, sources: Sources, budget: Budget) -> Scores:
        """Token scores of 1 for what is kept and 0 for the rest, with `Scores.final` set.

        The method itself keeps the budget, as well as it was published to.
        """
        ...


def check_flag(name: str, value: bool) -> bool:
    """The value itself. "False", as a command line gives it, would count as true.

    Raises:
        ConfigurationError: it is neither True nor False.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name}= must be true or false, not {value!r}.")
    return value


def check_scores(scores: Scores, sources: Sources, method: Method) -> None:
    """Checks that a method, which may be anyone's, gave a score for each document and sentence.

    Raises:
        ConfigurationError: it did not.
    """
    if not isinstance(scores, Scores):
        raise ConfigurationError(f"The method {method.name!r} gave {type(scores).__name__}; score() must give Scores.")
    for values, units, what in (
        (scores.relevance, sources, "documents"),
        (scores.sentences, sources.sentences, "sentences"),
    ):
        if values is None and units is not sources:
            continue
        if not isinstance(values, np.ndarray):
            raise ConfigurationError(
                f"The method {method.name!r} gave its scores of {what} as {type(values).__name__}; give a numpy array."
            )
        if len(values) != len(units):
            raise ConfigurationError(
                f"The method {method.name!r} gave {len(values)} scores of {what}, of which there are {len(units)}."
            )
