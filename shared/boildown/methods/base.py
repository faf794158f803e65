"""What a method is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.errors import ConfigurationError
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

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
    """Checks that a method, which may be anyone's, gave scores that fit the documents.

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
        _check_numbers(values, what, method)
    if scores.tokens is not None:
        _check_tokens(scores.tokens, sources, method)


def _check_tokens(tokens: TokenScores, sources: Sources, method: Method) -> None:
    columns = (tokens.document, tokens.start, tokens.end, tokens.score)
    if not all(isinstance(column, np.ndarray) for column in columns) or len({len(column) for column in columns}) > 1:
        raise ConfigurationError(
            f"The method {method.name!r} gave tokens that are not four numpy arrays of one length."
        )
    if not len(tokens.document):
        return
    lengths = np.array([len(text) for text in sources.texts], dtype=np.int64)
    there = tokens.document.min() >= 0 and tokens.document.max() < len(sources) and tokens.start.min() >= 0
    if not there or (tokens.end > lengths[tokens.document]).any():
        raise ConfigurationError(f"The method {method.name!r} gave tokens outside of the documents' texts.")
    if (np.diff(sources.starts[tokens.document] + tokens.start) < 0).any():
        raise ConfigurationError(f"The method {method.name!r} gave tokens that are not ordered by document and start.")
    _check_numbers(tokens.score, "tokens", method)


def _check_numbers(values: NDArray[np.float64], what: str, method: Method) -> None:
    if values.dtype.kind not in "biuf" or np.isnan(values).any():
        raise ConfigurationError(
            f"The method {method.name!r} gave scores of {what} that are no numbers, such as NaN. A model gives such "
            'where its weights are damaged, or where float16 is too small for it: dtype="float32" shows which.'
        )
