"""A second opinion on relevance: how near an embedding model puts question and passage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from boildown.runtime.devices import cast_parameters

from .model import load_encoder, load_tokenizer

__all__ = ["Teacher"]

_LENGTH = 256
"""Tokens of a text that are read, as sentence embedding models are trained with."""
_BATCH_TOKENS = 4096


class Teacher:
    """Cosines by a sentence embedding model whose vectors are means over tokens.

    Such models have seen far more pairs of question and passage than anyone labels, so what they say about passages
    that nobody labelled carries over to other domains.

    Args:
        base: folder or hub name of the encoder.
        dtype: of its forward.

    Raises:
        ModelError: there is no such model, or it cannot be read.
    """

    def __init__(self, base: str, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.encoder = load_encoder(base).to(device).eval()
        cast_parameters(self.encoder, dtype)
        self.tokenizer = load_tokenizer(base)
        self._known: dict[str, NDArray[np.float32]] = {}

    def cosines(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """How near each text is to the query. Shape (texts,), from -1 to 1."""
        vectors = self._vectors([query, *texts])
        cosines: NDArray[np.float32] = vectors[1:] @ vectors[0]
        return cosines

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Not a set: its order differs from process to process, and with it what shares a batch.
        missing = sorted(dict.fromkeys(t for t in texts if t not in self._known), key=len)
        size = max(1, _BATCH_TOKENS // _LENGTH)
        for first in range(0, len(missing), size):
            part = missing[first : first + size]
            self._known.update(zip(part, self._embed(part), strict=True))
        return np.stack([self._known[t] for t in texts])

    @torch.no_grad()
    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=_LENGTH, return_tensors="pt")
        batch = batch.to(self.device)
        hidden = self.encoder(**batch).last_hidden_state.float()
        mask = batch["attention_mask"].unsqueeze(-1)
        means = (hidden * mask).sum(1) / mask.sum(1)
        vectors: NDArray[np.float32] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
        return vectors
