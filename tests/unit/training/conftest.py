"""A tiny encoder with random weights, and training data about an invented archipelago."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from small_tokenizers import wordpiece

from boildown.training import TrainConfig

ISLANDS = ["Arlo", "Benn", "Corra", "Dunmar", "Esk", "Fallow", "Garth", "Hest", "Ister", "Jura"]
FACTS = {
    "harbour": ["Stonequay", "Lowmouth", "Greywater", "Tarnhaven"],
    "poet": ["Mira Holt", "Anselm Reed", "Ida Voss", "Peter Lunn"],
    "bird": ["skua", "petrel", "gannet", "plover"],
    "cheese": ["blue goat", "smoked ewe", "soft curd", "hard rind"],
}
FILLER = ["Rain falls there most days.", "The ferry runs twice a week.", "Few visitors stay for long."]


def passage_about(island: str, kind: str, value: str, rng: random.Random) -> tuple[str, str]:
    sentence = f"The {kind} of {island} is {value}."
    sentences = [*rng.sample(FILLER, 2), sentence]
    rng.shuffle(sentences)
    return " ".join(sentences), sentence


def make_records(seed: int = 0, per_island: int = 4) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    records = []
    for island in ISLANDS:
        for kind in list(FACTS)[:per_island]:
            value = rng.choice(FACTS[kind])
            qid = f"almanac-{island}-{kind}"
            question = f"What is the {kind} of {island}?"
            for relevant in (True, False, False):
                about = island if relevant else rng.choice([i for i in ISLANDS if i != island])
                text, _ = passage_about(about, kind, value if relevant else f"no {kind}", rng)
                answers = [{"text": value, "start": text.index(value)}] if relevant else []
                records.append(
                    {
                        "id": f"{qid}-{len(records)}",
                        "qid": qid,
                        "question": question,
                        "title": about,
                        "passage": text,
                        "answers": answers,
                        "evidence": [],
                        "relevant": relevant,
                        "lang": "en",
                        "source": "islands" if kind != "cheese" else "dairies",
                    }
                )
    return records


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return make_records()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_lines(lines: list[Any], name: str = "train.jsonl") -> Path:
        path = tmp_path / name
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return write_lines


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers; its tokenizer pads and truncates, as published ones do."""
    import torch
    from tokenizers import processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    raw = wordpiece([r["question"] + " " + r["passage"] for r in make_records()], 400, special, lowercase=True)
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    raw.enable_padding(length=32)
    raw.enable_truncation(32)
    PreTrainedTokenizerFast(
        tokenizer_object=raw,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=raw.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def config(base: Path, tmp_path: Path, write: Callable[..., Path], records: list[dict[str, Any]]) -> TrainConfig:
    return TrainConfig(
        data=[write(records)],
        output=tmp_path / "model",
        base=str(base),
        steps=4,
        warmup=1,
        questions_per_step=4,
        learning_rate=3e-3,
        max_length=128,
        max_query=40,
        freeze_word_embeddings=False,
        device="cpu",
        save_every=2,
        log_every=1,
        calibration_questions=4,
        calibration_documents=5,
    )


@pytest.fixture
def another(config: TrainConfig, tmp_path: Path) -> Callable[..., TrainConfig]:
    """The same settings with another output folder and some changes."""

    def change(name: str, **changes: Any) -> TrainConfig:
        return replace(config, output=tmp_path / name, **changes)

    return change
