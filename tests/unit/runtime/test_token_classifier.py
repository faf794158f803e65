"""A token classifier whose parts do not belong together is refused when it is loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import tiny_bert

from boildown.errors import ModelError
from boildown.runtime.token_classifier import TokenClassifier

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("part", "shape", "message"),
    [
        ("weight", (2, 31), r"classifier\.weight has shape \(2, 31\).*must be \(labels, 32\)"),
        ("weight", (2,), r"classifier\.weight has shape \(2,\)"),
        ("bias", (3,), r"classifier\.bias \(3,\)"),
    ],
)
def test_a_head_that_does_not_fit(
    token_classifiers: dict[str, Path], tmp_path: Path, part: str, shape: tuple[int, ...], message: str
) -> None:
    folder = shutil.copytree(token_classifiers["bert"], tmp_path / "model")
    tensors = load_file(folder / "model.safetensors") | {f"classifier.{part}": torch.zeros(shape)}
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=message):
        TokenClassifier.load(folder, CPU, torch.float32)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_the_tokenizer_of_a_larger_model(token_classifiers: dict[str, Path], tmp_path: Path, kind: str) -> None:
    other = tiny_bert(tmp_path / "other")
    folder = shutil.copytree(token_classifiers[kind], tmp_path / "model")
    shutil.copy(other / "tokenizer.json", folder)
    with pytest.raises(ModelError, match=r"tokenizer\.json has 605 tokens.*another model"):
        TokenClassifier.load(folder, CPU, torch.float32)
