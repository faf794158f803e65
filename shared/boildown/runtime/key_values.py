"""Keys and values of a text that a causal language model has read, to be gone on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from boildown.errors import ModelError

if TYPE_CHECKING:
    import torch

__all__ = ["KeyValues", "PairedKeyValues", "StaticKeyValues"]


class KeyValues:
    """What is common to both ways of holding them. Not thread-safe: each text has its own.

    Attributes:
        length: tokens whose keys and values are held.
        shared: whether several sequences at once can be read after them.
    """

    length: int = 0
    shared: bool = True

    def crop(self, size: int) -> None:
        """Forgets what comes after the first `size` tokens; a negative size counts from the end, as in a slice."""
        raise NotImplementedError

    def forget(self, count: int, sink: int) -> None:
        """Forgets `count` tokens after the first `sink`; the ones after them move up, as they are."""
        raise NotImplementedError


class StaticKeyValues(KeyValues):
    """In one tensor, allocated once: a forward writes behind what is there, and cropping costs nothing.

    Args:
        layers, heads, width: of the model; the heads are those of keys and values.
        capacity: the most tokens that will be held; more are made room for by copying.
        dtype: of the model.
    """

    def __init__(self, layers: int, heads: int, width: int, capacity: int, dtype: torch.dtype) -> None:
        import torch

        self.data = torch.empty(layers, 2, heads, capacity, width, dtype=dtype)

    def reserve(self, length: int) -> None:
        """Makes room for so many tokens in all."""
        if length <= self.data.shape[3]:
            return
        shape = list(self.data.shape)
        shape[3] = max(length, 2 * shape[3])
        data = self.data.new_empty(shape)
        data[:, :, :, : self.length] = self.data[:, :, :, : self.length]
        self.data = data

    def crop(self, size: int) -> None:
        self.length = len(range(self.length)[:size])

    def forget(self, count: int, sink: int) -> None:
        kept = _without(self.length, count, sink)
        self.data[:, :, :, : len(kept)] = self.data[:, :, :, kept]
        self.length = len(kept)


class PairedKeyValues(KeyValues):
    """As a model of transformers made them.

    Attributes:
        made: the model's own cache, with all that it needs; None once some have been forgotten.
    """

    def __init__(self) -> None:
        self.made: Any = None
        self._kept: list[tuple[Any, Any]] = []

    def put(self, made: Any, length: int) -> None:
        """Holds these instead; None if the model gave nothing."""
        self.made, self.length = made, length
        self.shared = hasattr(made, "batch_repeat_interleave") and not _has_states(made)

    def pairs(self) -> list[tuple[Any, Any]]:
        """For each layer keys and values of shape (1, heads, length, width).

        Raises:
            ModelError: the model gives none, or a state that all tokens have gone into.
        """
        cache = self.made
        if _has_states(cache) or (cache is None and not self._kept and self.length):
            raise ModelError(
                "This model gives no keys and values of single tokens, some of which the published LLMLingua takes out "
                "again. Give one that has attention in all of its layers and nothing else, or leave out exact=True."
            )
        if cache is None:
            return self._kept
        if hasattr(cache, "layers"):
            return [(layer.keys, layer.values) for layer in cache.layers]
        if hasattr(cache, "key_cache"):  # before transformers 4.54
            return list(zip(cache.key_cache, cache.value_cache, strict=True))
        return [(pair[0], pair[1]) for pair in cache]

    def crop(self, size: int) -> None:
        self._keep(range(self.length)[:size])

    def forget(self, count: int, sink: int) -> None:
        self._keep(_without(self.length, count, sink))

    def _keep(self, places: Sequence[int]) -> None:
        index: Any = slice(len(places)) if isinstance(places, range) else places
        self._kept = [(keys[:, :, index], values[:, :, index]) for keys, values in self.pairs()]
        self.made, self.length, self.shared = None, len(places), False


def _has_states(cache: Any) -> bool:
    """Whether it is of a model with linear attention or a state space, be it in some layers or beside attention."""
    return any(hasattr(part, "conv_states") for part in (cache, *getattr(cache, "layers", ())))


def _without(length: int, count: int, sink: int) -> list[int]:
    places = np.arange(length)
    kept: list[int] = np.concatenate([places[:sink], places[sink + count :]]).tolist()
    return kept
