from __future__ import annotations

import copy
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boildown import Budget, Compressor, Document
from boildown.errors import ConfigurationError, MissingExtraError, ModelError
from boildown.methods.embedding import Embedding
from boildown.methods.exact.model_rankers import TextEmbeddingRanker
from boildown.runtime import sentence_models
from boildown.runtime.identity import model_identity
from boildown.sources import Sources

DOCUMENTS = [
    "Swifts sleep on the wing. They eat in the air.",
    "",
    "The harbour log counts ships. Timber came from the north. Ships carried timber to the harbour.",
    " \n ",
]
QUERY = "which ships carried timber"


def words(text: str) -> np.ndarray:
    """A bag of words: an embedding whose cosines can be worked out by hand."""
    vocabulary = ("ships", "timber", "carried", "harbour", "swifts", "air", "which")
    found = text.lower().replace(".", " ").split()
    return np.array([float(found.count(word)) for word in vocabulary])


class Encode:
    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.calls.append(list(texts))
        return np.stack([words(text) for text in texts])


class LangChainLike:
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [words(text).tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return words(text).tolist()


class LlamaIndexLike:
    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        return [words(text).tolist() for text in texts]

    def get_query_embedding(self, query: str) -> list[float]:
        return words(query).tolist()


@pytest.fixture(scope="module")
def sentence_model(make_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence-transformers model, random."""
    from sentence_transformers import SentenceTransformer

    models = pytest.importorskip("sentence_transformers.models")
    root = tmp_path_factory.mktemp("sentences")
    make_model("bert", root / "encoder", "AutoModel")
    transformer = models.Transformer(str(root / "encoder"))
    SentenceTransformer(modules=[transformer, models.Pooling(32)], device="cpu").save(str(root / "model"))
    return root / "model"


@pytest.mark.parametrize(
    "model", [Encode(), LangChainLike(), LlamaIndexLike()], ids=["encode", "langchain", "llamaindex"]
)
def test_sentences_are_scored_by_cosine(model: Any) -> None:
    sources = Sources(DOCUMENTS)
    scores = Embedding(model).score(QUERY, sources)
    query = words(QUERY)
    assert scores.sentences is not None
    for value, text in zip(scores.sentences, sources.sentence_texts(), strict=True):
        vector = words(text)
        norm = np.linalg.norm(vector) * np.linalg.norm(query)
        expected = -1.0 if not text.strip() else vector @ query / norm if norm else 0.0
        assert value == pytest.approx(expected)
    assert scores.relevance.argmax() == 2
    assert scores.relevance[1] == scores.relevance[3] == -1
    best, mean = scores.sentences[-4:-1].max(), scores.sentences[-4:-1].mean()
    assert scores.relevance[2] == pytest.approx((best + mean) / 2)


def test_everything_is_embedded_in_one_call_and_white_space_is_not() -> None:
    model = Encode()
    Embedding(model).score(QUERY, Sources([*DOCUMENTS, Document("Bread needs a starter.", title="Rye")]))
    assert len(model.calls) == 1
    assert model.calls[0][0] == QUERY
    assert all(text == text.strip() and text for text in model.calls[0])
    assert "Rye" in model.calls[0]


def test_a_title_counts_for_its_document_only() -> None:
    documents = [Document("It is long."), Document("It is long.", title="Ships carried timber")]
    scores = Embedding(Encode()).score(QUERY, Sources(documents))
    assert scores.relevance[1] > scores.relevance[0]
    assert scores.sentences is not None
    assert scores.sentences[0] == scores.sentences[1]


def test_nothing_to_embed() -> None:
    model = Encode()
    scores = Embedding(model).score(QUERY, Sources(["", " "]))
    assert scores.relevance.tolist() == [-1, -1]
    assert not model.calls


def test_a_model_that_tells_queries_from_documents_gets_them_apart() -> None:
    class Asymmetric(Encode):
        def encode_query(self, texts: list[str]) -> np.ndarray:
            return self.encode(["ships " + text for text in texts])

        def encode_document(self, texts: list[str]) -> np.ndarray:
            return self.encode(texts)

    model = Asymmetric()
    Embedding(model).score(QUERY, Sources(DOCUMENTS))
    assert [calls[0] for calls in model.calls] == ["ships " + QUERY, "Swifts sleep on the wing."]


@pytest.mark.parametrize("default", [None, "document"])
def test_a_model_with_modules_of_its_own_for_queries(
    make_model: Callable[..., Path], tmp_path: Path, default: str | None
) -> None:
    from sentence_transformers import SentenceTransformer

    models = pytest.importorskip("sentence_transformers.models")
    if not hasattr(models, "Router"):
        pytest.skip("this sentence-transformers has no routes")
    routes = []
    for name, kind in (("query", "bert"), ("document", "electra")):
        encoder = models.Transformer(str(make_model(kind, tmp_path / name, "AutoModel")))
        routes.append([encoder, models.Pooling(32, "mean")])
    model = SentenceTransformer(
        modules=[models.Router.for_query_document(*routes, default_route=default)], device="cpu"
    )
    sources = Sources([text.strip() for text in DOCUMENTS if isinstance(text, str) and text.strip()])
    scores = Embedding(model).score(QUERY, sources).sentences
    asked, found = model.encode_query([QUERY]), model.encode_document([t.strip() for t in sources.sentence_texts()])
    assert scores == pytest.approx(model.similarity(asked, found)[0].numpy(), abs=1e-5)


def test_an_object_that_embeds_nothing() -> None:
    with pytest.raises(ConfigurationError, match="embed_documents and embed_query"):
        Embedding(object())


def test_an_object_that_gives_something_else() -> None:
    class Wrong:
        def encode(self, texts: list[str]) -> np.ndarray:
            return np.zeros((len(texts) - 1, 3))

    with pytest.raises(ModelError, match=r"shape \(\d+, 3\) for \d+ texts"):
        Embedding(Wrong()).score(QUERY, Sources(DOCUMENTS))


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_a_real_model_by_name(sentence_model: Path, dtype: str) -> None:
    from sentence_transformers import SentenceTransformer

    sources = Sources(DOCUMENTS)
    scores = Embedding(str(sentence_model), device="cpu", dtype=dtype).score(QUERY, sources)
    model = SentenceTransformer(str(sentence_model), device="cpu")
    texts = [text.strip() for text in sources.sentence_texts()]
    vectors = model.encode([QUERY, *texts], normalize_embeddings=True)
    assert scores.sentences is not None
    some = np.array([bool(text) for text in texts])
    assert np.allclose(
        scores.sentences[some], (vectors[1:] @ vectors[0])[some], atol=1e-4 if dtype == "float32" else 0.03
    )


def test_a_short_precision_spares_the_frequencies_of_positions(
    make_model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sentence_models, "pick_dtype", lambda *_: torch.bfloat16)  # also where it is slower
    sentence_transformers = pytest.importorskip("sentence_transformers")
    models = sentence_transformers.models
    make_model("modernbert", tmp_path / "encoder", "AutoModel")
    modules = [models.Transformer(str(tmp_path / "encoder")), models.Pooling(32), models.Dense(32, 8)]
    sentence_transformers.SentenceTransformer(modules=modules, device="cpu").save(str(tmp_path / "model"))
    loaded = sentence_models.load_sentence_model(
        "SentenceTransformer", str(tmp_path / "model"), "cpu", "bfloat16", "embedding"
    )
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.bfloat16}
    frequencies = {buffer.dtype for name, buffer in loaded.named_buffers() if name.endswith("inv_freq")}
    assert frequencies == {torch.float32}
    assert np.isfinite(loaded.encode(["Ships carried timber."])).all()


def test_frameworks_own_embeddings() -> None:
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from llama_index.core.embeddings import MockEmbedding

    for model in (DeterministicFakeEmbedding(size=16), MockEmbedding(embed_dim=16)):
        result = Compressor(Embedding(model)).compress(QUERY, DOCUMENTS, Budget(rate=0.5))
        assert 0 < result.tokens_out <= result.tokens_in / 2


def test_a_copy_carries_no_weights(sentence_model: Path) -> None:
    method = Embedding(str(sentence_model), device="cpu")
    before = method.score(QUERY, Sources(DOCUMENTS)).relevance
    assert len(pickle.dumps(method)) < 1000
    assert np.allclose(copy.deepcopy(method).score(QUERY, Sources(DOCUMENTS)).relevance, before)


def test_a_model_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="nobody/nothing"):
        Embedding("nobody/nothing", device="cpu").score(QUERY, Sources(DOCUMENTS))


def test_without_sentence_transformers(sentence_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    scores = Embedding(str(sentence_model), device="cpu").score(QUERY, Sources(DOCUMENTS))
    assert scores.sentences is not None
    folder = shutil.copytree(sentence_model, tmp_path / "longest")
    (folder / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "max"}')
    with pytest.raises(MissingExtraError, match=r"pip install 'boildown\[embeddings\]'"):
        Embedding(str(folder), device="cpu").score(QUERY, Sources(DOCUMENTS))


@pytest.mark.parametrize("pooling", ["mean", "max"])  # the latter is left to sentence-transformers
def test_documents_are_embedded_once(sentence_model: Path, tmp_path: Path, pooling: str) -> None:
    folder = shutil.copytree(sentence_model, tmp_path / "model")
    (folder / "1_Pooling" / "config.json").write_text(f'{{"embedding_dimension": 32, "pooling_mode": "{pooling}"}}')
    documents = [Document(text, title="Rye" if i else "") for i, text in enumerate(DOCUMENTS)]
    plain = Compressor("embedding", model=str(folder), device="cpu", dtype="float32", cache=False)
    compressor = Compressor("embedding", model=str(folder), device="cpu", dtype="float32")
    budget = Budget(rate=0.5)
    assert compressor.compress(QUERY, documents, budget).cached == 0
    for query, texts in (
        ("swifts", documents),
        ("harbour log", [Document("Bread needs a starter."), *documents[::-1]]),
    ):
        expected = plain.compress(query, texts, budget)
        found = compressor.compress(query, texts, budget)
        assert found.scores.sentences == pytest.approx(expected.scores.sentences, abs=1e-6)
        assert found.scores.relevance == pytest.approx(expected.scores.relevance, abs=1e-6)
        assert (expected.cached, found.cached) == (0, 4)
    retitled = [Document(d.text, title="Harbours") for d in documents]
    assert compressor.compress(QUERY, retitled, budget).cached == 0


def test_a_model_that_pools_otherwise_is_another_one(sentence_model: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(sentence_model, tmp_path / mode) for mode in ("mean", "cls")]
    for folder in folders:
        config = f'{{"embedding_dimension": 32, "pooling_mode": "{folder.name}"}}'
        (folder / "1_Pooling" / "config.json").write_text(config)
    mean, first = (model_identity(str(folder)) for folder in folders)
    assert mean != first


def test_a_model_without_a_tokenizer_is_refused(sentence_model: Path, tmp_path: Path) -> None:
    """Transformers makes one up, to which all texts of one length are the same."""
    folder = shutil.copytree(sentence_model, tmp_path / "bare")
    (folder / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "max"}')
    for pattern in ("*token*", "vocab*"):
        for path in folder.glob(pattern):
            path.unlink()
    with pytest.raises(ModelError, match="comes without a tokenizer"):
        Embedding(str(folder), "cpu").score(QUERY, Sources(DOCUMENTS))


def test_half_a_surrogate_pair_is_embedded(sentence_model: Path) -> None:
    scores = Embedding(str(sentence_model), "cpu").score("\ud83d ships", Sources(["Ships \ud83d carried timber."]))
    assert np.isfinite(scores.relevance).all()
    published = TextEmbeddingRanker(str(sentence_model), "cpu")
    assert np.isfinite(published.score("\ud83d ships", Sources(["Ships \ud83d carried timber."])).relevance).all()
