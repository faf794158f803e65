"""What a causal language model reads: a text's tokens with offsets, in windows where it is long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoded", "Window", "longest_input", "start_ids", "text_config", "windows"]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Tokens of a text; arrays of shape (tokens,). Offsets leave out the white space that a token begins with."""

    ids: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `begin` to `end` of a text are read, and those from `score_from` on are scored."""

    begin: int
    score_from: int
    end: int


def windows(length: int, room: int) -> list[Window]:
    """Windows of at most `room` tokens that score each of `length` tokens once.

    All but the first overlap the one before by half, so that each token has half a window before it at least.
    """
    found = [Window(0, 0, min(length, room))] if length else []
    step = max(room // 2, 1)
    while found and found[-1].end < length:
        score_from = found[-1].end
        end = min(score_from + step, length)
        found.append(Window(max(end - room, 0), score_from, end))
    return found


def start_ids(tokenizer: Any) -> NDArray[np.int64]:
    """The token that stands before a text: the tokenizer's first, else the one that separated training texts."""
    for name in ("bos_token_id", "eos_token_id"):
        value = getattr(tokenizer, name, None)
        if value is not None:
            return np.array([value], dtype=np.int64)
    return np.zeros(0, dtype=np.int64)


def text_config(config: Any) -> Any:
    """The part of a model's configuration that is about text; all of it, where the model reads nothing else."""
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def longest_input(config: Any, tokenizer: Any) -> int:
    """Tokens that the model has positions for, as far as its configuration says."""
    own = text_config(config)
    for name in ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length"):
        value = getattr(own, name, None)
        if isinstance(value, int) and value > 0:
            return value
    longest = getattr(tokenizer, "model_max_length", None)
    return int(longest) if longest and longest < 1_000_000 else 2048
