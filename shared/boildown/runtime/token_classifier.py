"""Token classifiers: an encoder and a label for each token."""

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
from boildown.runtime.checkpoint import check_vocabulary, read_config, read_tokenizer
from boildown.runtime.encoder import Encoder
from boildown.runtime.load import TextEncoder
from boildown.runtime.packing import Ids
from boildown.runtime.tokens import special_tokens
from boildown.runtime.transformers_encoder import TransformersEncoder

__all__ = ["TokenClassifier"]


class TokenClassifier:
    """Any checkpoint that `AutoModelForTokenClassification` loads, with its tokenizer.

    Attributes:
        tokenizer: the `tokenizers.Tokenizer`.
        before, after: ids of the special tokens around a text.
        labels: the labels' names, in the order of the probabilities.
        max_length: the most tokens of a sequence, special tokens included.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        head: tuple[Tensor, Tensor] | None,
        labels: Sequence[str],
        tokenizer: Any,
        specials: tuple[list[int], list[int]],
    ) -> None:
        self._encoder = encoder
        self._head = head
        self.labels = tuple(labels)
        self.tokenizer = tokenizer
        self.before, self.after = specials
        self.max_length = encoder.max_length

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> TokenClassifier:
        """Loads model and tokenizer from a folder.

        Raises:
            ModelError: a file or a tensor is missing or does not fit, or the model is no token classifier.
        """
        config = read_config(folder)
        architectures = config.get("architectures") or []
        if architectures and not any("ForTokenClassification" in name for name in architectures):
            raise ModelError(
                f"{folder} holds {', '.join(architectures)}, which is no token classifier. Give a checkpoint of an "
                "AutoModelForTokenClassification, such as one of the LLMLingua-2 models."
            )
        tokenizer = read_tokenizer(folder)
        specials = special_tokens(tokenizer, folder)
        if not Encoder.supports(config):
            model = TransformersEncoder.load(folder, device, dtype, task="token-classification")
            check_vocabulary(tokenizer, model.vocabulary, folder)
            return cls(model, None, _labels(config, model.hidden_size), tokenizer, specials)
        encoder = Encoder.load(folder, device, dtype)
        check_vocabulary(tokenizer, encoder.vocabulary, folder)
        weight, bias = encoder.heads.get("classifier.weight"), encoder.heads.get("classifier.bias")
        if weight is None or bias is None:
            raise ModelError(f"{folder} has no head: looked for the tensors classifier.weight and classifier.bias.")
        if weight.ndim != 2 or weight.shape[1] != encoder.hidden_size or bias.shape != weight.shape[:1]:
            raise ModelError(
                f"The head in {folder} does not fit: classifier.weight has shape {tuple(weight.shape)} and "
                f"classifier.bias {tuple(bias.shape)}; they must be (labels, {encoder.hidden_size}) and (labels,)."
            )
        return cls(encoder, (weight, bias), _labels(config, len(bias)), tokenizer, specials)

    def probabilities(self, ids: Sequence[Ids]) -> NDArray[np.float64]:
        """Probabilities of the labels of every token.

        Args:
            ids: token ids of each sequence, without special tokens.

        Returns:
            shape (tokens of all sequences, labels), special tokens left out.
        """
        before, after = np.array(self.before, dtype=np.int64), np.array(self.after, dtype=np.int64)
        found, offsets = self._encoder.hidden(
            [np.concatenate([before, part, after]) for part in ids], head=self._classify
        )
        inner = np.ones(len(found), dtype=bool)
        for i in range(len(before)):
            inner[offsets[:-1] + i] = False
        for i in range(len(after)):
            inner[offsets[1:] - 1 - i] = False
        values: NDArray[np.float64] = found.cpu().numpy()[inner].astype(np.float64)
        return values

    def _classify(self, states: Tensor) -> Tensor:
        """Probabilities, shape (tokens, labels), of states or of logits."""
        logits = states.float()
        if self._head is not None:
            logits = functional.linear(logits, *self._head)
        return torch.softmax(logits, dim=-1)


def _labels(config: dict[str, Any], count: int) -> list[str]:
    names = config.get("id2label") or {}
    return [str(names.get(str(i), f"LABEL_{i}")) for i in range(count)]
