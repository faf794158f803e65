"""How much may be kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np

from boildown.counters import CounterSpec
from boildown.errors import ConfigurationError

__all__ = ["Budget", "check_budget", "whole_number"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Exactly one of `tokens`, `rate` and `threshold`, shared by all documents of a call.

    Args:
        tokens: keep at most this many tokens, counted on the assembled text by `counter`.
        rate: keep at most this share of the tokens, 0 to 1.
        threshold: keep every unit that scores at least this much, however many they are.
        documents: keep text of at most this many documents, the most relevant ones.
        counter: who counts: None for the built-in estimate, a tiktoken encoding name ("o200k_base"), the name of an
            LLM ("gpt-4o"), a path or hub id of a Hugging Face tokenizer, a tokenizer object, or any callable from a
            string to a number.

    Raises:
        ConfigurationError: none or more than one of the three is given, or a value is out of range.
    """

    tokens: int | None = None
    rate: float | None = None
    threshold: float | None = None
    documents: int | None = None
    counter: CounterSpec = None

    def __post_init__(self) -> None:
        given = [name for name in ("tokens", "rate", "threshold") if getattr(self, name) is not None]
        if len(given) != 1:
            said = "none" if not given else " and ".join(given)
            raise ConfigurationError(f"A Budget takes exactly one of tokens=, rate= and threshold=; got {said}.")
        for name in ("tokens", "documents"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole_number(f"Budget({name}=)", value))
        for name in ("rate", "threshold"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _number(name, value))
        if self.rate is not None and not 0 <= self.rate <= 1:
            hint = " For a number of tokens, use tokens=." if self.rate > 1 else ""
            raise ConfigurationError(f"Budget(rate=) is the share to keep, from 0 to 1; got {self.rate!r}.{hint}")


def check_budget(budget: Budget) -> Budget:
    """The budget itself.

    Raises:
        ConfigurationError: it is none.
    """
    if not isinstance(budget, Budget):
        raise ConfigurationError(f"budget= must be a Budget, such as Budget(tokens=1500), not {budget!r}.")
    return budget


# numpy's numbers become Python's, which can be written as JSON and sent to a service.
def whole_number(name: str, value: Any) -> int:
    """The number as Python's.

    Raises:
        ConfigurationError: it is no whole number, or negative; `name` says which argument's.
    """
    try:
        number = -1 if isinstance(value, bool) else index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise ConfigurationError(f"{name} must be a whole number of at least 0, not {value!r}.")
    return number


def _number(name: str, value: Any) -> float:
    wrong = isinstance(value, (bool, np.bool_)) or not hasattr(value, "__float__")
    try:
        number = math.nan if wrong else float(value)
    except (TypeError, ValueError, OverflowError):  # an array of several numbers; an integer beyond all floats
        number = math.nan
    if math.isnan(number):
        raise ConfigurationError(f"Budget({name}=) must be a number, not {value!r}.")
    return number
