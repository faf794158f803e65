"""A forward of GPT-2-like and Llama-like models on a CPU: packed, with static keys and values, and without logits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boildown.runtime.causal_layers import Layers, take_layers
from boildown.runtime.key_values import KeyValues, StaticKeyValues
from boildown.runtime.packing import MicroBatch, padded_rows

__all__ = ["PackedBody"]

_TOKENS = 400
"""Larger batches hold more memory, and are no faster."""
_FEED_ROWS = 256
"""A feed-forward is several times as wide as a state, so what is inside it takes the most memory."""
_PROBE = 24


class _View(NamedTuple):
    """What the tokens of a forward see.

    Attributes:
        runs: of the batch.
        turns: cosines and sines of the positions; None without.
        known: tokens before each sequence.
        masks: for each length of a sequence; none are needed where nothing is known.
        extend: the sequence's own keys and values are kept.
    """

    runs: tuple[tuple[int, int], ...]
    turns: tuple[Tensor, Tensor] | None
    known: int
    masks: dict[int, Tensor]
    extend: bool


class PackedBody:
    """The body of a model, from ids to the states that its LM head reads. Thread-safe, but for the caches it fills.

    Attributes:
        batch_tokens: about the most tokens in a forward.
    """

    batch_tokens = _TOKENS

    def __init__(self, layers: Layers) -> None:
        self._layers = layers

    @classmethod
    def of(cls, model: Any) -> PackedBody | None:
        """The body of a transformers model; None unless it is known how to compute it, and it comes out the same."""
        with torch.inference_mode():
            layers = take_layers(model)
            if layers is None:
                return None
            made = cls(layers)
            ids = torch.arange(_PROBE) % int(model.get_input_embeddings().num_embeddings)
            expected = model.base_model(ids[None], use_cache=False).last_hidden_state[0].float()
            tokens = np.stack([ids.numpy(), ids.numpy(), np.arange(_PROBE)])
            found = made.states(MicroBatch(tokens, ((1, _PROBE),)), np.arange(_PROBE)).float()
            rounding = 1e-4 if layers.dtype == torch.float32 else 0.05
            close = (found - expected).abs().max() <= rounding * (1 + expected.abs().max())
            return made if bool(close) else None

    def new_cache(self, capacity: int) -> StaticKeyValues:
        """Room for the keys and values of one text."""
        own = self._layers
        return StaticKeyValues(len(own.layers), own.key_heads, own.head_width, capacity, own.dtype)

    def states(
        self, batch: MicroBatch, rows: NDArray[np.int64], past: KeyValues | None = None, extend: bool = False
    ) -> Tensor:
        """The last layer's states of some tokens.

        Args:
            batch: the sequences; its types are not read.
            rows: which tokens' states are wanted.
            past: what stands before each of the sequences.
            extend: whether a single sequence's keys and values are put into `past`.

        Returns:
            Shape (rows, width).
        """
        assert past is None or isinstance(past, StaticKeyValues)
        own, count = self._layers, batch.tokens.shape[1]
        known = 0 if past is None else past.length
        if past is not None and extend:
            past.reserve(known + count)
        ids, _, positions = torch.from_numpy(batch.tokens)
        positions = positions + known
        x = functional.pad(own.embed(ids, positions), (0, 0, 0, padded_rows(count) - count))
        view = _View(
            batch.runs,
            None if own.rotary is None else own.rotary(positions),
            known,
            {length: _mask(length, known, x.dtype) for _, length in batch.runs} if known else {},
            extend,
        )
        wanted = functional.pad(torch.from_numpy(rows), (0, padded_rows(max(len(rows), 1)) - len(rows)))
        for number, layer in enumerate(own.layers):
            projected = layer.project(layer.attention_norm(x))
            context = self._attend(projected, view, None if past is None else past.data[number])
            if number + 1 == len(own.layers):  # nothing after this looks at the other tokens
                x, context = x[wanted], context[wanted]
            x = layer.attended(context, residual=x)
            parts = [layer.feed(layer.feed_norm(part), part) for part in torch.split(x, _FEED_ROWS)]
            x = torch.cat(parts) if len(parts) > 1 else parts[0]
        if past is not None and extend:
            past.length = known + count
        return own.norm(x)[: len(rows)]

    def _attend(self, projected: Tensor, view: _View, past: Tensor | None) -> Tensor:
        """The context of each token, shape (tokens, heads * width).

        Args:
            projected: queries, keys and values, shape (tokens, ...).
            view: what each token sees.
            past: keys and values of this layer, shape (2, key heads, capacity, width).
        """
        own, known = self._layers, view.known
        heads, key_heads = own.heads, own.key_heads
        projected = projected.view(len(projected), heads + 2 * key_heads, own.head_width)
        context = projected.new_zeros(len(projected), heads, own.head_width)
        begin = 0
        for count, length in view.runs:
            rows = slice(begin, begin + count * length)
            part = projected[rows]
            if view.turns is not None:
                turned = _turned(part[:, : heads + key_heads], *(turn[rows, None] for turn in view.turns))
                part = torch.cat([turned, part[:, heads + key_heads :]], dim=1)
            part = part.view(count, length, -1, own.head_width).transpose(1, 2)
            q, k, v = torch.split(part, [heads, key_heads, key_heads], dim=1)
            if past is not None and view.extend:
                past[0, :, known : known + length], past[1, :, known : known + length] = k[0], v[0]
                k, v = past[:, None, :, : known + length]
            elif past is not None:
                before = past[:, None, :, :known].expand(-1, count, -1, -1, -1)
                k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)
            if key_heads < heads:
                k, v = (t.repeat_interleave(heads // key_heads, dim=1) for t in (k, v))
            mask = view.masks.get(length)
            attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
            context[rows] = attended.transpose(1, 2).flatten(0, 1)
            begin = rows.stop
        return context.flatten(1)


def _turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotary positions, with halves of a head as the two sides of each plane."""
    first, second = x.chunk(2, dim=-1)
    return x * cosines + torch.cat([-second, first], dim=-1) * sines


def _mask(length: int, known: int, dtype: torch.dtype) -> Tensor:
    """What tokens after `known` others may look at, as a number to add to their scores."""
    return torch.full((length, known + length), float("-inf"), dtype=dtype).triu_(known + 1)
