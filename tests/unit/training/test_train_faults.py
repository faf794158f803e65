from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boildown.errors import ConfigurationError, InputError, ModelError
from boildown.training import TrainConfig, train

Another = Callable[..., TrainConfig]


def test_broken_lines_stop_the_run_or_are_reported(
    another: Another, write: Callable[..., Path], records: list[dict[str, Any]]
) -> None:
    path = write([records[0], "{oops", *records[1:]], "broken.jsonl")
    with pytest.raises(InputError, match=r"broken\.jsonl:2: not JSON"):
        train(another("stops", data=[path]))
    folder = train(another("skips", data=[path], on_error="skip"))
    assert (folder / "skipped.txt").read_text().startswith(f"{path}:2: not JSON")
    assert "1 broken lines were skipped" in (folder / "README.md").read_text()
    write(records, path.name)
    train(another("skips", data=[path], on_error="skip"))
    assert not (folder / "skipped.txt").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": []}, "No training data"),
        ({"data": [Path("nowhere.jsonl")]}, "nowhere.jsonl"),
        ({"data": "pairs.jsonl"}, r"data takes a list; write data=\['pairs\.jsonl'\]"),
        ({"languages": "en"}, "languages takes a list"),
        ({"base": ""}, "No base model"),
        ({"on_error": "ignore"}, "on_error"),
        ({"steps": 0}, "steps"),
        ({"workers": 0}, "workers"),
        ({"learning_rate": math.nan}, "learning_rate"),
        ({"unanswerable": 1.5}, "unanswerable must be at least 0 and at most 1"),
        ({"source_weights": {"islands": -1.0}}, "weight of 'islands'"),
        ({"source_weights": {"islands": math.inf}}, "weight of 'islands'"),
        ({"source_weights": {"islands": 0.0, "dairies": 0.0}}, "weights of all sources are 0"),
        ({"source_weights": {"island": 2.0}}, "source with a weight 'island'. Did you mean 'islands'"),
        ({"exclude_sources": ["dairy"]}, "source to exclude 'dairy'. .*Known: dairies, islands"),
        ({"device": "tpu"}, "Unknown device 'tpu'"),
        ({"max_query": 100}, "Take 180 or more"),
        ({"max_query": -5}, "max_query must be at least 1"),
        ({"teacher_weight": math.nan}, "teacher_weight"),
        ({"max_length": 500}, "room for 256 tokens"),
    ],
)
def test_impossible_settings_are_named(another: Another, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train(another("impossible", **change))


def test_an_output_that_holds_other_files_is_left_alone(another: Another, base: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(base, mine)
    (tmp_path / "link").symlink_to(mine)
    before = {path: path.read_bytes() for path in mine.iterdir()}
    with pytest.raises(ConfigurationError, match="not from a training run"):
        train(another("mine"))
    for output in ("mine", "link"):
        with pytest.raises(ConfigurationError, match="is the base"):
            train(another(output, base=str(mine)))
    assert {path: path.read_bytes() for path in mine.iterdir()} == before


def test_an_output_that_is_a_trained_base_is_left_alone(config: TrainConfig) -> None:
    folder = train(config)
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(ConfigurationError, match="is the base"):
        train(replace(config, base=str(folder)))
    assert (folder / "model.safetensors").read_bytes() == before


def test_an_empty_output_is_taken_and_so_is_one_of_a_run(another: Another) -> None:
    config = another("empty", steps=2)
    config.output.mkdir()
    weights = (train(config) / "model.safetensors").read_bytes()
    (config.output / "state.pt").unlink()  # it is for going on; without it the run starts anew
    assert (train(config) / "model.safetensors").read_bytes() == weights


def test_an_output_that_is_a_file_is_named(another: Another) -> None:
    config = another("taken")
    config.output.write_text("mine")
    for output in (config.output, config.output / "below"):
        with pytest.raises(ConfigurationError, match="output"):
            train(replace(config, output=output))


def test_a_base_that_is_no_model_is_named(another: Another, tmp_path: Path) -> None:
    config = another("nothing", base=str(tmp_path))
    with pytest.raises(ModelError, match=r"no model that transformers can load: .*Give the folder of"):
        train(config)
    assert not config.output.exists()


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _no_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_weights, "no model that transformers can load"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"junk" * 9), "no model that transformers can load"),
        (_no_tokenizer, "comes without a tokenizer"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "no model that transformers can load"),
        (
            lambda folder: (folder / "boildown.json").write_text('{"format": 1}'),
            "hold no relevance_head that fits its encoder",
        ),
    ],
)
def test_a_base_that_is_not_whole_is_named(
    another: Another, base: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    folder = shutil.copytree(base, tmp_path / "base")
    damage(folder)
    with pytest.raises(ModelError, match=message):
        train(another("part", base=str(folder)))


def test_faults_of_the_data_are_found_before_a_model_is_loaded_and_leave_no_folder(
    another: Another, write: Callable[..., Path], records: list[dict[str, Any]]
) -> None:
    irrelevant = [{**r, "relevant": False, "answers": []} for r in records]
    for lines, message in ((irrelevant, "no relevant passage"), ([], "no relevant passage"), (["{oops"], "not JSON")):
        config = another("none", data=[write(lines, "faulty.jsonl")], base="no/such-model")
        with pytest.raises(InputError, match=message):
            train(config)
        assert not config.output.exists()
    config = another("none", base="no/such-model", source_weights={"islands": 0.0, "dairies": 0.0})
    with pytest.raises(ConfigurationError, match="weights of all sources are 0"):
        train(config)


def test_data_that_are_left_out_are_asked_for_by_flag_and_by_argument(another: Another) -> None:
    with pytest.raises(InputError, match=r"--exclude and --language .*exclude_sources and languages"):
        train(another("none", languages=["fr"]))
