"""The cross-encoder's reading: right inputs, windows without gaps, the same alone as among others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from boildown import ModelError
from boildown.runtime.reader import CrossReader, _windows, load_reader


@pytest.fixture
def reader(prune_model: Path) -> CrossReader:
    return CrossReader.load(prune_model, "cpu", "float32")


TEXTS = ["The harbour master keeps a log.", "", "Nobody knew: the drawings were lost.", "Moving the sound post. " * 30]
TITLES = ["Harbour", "Nothing", "", "Violin"]


def test_a_short_document_is_read_as_transformers_reads_the_pair(reader: CrossReader, prune_model: Path) -> None:
    from transformers import AutoModel

    reading = reader.read(["Who keeps a log?"], TEXTS[:1], TITLES[:1])
    tokenizer = reader.tokenizer
    front = [2, *tokenizer.encode("Who keeps a log?", add_special_tokens=False).ids, 3]
    title = tokenizer.encode("Harbour. ", add_special_tokens=False).ids
    body = tokenizer.encode(TEXTS[0], add_special_tokens=False)
    ids = torch.tensor([[*front, *title, *body.ids, 3]])
    types = torch.tensor([[0] * len(front) + [1] * (ids.shape[1] - len(front))])
    model = AutoModel.from_pretrained(prune_model).eval()
    with torch.no_grad():
        states = model(input_ids=ids, token_type_ids=types).last_hidden_state[0]
    tensors = load_file(prune_model / "model.safetensors")
    keep = states @ tensors["keep_head.weight"][0] + tensors["keep_head.bias"]
    relevance = states[0] @ tensors["relevance_head.weight"][0] + tensors["relevance_head.bias"]
    begin = len(front) + len(title)
    assert reading.keep == pytest.approx(keep[begin : begin + len(body.ids)].numpy(), abs=1e-4)
    assert reading.relevance == pytest.approx(relevance.numpy(), abs=1e-4)
    answer = states @ tensors["answer_head.weight"][0] + tensors["answer_head.bias"]
    assert reading.answer == pytest.approx(answer[begin : begin + len(body.ids)].numpy(), abs=1e-4)
    assert [(s, e) for s, e in zip(reading.start, reading.end, strict=True)] == body.offsets


def test_a_document_reads_the_same_alone_and_among_others_with_other_queries(reader: CrossReader) -> None:
    queries = ["Who keeps a log?", "Who keeps a log?", "What was lost?", "log " * 200]
    together = reader.read(queries, TEXTS, TITLES)
    for i in range(len(TEXTS)):
        alone = reader.read(queries[i : i + 1], TEXTS[i : i + 1], TITLES[i : i + 1])
        assert together.keep[together.document == i] == pytest.approx(alone.keep, abs=1e-4)
        assert together.relevance[i] == pytest.approx(alone.relevance[0], abs=1e-4)
    assert np.isfinite(together.keep).all()
    assert together.relevance[1] == -np.inf


def test_every_token_of_every_document_is_read_and_stands_where_it_says(reader: CrossReader) -> None:
    texts = [*TEXTS, "café 灯塔 \ud800 🙂‍↔️ مرحبا", "x" * 5000, "\x00 nul"]
    reading = reader.read(["?"] * len(texts), texts, [""] * len(texts))
    assert np.isfinite(reading.keep).all()
    for document, start, end in zip(reading.document, reading.start, reading.end, strict=True):
        assert 0 <= start <= end <= len(texts[document])


@pytest.mark.parametrize("length", [0, 1, 7, 40, 41, 80, 81, 200, 1001])
@pytest.mark.parametrize("room", [8, 40])
def test_windows_share_out_every_token_once(length: int, room: int) -> None:
    windows = _windows(0, length, 0, room)
    owned = [i for w in windows for i in range(w.own_first, w.own_last)]
    assert owned == list(range(length))
    for window in windows:
        assert 0 <= window.first <= window.own_first < window.own_last <= window.last <= length
        assert window.last - window.first <= room


def test_a_query_longer_than_the_window_is_cut_and_says_so(reader: CrossReader, prune_model: Path) -> None:
    wide = CrossReader.load(prune_model, "cpu", "float32")
    reading = wide.read(["log " * 500], TEXTS[:1], TITLES[:1])
    assert reading.query_cut
    assert len(reading.keep)
    assert not reader.read(["log"], TEXTS[:1], TITLES[:1]).query_cut


def test_a_long_query_is_read_from_both_ends(prune_model: Path) -> None:
    wide = CrossReader.load(prune_model, "cpu", "float32")
    keep = [
        wide.read([f"{first} {'log ' * 500} {last}"], TEXTS[:1], TITLES[:1]).keep
        for first, last in (("spare", "spare"), ("battery", "spare"), ("spare", "battery"))
    ]
    assert not np.allclose(keep[0], keep[1])
    assert not np.allclose(keep[0], keep[2])
    middle = wide.read([f"spare {'log ' * 250} battery {'log ' * 250} spare"], TEXTS[:1], TITLES[:1])
    assert np.allclose(keep[0], middle.keep)


def broken(model: Path, folder: Path, change: Callable[[Path], None]) -> Path:
    shutil.copytree(model, folder)
    change(folder)
    return folder


def without_heads(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if not k.startswith("keep_head")}, folder / "model.safetensors")


def with_wide_head(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "keep_head.weight": torch.zeros(3, 7)}, folder / "model.safetensors")


def with_three_biases(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_file({**tensors, "keep_head.bias": torch.zeros(3)}, folder / "model.safetensors")


def with_settings(**values: Any) -> Callable[[Path], None]:
    return lambda folder: (folder / "boildown.json").write_text(json.dumps({"format": 1, **values}))


def test_a_checkpoint_without_an_answer_head_sees_no_answers(prune_model: Path, tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        save_file({k: v for k, v in tensors.items() if not k.startswith("answer")}, folder / "model.safetensors")

    older = CrossReader.load(broken(prune_model, tmp_path / "older", change), "cpu", "float32")
    reading = older.read(["Who keeps a log?"] * len(TEXTS), TEXTS, TITLES)
    assert len(reading.keep)
    assert reading.answer.tolist() == [0.0] * len(reading.keep)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_heads, r"no keep_head\.weight, keep_head\.bias.*boildown train"),
        (with_wide_head, r"keep_head\.weight has shape \(3, 7\)"),
        (with_three_biases, r"keep_head\.bias has shape \(3,\); the encoder needs \(1,\)"),
        (with_settings(max_length="x"), r"boildown\.json has max_length 'x'; it must be a whole number"),
        (with_settings(max_length=True), r"boildown\.json has max_length True; it must be a whole number"),
        (with_settings(max_length=3), r"boildown\.json has max_length 3; .* at least 16"),
        (with_settings(calibration=[1]), r"boildown\.json has calibration \[1\]"),
        (with_settings(languages="en"), r"boildown\.json has languages 'en'; it must be a list of names"),
        (with_settings(calibration={"keep": None}), r"boildown\.json has calibration\.keep None"),
        (with_settings(calibration={"keep": {"bias": "1"}}), r"has calibration\.keep\.bias '1'; it must be a number"),
        (with_settings(calibration={"relevance": {"temperature": 0}}), r"relevance\.temperature 0; .* above 0"),
        (lambda folder: (folder / "boildown.json").unlink(), r"no boildown\.json.*llmlingua2"),
        (lambda folder: (folder / "boildown.json").write_text("{"), r"boildown\.json cannot be read"),
        (lambda folder: (folder / "boildown.json").write_text("[1]"), r"boildown\.json holds no JSON object"),
        (lambda folder: (folder / "boildown.json").write_text('{"format": 2}'), "has format 2"),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"no tokenizer\.json"),
    ],
)
def test_a_checkpoint_that_does_not_fit_says_what_is_missing(
    prune_model: Path, tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        CrossReader.load(broken(prune_model, tmp_path / "model", change), "cpu")


def test_all_names_of_a_device_share_one_reader(prune_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boildown.runtime.devices.available_devices", lambda: ["cpu"])
    found = load_reader(prune_model, "auto", "auto")
    assert load_reader(prune_model, "cpu", str(found.encoder.dtype)) is found


def test_a_word_is_known_if_the_vocabulary_has_it_after_a_space(reader: CrossReader) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {piece: i for i, piece in enumerate(("a", "b", "Ġ", "Ġa", "Ġab"))}
    reader.tokenizer = Tokenizer(models.BPE(vocabulary, [("Ġ", "a"), ("Ġa", "b")]))
    reader.tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert reader.is_word("ab")
    assert not reader.is_word("ba")
