"""Models with random weights in the sizes of published ones, for measuring speed: no download, any machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["SIZES", "cut_documents", "make_model"]

HANDBOOK = Path(__file__).parents[1] / "data" / "handbook"
_TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}

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
}
"""Configurations by name."""


def make_model(name: str, folder: Path, tiny: bool = False) -> None:
    """Writes a checkpoint with random weights and a tokenizer learned from the handbook.

    Args:
        name: a key of `SIZES`.
        folder: where to; its path is to contain the name.
        tiny: two narrow layers instead, to try a script out.
    """
    import torch
    import transformers

    options = dict(SIZES[name])
    kind = options.pop("kind")
    if tiny:
        options |= _TINY | {"vocab_size": 4000}
        options |= {"num_key_value_heads": 1} if "num_key_value_heads" in options else {}
    tokenizer = {"bert": _wordpiece, "xlm-roberta": _unigram}.get(kind, _byte_bpe)(min(options["vocab_size"], 8000))
    torch.manual_seed(0)
    if kind == "bert":
        model = transformers.BertForTokenClassification(transformers.BertConfig(**options))
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
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def cut_documents(folder: Path, count: int, tokens: int, skip: int = 0) -> list[str]:
    """Documents of `tokens` tokens each, by the tokenizer in the folder, cut from the handbook over and over.

    Args:
        folder: a model's.
        count: how many.
        tokens: of each.
        skip: documents to leave out in front, so that others come.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    text = " ".join(_handbook())
    found = tokenizer.encode(text, add_special_tokens=False).offsets
    documents = []
    for i in range(skip, skip + count):
        begin = i * tokens
        spans = [found[k % len(found)] for k in range(begin, begin + tokens)]
        # Where the handbook ends inside a document, it goes on from the front.
        turn = next((k for k in range(1, tokens) if spans[k][0] < spans[k - 1][0]), tokens)
        pieces = [spans[:turn], spans[turn:]] if turn < tokens else [spans]
        documents.append(" ".join(text[piece[0][0] : piece[-1][1]] for piece in pieces).strip())
    return documents


def _handbook() -> list[str]:
    return [" ".join(path.read_text(encoding="utf-8").split()) for path in sorted(HANDBOOK.rglob("*.*"))]


def _wordpiece(size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    raw.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    raw.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    raw.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    raw.train_from_iterator(
        _handbook(), trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    )
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )


def _unigram(size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.Unigram())
    raw.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    raw.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    raw.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False)
    raw.train_from_iterator(_handbook(), trainer)
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def _byte_bpe(size: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    end = "<|endoftext|>"
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[end], initial_alphabet=alphabet, show_progress=False)
    raw.train_from_iterator(_handbook(), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=end, eos_token=end, unk_token=end)
