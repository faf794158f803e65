from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown.errors import ModelError
from boildown.runtime import scheduler, text_embedder
from boildown.runtime.sentence_models import load_text_embedder, with_owner
from boildown.runtime.text_embedder import TextEmbedder

TEXTS = [
    "The harbour master keeps a log. In 1874 she counted 312 ships.",
    "Nobody knew",
    "",
    "In 1874 she counted 312 ships, most of them carrying timber from the north. " * 4,
    "灯塔守护人记录了每一艘经过的船只。",
]
DEBERTA = {
    "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "type_vocab_size": 0,
    "share_att_key": True, "position_buckets": 16, "norm_rel_ebd": "layer_norm",
}  # fmt: skip
KINDS = {
    **{kind: {} for kind in ("bert", "roberta", "xlm-roberta", "modernbert", "electra", "mpnet")},
    "deberta-v2": DEBERTA,
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
}
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
]
MEAN = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}

Save = Callable[..., Path]


def change(path: Path, **values: Any) -> None:
    old = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(old | values))


@pytest.fixture
def save(make_model: Save, tmp_path: Path) -> Save:
    def build(kind: str, pooling: dict[str, Any] = MEAN, modules: int = 3, inner: str = "") -> Path:
        """A folder as sentence-transformers saved it before its version 6."""
        folder = tmp_path / kind
        make_model(kind, folder / inner, "AutoModel", **KINDS.get(kind, {}))
        change(folder / inner / "sentence_bert_config.json", max_seq_length=24, do_lower_case=False)
        for name, values in (("1_Pooling", pooling), ("2_Normalize", {})):
            (folder / name).mkdir()
            change(folder / name / "config.json", **values)
        listed = [dict(MODULES[0], path=inner), *MODULES[1:]][:modules]
        (folder / "modules.json").write_text(json.dumps(listed))
        return folder

    return build


def load(folder: Path, dtype: str = "float32") -> TextEmbedder:
    model = load_text_embedder(str(folder), "cpu", dtype)
    assert model is not None
    return model


def by_sentence_transformers(folder: Path, texts: list[str] = TEXTS, **options: Any) -> np.ndarray:
    import sentence_transformers

    return sentence_transformers.SentenceTransformer(str(folder), device="cpu").encode(texts, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_sentence_transformers(save: Save, kind: str) -> None:
    folder = save(kind)
    model = load(folder)
    assert model.max_length == 24
    vectors = model.encode(TEXTS)
    assert vectors == pytest.approx(by_sentence_transformers(folder), abs=1e-5)
    assert vectors.std() > 0.05
    assert model.encode([]).shape == (0, 32)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    "saved",
    [
        {"pooling": {"word_embedding_dimension": 32, "pooling_mode_cls_token": True}},
        {"pooling": {"embedding_dimension": 32, "pooling_mode": "cls", "include_prompt": True}},
        {"pooling": {"embedding_dimension": 32, "pooling_mode": "mean"}, "modules": 2},
        {"inner": "0_Transformer"},
    ],
)
def test_layouts_of_all_times(save: Save, saved: dict[str, Any], normalize: bool) -> None:
    folder = save("bert", **saved)
    found = load(folder).encode(TEXTS, normalize_embeddings=normalize)
    assert found == pytest.approx(by_sentence_transformers(folder, normalize_embeddings=normalize), abs=1e-5)


def test_an_encoder_by_itself_gives_the_mean(encoders: dict[str, Path]) -> None:
    folder, texts = encoders["xlm-roberta"], TEXTS[:3]  # longer ones make sentence-transformers fail with it
    assert load(folder).encode(texts) == pytest.approx(by_sentence_transformers(folder, texts), abs=1e-5)


def test_what_it_saves_itself_is_read(save: Save, tmp_path: Path) -> None:
    import sentence_transformers

    saved = tmp_path / "saved"
    sentence_transformers.SentenceTransformer(str(save("bert")), device="cpu").save(str(saved))
    model = load(saved)
    assert model.max_length == 24
    assert model.encode(TEXTS) == pytest.approx(by_sentence_transformers(saved), abs=1e-5)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("1_Pooling/config.json", {"pooling_mode": ["cls", "mean"]}),
        ("1_Pooling/config.json", {"pooling_mode": "lasttoken"}),
        ("1_Pooling/config.json", {"include_prompt": False}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
        ("config_sentence_transformers.json", {"default_prompt_name": "query", "prompts": {"query": "q: "}}),
        ("config_sentence_transformers.json", {"truncate_dim": 8}),
        ("config.json", {"model_type": "qwen3"}),
    ],
)
def test_what_else_there_is_is_left_to_sentence_transformers(save: Save, file: str, values: dict[str, Any]) -> None:
    folder = save("bert")
    change(folder / file, **values)
    assert load_text_embedder(str(folder), "cpu", "float32") is None


def test_so_is_a_model_with_a_slow_tokenizer(save: Save) -> None:
    folder = save("bert")
    (folder / "tokenizer.json").unlink()
    assert load_text_embedder(str(folder), "cpu", "float32") is None


def test_so_are_other_modules(save: Save) -> None:
    folder = save("bert")
    (folder / "modules.json").write_text(json.dumps([*MODULES[:2], dict(MODULES[2], type="x.models.Dense")]))
    assert load_text_embedder(str(folder), "cpu", "float32") is None


def test_prompts(save: Save) -> None:
    folder = save("bert")
    prompts = {"query": "search: ", "passage": "page: ", "document": ""}
    change(folder / "config_sentence_transformers.json", prompts=prompts)
    model = load(folder)
    assert model.prompts == {"query": "search: ", "document": "page: "}
    asked, found = model.encode_query(["timber"]), model.encode_document(["ships"])
    assert asked == pytest.approx(by_sentence_transformers(folder, ["search: timber"]), abs=1e-5)
    assert found == pytest.approx(by_sentence_transformers(folder, ["page: ships"]), abs=1e-5)


def test_bfloat16_and_int8(save: Save) -> None:
    from boildown.runtime.int8_linear import int8_available

    folder = save("xlm-roberta")
    exact = load(folder).encode(TEXTS)
    for dtype in ("bfloat16", *["int8"][: int8_available()]):
        found = load(folder, dtype).encode(TEXTS)
        assert (found != exact).any()
        assert (found * exact).sum(axis=1).min() > 0.995


def test_many_texts_go_in_parts(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(save("bert"))
    whole = model.encode(TEXTS)
    before = scheduler.running()["cpu"].stats.jobs
    monkeypatch.setattr(text_embedder, "_TOKENS", 25)
    assert model.encode(TEXTS) == pytest.approx(whole, abs=1e-5)
    assert scheduler.running()["cpu"].stats.jobs > before + 1


def test_requests_share_forwards_and_none_changes_another(save: Save) -> None:
    model = load(save("bert"))
    alone = np.concatenate([model.encode([text]) for text in TEXTS])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: model.encode(TEXTS[i:] + TEXTS[:i]), range(len(TEXTS))))
    for i, vectors in enumerate(found):
        assert vectors == pytest.approx(np.roll(alone, -i, axis=0), abs=1e-5)


@pytest.mark.parametrize(
    ("content", "message"), [("{", "modules.json cannot be read"), ("[1]", "modules.json is no list of modules")]
)
def test_a_damaged_file_is_named(save: Save, content: str, message: str) -> None:
    folder = save("bert")
    (folder / "modules.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        load_text_embedder(str(folder), "cpu", "float32")


def test_a_name_without_an_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert with_owner("all-MiniLM-L6-v2") == "sentence-transformers/all-MiniLM-L6-v2"
    assert [with_owner(name) for name in ("mine", "BAAI/bge-m3", str(tmp_path))] == [
        "mine",
        "BAAI/bge-m3",
        str(tmp_path),
    ]
