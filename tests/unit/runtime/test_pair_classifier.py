from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown.errors import ModelError
from boildown.runtime import requests, scheduler
from boildown.runtime.sentence_models import load_pair_classifier

LONG = "In 1874 she counted 312 ships, most of them carrying timber from the north. " * 8
PAIRS = [
    ("Who counted the ships?", "The harbour master keeps a log. In 1874 she counted 312 ships."),
    ("Nobody knew", LONG),
    (LONG, "Nobody knew"),
    (LONG, LONG[5:]),
    ("", "The water went there."),
    ("灯塔", ""),
    ("Who counted the ships?", "half a pair \ud83d of surrogates"),
]
DEBERTA = {
    "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0,
    "share_att_key": True, "position_buckets": 16, "norm_rel_ebd": "layer_norm",
}  # fmt: skip
KINDS = {
    **{kind: {} for kind in ("bert", "roberta", "xlm-roberta", "modernbert", "electra", "mpnet")},
    "deberta": DEBERTA,
    "deberta-v2": DEBERTA,
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
}

Save = Callable[..., Path]


@pytest.fixture
def save(make_model: Save, tmp_path: Path) -> Save:
    def build(kind: str, labels: int = 1, **options: Any) -> Path:
        task = "AutoModelForSequenceClassification"
        folder = make_model(kind, tmp_path / kind, task, num_labels=labels, **KINDS.get(kind, {}), **options)
        change(folder / "tokenizer_config.json", model_max_length=48)  # as of a model that was trained on less
        return folder

    return build


def change(path: Path, **values: Any) -> None:
    old = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(old | values))


def by_sentence_transformers(folder: Path, **options: Any) -> np.ndarray:
    import sentence_transformers

    pairs = [tuple(text.replace("\ud83d", "\ufffd") for text in pair) for pair in PAIRS]
    return sentence_transformers.CrossEncoder(str(folder), device="cpu").predict(pairs, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_and_logits_are_those_of_sentence_transformers(save: Save, kind: str) -> None:
    from torch.nn import Identity

    folder = save(kind)
    model = load_pair_classifier(str(folder), "cpu", "float32")
    assert model is not None
    assert np.allclose(model.predict(PAIRS), by_sentence_transformers(folder), atol=1e-5)
    logits = model.logits(PAIRS)
    assert np.allclose(logits, by_sentence_transformers(folder, activation_fn=Identity()), atol=1e-5)
    assert logits.std() > 0.05
    assert model.logits([]).shape == (0,)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}),
        ("config.json", {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}),
        ("config_sentence_transformers.json", {"activation_fn": "torch.nn.modules.linear.Identity"}),
        ("config_sentence_transformers.json", {"activation_fn": "somewhere.else.Identity"}),
    ],
)
def test_the_checkpoint_says_what_becomes_of_a_logit(save: Save, file: str, values: dict[str, Any]) -> None:
    folder = save("bert")
    import sentence_transformers

    if file != "config.json":
        sentence_transformers.CrossEncoder(str(folder), device="cpu").save_pretrained(str(folder))
    change(folder / file, **values)
    model = load_pair_classifier(str(folder), "cpu", "float32")
    assert model is not None
    scores = model.predict(PAIRS)
    assert np.allclose(scores, by_sentence_transformers(folder), atol=1e-5)
    assert np.allclose(scores, model.logits(PAIRS)) == ("torch" in str(values))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", [{"idx": 0, "path": "0"}, {"idx": 1, "path": "1"}]),
        ("config_sentence_transformers.json", {"default_prompt_name": "query", "prompts": {"query": "query: "}}),
        ("config.json", {"sbert_ce_default_activation_function": "torch.nn.modules.activation.Tanh"}),
        ("config.json", {"model_type": "qwen3"}),
    ],
)
def test_what_else_stands_on_a_model_is_left_to_sentence_transformers(save: Save, file: str, content: Any) -> None:
    folder = save("bert")
    if isinstance(content, dict):
        change(folder / file, **content)
    else:
        (folder / file).write_text(json.dumps(content))
    assert load_pair_classifier(str(folder), "cpu", "float32") is None


def test_so_is_a_model_with_a_slow_tokenizer(save: Save) -> None:
    folder = save("bert")
    (folder / "tokenizer.json").unlink()
    assert load_pair_classifier(str(folder), "cpu", "float32") is None


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_bfloat16_and_int8(save: Save, kind: str) -> None:
    from boildown.runtime.int8_linear import int8_available

    folder = str(save(kind))
    exact, *rough = (
        load_pair_classifier(folder, "cpu", dtype).predict(PAIRS)  # type: ignore[union-attr]
        for dtype in ("float32", "bfloat16", *["int8"][: int8_available()])
    )
    for scores in rough:
        assert np.allclose(scores, exact, atol=0.06)
        assert (scores != exact).any()


@pytest.mark.parametrize("kind", ["deberta", "deberta-v2", "modernbert"])
def test_bfloat16_by_transformers(save: Save, kind: str) -> None:
    folder = str(save(kind))
    exact, rough = (
        load_pair_classifier(folder, "cpu", dtype).predict(PAIRS)  # type: ignore[union-attr]
        for dtype in ("float32", "bfloat16")
    )
    assert np.allclose(rough, exact, atol=0.06)
    assert (rough != exact).any()


def test_requests_share_forwards_and_none_changes_another(save: Save) -> None:
    model = load_pair_classifier(str(save("bert")), "cpu", "float32")
    assert model is not None
    alone = np.concatenate([model.logits([pair]) for pair in PAIRS])
    before = scheduler.running()["cpu"].stats.jobs
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: model.logits(PAIRS[i:] + PAIRS[:i]), range(len(PAIRS))))
    for i, logits in enumerate(found):
        assert np.allclose(logits, np.roll(alone, -i), atol=1e-5)
    assert scheduler.running()["cpu"].stats.jobs == before + len(PAIRS)


def test_a_deadline_ends_the_work(save: Save) -> None:
    from boildown.errors import DeadlineError

    model = load_pair_classifier(str(save("bert")), "cpu", "float32")
    assert model is not None
    with requests.deadline(0), pytest.raises(DeadlineError):
        model.logits(PAIRS)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_several_labels_cannot_rank(save: Save, kind: str) -> None:
    with pytest.raises(ModelError, match="3 labels"):
        load_pair_classifier(str(save(kind, labels=3)), "cpu", "float32")


def test_transformers_models_need_their_head_too(encoders: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match=r"Missing: \['classifier.bias'"):
        load_pair_classifier(str(encoders["modernbert"]), "cpu", "float32")


def test_a_head_of_another_shape(save: Save) -> None:
    from safetensors.torch import load_file, save_file

    folder = save("xlm-roberta")
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.dense.weight"] = tensors["classifier.dense.weight"][:, :8].contiguous()
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"classifier.dense.weight has shape \(32, 8\); the encoder needs \(32, 32\)"):
        load_pair_classifier(str(folder), "cpu", "float32")


def test_a_tokenizer_that_knows_no_pairs(save: Save) -> None:
    folder = save("bert")
    change(folder / "tokenizer.json", post_processor=None)
    with pytest.raises(ModelError, match="no post-processor that puts special tokens between two texts"):
        load_pair_classifier(str(folder), "cpu", "float32")


@pytest.mark.parametrize("file", ["tokenizer_config.json", "modules.json"])
def test_a_damaged_file_is_named(save: Save, file: str) -> None:
    folder = save("bert")
    (folder / file).write_text("{")
    with pytest.raises(ModelError, match=f"{file} cannot be read"):
        load_pair_classifier(str(folder), "cpu", "float32")
