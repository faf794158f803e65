"""What the tests of `PromptCompressor` compress, and what they check of every result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tiny_models import CHINESE, ENGLISH

from boildown.compat import PromptCompressor

LONG = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(5)]
QUESTION = "Who counted the ships, and how many were there in 1874?"
CLASSIFIERS = ("bert", "xlm_roberta")
MODELS = ("gpt2", "llama", *CLASSIFIERS)
Make = Callable[..., PromptCompressor]


def is_subsequence(part: str, whole: str) -> bool:
    characters = iter(whole)
    return all(c in characters for c in part if not c.isspace())


def is_met(result: dict[str, Any], limit: float) -> bool:
    """Whether no word more would have fitted, or hardly one: the longest take eleven tokens here."""
    return bool(limit - max(11, 0.03 * limit) <= result["compressed_tokens"] <= limit)


DATA: dict[str, Any] = {
    "id": 7,
    "price": 0.10000000000000001,
    "open": True,
    "none": None,
    "notes": 'He said: "look", twice.\\ ' + LONG[0],
    "nested": {"list": [1, {"deep": LONG[1]}, [CHINESE[0], False]], "empty": {}},
    "tags": ("one, two, three", "a tag"),
}


def skeleton(value: Any) -> Any:
    if isinstance(value, str):
        return str
    if isinstance(value, dict):
        return {key: skeleton(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [skeleton(inner) for inner in value]
    return value
