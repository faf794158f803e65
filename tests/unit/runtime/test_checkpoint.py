from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from boildown.errors import ModelError
from boildown.runtime.checkpoint import (
    check_vocabulary,
    find_folder,
    read_config,
    read_tokenizer,
    read_weights,
    tokenizer_limit,
)


def test_a_folder_is_itself(encoders: dict[str, Path]) -> None:
    assert find_folder(str(encoders["bert"])) == encoders["bert"]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no folder.*nothing-here"):
        find_folder(str(tmp_path / "nothing-here"))
    with pytest.raises(ModelError, match="no folder ''"):
        find_folder("")
    (tmp_path / "file.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="is a file"):
        find_folder(tmp_path / "file.bin")


def test_an_object_is_no_name() -> None:
    with pytest.raises(ModelError, match="by its folder or its id on the hub, not by a dict"):
        find_folder({})  # type: ignore[arg-type]


def test_a_hub_id_without_a_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ModelError) as error:
        find_folder("somebody/some-model")
    for part in ("somebody/some-model", "folder", str(tmp_path / "cache"), constants.ENDPOINT, "network"):
        assert part in str(error.value)


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="JSON object"):
        read_config(tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"looked for model\.safetensors"):
        read_weights(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"pickled weights only \(pytorch_model\.bin\).*save_pretrained"):
        read_weights(tmp_path)


def test_a_hub_model_with_pickled_weights_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    # As the hub's files lie after a download, from which the patterns leave out pickles.
    commit = "0123456789" * 4
    downloaded = tmp_path / "models--somebody--pickled"
    (downloaded / "refs").mkdir(parents=True)
    (downloaded / "refs" / "main").write_text(commit)
    (downloaded / "snapshots" / commit).mkdir(parents=True)
    (downloaded / "snapshots" / commit / "config.json").write_text("{}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"no weights.*Pickled.*refused.*hub.*convert them once.*save_pretrained"):
        read_weights(find_folder("somebody/pickled"))


def test_damaged_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        read_weights(tmp_path)


def test_weights_in_several_files(encoders: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    whole = read_weights(encoders["bert"])
    names = sorted(whole)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, members in parts.items():
        save_file({name: whole[name] for name in members}, tmp_path / file)
    index = {"weight_map": {name: file for file, members in parts.items() for name in members}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    again = read_weights(tmp_path)
    assert again.keys() == whole.keys()
    assert all((again[name] == whole[name]).all() for name in names)


@pytest.mark.parametrize("text", ['{"weight_map": {"a"', "{}", "[]", '{"weight_map": 3}'])
def test_a_damaged_index_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json cannot be read"):
        read_weights(tmp_path)


def test_a_slow_tokenizer_is_refused(encoders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(encoders["bert"], tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        read_tokenizer(tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="no character offsets"):
        read_tokenizer(tmp_path / "model")


def test_a_tokenizer_neither_cuts_nor_pads(encoders: dict[str, Path], tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    stored = Tokenizer.from_file(str(encoders["bert"] / "tokenizer.json"))
    stored.enable_truncation(4)
    stored.enable_padding(length=4)
    stored.save(str(tmp_path / "tokenizer.json"))
    tokenizer = read_tokenizer(tmp_path)
    assert len(tokenizer.encode("the log of the harbour master")) > 6
    assert len(tokenizer.encode("a")) == 3


@pytest.mark.parametrize(("given", "limit"), [(512, 512), (1e30, int(1e30)), (None, None), (0, None), (-1, None)])
def test_a_limit_of_the_tokenizer(tmp_path: Path, given: float | None, limit: int | None) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": given}))
    assert tokenizer_limit(tmp_path) == limit


@pytest.mark.parametrize(("given", "message"), [(2, "lets the model read 2 tokens"), ("many", "cannot be read")])
def test_a_limit_that_leaves_no_room(tmp_path: Path, given: Any, message: str) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": given}))
    with pytest.raises(ModelError, match=message):
        tokenizer_limit(tmp_path)


@pytest.mark.parametrize(("more", "fits"), [(-1, False), (0, True), (128, True), (900, False)])
def test_a_tokenizer_of_about_the_tables_size(encoders: dict[str, Path], more: int, fits: bool) -> None:
    tokenizer = read_tokenizer(encoders["bert"])
    tokens = tokenizer.get_vocab_size()
    with nullcontext() if fits else pytest.raises(ModelError, match=f"has {tokens} tokens.*has {tokens + more} rows"):
        check_vocabulary(tokenizer, tokens + more, encoders["bert"])
