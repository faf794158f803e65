"""What a run takes over from a base that is a boildown checkpoint, and what its data say of languages and scripts."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from boildown.errors import ModelError
from boildown.methods.prune import Prune
from boildown.sources import Sources
from boildown.training import TrainConfig, train
from boildown.training.base import languages_of, settings_of_base
from boildown.training.data import Passage, Question
from boildown.training.model import load_encoder
from boildown.types import Document

Another = Callable[..., TrainConfig]
GERMAN = "Die Fähre fährt zweimal in der Woche auf die Insel, und dort regnet es fast jeden Tag."
CHINESE = "渡轮每周有两班。那里每天都下雨。"
ENGLISH = "The ferry runs twice a week, and it rains there most days."
MIX = {"lexical": 0.5, "best": 0.6, "keep_scale": 0.7, "keep_bias": -0.75}


def asked(text: str, lang: str, passage: str) -> Question:
    return Question(text, text, "data", lang, [Passage("", passage, (), (), True)])


ABOUT = {
    "en": asked("What is the harbour of Arlo?", "en", ENGLISH),
    "de": asked("Was ist der Hafen von Arlo und wie heißt er?", "", GERMAN),
    "zh": asked("阿洛岛的港口是什么？", "zh", CHINESE),
}


def questions(**counts: int) -> list[Question]:
    return [ABOUT[lang] for lang, count in counts.items() for _ in range(count)]


def settings_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "boildown.json").read_text("utf-8"))


def change_settings(folder: Path, **changes: Any) -> Path:
    (folder / "boildown.json").write_text(json.dumps({**settings_of(folder), **changes}), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("counts", "scripts", "mostly_english"),
    [
        ({"en": 20}, ["latin"], True),
        ({"de": 20}, ["latin"], False),
        ({"zh": 20}, ["cjk"], False),
        ({"en": 20, "zh": 20}, ["cjk", "latin"], False),
        ({"en": 99, "zh": 1}, ["latin"], True),
    ],
)
def test_the_text_shows_scripts_and_whether_it_is_english(
    counts: dict[str, int], scripts: list[str], mostly_english: bool
) -> None:
    found = languages_of(questions(**counts), None)
    assert (found["scripts"], found["mostly_english"]) == (scripts, mostly_english)


def test_what_the_base_learned_before_still_counts() -> None:
    bundled = {"languages": ["en", "fr"]}
    found = languages_of(questions(zh=20), bundled)
    assert found == {"languages": ["en", "fr", "zh"], "scripts": ["cjk", "latin"], "mostly_english": False}
    assert languages_of(questions(en=20), found) == found
    assert languages_of(questions(en=20), bundled)["mostly_english"]
    assert not languages_of(questions(en=20), {"languages": ["de"]})["mostly_english"]


def test_a_checkpoint_trained_on_chinese_reads_chinese(
    another: Another, write: Callable[..., Path], base: Path
) -> None:
    records = [
        {"question": f"第{i}个岛的港口是什么？", "passage": CHINESE, "relevant": relevant, "lang": "zh"}
        for i in range(8)
        for relevant in (True, False)
    ]
    folder = train(another("chinese", data=[write(records, "chinese.jsonl")]))
    assert settings_of(folder)["scripts"] == ["cjk"]
    scores = Prune(str(folder), "cpu", "float32").score("渡轮每周有几班？", Sources([CHINESE]))
    assert scores.model_seconds > 0
    assert scores.notes == ()


def test_a_threshold_means_what_it_meant_with_the_base(another: Another) -> None:
    base = change_settings(train(another("base", steps=20, questions_per_step=6)), mix=MIX)
    folder = train(another("tuned", base=str(base), learning_rate=1e-9))
    assert settings_of(folder)["mix"] == MIX
    assert settings_of(folder)["calibration"] == settings_of(base)["calibration"]
    sources = Sources([Document("The harbour of Arlo is Lowmouth. Few visitors stay.", title="Arlo"), ENGLISH])
    query = "What is the harbour of Arlo?"
    before, after = (Prune(str(f), "cpu", "float32").score(query, sources) for f in (base, folder))
    assert after.sentences == pytest.approx(before.sentences, abs=1e-3)
    assert after.relevance == pytest.approx(before.relevance, abs=1e-3)
    assert "is the base's: `{'lexical': 0.5" in (folder / "README.md").read_text("utf-8")


def test_without_held_out_questions_the_calibration_of_the_base_stays(another: Another) -> None:
    base = train(another("fitted", steps=8))
    assert settings_of(base)["calibration"]
    folder = train(another("unfitted", base=str(base), calibration_questions=0))
    assert settings_of(folder)["calibration"] == settings_of(base)["calibration"]
    assert "with BM25, the base's: `{'keep'" in (folder / "README.md").read_text("utf-8")


def test_settings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    assert settings_of_base(str(tmp_path)) is None
    for text in ("{oops", "[1]"):
        (tmp_path / "boildown.json").write_text(text)
        with pytest.raises(ModelError, match=r"boildown\.json"):
            settings_of_base(str(tmp_path))


@pytest.fixture
def reports() -> Iterator[list[str]]:
    """What transformers says about tensors while it loads a model."""
    said: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    handler = Keeping()
    logger = logging.getLogger("transformers.modeling_utils")
    logger.addHandler(handler)
    yield said
    logger.removeHandler(handler)


def test_only_tensors_that_nobody_loads_are_reported(another: Another, reports: list[str]) -> None:
    folder = train(another("whole"))
    reports.clear()
    load_encoder(str(folder))
    assert reports == []
    (folder / "boildown.json").unlink()
    load_encoder(str(folder))
    assert any("keep_head" in report for report in reports)


@pytest.mark.parametrize("fault", ["missing", "unknown", "shape"])
def test_a_checkpoint_whose_tensors_do_not_fit_is_refused(another: Another, tmp_path: Path, fault: str) -> None:
    folder = shutil.copytree(train(another("intact")), tmp_path / fault)
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    if fault == "missing":
        del tensors[name]
    elif fault == "unknown":
        name = "encoder.layer.2.output.dense.weight"
        tensors[name] = tensors["encoder.layer.1.output.dense.weight"].clone()
    else:
        tensors[name] = tensors[name][:8].clone()
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=rf"do not fit BertModel: {name} "):
        load_encoder(str(folder))


def test_a_checkpoint_is_loaded_as_transformers_loads_it(another: Another) -> None:
    folder = train(another("same"))
    own = load_encoder(str(folder)).state_dict()
    (folder / "boildown.json").unlink()
    theirs = load_encoder(str(folder)).state_dict()
    assert own.keys() == theirs.keys()
    assert all(np.array_equal(own[name], theirs[name]) for name in own)
