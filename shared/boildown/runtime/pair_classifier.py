"""Cross-encoders: an encoder that reads two texts together, and one number for each pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from boildown.errors import ModelError
from boildown.runtime.checkpoint import (
    check_vocabulary,
    has_files,
    read_config,
    read_json,
    read_tokenizer,
    tokenizer_limit,
)
from boildown.runtime.encoder import Encoder
from boildown.runtime.load import TextEncoder, is_encoder
from boildown.runtime.tokens import Template, pair_template, tokenize
from boildown.runtime.transformers_encoder import TransformersEncoder

__all__ = ["PairClassifier"]

_BERT_HEAD = ("pooler.dense", "classifier")
_ROBERTA_HEAD = ("classifier.dense", "classifier.out_proj")
_ACTIVATIONS = {"Identity": False, "Sigmoid": True}
"""By which sentence-transformers turns a logit into a score, and whether that is a sigmoid."""


class PairClassifier:
    """A checkpoint that `AutoModelForSequenceClassification` loads and that has one label, with its tokenizer.

    Attributes:
        max_length: the most tokens of a pair, special tokens included.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        head: tuple[Tensor, Tensor, Tensor, Tensor] | None,
        tokenizer: Any,
        template: Template,
        max_length: int,
        sigmoid: bool,
    ) -> None:
        self._encoder, self._head, self._tokenizer, self._template = encoder, head, tokenizer, template
        self.max_length, self._sigmoid = max_length, sigmoid

    @staticmethod
    def supports(folder: Path) -> bool:
        """Whether the folder holds an encoder that can run here, and nothing on top of it."""
        if not has_files(folder):
            return False
        config = read_config(folder)
        settings = _sentence_transformers(folder)
        return (
            is_encoder(config)
            and len(settings["modules"]) <= 1
            and not settings["default_prompt_name"]
            and _activation(config, settings) in _ACTIVATIONS
        )

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> PairClassifier:
        """Loads model and tokenizer from a folder.

        Raises:
            ModelError: a file or a tensor is missing or does not fit, or the model has not one label.
            ConfigurationError: int8 where the model or the device cannot do it.
        """
        config = read_config(folder)
        tokenizer = read_tokenizer(folder)
        template = pair_template(tokenizer, folder)
        encoder: TextEncoder
        if Encoder.supports(config):
            encoder = packed = Encoder.load(folder, device, dtype)
            head = _head(packed, folder)
            labels = len(head[-1])
        else:
            encoder = TransformersEncoder.load(folder, device, dtype, task="text-classification")
            head, labels = None, encoder.hidden_size
        if labels != 1:
            raise ModelError(
                f"{folder} has {labels} labels. A ranker gives one number for each pair; a model with several labels, "
                "such as one for entailment, cannot rank."
            )
        check_vocabulary(tokenizer, encoder.vocabulary, folder)
        limit = min(encoder.max_length, tokenizer_limit(folder) or encoder.max_length)
        sigmoid = _ACTIVATIONS[_activation(config, _sentence_transformers(folder))]
        return cls(encoder, head, tokenizer, template, limit, sigmoid)

    def predict(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """Scores as sentence-transformers gives them: logits, or their sigmoid where the checkpoint says so.

        Args:
            pairs: of texts. Of a pair that is too long, the longer text loses its end, down to the other's length.

        Returns:
            shape (pairs,).
        """
        logits = self.logits(pairs)
        return 1 / (1 + np.exp(-logits)) if self._sigmoid else logits

    def logits(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
        """What the model says before a sigmoid, which makes good texts equal; see `predict`."""
        if not pairs:
            return np.zeros(0)
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        found = tokenize(self._tokenizer, texts)
        parts = np.split(found.ids, np.searchsorted(found.text, np.arange(1, len(texts))))
        ids_of = dict(zip(texts, parts, strict=True))
        room = self.max_length - self._template.size
        filled = [self._template.fill(*_longest_first(ids_of[a], ids_of[b], room)) for a, b in pairs]
        rows, offsets = self._encoder.hidden([ids for ids, _ in filled], [types for _, types in filled], self._classify)
        values: NDArray[np.float64] = rows.cpu().numpy()[offsets[:-1], 0].astype(np.float64)
        return values

    def _classify(self, states: Tensor) -> Tensor:
        """Logits, shape (tokens, 1), of which those of each sequence's first token count."""
        if self._head is None:
            return states.float()
        dense, dense_bias, out, out_bias = self._head
        return functional.linear(torch.tanh(functional.linear(states.float(), dense, dense_bias)), out, out_bias)


def _head(encoder: Encoder, folder: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weight and bias of the dense layer, and of the layer that gives the labels."""
    names = _BERT_HEAD if encoder.config["model_type"] == "bert" else _ROBERTA_HEAD
    parts = [f"{name}.{part}" for name in names for part in ("weight", "bias")]
    # The pooler is part of the encoder, whose tensors stand under the model's name.
    named = {f".{name}": tensor for name, tensor in encoder.heads.items()}
    found = {part: tensor for part in parts for name, tensor in named.items() if name.endswith(f".{part}")}
    missing = sorted(set(parts) - set(found))
    if missing:
        raise ModelError(
            f"{str(folder)!r} is no cross-encoder: its weights lack {', '.join(missing)}. Give a checkpoint that was "
            "trained to rank, with one label, such as a sentence-transformers CrossEncoder."
        )
    dense, dense_bias, out, out_bias = (found[part] for part in parts)
    width = encoder.hidden_size
    wanted = ((width, width), (width,), (len(out), width), (len(out),))
    for part, shape in zip(parts, wanted, strict=True):
        if found[part].shape != shape:
            raise ModelError(f"{folder}: {part} has shape {tuple(found[part].shape)}; the encoder needs {shape}.")
    return dense, dense_bias, out, out_bias


def _longest_first(
    first: NDArray[np.int64], second: NDArray[np.int64], room: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two texts that fit together: the longer one loses its end, and where that is not enough both do."""
    if len(first) + len(second) <= room:
        return first, second
    shorter = min(len(first), len(second), room // 2)
    if len(first) <= len(second):
        return first[:shorter], second[: room - shorter]
    return first[: room - shorter], second[:shorter]


def _activation(config: dict[str, Any], settings: dict[str, Any]) -> str:
    """The class of the activation function, whose path sentence-transformers has written to several places."""
    path = (
        settings["activation_fn"]
        or (config.get("sentence_transformers") or {}).get("activation_fn")
        or config.get("sbert_ce_default_activation_function")
        or ""
    )
    # The code of others is not run; sentence-transformers falls back to the same.
    return str(path).rpartition(".")[2] if str(path).startswith("torch.") else "Sigmoid"


def _sentence_transformers(folder: Path) -> dict[str, Any]:
    """What the files of sentence-transformers say, if there are any."""
    settings = read_json(folder / "config_sentence_transformers.json", {})
    return {
        "modules": read_json(folder / "modules.json", []),
        "activation_fn": settings.get("activation_fn"),
        "default_prompt_name": settings.get("default_prompt_name"),
    }
