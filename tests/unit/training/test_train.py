from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from boildown.errors import ConfigurationError
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


@pytest.mark.parametrize("steps", [1, 5, 50, 139, 1000, 2500])
def test_a_short_run_reaches_its_rate_too(steps: int) -> None:
    config = TrainConfig(steps=steps, learning_rate=1.0)
    rates = [rate_at(config, s) for s in range(steps)]
    assert max(rates) == 1.0
    assert sum(rates) > 0.6 * steps
    assert rates.index(1.0) + 1 == max(1, min(100, steps // 10))


def test_more_workers_than_a_step_has_bundles_take_no_threads_away(another: Another) -> None:
    assert Trainer(another("workers", workers=8)).workers == 2


def test_the_output_may_be_a_string(config: TrainConfig) -> None:
    assert train(replace(config, output=str(config.output))) == config.output


def test_paths_in_the_home_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = TrainConfig(base="~/base", teacher="~/teacher", output="~/model")
    assert (config.base, config.teacher) == ("/home/ada/base", "/home/ada/teacher")
    assert config.output == Path("/home/ada/model")
