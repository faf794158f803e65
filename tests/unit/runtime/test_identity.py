from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from boildown.errors import ModelError
from boildown.runtime.identity import check_identity, model_identity
from boildown.runtime.models import release

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(token_classifiers: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(token_classifiers["bert"], tmp_path / "model")


def identity(folder: Path | str) -> str:
    release()
    return model_identity(folder)


def test_the_same_files_elsewhere_are_the_same_model(folder: Path, tmp_path: Path) -> None:
    first = identity(folder)
    assert first == identity(shutil.copytree(folder, tmp_path / "copy"))
    (folder / "README.md").write_text("A card.")
    assert first == identity(str(folder))


def test_each_tensor_counts(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    seen = {identity(folder)}
    tensors = load_file(folder / "model.safetensors")
    for name in tensors:
        save_file({**tensors, name: tensors[name] + 1}, folder / "model.safetensors", {"format": "pt"})
        seen.add(identity(folder))
    assert len(seen) == len(tensors) + 1


@pytest.mark.parametrize("place", ["2_Dense", "query_0_Transformer", "0_Router/query_0_Transformer"])
def test_a_module_in_a_folder_of_its_own_counts(folder: Path, place: str) -> None:
    from safetensors.torch import load_file, save_file

    module = shutil.copytree(folder, folder / place)
    first = identity(folder)
    tensors = {name: tensor + 1 for name, tensor in load_file(module / "model.safetensors").items()}
    save_file(tensors, module / "model.safetensors", {"format": "pt"})
    assert identity(folder) != first


def test_pickled_weights_count_too(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    first = identity(folder)
    data = bytearray((folder / "pytorch_model.bin").read_bytes())
    (folder / "pytorch_model.bin").write_bytes(bytes(byte ^ 1 for byte in data))
    assert identity(folder) != first


def test_it_is_read_once_in_a_process_like_the_model(folder: Path) -> None:
    first = identity(folder)
    (folder / "config.json").write_text("{}")
    assert model_identity(folder) == first
    assert identity(folder) != first


def test_a_replaced_model_is_refused_when_it_is_to_be_loaded(folder: Path) -> None:
    release()
    check_identity(folder)
    check_identity(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelError, match=r"was replaced while .*models.release\(\)"):
        check_identity(folder)
    release()
    check_identity(folder)
    check_identity("no-one/such-model")  # is not looked up


def test_a_model_of_the_hub_is_told_by_its_commit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    cache = tmp_path / "cache" / "models--someone--model"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(COMMIT)
    (cache / "snapshots" / COMMIT).mkdir(parents=True)
    shutil.copy(folder / "config.json", cache / "snapshots" / COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert identity("someone/model") == COMMIT
    assert identity(cache / "snapshots" / COMMIT) == COMMIT
    with pytest.raises(ModelError, match="was not found"):
        identity("someone/else")


def test_damaged_weights_are_an_error(folder: Path, make_model: Callable[..., Path]) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="Fetch it again"):
        identity(folder)
