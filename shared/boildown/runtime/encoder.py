"""A fast forward for BERT-like encoders: packed, so that no padding is ever computed.

It reads config.json and safetensors alone and needs no transformers. The tokens of all sequences stand in one
matrix; linear layers run over all of them at once, and only attention looks at the single sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boildown.errors import ConfigurationError, ModelError
from boildown.runtime.attention import Attention, attention_for, within
from boildown.runtime.checkpoint import read_config, read_weights
from boildown.runtime.devices import pick_dtype, to_device
from boildown.runtime.encoder_tensors import check_heads, split_tensors
from boildown.runtime.int8_linear import Int8Linear, int8_available
from boildown.runtime.jobs import Head
from boildown.runtime.linear import ACTIVATIONS, Linear
from boildown.runtime.packing import Ids, MicroBatch, Packing, padded_rows
from boildown.runtime.scheduler import scheduler_for

__all__ = ["MODEL_TYPES", "Encoder"]

_FIRST_POSITION = {"bert": 0, "roberta": None, "xlm-roberta": None, "camembert": None}
"""Where position ids begin, for each model_type; None: after the padding token's id, as in RoBERTa."""
MODEL_TYPES = tuple(_FIRST_POSITION)
"""What this forward can compute, by the model_type of config.json."""

_CPU_TOKENS = 1000
"""Larger batches push a layer's activations out of the CPU's cache."""
_GPU_TOKENS = 32768
_INT8_ROWS = 256
"""Of the feed-forward at a time: in fp32 more would be so large that the system takes the memory back each time."""
_LinearKind = Callable[..., Linear | Int8Linear]


class Encoder:
    """A BERT, RoBERTa or XLM-R encoder of the layout that Hugging Face publishes, ready to run.

    It is immutable, and may be used from several threads: `hidden` leaves the work to the device's scheduler. A
    sequence's states do not depend on those that it runs together with.

    Args:
        config: the model's config.json.
        tensors: the checkpoint's.
        device: where to run.
        dtype: what to compute in. With `torch.int8`, on a CPU, the linear layers multiply in int8; attention is in bf16
            where the CPU has it, and all else in fp32.
        prepack: see `Linear`.

    Raises:
        ModelError: the tensors do not fit, or the architecture is another.
        ConfigurationError: int8 elsewhere than on a CPU that can do it.

    Attributes:
        config: the model's config.json.
        dtype: what the states are in.
        heads: the checkpoint's tensors that are not the encoder's, such as a classifier, in fp32.
        vocabulary: the number of token ids that the model has a state for.
        max_length: the most tokens a sequence may have, special tokens included.
        batch_tokens: about the most tokens in a forward.
    """

    def __init__(
        self,
        config: dict[str, Any],
        tensors: dict[str, Tensor],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        prepack: bool | None = None,
    ) -> None:
        if not self.supports(config):
            raise ModelError(f"The packed encoder does not know the model_type {config.get('model_type')!r}.")
        self.config = config
        self.device = torch.device(device)
        int8 = dtype == torch.int8
        if int8 and not (self.device.type == "cpu" and int8_available()):
            raise ConfigurationError(f"This {self.device.type} and this torch have no linear layers in int8.")
        self.dtype = dtype = torch.float32 if int8 else dtype
        self._attention_dtype = pick_dtype("auto", self.device) if int8 else dtype
        self.batch_tokens = _CPU_TOKENS if self.device.type == "cpu" else _GPU_TOKENS
        self.hidden_size = int(config["hidden_size"])
        self._heads_count = int(config["num_attention_heads"])
        check_heads(self._heads_count, self.hidden_size)
        first = _FIRST_POSITION[config["model_type"]]
        self._first_position = int(_given(config, "pad_token_id", 1)) + 1 if first is None else first
        self.max_length = int(config["max_position_embeddings"]) - self._first_position
        self._epsilon = float(_given(config, "layer_norm_eps", 1e-12))
        own, foreign = split_tensors(config, tensors)
        # Copies: what was read is the pages of the file, and to write over these would change it, or end the process.
        self.heads = {name: tensor.to(self.device, torch.float32, copy=True) for name, tensor in foreign.items()}

        def take(name: str) -> Tensor:
            return own[name].to(self.device, dtype, copy=True)

        self._words = take("embeddings.word_embeddings.weight")
        self.vocabulary = len(self._words)
        self._positions = take("embeddings.position_embeddings.weight")
        self._types = take("embeddings.token_type_embeddings.weight")
        self._norm = (take("embeddings.LayerNorm.weight"), take("embeddings.LayerNorm.bias"))
        activation = config.get("hidden_act", "gelu")
        count = int(config["num_hidden_layers"])
        linear: _LinearKind = Int8Linear if int8 else partial(Linear, prepack=prepack)
        rows = _INT8_ROWS if int8 else None
        self._layers = [_Layer(take, f"encoder.layer.{i}", activation, linear, rows) for i in range(count)]

    @classmethod
    def load(cls, path: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Encoder:
        """Loads the encoder from a folder with config.json and model.safetensors.

        Raises:
            ModelError: a file or a tensor is missing or does not fit, or the architecture is another.
            ConfigurationError: int8 elsewhere than on a CPU that can do it.
        """
        folder = Path(path)
        config = read_config(folder)
        try:
            return cls(config, read_weights(folder), device, dtype)
        except ModelError as error:
            raise ModelError(f"{folder}: {error}") from None
        except KeyError as error:
            raise ModelError(f"{folder / 'config.json'} has no {error}.") from None

    @staticmethod
    def supports(config: dict[str, Any]) -> bool:
        """Whether the packed forward computes what this config.json describes."""
        return (
            config.get("model_type") in _FIRST_POSITION
            and config.get("hidden_act", "gelu") in ACTIVATIONS
            and (config.get("position_embedding_type") or "absolute") == "absolute"
            and not config.get("is_decoder", False)
        )

    def hidden(
        self, ids: Sequence[Ids], token_types: Sequence[Ids] | None = None, head: Head | None = None
    ) -> tuple[Tensor, NDArray[np.int64]]:
        """The last layer's states, or what the head makes of them.

        Args:
            ids: token ids of each sequence, special tokens included.
            token_types: token types of each sequence; a model with a single type ignores them.
            head: from states of shape (tokens, hidden_size) to (tokens, anything), row by row; so that long states need
                not be kept.

        Returns:
            States of shape (tokens of all sequences, hidden_size) in input order, in the encoder's dtype and
            where `Scheduler.run` leaves them; and offsets of shape (sequences + 1,): sequence i has rows offsets[i] to
            offsets[i + 1].

        Raises:
            ModelError: a sequence is longer than `max_length`, or an id is not in the vocabulary.
            BoildownError: the scheduler did not do it; see `Scheduler.run`.
        """
        packing = Packing(ids, token_types)
        types = len(self._types) if len(self._types) > 1 else None
        packing.check(self.max_length, self.vocabulary, types)
        if not len(packing.ids):
            nothing = torch.empty(0, self.hidden_size, dtype=self.dtype, device=self.device)
            return nothing if head is None else head(nothing), packing.offsets
        return scheduler_for(self.device).run(self, packing, head), packing.offsets

    @torch.inference_mode()
    def forward(self, batch: MicroBatch) -> Tensor:
        """States of shape (tokens, hidden_size), in the order of the batch."""
        count = batch.tokens.shape[1]
        tokens = to_device(batch.tokens, self.device)
        if self.device.type == "cpu":
            tokens = functional.pad(tokens, (0, padded_rows(count) - count))
        ids, types, positions = tokens
        x = functional.embedding(ids, self._words)
        x = x + functional.embedding(positions + self._first_position, self._positions)
        if len(self._types) > 1:
            x += functional.embedding(types, self._types)
        else:
            x += self._types[0]
        x = functional.layer_norm(x, x.shape[-1:], *self._norm, self._epsilon)
        width = self.hidden_size // self._heads_count
        attend = attention_for(batch.runs, self._heads_count, width, self.device, self._attention_dtype)
        if self._attention_dtype != self.dtype:
            attend = within(attend, self._attention_dtype)
        for layer in self._layers:
            x = layer(x, attend, self._epsilon)
        return x[:count]


class _Layer:
    """A transformer layer as in BERT: attention and a feed-forward, each with a residual and a norm after it.

    Args:
        take: gives a tensor of the checkpoint by its name.
        prefix: of the layer's names.
        activation: of the feed-forward.
        linear: makes a linear layer of a weight, a bias and an activation.
        rows: that go through the feed-forward at a time; None for all.
    """

    def __init__(self, take: Any, prefix: str, activation: str, linear: _LinearKind, rows: int | None) -> None:
        def dense(name: str, activation: str = "") -> Linear | Int8Linear:
            return linear(take(f"{prefix}.{name}.weight"), take(f"{prefix}.{name}.bias"), activation)

        def norm(name: str) -> tuple[Tensor, Tensor]:
            return take(f"{prefix}.{name}.LayerNorm.weight"), take(f"{prefix}.{name}.LayerNorm.bias")

        projections = [f"{prefix}.attention.self.{name}" for name in ("query", "key", "value")]
        self.qkv = linear(
            torch.cat([take(f"{name}.weight") for name in projections]),
            torch.cat([take(f"{name}.bias") for name in projections]),
        )
        self.attended = dense("attention.output.dense")
        self.attention_norm = norm("attention.output")
        self.widen = dense("intermediate.dense", activation)
        self.narrow = dense("output.dense")
        self.output_norm = norm("output")
        self._rows = rows

    def __call__(self, x: Tensor, attend: Attention, epsilon: float) -> Tensor:
        shape = x.shape[-1:]
        x = self.attended(attend(self.qkv(x)), residual=x)
        x = functional.layer_norm(x, shape, *self.attention_norm, epsilon)
        parts = torch.split(x, self._rows or len(x))
        fed = [self.narrow(self.widen(part), residual=part) for part in parts]
        x = fed[0] if len(fed) == 1 else torch.cat(fed)
        return functional.layer_norm(x, shape, *self.output_norm, epsilon)


def _given(config: dict[str, Any], name: str, default: float) -> float:
    value = config.get(name)
    return default if value is None else value
