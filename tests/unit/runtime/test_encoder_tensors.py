"""Weights and a config.json that do not belong together are refused when they are loaded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from boildown.errors import ModelError
from boildown.runtime.checkpoint import read_config, read_weights
from boildown.runtime.encoder import Encoder


@pytest.fixture
def folder(encoders: dict[str, Path], tmp_path: Path) -> Path:
    """A checkpoint of the test's own, to change."""
    return shutil.copytree(encoders["bert"], tmp_path / "model")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_position_embeddings": 640}, r"position_embeddings\.weight \(64, 32\) instead of \(640, 32\)"),
        ({"vocab_size": 9000}, r"word_embeddings\.weight \(\d+, 32\) instead of \(9000, 32\)"),
        ({"hidden_size": 16}, r"attention\.output\.LayerNorm\.bias \(32,\) instead of \(16,\)"),
        ({"intermediate_size": 63}, r"intermediate\.dense\.weight \(64, 32\) instead of \(63, 32\)"),
        ({"num_attention_heads": 5}, "num_attention_heads 5, which does not divide hidden_size 32"),
        ({"num_attention_heads": 0}, "num_attention_heads 0, which does not divide hidden_size 32"),
    ],
)
def test_sizes_that_do_not_fit_are_named(folder: Path, change: dict[str, Any], message: str) -> None:
    config = read_config(folder) | change
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=message) as error:
        Encoder.load(folder)
    assert str(folder) in str(error.value)


def test_a_tensor_of_another_shape_is_named(folder: Path) -> None:
    name = "encoder.layer.1.output.dense.bias"
    tensors = load_file(folder / "model.safetensors") | {name: torch.zeros(31)}
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=rf"Of another shape: {name} \(31,\) instead of \(32,\)"):
        Encoder.load(folder)


def test_tables_may_have_rows_to_spare(folder: Path) -> None:
    config, tensors = read_config(folder), read_weights(folder)
    ids = [np.arange(5, 40)]
    expected, _ = Encoder(config, tensors).hidden(ids)
    for table in ("word", "position", "token_type"):
        name = f"embeddings.{table}_embeddings.weight"
        tensors[name] = torch.cat([tensors[name], torch.ones(8, 32)])
    assert torch.equal(Encoder(config, tensors).hidden(ids)[0], expected)
