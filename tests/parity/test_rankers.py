"""Rankings by embedding models and cross-encoders: the same order as the reference's on the same weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oracle import assert_reproduced
from tiny_models import ALL, ENGLISH, tiny_bert

from boildown.compat.rankers import _MODELS

NAMES = ("sentbert", "bge", "bge_llmembedder", "jinza", "bge_reranker")


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sentence embedding model and a cross-encoder, in place of the published ones."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

    models = pytest.importorskip("sentence_transformers.models")  # which its newest version says is elsewhere
    root = tmp_path_factory.mktemp("rankers")
    found = {}
    for kind, auto_class in (("encoder", AutoModel), ("reranker", AutoModelForSequenceClassification)):
        folder = tiny_bert(root / kind)
        config = AutoConfig.from_pretrained(folder)
        config.num_labels = 1
        with torch.random.fork_rng():
            torch.manual_seed(3)
            auto_class.from_config(config).eval().save_pretrained(folder)
        found[kind] = folder
    encoder = models.Transformer(str(found["encoder"]))
    SentenceTransformer(modules=[encoder, models.Pooling(32, "cls")], device="cpu").save(str(root / "sentences"))
    return {**found, "sentences": root / "sentences"}


@pytest.fixture
def published(stand_ins: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a ranking model by its published name gets its stand-in."""
    import sentence_transformers
    import transformers
    from huggingface_hub import constants

    for name, model in _MODELS.items():
        repository = tmp_path / f"models--{model.replace('/', '--')}"  # as the hub's downloads are kept
        shutil.copytree(stand_ins["reranker" if "reranker" in name else "sentences"], repository / "snapshots" / "0")
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    build, folder = sentence_transformers.SentenceTransformer, stand_ins["sentences"]
    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", lambda *_, **__: build(str(folder), device="cpu"))
    for name in ("AutoTokenizer", "AutoModel", "AutoModelForSequenceClassification"):
        loader = getattr(transformers, name)
        load = loader.from_pretrained

        def from_pretrained(asked: str, *args: Any, load: Any = load, **kwargs: Any) -> Any:
            if asked.startswith("jinaai/"):
                return sentence_transformers.SentenceTransformer()  # it has the same `encode`
            place = stand_ins["reranker" if "rerank" in asked else "encoder"] if asked.startswith("BAAI/") else asked
            return load(place, *args, **kwargs)

        monkeypatch.setattr(loader, "from_pretrained", from_pretrained)


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")  # the reference sorts tensors by numpy
@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("sentences", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_rankings(reference: Callable[[str], Any], ours: Callable[[str], Any], name: str, sentences: bool) -> None:
    def ask(compressor: Any) -> Any:
        return compressor.compress_prompt(
            list(ALL if not sentences else ENGLISH),
            question="Who counted the ships?",
            rank_method=name,
            reorder_context="sort",
            context_budget="*2",
            use_sentence_level_filter=sentences,
            use_token_level_filter=False,
            rate=0.4,
        )

    theirs = reference("gpt2")
    theirs.retrieval_model = None
    assert_reproduced(theirs, ask, ask(ours("gpt2")))
