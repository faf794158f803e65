from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from boildown.errors import ConfigurationError, InputError, ModelError
from boildown.training import TrainConfig, train
from boildown.training.curve import read_log
from boildown.training.data import held_out
from boildown.training.trainer import Trainer, rate_at

Another = Callable[..., TrainConfig]


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_loss_falls(another: Another) -> None:
    folder = train(another("falls", steps=40, warmup=5, questions_per_step=6))
    log = read_log(folder / "log.jsonl")
    assert [e["step"] for e in log] == list(range(1, 41))

    def mean(name: str, entries: list[dict[str, float]]) -> float:
        return sum(e[name] for e in entries) / len(entries)

    for name in ("token", "sentence", "list"):
        assert mean(name, log[-5:]) < 0.8 * mean(name, log[:3])


def test_a_checkpoint_has_the_layout_that_the_runtime_reads(config: TrainConfig, base: Path) -> None:
    folder = train(config)
    tensors = load_file(folder / "model.safetensors")
    hidden = json.loads((folder / "config.json").read_text())["hidden_size"]
    assert tensors["relevance_head.weight"].shape == tensors["keep_head.weight"].shape == (1, hidden)
    assert tensors["relevance_head.bias"].shape == tensors["keep_head.bias"].shape == (1,)
    own = {k for k in load_file(base / "model.safetensors") if "pooler" not in k}
    heads = ("relevance", "keep", "answer")
    assert set(tensors) == own | {f"{h}_head.{p}" for h in heads for p in ("weight", "bias")}
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    assert all(bool(torch.isfinite(t).all()) for t in tensors.values())
    meta = json.loads((folder / "boildown.json").read_text())
    assert (meta["format"], meta["max_length"], meta["max_query"]) == (1, 128, 40)
    assert meta["languages"] == ["en"]
    assert meta["revision"] == hashlib.sha256(weights_of(folder)).hexdigest()
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    assert tokenizer["padding"] is None
    assert tokenizer["truncation"] is None


def test_the_curve_is_drawn(config: TrainConfig) -> None:
    pytest.importorskip("matplotlib")
    assert (train(config) / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_the_card_names_data_and_settings(another: Another) -> None:
    folder = train(another("card", licences={"islands": "CC0-1.0"}, base_name="tiny-bert"))
    card = (folder / "README.md").read_text()
    assert "| islands | " in card
    assert "CC0-1.0" in card
    assert "| dairies | " in card
    assert "not stated" in card
    assert "`tiny-bert`" in card
    assert "seed 13" in card
    assert re.search(r"On \d held-out questions, .*\| relevance of documents \| [01]\.\d{4} \|", card, re.DOTALL)
    assert re.search(r"\| keeping of sentences \| [01]\.\d{4} \|", card)


def test_the_card_says_that_nothing_was_held_out(another: Another) -> None:
    folder = train(another("nothing", calibration_questions=0))
    card = (folder / "README.md").read_text()
    assert "nothing was measured" in card
    assert "not calibrated" in card


def test_the_card_says_so_of_a_set_too_small_to_hold_any_out(another: Another, tmp_path: Path) -> None:
    config = another("small", steps=1)
    lines = [line for line in config.data[0].read_text(encoding="utf-8").splitlines() if line]
    small = tmp_path / "small.jsonl"
    small.write_text("\n".join(line for line in lines if not held_out(json.loads(line)["qid"])), encoding="utf-8")
    config.data = [small]
    assert "No question was held out, so nothing was measured." in (train(config) / "README.md").read_text()


def test_held_out_questions_are_scored_and_calibrated(another: Another) -> None:
    config = another("calibrated", steps=30, questions_per_step=6)
    trainer = Trainer(config)
    assert trainer.held_out
    assert not {q.qid for q in trainer.questions} & {q.qid for q in trainer.held_out}
    folder = train(config)
    lines = (folder / "held_out_scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["qid"] for line in lines} == {q.qid for q in trainer.held_out}
    documents = json.loads(lines[0])["documents"]
    assert len(documents) == config.calibration_documents
    assert all(len(d["logits"]) == len(d["sentences"]) == len(d["labels"]) for d in documents)
    assert sum(d["relevant"] for d in documents) == 1
    calibration = json.loads((folder / "boildown.json").read_text())["calibration"]
    assert set(calibration) == {"keep", "relevance"}
    assert calibration["keep"]["temperature"] > 0


def test_two_runs_are_equal_and_another_seed_differs(another: Another) -> None:
    first, second, other = (train(another(n, seed=s)) for n, s in (("a", 1), ("b", 1), ("c", 2)))
    assert weights_of(first) == weights_of(second) != weights_of(other)


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(
    another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(another("whole", steps=6))
    config = another("broken", steps=6)
    update = Trainer.update

    def fail_at_four(self: Trainer, results: Any) -> float:
        if self.step == 3:
            raise KeyboardInterrupt
        return update(self, results)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "update", fail_at_four)
        with pytest.raises(KeyboardInterrupt):
            train(config)
    assert not (config.output / "model.safetensors").exists()
    assert weights_of(train(config)) == weights_of(whole)
    assert [e["step"] for e in read_log(config.output / "log.jsonl")] == [1, 2, 3, 4, 5, 6]


def test_a_state_of_other_settings_is_refused(another: Another) -> None:
    train(another("state"))
    with pytest.raises(ConfigurationError, match="other settings"):
        train(another("state", learning_rate=1e-5))


def test_a_state_of_other_data_is_refused(another: Another) -> None:
    """The model would be that of the old data, and its card tell of the new."""
    config = another("grown")
    train(config)
    path = Path(config.data[0])
    path.write_text("".join(path.read_text().splitlines(keepends=True)[3:]))
    with pytest.raises(ConfigurationError, match="other settings or data"):
        train(config)


def test_a_finished_run_can_be_lengthened(another: Another) -> None:
    short = weights_of(train(another("longer")))
    folder = train(another("longer", steps=6))
    assert weights_of(folder) != short
    assert read_log(folder / "log.jsonl")[-1]["step"] == 6


def test_a_run_started_anew_logs_nothing_of_the_one_before(another: Another) -> None:
    folder = train(another("anew"))
    (folder / "state.pt").unlink()
    train(another("anew", steps=2))
    assert [e["step"] for e in read_log(folder / "log.jsonl")] == [1, 2]


def test_a_torn_line_of_the_log_is_no_entry(another: Another) -> None:
    folder = train(another("torn"))
    with (folder / "log.jsonl").open("a") as log:
        log.write('{"step": 5, "ra')
    train(another("torn", steps=6))
    assert [e["step"] for e in read_log(folder / "log.jsonl")] == [1, 2, 3, 4, 5, 6]
    assert "| last 6 log entries |" in (folder / "README.md").read_text()


def test_a_run_that_is_beyond_its_steps_is_refused(another: Another) -> None:
    train(another("beyond"))
    with pytest.raises(ConfigurationError, match=r"come to step 4, beyond steps=2"):
        train(another("beyond", steps=2))


def test_a_damaged_state_is_named(another: Another) -> None:
    config = another("damaged")
    config.output.mkdir()
    (config.output / "state.pt").write_bytes(b"junk")
    with pytest.raises(ConfigurationError, match=r"state\.pt cannot be read"):
        train(config)


def test_a_checkpoint_can_be_trained_further_with_its_heads(another: Another) -> None:
    folder = train(another("first", steps=20, questions_per_step=6))
    before = load_file(folder / "model.safetensors")
    trainer = Trainer(another("second", base=str(folder), learning_rate=1e-9))
    start = trainer.model.state_dict()
    assert torch.equal(start["keep_head.weight"], before["keep_head.weight"].float())
    name = "encoder.layer.0.attention.self.query.weight"
    assert torch.equal(start[f"encoder.{name}"], before[name].float())
    after = load_file(train(trainer.config) / "model.safetensors")
    assert set(after) == set(before)
    assert all(torch.allclose(after[k].float(), before[k].float(), atol=1e-4) for k in before)
    tokenizers = [(f / "tokenizer.json").read_text() for f in (folder, trainer.config.output)]
    assert json.loads(tokenizers[0])["model"] == json.loads(tokenizers[1])["model"]


def test_a_teacher_changes_what_is_learned(another: Another, base: Path) -> None:
    taught = train(another("taught", teacher=str(base), teacher_weight=1.0))
    assert read_log(taught / "log.jsonl")[-1]["taught"] > 0
    assert weights_of(taught) != weights_of(train(another("untaught")))


def test_the_rate_warms_up_holds_and_decays() -> None:
    config = TrainConfig(steps=100, warmup=10, decay=0.5, learning_rate=1.0)
    rates = [rate_at(config, s) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[49] == 1.0
    assert rates[75] == pytest.approx(0.5)
    assert 0 < rates[99] < 0.03


def test_more_workers_than_a_step_has_bundles_take_no_threads_away(another: Another) -> None:
    assert Trainer(another("workers", workers=8)).workers == 2


def test_the_output_may_be_a_string(config: TrainConfig) -> None:
    assert train(replace(config, output=str(config.output))) == config.output


def test_models_in_the_home_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = TrainConfig(base="~/base", teacher="~/teacher")
    assert (config.base, config.teacher) == ("/home/ada/base", "/home/ada/teacher")


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
    before = weights_of(folder)
    with pytest.raises(ConfigurationError, match="is the base"):
        train(replace(config, base=str(folder)))
    assert weights_of(folder) == before


def test_an_empty_output_is_taken_and_so_is_one_of_a_run(another: Another) -> None:
    config = another("empty", steps=2)
    config.output.mkdir()
    weights = weights_of(train(config))
    (config.output / "state.pt").unlink()  # it is for going on; without it the run starts anew
    assert weights_of(train(config)) == weights


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
