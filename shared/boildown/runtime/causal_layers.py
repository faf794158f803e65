"""Layers of GPT-2-like and Llama-like models, taken from a loaded model and packed for the CPU's fast products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from boildown.runtime.linear import ACTIVATIONS, Linear, onednn_available

__all__ = ["Layer", "Layers", "take_layers"]

_MOST_BYTES = 4 << 30
"""Packed weights are a second copy; of a larger model that would be too much memory."""
_ROTARY = ("default", "linear", "llama3", "yarn")
"""Kinds of rotary positions that do not depend on how long the text is."""

Norm = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Layer:
    """Attention and a feed-forward, each after a norm and with a residual.

    Attributes:
        project: to queries, keys and values, one after the other.
        attended: from the context back to the states, with the residual.
        feed: the feed-forward, with the residual.
    """

    attention_norm: Norm
    project: Linear
    attended: Linear
    feed_norm: Norm
    feed: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Layers:
    """A model's body.

    Attributes:
        embed: from ids and positions, both of shape (tokens,), to states of shape (tokens, width).
        rotary: from positions to cosines and sines of shape (tokens, width of a head); None without.
        heads, key_heads, head_width: of the attention; keys and values may have fewer heads.
        norm: after the last layer.
    """

    embed: Callable[[Tensor, Tensor], Tensor]
    rotary: Callable[[Tensor], tuple[Tensor, Tensor]] | None
    layers: list[Layer]
    norm: Norm
    heads: int
    key_heads: int
    head_width: int
    dtype: torch.dtype


def take_layers(model: Any) -> Layers | None:
    """The layers of a transformers model with an LM head; None if it is of a kind that is not known here.

    Whether they compute what the model does is for the caller to try: a configuration can hide anything.
    """
    config, body = model.config, getattr(model, "base_model", None)
    if not isinstance(body, nn.Module):
        return None
    weights = list(body.parameters())
    dtype = weights[0].dtype
    if any(w.device.type != "cpu" or w.dtype != dtype for w in weights) or not onednn_available(dtype):
        return None
    if sum(w.numel() * w.element_size() for w in weights) > _MOST_BYTES:
        return None
    take = {"gpt2": _gpt2, "llama": _llama, "mistral": _llama, "qwen2": _llama}.get(getattr(config, "model_type", ""))
    try:
        return None if take is None else take(config, body, dtype)
    except (AttributeError, TypeError):
        return None


def _gpt2(config: Any, body: Any, dtype: torch.dtype) -> Layers | None:
    activation = config.activation_function
    if activation not in ACTIVATIONS or config.scale_attn_by_inverse_layer_idx or not config.scale_attn_weights:
        return None
    words, places = body.wte.weight, body.wpe.weight

    def layer(block: Any) -> Layer:
        widen, narrow = _linear(block.mlp.c_fc, activation=activation), _linear(block.mlp.c_proj)
        return Layer(
            _layer_norm(block.ln_1),
            _linear(block.attn.c_attn),
            _linear(block.attn.c_proj),
            _layer_norm(block.ln_2),
            lambda x, residual: narrow(widen(x), residual=residual),
        )

    heads = int(config.n_head)
    return Layers(
        lambda ids, positions: functional.embedding(ids, words) + functional.embedding(positions, places),
        None,
        [layer(block) for block in body.h],
        _layer_norm(body.ln_f),
        heads,
        heads,
        int(config.n_embd) // heads,
        dtype,
    )


def _llama(config: Any, body: Any, dtype: torch.dtype) -> Layers | None:
    if config.hidden_act != "silu" or getattr(body.rotary_emb, "rope_type", "default") not in _ROTARY:
        return None
    window = getattr(config, "sliding_window", None)
    if window and (config.model_type == "mistral" or getattr(config, "use_sliding_window", False)):
        return None
    words, rotary = body.embed_tokens.weight, body.rotary_emb

    def layer(block: Any) -> Layer:
        attention = block.self_attn
        both, narrow = _linear(block.mlp.gate_proj, block.mlp.up_proj), _linear(block.mlp.down_proj)

        def feed(x: Tensor, residual: Tensor) -> Tensor:
            gate, up = both(x).chunk(2, dim=-1)
            return narrow(functional.silu(gate).mul_(up), residual=residual)

        return Layer(
            _rms_norm(block.input_layernorm),
            _linear(attention.q_proj, attention.k_proj, attention.v_proj),
            _linear(attention.o_proj),
            _rms_norm(block.post_attention_layernorm),
            feed,
        )

    def turns(positions: Tensor) -> tuple[Tensor, Tensor]:
        cosines, sines = rotary(words[:1], positions[None])
        return cosines[0], sines[0]

    heads = int(config.num_attention_heads)
    return Layers(
        lambda ids, positions: functional.embedding(ids, words),
        turns,
        [layer(block) for block in body.layers],
        _rms_norm(body.norm),
        heads,
        int(config.num_key_value_heads),
        int(getattr(config, "head_dim", None) or config.hidden_size // heads),
        dtype,
    )


def _linear(*modules: Any, activation: str = "") -> Linear:
    """Linear layers that read the same states, as one. GPT-2 keeps its weights transposed.

    Raises:
        TypeError: a layer is of another kind, such as a quantised one or one with an adapter.
    """
    weights, biases = [], []
    for module in modules:
        kind = type(module).__name__
        if type(module) is not nn.Linear and kind != "Conv1D":
            raise TypeError(f"{kind} is no plain linear layer.")
        weight = module.weight.detach()
        weights.append(weight.t() if kind == "Conv1D" else weight)
        biases.append(None if module.bias is None else module.bias.detach())
    given = [bias for bias in biases if bias is not None]
    if given and len(given) < len(biases):
        raise TypeError("Some of these layers have a bias, and others have none.")
    return Linear(torch.cat(weights), torch.cat(given) if given else None, activation)


def _layer_norm(module: Any) -> Norm:
    weight, bias, epsilon = module.weight, module.bias, module.eps
    return lambda x: functional.layer_norm(x, x.shape[-1:], weight, bias, epsilon)


def _rms_norm(module: Any) -> Norm:
    weight, epsilon = module.weight, module.variance_epsilon
    return lambda x: functional.rms_norm(x, x.shape[-1:], weight, epsilon)
