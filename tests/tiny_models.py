"""Small models with random weights and tokenizers learned from the texts below: real checkpoints, made in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_tokenizers import unigram, wordpiece

ENGLISH = [
    "The lighthouse keeper wrote down every ship that passed. In 1874 he counted 312 vessels, most of them "
    "carrying timber from the north. His daughter later found the notebooks in a chest under the stairs.",
    "A violin's sound post stands between the top and the back. Moving it by half a millimetre changes the tone: "
    "closer to the bridge it is brighter, further away it grows warm but dull.",
    "Bread made with rye needs a sour starter. Without the acid, enzymes break down the starch and the crumb turns "
    "gummy. Bakers in the region keep a starter alive for decades, feeding it twice a day.",
    "The committee met on Tuesday, April 3, to discuss the bridge. Costs had risen to $4.2 million, and Mr. Hale "
    "asked whether the old piers could be reused. Nobody knew; the drawings were lost in the flood of 1951.",
    "Swifts sleep on the wing. A young bird may not land for three years after leaving the nest, eating, drinking "
    "and mating in the air. Radar shows flocks rising to 2,500 metres at dusk.",
]
CHINESE = [
    "灯塔守护人记录了每一艘经过的船只。1874年他数到了312艘，其中大部分运送北方的木材。后来他的女儿在楼梯下的箱子里找到了这些笔记本。",
    "黑麦面包需要酸面种。没有酸，酶会分解淀粉，面包心会变得发黏。当地的面包师把面种养了几十年，每天喂两次。",
]
MIXED = [
    "Le café était fermé, naturellement : à 23 h, personne n'y boit plus. « Revenez demain », dit-elle 😀👍🏽.",
    "Die Straßenbahn hält hier nicht; größere Umwege müssen über die Brücke führen. Übrigens: 15 °C und Regen ☔️.",
    "Привет, мир! Сегодня вторник, и поезд опаздывает на двадцать минут.",
]
CODE = ['def add(a, b):\n    """Adds."""\n    return a + b\n\n\nif x < 3:\n    print(add(x, 2))\n']
ALL = [*ENGLISH, *CHINESE, *MIXED, *CODE]


def _save(tokenizer: Any, model: Any, folder: Path, seed: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def _seeded(build: Any, config: Any, seed: int) -> Any:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build(config).eval()


def tiny_gpt2(folder: Path, *, positions: int = 512, seed: int = 0, pad: bool = False, vocabulary: int = 500) -> Path:
    """GPT-2-like: byte-level BPE, absolute positions; without a pad token unless asked for."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(ENGLISH + MIXED, trainer)
    end = "<|endoftext|>"
    extra = {"pad_token": end} if pad else {}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=end, eos_token=end, unk_token=end, **extra)
    config = GPT2Config(
        vocab_size=raw.get_vocab_size(), n_positions=positions, n_embd=32, n_layer=2, n_head=2,
        bos_token_id=0, eos_token_id=0, initializer_range=0.3,
    )  # fmt: skip
    return _save(tokenizer, _seeded(GPT2LMHeadModel, config, seed), folder, seed)


def tiny_llama(folder: Path, *, positions: int = 512, seed: int = 0) -> Path:
    """Llama-like: SentencePiece-style BPE with byte fallback (the line feed is token 13), rotary positions."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<unk>", "<s>", "</s>", *[f"<0x{i:02X}>" for i in range(256)]]
    raw = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    raw.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special, limit_alphabet=60, show_progress=False, max_token_length=8
    )
    raw.train_from_iterator([word for text in ENGLISH for word in text.replace(" ", " \0").split("\0")], trainer)
    raw = _without_special_bytes(raw)
    raw.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    config = LlamaConfig(
        vocab_size=raw.get_vocab_size(), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=positions,
        bos_token_id=1, eos_token_id=2, initializer_range=0.3,
    )  # fmt: skip
    return _save(tokenizer, _seeded(LlamaForCausalLM, config, seed), folder, seed)


def _without_special_bytes(raw: Any) -> Any:
    """The byte tokens back from special tokens to plain vocabulary, which is where byte fallback looks for them."""
    from tokenizers import Tokenizer

    state = json.loads(raw.to_str())
    state["added_tokens"] = [token for token in state["added_tokens"] if token["id"] < 3]
    return Tokenizer.from_str(json.dumps(state))


def tiny_xlm_roberta(folder: Path, *, seed: int = 0, labels: int = 2, **config_options: Any) -> Path:
    """XLM-R-like token classifier: Unigram with the word marker, pad id 1."""
    from tokenizers import decoders, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaForTokenClassification

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")])
    split = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    raw = unigram([line for text in ALL for line in text.split("\n")], 600, special, normalizer, split)
    raw.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
    )  # fmt: skip
    config = XLMRobertaConfig(
        vocab_size=raw.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, num_labels=labels, initializer_range=0.3, **config_options,
    )  # fmt: skip
    return _save(tokenizer, _seeded(XLMRobertaForTokenClassification, config, seed), folder, seed)


def tiny_bert(folder: Path, *, seed: int = 0, labels: int = 2, **config_options: Any) -> Path:
    """BERT-like token classifier: WordPiece, cased, Chinese characters apart."""
    from tokenizers import processors
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    raw = wordpiece(ALL, 600, special)
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]",
        mask_token="[MASK]",
    )  # fmt: skip
    config = BertConfig(
        vocab_size=raw.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=512, num_labels=labels, initializer_range=0.3,
        **config_options,
    )  # fmt: skip
    return _save(tokenizer, _seeded(BertForTokenClassification, config, seed), folder, seed)


def tiny_modernbert(folder: Path, *, seed: int = 0) -> Path:
    """ModernBERT-like token classifier, which runs by transformers; with the tokenizer of `tiny_bert`."""
    from transformers import AutoTokenizer, ModernBertConfig, ModernBertForTokenClassification

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert(folder))
    config = ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=512, local_attention=16, global_attn_every_n_layers=2, pad_token_id=0, bos_token_id=2,
        cls_token_id=2, eos_token_id=3, sep_token_id=3, initializer_range=0.3,
    )  # fmt: skip
    return _save(tokenizer, _seeded(ModernBertForTokenClassification, config, seed), folder, seed)


def tiny_qwen3(folder: Path, *, seed: int = 0) -> Path:
    """Qwen3-like, which runs by transformers; with the tokenizer of `tiny_gpt2`."""
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny_gpt2(folder))
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=512, bos_token_id=0, eos_token_id=0,
        initializer_range=0.3,
    )  # fmt: skip
    return _save(tokenizer, _seeded(Qwen3ForCausalLM, config, seed), folder, seed)


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gpt2(tmp_path_factory.mktemp("models") / "gpt2")


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="session")
def xlm_roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # llmlingua tells models apart by this part of their path.
    return tiny_xlm_roberta(tmp_path_factory.mktemp("models") / "xlm-roberta-large-tiny")


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("models") / "bert-base-multilingual-cased-tiny")
