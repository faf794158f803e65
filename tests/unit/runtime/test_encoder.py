from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boildown.errors import ModelError
from boildown.runtime.checkpoint import read_config, read_weights
from boildown.runtime.encoder import Encoder
from boildown.runtime.linear import onednn_available
from boildown.runtime.load import load_encoder
from boildown.runtime.transformers_encoder import TransformersEncoder

PACKED = ("bert", "roberta", "xlm-roberta")
LENGTHS = (7, 1, 30, 7, 64, 0, 12, 30)


def sequences(vocabulary: int, lengths: tuple[int, ...] = LENGTHS) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(5, vocabulary, length) for length in lengths]


def reference(folder: Path, ids: list[np.ndarray], types: list[np.ndarray] | None = None) -> torch.Tensor:
    """Each sequence by itself through transformers."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    rows = []
    with torch.inference_mode():
        for i, sequence in enumerate(ids):
            if len(sequence):
                extra = {"token_type_ids": torch.from_numpy(types[i])[None]} if types else {}
                rows.append(model(input_ids=torch.from_numpy(sequence)[None], **extra).last_hidden_state[0])
    return torch.cat(rows)


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("prepack", [None, False])
def test_it_computes_what_transformers_computes(encoders: dict[str, Path], kind: str, prepack: bool | None) -> None:
    folder = encoders[kind]
    config = read_config(folder)
    encoder = Encoder(config, read_weights(folder), prepack=prepack)
    ids = sequences(config["vocab_size"])
    states, offsets = encoder.hidden(ids)
    assert offsets.tolist() == [0, *np.cumsum(LENGTHS).tolist()]
    torch.testing.assert_close(states, reference(folder, ids), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_prepacked_and_plain_layers_agree(encoders: dict[str, Path], dtype: torch.dtype) -> None:
    if not onednn_available(dtype):
        pytest.skip("oneDNN does not compute in this precision here")
    config, weights = read_config(encoders["bert"]), read_weights(encoders["bert"])
    ids = sequences(config["vocab_size"])
    packed, _ = Encoder(config, weights, "cpu", dtype, prepack=True).hidden(ids)
    plain, _ = Encoder(config, weights, "cpu", dtype, prepack=False).hidden(ids)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(packed, plain, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("kind", PACKED)
def test_bfloat16_stays_close(encoders: dict[str, Path], kind: str) -> None:
    folder = encoders[kind]
    ids = sequences(read_config(folder)["vocab_size"])
    states, _ = Encoder.load(folder, "cpu", torch.bfloat16).hidden(ids)
    assert states.dtype == torch.bfloat16
    likeness = torch.nn.functional.cosine_similarity(states.float(), reference(folder, ids))
    assert likeness.min() > 0.995


def test_token_types_are_read_where_the_model_has_them(encoders: dict[str, Path]) -> None:
    folder = encoders["bert"]
    ids = sequences(read_config(folder)["vocab_size"])
    types = [(np.arange(len(sequence)) > 3).astype(np.int64) for sequence in ids]
    states, _ = Encoder.load(folder).hidden(ids, types)
    torch.testing.assert_close(states, reference(folder, ids, types), atol=1e-4, rtol=1e-3)
    assert not torch.allclose(states, Encoder.load(folder).hidden(ids)[0], atol=1e-2)


def test_a_model_with_one_token_type_ignores_them(encoders: dict[str, Path]) -> None:
    encoder = Encoder.load(encoders["roberta"])
    ids = sequences(200, (5, 9))
    types = [np.ones(len(sequence), dtype=np.int64) for sequence in ids]
    assert torch.equal(encoder.hidden(ids, types)[0], encoder.hidden(ids)[0])


def test_a_sequence_does_not_depend_on_its_neighbours(encoders: dict[str, Path]) -> None:
    encoder = Encoder.load(encoders["bert"])
    ids = sequences(200, (20,) * 150)  # more than one micro-batch
    states, offsets = encoder.hidden(ids)
    for i in (0, 77, 149):
        alone, _ = encoder.hidden([ids[i]])
        torch.testing.assert_close(states[offsets[i] : offsets[i + 1]], alone, atol=1e-5, rtol=1e-4)


def test_no_sequences(encoders: dict[str, Path]) -> None:
    encoder = Encoder.load(encoders["bert"])
    for ids in ([], [np.zeros(0, dtype=np.int64)]):
        states, offsets = encoder.hidden(ids)
        assert states.shape == (0, 32)
        assert len(offsets) == len(ids) + 1


def test_inputs_stay_as_they_are(encoders: dict[str, Path]) -> None:
    ids = sequences(200, (9, 4))
    before = [sequence.copy() for sequence in ids]
    Encoder.load(encoders["bert"]).hidden(ids)
    assert all((a == b).all() for a, b in zip(ids, before, strict=True))


def test_limits(encoders: dict[str, Path]) -> None:
    for kind in PACKED:
        encoder = Encoder.load(encoders[kind])
        assert encoder.max_length == 64
        with pytest.raises(ModelError, match=r"65 tokens.*at most 64"):
            encoder.hidden([np.full(65, 7)])
        with pytest.raises(ModelError, match="token ids run from 5 to 99999"):
            encoder.hidden([np.array([5, 99_999])])


def test_threads_share_one_encoder(encoders: dict[str, Path]) -> None:
    encoder = Encoder.load(encoders["bert"])
    ids = sequences(200)
    expected, _ = encoder.hidden(ids)
    found: list[torch.Tensor] = []
    threads = [threading.Thread(target=lambda: found.append(encoder.hidden(ids)[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(torch.allclose(states, expected, atol=1e-5) for states in found)


def rewrite(source: Path, target: Path, change: Any) -> Path:
    from safetensors.torch import load_file, save_file

    shutil.copytree(source, target)
    save_file(change(load_file(source / "model.safetensors")), target / "model.safetensors")
    return target


@pytest.mark.parametrize("prefix", ["", "bert.", "model.encoder."])
def test_a_prefix_and_heads(encoders: dict[str, Path], tmp_path: Path, prefix: str) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        heads = {"keep_head.weight": torch.ones(1, 32, dtype=torch.float16), "keep_head.bias": torch.zeros(1)}
        return {**{prefix + name: tensor.half() for name, tensor in tensors.items()}, **heads}

    folder = rewrite(encoders["bert"], tmp_path / "model", change)
    encoder = Encoder.load(folder)
    assert {"keep_head.weight", "keep_head.bias"} <= encoder.heads.keys()
    assert encoder.heads["keep_head.weight"].dtype == torch.float32
    ids = sequences(200)
    expected, _ = Encoder.load(encoders["bert"]).hidden(ids)
    torch.testing.assert_close(encoder.hidden(ids)[0], expected, atol=0.02, rtol=0.02)


def test_old_names_of_norms(encoders: dict[str, Path], tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        renamed = {}
        for name, tensor in tensors.items():
            for new, before in old.items():
                name = name.replace(new, before)
            renamed[name] = tensor
        return renamed

    ids = sequences(200)
    folder = rewrite(encoders["bert"], tmp_path / "model", change)
    assert torch.equal(Encoder.load(folder).hidden(ids)[0], Encoder.load(encoders["bert"]).hidden(ids)[0])


def test_missing_and_foreign_tensors_are_listed(encoders: dict[str, Path], tmp_path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        del tensors["encoder.layer.1.output.dense.bias"]
        tensors["encoder.layer.0.attention.self.distance_embedding.weight"] = torch.zeros(3)
        return tensors

    folder = rewrite(encoders["bert"], tmp_path / "model", change)
    with pytest.raises(ModelError) as error:
        Encoder.load(folder)
    assert "Missing: encoder.layer.1.output.dense.bias" in str(error.value)
    assert "Not of this architecture: encoder.layer.0.attention.self.distance_embedding.weight" in str(error.value)
    assert str(folder) in str(error.value)


def test_config_without_a_size(encoders: dict[str, Path], tmp_path: Path) -> None:
    folder = rewrite(encoders["bert"], tmp_path / "model", lambda tensors: tensors)
    config = read_config(folder)
    del config["hidden_size"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="hidden_size"):
        Encoder.load(folder)


def test_what_config_leaves_empty_is_as_if_it_were_not_there(encoders: dict[str, Path]) -> None:
    folder = encoders["roberta"]
    config, weights = read_config(folder), read_weights(folder)
    empty = Encoder({**config, "pad_token_id": None, "layer_norm_eps": None}, weights)
    missing = Encoder({k: v for k, v in config.items() if k not in ("pad_token_id", "layer_norm_eps")}, weights)
    ids = sequences(config["vocab_size"])
    assert empty.max_length == missing.max_length == 64
    assert torch.equal(empty.hidden(ids)[0], missing.hidden(ids)[0])


def test_the_forward_is_chosen_by_config(encoders: dict[str, Path]) -> None:
    for kind in PACKED:
        assert isinstance(load_encoder(encoders[kind]), Encoder)
    assert isinstance(load_encoder(encoders["modernbert"]), TransformersEncoder)
    with pytest.raises(ModelError, match="modernbert"):
        Encoder.load(encoders["modernbert"])
    config = read_config(encoders["bert"])
    assert not Encoder.supports({**config, "position_embedding_type": "relative_key"})
    assert not Encoder.supports({**config, "hidden_act": "swish"})
    assert not Encoder.supports({**config, "is_decoder": True})


@pytest.mark.parametrize("activation", ["gelu_new", "relu"])
def test_other_activations(make_model: Any, tmp_path: Path, activation: str) -> None:
    folder = make_model("bert", tmp_path / activation, "AutoModel", hidden_act=activation)
    ids = sequences(200)
    for prepack in (None, False):
        encoder = Encoder(read_config(folder), read_weights(folder), prepack=prepack)
        torch.testing.assert_close(encoder.hidden(ids)[0], reference(folder, ids), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["modernbert", "bert", "xlm-roberta"])
def test_the_forward_of_transformers(encoders: dict[str, Path], kind: str) -> None:
    encoder = TransformersEncoder.load(encoders[kind])
    assert encoder.max_length == 64
    ids = sequences(read_config(encoders[kind])["vocab_size"])
    types = [(np.arange(len(sequence)) > 3).astype(np.int64) for sequence in ids] if kind == "bert" else None
    states, offsets = encoder.hidden(ids, types)
    assert offsets[-1] == sum(LENGTHS)
    torch.testing.assert_close(states, reference(encoders[kind], ids, types), atol=1e-4, rtol=1e-3)
    with pytest.raises(ModelError, match="65 tokens"):
        encoder.hidden([np.full(65, 7)])
    with pytest.raises(ModelError, match="99999"):
        encoder.hidden([np.array([5, 99_999])])


def test_a_short_precision_spares_the_frequencies_of_positions(encoders: dict[str, Path]) -> None:
    encoder = TransformersEncoder.load(encoders["modernbert"], dtype=torch.bfloat16)
    assert encoder.dtype == torch.bfloat16
    frequencies = [buffer for name, buffer in encoder._model.named_buffers() if name.endswith("inv_freq")]
    assert {buffer.dtype for buffer in frequencies} == {torch.float32}
    states, _ = encoder.hidden(sequences(200))
    plain, _ = TransformersEncoder.load(encoders["modernbert"]).hidden(sequences(200))
    torch.testing.assert_close(states.float(), plain, atol=0.2, rtol=0.0)


def test_the_forward_of_transformers_refuses_random_weights(encoders: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match=r"Missing.*classifier"):
        TransformersEncoder.load(encoders["modernbert"], task="token-classification")


def test_transformers_does_not_know_the_architecture(encoders: dict[str, Path], tmp_path: Path) -> None:
    folder = rewrite(encoders["bert"], tmp_path / "model", lambda tensors: tensors)
    (folder / "config.json").write_text(json.dumps({"model_type": "nobody-knows-this"}))
    with pytest.raises(ModelError, match=r"nobody-knows-this.*runs bert, roberta, .* by itself.*transformers"):
        load_encoder(folder)


def test_a_file_that_is_written_over_changes_no_loaded_model(encoders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(encoders["bert"], tmp_path / "model")
    encoder = Encoder.load(folder)
    before, _ = encoder.hidden([np.arange(5, 30)])
    size = (folder / "model.safetensors").stat().st_size
    with (folder / "model.safetensors").open("r+b") as file:
        file.write(bytes(size))
    after, _ = encoder.hidden([np.arange(5, 30)])
    assert torch.equal(before, after)
