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


def report(text: str, tokens_in: int, tokens_out: int, exact: bool = False) -> dict[str, Any]:
    """The result's dictionary, with the published keys and formats.

    Args:
        text: the compressed prompt.
        tokens_in: tokens before.
        tokens_out: tokens after.
        exact: where nothing is left, call that a rate of 100 %, as published.
    """
    ratio = tokens_in / tokens_out if tokens_out else float(1 if exact else max(tokens_in, 1))
    share = 0.0 if tokens_in and not tokens_out and not exact else 1 / ratio if ratio else 1.0
    saving = (tokens_in - tokens_out) * 0.06 / 1000
    return {
        "compressed_prompt": text,
        "origin_tokens": tokens_in,
        "compressed_tokens": tokens_out,
        "ratio": f"{ratio:.1f}x",
        "rate": f"{share * 100:.1f}%",
        "saving": f", Saving ${saving:.1f} in GPT-4.",
    }
