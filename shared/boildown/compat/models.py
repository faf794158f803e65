"""The models behind a `PromptCompressor`: loaded by name, or taken over from an object that has them."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boildown.errors import ConfigurationError
from boildown.methods.llmlingua2 import LLMLingua2

if TYPE_CHECKING:
    from boildown.runtime.token_classifier import TokenClassifier

__all__ = ["SPREAD", "LoadedLLMLingua2", "load_model_and_tokenizer", "take_over", "token_classifier"]

SPREAD = ("balanced", "balanced_low_0", "sequential")


def take_over(owner: Any) -> tuple[Any, Any]:
    """Model and tokenizer of an object that holds both, such as an `llmlingua.PromptCompressor`.

    Raises:
        ConfigurationError: it holds neither.
    """
    model, tokenizer = getattr(owner, "model", None), getattr(owner, "tokenizer", None)
    if model is None or tokenizer is None:
        raise ConfigurationError(
            "model_name must be a path, a hub id, or an object with .model and .tokenizer such as an "
            f"llmlingua.PromptCompressor, not {type(owner).__name__}."
        )
    return model.eval(), tokenizer


def load_model_and_tokenizer(
    name: str, device_map: Any, model_config: Mapping[str, Any], *, classifier: bool, dtype: str
) -> tuple[Any, Any]:
    """Loads as the constructor's arguments say. `model_config` is not changed.

    Args:
        name: path or hub id.
        device_map: a device, "auto" for the best there is, or a map for accelerate.
        model_config: keyword arguments for `from_pretrained`; torch_dtype, dtype and trust_remote_code are read,
            pad_to_left has no effect, as padding is not left to the tokenizer.
        classifier: whether to load a token classifier.
        dtype: unless `model_config` has one.

    Raises:
        ConfigurationError: `model_config` has a device_map.
        ModelError: the model cannot be loaded.
    """
    import transformers

    from boildown.runtime.causal_loading import load_pretrained

    options = dict(model_config)
    if "device_map" in options:
        raise ConfigurationError("device_map is an argument of its own; leave it out of model_config.")
    options.pop("pad_to_left", None)
    trust = bool(options.pop("trust_remote_code", False))
    given = options.pop("dtype", None), options.pop("torch_dtype", None)
    wanted = next((str(value).removeprefix("torch.") for value in given if value is not None), dtype)
    spread = not isinstance(device_map, str) or device_map in SPREAD
    auto_class = transformers.AutoModelForTokenClassification if classifier else transformers.AutoModelForCausalLM
    return load_pretrained(
        auto_class,
        name,
        "auto" if spread else device_map,
        wanted,
        device_map=device_map if spread else None,
        trust_remote_code=trust,
        **options,
    )


class LoadedLLMLingua2(LLMLingua2):
    """`LLMLingua2` on a model of transformers that is loaded already."""

    def __init__(self, classifier: TokenClassifier, **options: Any) -> None:
        super().__init__("loaded", **options)
        self._loaded = classifier

    def _classifier(self) -> TokenClassifier:
        return self._loaded


def token_classifier(model: Any, tokenizer: Any) -> TokenClassifier:
    """The encoder runtime on a loaded model."""
    from boildown.runtime.checkpoint import read_as_text
    from boildown.runtime.token_classifier import TokenClassifier
    from boildown.runtime.tokens import special_tokens
    from boildown.runtime.transformers_encoder import TransformersEncoder

    config = model.config.to_dict()
    backend = copy.deepcopy(tokenizer.backend_tokenizer)
    read_as_text(backend)
    positions = int(config.get("max_position_embeddings") or 512)
    # RoBERTa counts positions from after the padding index.
    roberta = "roberta" in str(config.get("model_type"))
    longest = positions - int(config.get("pad_token_id") or 0) - 1 if roberta else positions
    labels = [str(model.config.id2label[i]) for i in range(model.config.num_labels)]
    encoder = TransformersEncoder(model, config, {}, longest, len(labels))
    return TokenClassifier(
        encoder, None, labels, backend, special_tokens(backend, Path(tokenizer.name_or_path or os.devnull))
    )
