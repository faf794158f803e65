"""Checkpoints in the published layout, small and random, one for each kind of tokenizer."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from small_tokenizers import unigram, wordpiece

CORPUS = [
    "The harbour master keeps a log. In 1874 she counted 312 ships, most of them carrying timber from the north.",
    "Moving the sound post by half a millimetre changes the tone of a violin; it grows warm, but dull.",
    "Where does the water go? Nobody knew: the drawings were lost in the flood of 1951 (see page 12).",
    "Le café était fermé, naturellement. Größere Straßen führen über die Brücke. Привет, мир!",
    "灯塔守护人记录了每一艘经过的船只。黑麦面包需要酸面种。当地的面包师把面种养了几十年。",
    "def add(a, b):\n    return a + b\n\nprint(add(1, 2))",
]
KINDS = ("bert", "roberta", "xlm-roberta", "modernbert")


def _wordpiece() -> Any:
    from tokenizers import processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = wordpiece(CORPUS, 300, special, lowercase=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def _unigram() -> Any:
    from tokenizers import normalizers, pre_tokenizers, processors

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokenizer = unigram(CORPUS, 300, special, normalizers.NFKC(), split)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _byte_bpe(special: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    return tokenizer


def _roberta_tokenizer() -> Any:
    from tokenizers import processors

    tokenizer = _byte_bpe(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def _modernbert_tokenizer() -> Any:
    from tokenizers import processors

    tokenizer = _byte_bpe(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "bert": _wordpiece,
    "roberta": _roberta_tokenizer,
    "xlm-roberta": _unigram,
    "modernbert": _modernbert_tokenizer,
    "deberta": _modernbert_tokenizer,
    "deberta-v2": _modernbert_tokenizer,
    "distilbert": _wordpiece,
    "electra": _wordpiece,
    "mpnet": _wordpiece,
}
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.3,
}


def save_model(kind: str, folder: Path, task: str = "AutoModelForTokenClassification", **options: Any) -> Path:
    """Saves a random model of the kind, with its tokenizer, as transformers saves them."""
    import torch
    import transformers

    raw = TOKENIZERS[kind]()
    names = (
        ("<s>", "</s>", "<pad>", "<unk>")
        if kind in ("roberta", "xlm-roberta")
        else ("[CLS]", "[SEP]", "[PAD]", "[UNK]")
    )
    # Published tokenizers of BERT and ELECTRA give token types, which the class for tokenizers of any model leaves out.
    inputs = ["input_ids", *["token_type_ids"][: kind in ("bert", "electra")], "attention_mask"]
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=raw, cls_token=names[0], sep_token=names[1], pad_token=names[2], unk_token=names[3],
        model_input_names=inputs,
    )  # fmt: skip
    settings: dict[str, Any] = {**SHAPE, "vocab_size": raw.get_vocab_size(), "pad_token_id": 0}
    settings["max_position_embeddings"] = 64
    if kind in ("roberta", "xlm-roberta"):
        settings.update(max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    if kind == "modernbert":
        settings.update(
            cls_token_id=2, bos_token_id=2, sep_token_id=3, eos_token_id=3, local_attention=16,
            global_attn_every_n_layers=2, initializer_cutoff_factor=2.0,
        )  # fmt: skip
    config = transformers.AutoConfig.for_model(kind, **{**settings, **options})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = getattr(transformers, task).from_config(config).eval()
        # Norms and biases are not at their starting values in any trained model.
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim == 1:
                    weight.add_(torch.randn_like(weight) * 0.1)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def token_classifiers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A token classifier of each kind."""
    root = tmp_path_factory.mktemp("classifiers")
    return {kind: save_model(kind, root / kind) for kind in KINDS}


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bare encoder of each kind."""
    root = tmp_path_factory.mktemp("encoders")
    return {kind: save_model(kind, root / kind, "AutoModel") for kind in KINDS}


@pytest.fixture(scope="session")
def prune_model(encoders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint in the layout of `boildown train`."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("prune") / "model"
    shutil.copytree(encoders["bert"], folder)
    tensors = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(3)
    size = tensors["embeddings.LayerNorm.weight"].shape[0]
    for head in ("relevance_head", "keep_head", "answer_head"):
        tensors[f"{head}.weight"] = torch.randn(1, size, generator=generator)
        tensors[f"{head}.bias"] = torch.randn(1, generator=generator)
    save_file(tensors, folder / "model.safetensors")
    (folder / "boildown.json").write_text(json.dumps({"format": 1, "max_length": 60}))
    return folder


@pytest.fixture(scope="session")
def make_model() -> Callable[..., Path]:
    """`save_model`, for tests that need a variant."""
    return save_model


@pytest.fixture(autouse=True)
def _no_shared_models() -> Any:
    from boildown.runtime.models import release

    yield
    release()
