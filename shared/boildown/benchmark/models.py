"""Models with random weights in the sizes of published ones, for measuring speed: no download, any machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from boildown.benchmark.texts import handbook
from boildown.benchmark.vocabularies import learn_tokenizer

__all__ = ["SIZES", "make_model", "save_model"]

_TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
_MINILM = {
    "kind": "bert",
    "vocab_size": 30_522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
}

SIZES: dict[str, dict[str, Any]] = {
    # llmlingua tells token classifiers apart by these parts of their path.
    "bert-base-multilingual-cased": {
        "kind": "bert",
        "vocab_size": 119_547,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
    },
    "xlm-roberta-large": {
        "kind": "xlm-roberta",
        "vocab_size": 250_002,
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
    "gpt2": {
        "kind": "gpt2",
        "vocab_size": 50_257,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    },
    "qwen2-0.5b": {
        "kind": "qwen2",
        "vocab_size": 151_936,
        "hidden_size": 896,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "intermediate_size": 4864,
        "max_position_embeddings": 32_768,
        "tie_word_embeddings": True,
    },
    "minilm-l6-cross-encoder": {**_MINILM, "num_labels": 1},
    "minilm-l6-encoder": {**_MINILM, "num_labels": 0},
}
"""Configurations by name. With one label a model is a cross-encoder, with none an encoder by itself."""


def make_model(name: str, folder: Path, tiny: bool = False) -> None:
    """Writes a checkpoint with random weights and a tokenizer learned from the handbook.

    Args:
        name: a key of `SIZES`.
        folder: where to; its path is to contain the name.
        tiny: two narrow layers instead, to try it out.
    """
    options = dict(SIZES[name])
    if tiny:
        options |= _TINY | {"vocab_size": 4000}
        options |= {"num_key_value_heads": 1} if "num_key_value_heads" in options else {}
    save_model(options, handbook(), folder)


def save_model(options: Mapping[str, Any], texts: Sequence[str], folder: Path) -> None:
    """Writes a checkpoint with random weights and a tokenizer learned from texts.

    Args:
        options: as in `SIZES`.
        texts: what its tokenizer learns from.
        folder: where to.
    """
    import torch
    import transformers

    options = dict(options)
    kind = options.pop("kind")
    torch.manual_seed(0)
    if kind == "bert":
        heads = {0: "BertModel", 1: "BertForSequenceClassification"}
        build = getattr(transformers, heads.get(options.get("num_labels", 2), "BertForTokenClassification"))
        model = build(transformers.BertConfig(**options))
    elif kind == "xlm-roberta":
        ids = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
        positions = {"max_position_embeddings": 514, "type_vocab_size": 1}
        model = transformers.XLMRobertaForTokenClassification(
            transformers.XLMRobertaConfig(**options, **ids, **positions)
        )
    elif kind == "gpt2":
        options.pop("intermediate_size", None)
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**options, bos_token_id=0, eos_token_id=0))
    else:
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**options, bos_token_id=0, eos_token_id=0))
    learn_tokenizer(kind, texts, options["vocab_size"]).save_pretrained(folder)
    model.save_pretrained(folder)
