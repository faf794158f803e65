"""Picks the forward for a model by its config.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boildown.runtime.checkpoint import read_config
from boildown.runtime.encoder import Encoder
from boildown.runtime.jobs import Head
from boildown.runtime.packing import Ids
from boildown.runtime.transformers_encoder import TransformersEncoder

__all__ = ["TextEncoder", "is_encoder", "load_encoder"]

_BY_TRANSFORMERS = ("deberta", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet")
"""Encoders that `TransformersEncoder` is known to run, by the model_type of config.json."""


class TextEncoder(Protocol):
    """What the forwards have in common; see `Encoder`."""

    config: dict[str, Any]
    heads: dict[str, Tensor]
    device: torch.device
    dtype: torch.dtype
    hidden_size: int
    vocabulary: int
    max_length: int

    def hidden(
        self, ids: Sequence[Ids], token_types: Sequence[Ids] | None = None, head: Head | None = None
    ) -> tuple[Tensor, NDArray[np.int64]]:
        """States of shape (tokens, hidden_size), or what the head makes of them, and where each sequence begins."""
        ...


def is_encoder(config: dict[str, Any]) -> bool:
    """Whether a config.json is of an encoder that runs here; causal models, which pool at the last token, do not."""
    return Encoder.supports(config) or config.get("model_type") in _BY_TRANSFORMERS


def load_encoder(
    path: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> TextEncoder:
    """The packed encoder for an architecture that it knows, else the one of transformers.

    Raises:
        ModelError: the folder holds no model that either can load.
    """
    folder = Path(path)
    if Encoder.supports(read_config(folder)):
        return Encoder.load(folder, device, dtype)
    return TransformersEncoder.load(folder, device, dtype)
