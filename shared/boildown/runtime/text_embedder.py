"""Embedding models: an encoder, and one vector for each text, pooled from the states of its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from boildown.errors import ModelError
from boildown.runtime.checkpoint import (
    check_vocabulary,
    has_files,
    read_config,
    read_json,
    read_tokenizer,
    tokenizer_limit,
)
from boildown.runtime.devices import to_device
from boildown.runtime.load import TextEncoder, is_encoder, load_encoder
from boildown.runtime.tokens import special_tokens, tokenize

__all__ = ["TextEmbedder"]

_MODULES = (["Transformer"], ["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
"""What sentence-transformers may have saved, by the last part of the class; the first one gets the mean."""
_OLD_NAMES = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens"}
_OTHER_OLD_NAMES = tuple(
    f"pooling_mode_{name}" for name in ("max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
)
_TOKENS = 65_536
"""States of about so many tokens are held at a time, however many texts there are."""


class TextEmbedder:
    """A model of sentence-transformers that is an encoder with the first token's state or their mean on top of it.

    Its methods are those of `sentence_transformers.SentenceTransformer`, as far as they are used here.

    Attributes:
        prompts: what is written before a "query" and before a "document".
        symmetric: whether queries and documents are read alike, so that `encode` does for both.
        max_length: the most tokens of a text, special tokens included; the rest of a longer one is not read.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        tokenizer: Any,
        specials: tuple[list[int], list[int]],
        max_length: int,
        first: bool,
        normalized: bool,
        prompts: dict[str, str],
    ) -> None:
        self._encoder, self._tokenizer = encoder, tokenizer
        self._before, self._after = (np.array(ids, dtype=np.int64) for ids in specials)
        self._first, self._normalized = first, normalized
        self.max_length, self.prompts = max_length, prompts
        self.symmetric = not any(prompts.values())

    @staticmethod
    def supports(folder: Path) -> bool:
        """Whether the folder holds an encoder that can run here, and only what is known on top of it."""
        modules = _modules(folder)
        inner = _encoder_folder(folder, modules)
        if [name for name, _ in modules] not in _MODULES or not has_files(inner):
            return False
        config = read_config(inner)
        settings = read_json(folder / "config_sentence_transformers.json", {})
        lowers = any(read_json(path, {}).get("do_lower_case") for path in inner.glob("sentence_*_config.json"))
        return (
            is_encoder(config)
            and _pooling(folder, modules) in ("cls", "mean")
            and not lowers
            and not any(settings.get(name) for name in ("default_prompt_name", "truncate_dim"))
        )

    @classmethod
    def load(cls, folder: Path, device: torch.device, dtype: torch.dtype) -> TextEmbedder:
        """Loads model and tokenizer from a folder that is supported.

        Raises:
            ModelError: a file or a tensor is missing or does not fit.
            ConfigurationError: int8 where the model or the device cannot do it.
        """
        modules = _modules(folder)
        inner = _encoder_folder(folder, modules)
        tokenizer = read_tokenizer(inner)
        encoder = load_encoder(inner, device, dtype)
        check_vocabulary(tokenizer, encoder.vocabulary, inner)
        own = (read_json(path, {}).get("max_seq_length") for path in sorted(inner.glob("sentence_*_config.json")))
        limits = [encoder.max_length, tokenizer_limit(inner), *own]
        prompts = read_json(folder / "config_sentence_transformers.json", {}).get("prompts") or {}
        # E5 and others name the prompt of documents "passage".
        document = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), "")
        return cls(
            encoder,
            tokenizer,
            special_tokens(tokenizer, inner),
            min(int(limit) for limit in limits if limit),
            _pooling(folder, modules) == "cls",
            len(modules) == len(_MODULES[-1]),
            {"query": prompts.get("query") or "", "document": document},
        )

    def encode_query(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of queries, each after its prompt; see `encode`."""
        return self.encode([self.prompts["query"] + text for text in texts])

    def encode_document(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of documents, each after its prompt; see `encode`."""
        return self.encode([self.prompts["document"] + text for text in texts])

    def encode(self, texts: Sequence[str], normalize_embeddings: bool = False) -> NDArray[np.float32]:
        """Vectors of texts as they are.

        Args:
            texts: any strings.
            normalize_embeddings: whether vectors get length 1 where the model does not do so itself.

        Returns:
            shape (texts, width).
        """
        if not len(texts):
            return np.zeros((0, self._encoder.hidden_size), dtype=np.float32)
        vectors = np.concatenate([self._pooled(part) for part in self._parts(texts)])
        if self._normalized or normalize_embeddings:
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    def _parts(self, texts: Sequence[str]) -> Iterator[list[NDArray[np.int64]]]:
        """Token ids of each text, special tokens included, in parts of about `_TOKENS` tokens."""
        found = tokenize(self._tokenizer, texts)
        room = self.max_length - len(self._before) - len(self._after)
        edges = np.searchsorted(found.text, np.arange(1, len(texts)))
        part: list[NDArray[np.int64]] = []
        size = 0
        for own in np.split(found.ids, edges):
            part.append(np.concatenate([self._before, own[:room], self._after]))
            size += len(part[-1])
            if size >= _TOKENS:
                yield part
                part, size = [], 0
        if part:
            yield part

    @torch.inference_mode()
    def _pooled(self, ids: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._pool(*self._encoder.hidden(ids)).cpu().numpy()
        return vectors

    def _pool(self, states: Tensor, offsets: NDArray[np.int64]) -> Tensor:
        """Of each sequence the first row or the mean of its rows, shape (sequences, width), in fp32."""
        if self._first:
            return states.index_select(0, to_device(offsets[:-1], states.device)).float()
        lengths = np.diff(offsets)
        owner = to_device(np.repeat(np.arange(len(lengths)), lengths), states.device)
        sums = torch.zeros(len(lengths), states.shape[1], device=states.device)
        return sums.index_add_(0, owner, states.float()) / to_device(lengths, states.device)[:, None]


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Class and folder of each module; a plain encoder is one module."""
    modules = read_json(folder / "modules.json", [{"type": "Transformer", "path": ""}])
    try:
        return [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in modules]
    except (TypeError, KeyError) as error:
        raise ModelError(f"{folder / 'modules.json'} is no list of modules with a type and a path each.") from error


def _encoder_folder(folder: Path, modules: Sequence[tuple[str, str]]) -> Path:
    return folder / modules[0][1] if modules else folder


def _pooling(folder: Path, modules: Sequence[tuple[str, str]]) -> str:
    """How a text's vector comes from its tokens' states; "other" where it is not the first one or the mean alone."""
    if len(modules) < 2:
        return "mean"
    settings = read_json(folder / modules[1][1] / "config.json", {})
    if not settings.get("include_prompt", True) or any(settings.get(name) for name in _OTHER_OLD_NAMES):
        return "other"
    if "pooling_mode" in settings:
        return str(settings["pooling_mode"])
    modes = [mode for mode, name in _OLD_NAMES.items() if settings.get(name)]
    return modes[0] if len(modes) == 1 else "other"
