"""Tokenizers learned on the spot, of the kinds and sizes that published models have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["learn_tokenizer"]

_LEARNED = 8000
"""Tokens to learn at most."""


def learn_tokenizer(kind: str, texts: Sequence[str], size: int) -> Any:
    """A tokenizer as transformers has it.

    Args:
        kind: "bert", "xlm-roberta", or another for byte pairs.
        texts: what to learn from.
        size: of the vocabulary; what cannot be learned is filled up with tokens that stand in no text.
    """
    from transformers import PreTrainedTokenizerFast

    learn = {"bert": _wordpiece, "xlm-roberta": _unigram}.get(kind, _byte_pairs)
    raw, special = learn(texts, min(size, _LEARNED))
    return PreTrainedTokenizerFast(tokenizer_object=_filled(raw, size), **special)


def _wordpiece(texts: Sequence[str], size: int) -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    raw.train_from_iterator(texts, trainer)
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return raw, dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))


def _unigram(texts: Sequence[str], size: int) -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    raw = Tokenizer(models.Unigram())
    raw.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    raw.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    raw.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False)
    raw.train_from_iterator(texts, trainer)
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), special, strict=True))
    return raw, {**names, "cls_token": "<s>", "sep_token": "</s>"}


def _byte_pairs(texts: Sequence[str], size: int) -> tuple[Any, dict[str, str]]:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[end], initial_alphabet=alphabet, show_progress=False)
    raw.train_from_iterator(texts, trainer)
    return raw, {"bos_token": end, "eos_token": end, "unk_token": end}


def _filled(raw: Any, size: int) -> Any:
    """The same with as many tokens as a model's table is to have rows."""
    from tokenizers import Tokenizer

    described = json.loads(raw.to_str())
    tokens = described["model"]["vocab"]
    more = [f"[unused{i}]" for i in range(len(tokens), size)]
    if isinstance(tokens, dict):
        tokens |= {token: i for i, token in enumerate(more, len(tokens))}
    else:
        least = min(score for _, score in tokens)
        tokens += [[token, least] for token in more]
    return Tokenizer.from_str(json.dumps(described))
