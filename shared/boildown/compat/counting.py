"""Counts as the published implementation reports them: GPT-3.5's tokens, where their table is at hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from boildown.counters import Counter, resolve_counter
from boildown.errors import MissingExtraError, ModelError

__all__ = ["report", "reporting_counter"]

_ENCODING = "cl100k_base"


def reporting_counter(tokenizer: Callable[[], Any]) -> Counter:
    """cl100k_base, else the model's own tokenizer, with a warning that says so."""
    try:
        return resolve_counter(_ENCODING)
    except (MissingExtraError, ModelError) as error:
        warnings.warn(
            f"Tokens are counted by the compressor's own tokenizer, since {_ENCODING} is not at hand: {error}",
            UserWarning,
            stacklevel=3,
        )
        return resolve_counter(tokenizer())


def report(text: str, tokens_in: int, tokens_out: int) -> dict[str, Any]:
    """The result's dictionary, with the published keys and formats."""
    ratio = tokens_in / tokens_out if tokens_out else 1.0
    share = 1 / ratio if ratio else 1.0
    saving = (tokens_in - tokens_out) * 0.06 / 1000
    return {
        "compressed_prompt": text,
        "origin_tokens": tokens_in,
        "compressed_tokens": tokens_out,
        "ratio": f"{ratio:.1f}x",
        "rate": f"{share * 100:.1f}%",
        "saving": f", Saving ${saving:.1f} in GPT-4.",
    }
