"""The forward of any causal model that transformers knows, behind the interface of `PackedBody`."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boildown.runtime.causal_text import longest_input, text_config
from boildown.runtime.devices import input_device, to_device
from boildown.runtime.key_values import KeyValues, PairedKeyValues
from boildown.runtime.packing import MicroBatch, padded

__all__ = ["PaddedBody"]

_CPU_TOKENS, _GPU_TOKENS = 2048, 16_384
_WHOLE_LOGITS = 32_000_000
"""Logits held at once for a model whose LM head cannot be taken apart."""


class PaddedBody:
    """Runs sequences of about equal length together, padded on the right, which no earlier token can see.

    Args:
        model: of transformers.
        whole: give logits for states, for a model whose LM head cannot be taken apart.
    """

    def __init__(self, model: Any, whole: bool) -> None:
        self._model, self._whole = (model if whole else model.base_model), whole
        # The argument and the output of one name; transformers before 5.24 has the longer one.
        takes = inspect.signature(self._model.forward).parameters
        self._cache_name = "cache" if "cache" in takes else "past_key_values"
        self._limit = longest_input(model.config, None)
        self._slides = bool(getattr(text_config(model.config), "sliding_window", None))
        self._device = input_device(model)
        self.batch_tokens = _CPU_TOKENS if self._device.type == "cpu" else _GPU_TOKENS
        if whole:
            vocabulary = int(model.get_input_embeddings().num_embeddings)
            self.batch_tokens = max(min(self.batch_tokens, _WHOLE_LOGITS // vocabulary), 1)

    def new_cache(self, capacity: int) -> PairedKeyValues:
        """For the keys and values of one text, however long."""
        return PairedKeyValues()

    def states(
        self, batch: MicroBatch, rows: NDArray[np.int64], past: KeyValues | None = None, extend: bool = False
    ) -> Tensor:
        """The last layer's states of some tokens, or their logits; see `PackedBody.states`."""
        assert past is None or isinstance(past, PairedKeyValues)
        ids = batch.tokens[0]
        if past is not None and extend:
            mask = np.ones((1, past.length + len(ids)), dtype=np.int64)
            output = self._run(ids[None], mask, self._again(past), use_cache=True)
            past.put(getattr(output, self._cache_name, None), mask.shape[1])
            return self._found(output, rows)
        wanted = np.zeros(len(ids), dtype=bool)
        wanted[rows] = True
        places, found = [], []
        known = 0 if past is None else past.length
        for group, inside in padded(batch.runs, self.batch_tokens, self._limit - known):
            mask = np.concatenate([np.ones((len(group), known), dtype=np.int64), inside], axis=1)
            cache = None if past is None else _repeated(past, len(group))
            output = self._run(np.where(inside, ids[group], 0), mask, cache, use_cache=cache is not None)
            chosen = inside & wanted[group]
            places.append(group[chosen])
            found.append(self._found(output, np.flatnonzero(chosen)))
        order = np.argsort(np.concatenate(places))[np.searchsorted(np.sort(rows), rows)]
        return _rows(torch.cat(found), order)

    def _again(self, past: PairedKeyValues) -> Any:
        """What a forward goes on from, and adds to; None for a start, where a model makes the kind that it likes."""
        from transformers import DynamicCache

        if not past.length:
            # With sliding attention that kind forgets what is out of sight, and then places could not be told apart.
            return DynamicCache() if self._slides else None
        cache = DynamicCache()
        for layer, (keys, values) in enumerate(past.pairs()):
            cache.update(keys, values, layer)
        return cache

    def _run(self, ids: NDArray[np.int64], mask: NDArray[np.int64], cache: Any, use_cache: bool) -> Any:
        return self._model(
            input_ids=to_device(ids, self._device),
            attention_mask=to_device(mask.astype(np.int64), self._device),
            use_cache=use_cache,
            **({} if cache is None else {self._cache_name: cache}),
        )

    def _found(self, output: Any, rows: NDArray[np.int64]) -> Tensor:
        states: Tensor = output.logits if self._whole else output.last_hidden_state
        return _rows(states.flatten(0, 1), rows)


def _rows(states: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Some rows of states, which a model that is spread over devices gives on another one than it takes ids on."""
    return states[to_device(rows, states.device)]


def _repeated(past: PairedKeyValues, count: int) -> Any:
    """The same before several sequences, in a copy, since a forward adds to it."""
    cache = copy.deepcopy(past.made)
    cache.batch_repeat_interleave(count)
    return cache
