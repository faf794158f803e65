from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown import Budget, Compressor, Document
from boildown.errors import ConfigurationError, MissingExtraError, ModelError
from boildown.methods.cross_encoder import CrossEncoder
from boildown.methods.exact.model_rankers import PairRanker
from boildown.sources import Sources

DOCUMENTS = [
    "Swifts sleep on the wing. They eat in the air.",
    "",
    "The harbour log counts ships. Timber came from the north.",
]
QUERY = "ships and timber"


class Predict:
    """Counts the query's words in the text."""

    def __init__(self) -> None:
        self.calls: list[list[tuple[str, str]]] = []

    def predict(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        self.calls.append(list(pairs))
        return np.array([sum(text.lower().count(word) for word in query.split()) - 1.0 for query, text in pairs])


class Score:
    def score(self, pairs: list[tuple[str, str]]) -> list[float]:
        return Predict().predict(pairs).tolist()


@pytest.fixture(scope="module")
def ranker(make_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranker") / "model"
    return make_model("bert", folder, "AutoModelForSequenceClassification", num_labels=1)


@pytest.mark.parametrize("model", [Predict(), Score()], ids=["predict", "score"])
def test_documents_are_ranked(model: Any) -> None:
    scores = CrossEncoder(model).score(QUERY, Sources(DOCUMENTS))
    assert scores.relevance.tolist() == [-1, -1, 1]
    assert scores.sentences is None
    assert scores.tokens is None


def test_a_callers_own_model_takes_no_seat() -> None:
    from boildown.runtime import seats

    free = seats._seats._value
    found = []

    class Remote(Predict):
        def predict(self, pairs: list[tuple[str, str]]) -> np.ndarray:
            found.append(seats._seats._value)
            return super().predict(pairs)

    with seats.seated():
        CrossEncoder(Remote()).score(QUERY, Sources(DOCUMENTS))
    assert found == [free]


def test_all_pairs_go_in_one_call_with_their_titles() -> None:
    model = Predict()
    CrossEncoder(model).score(QUERY, Sources([*DOCUMENTS, Document("It sank.", title="Ships")]))
    assert len(model.calls) == 1
    assert (QUERY, "Ships\nIt sank.") in model.calls[0]
    assert len(model.calls[0]) == 3


def test_a_long_document_is_judged_by_its_best_passage() -> None:
    filler = "Swifts sleep on the wing, and they eat and drink in the open air. " * 200
    model = Predict()
    sources = Sources([filler + "Ships carried timber.", filler])
    scores = CrossEncoder(model).score("ships timber", sources)
    assert scores.relevance[0] > scores.relevance[1]
    pairs = model.calls[0]
    assert len(pairs) > 10
    assert max(len(text) for _, text in pairs) < 2500
    whole = "".join("".join(text.split()) for _, text in pairs)
    assert whole == "".join("".join(text.split()) for text in sources.texts)


def test_no_document_has_text() -> None:
    model = Predict()
    assert CrossEncoder(model).score(QUERY, Sources(["", " "])).relevance.tolist() == [0, 0]
    assert not model.calls


def test_rank_by_one_and_cut_by_another() -> None:
    compressor = Compressor("bm25", rank=CrossEncoder(Predict()), order="score")
    result = compressor.compress(QUERY, DOCUMENTS, Budget(documents=1, rate=1.0))
    assert [document.index for document in result.documents] == [2]


@pytest.mark.parametrize("dtype", ["float32", "auto"])
def test_a_real_model_by_name(ranker: Path, dtype: str) -> None:
    import sentence_transformers

    model = sentence_transformers.CrossEncoder(str(ranker), device="cpu")
    expected = model.predict([(QUERY, DOCUMENTS[0]), (QUERY, DOCUMENTS[2])])
    scores = CrossEncoder(str(ranker), device="cpu", dtype=dtype).score(QUERY, Sources(DOCUMENTS))
    assert np.allclose(scores.relevance[[0, 2]], expected, atol=1e-4 if dtype == "float32" else 0.03)
    assert scores.relevance[1] == min(scores.relevance)


def test_a_model_with_several_labels_cannot_rank(make_model: Any, tmp_path: Path) -> None:
    folder = make_model("bert", tmp_path / "model", "AutoModelForSequenceClassification", num_labels=3)
    with pytest.raises(ModelError, match=r"3 labels.*one number"):
        CrossEncoder(str(folder), device="cpu").score(QUERY, Sources(DOCUMENTS))


@pytest.mark.parametrize(
    ("models", "kind", "lacks"),
    [
        ("encoders", "bert", r"classifier\.bias, classifier\.weight"),
        ("encoders", "xlm-roberta", r"classifier\.dense\.bias"),
        ("token_classifiers", "xlm-roberta", r"classifier\.dense\.bias"),
    ],
)
def test_a_model_without_a_ranking_head_is_refused(
    request: pytest.FixtureRequest, models: str, kind: str, lacks: str
) -> None:
    folder = request.getfixturevalue(models)[kind]
    with pytest.raises(ModelError, match=f"no cross-encoder: its weights lack {lacks}"):
        CrossEncoder(str(folder), device="cpu").score(QUERY, Sources(DOCUMENTS))


def test_an_object_that_ranks_nothing() -> None:
    with pytest.raises(ConfigurationError, match="neither predict nor score"):
        CrossEncoder(object())


def test_a_model_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="nobody/nothing"):
        CrossEncoder("nobody/nothing", device="cpu").score(QUERY, Sources(DOCUMENTS))


def test_without_sentence_transformers(
    make_model: Any, ranker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert np.isfinite(CrossEncoder(str(ranker), device="cpu").score(QUERY, Sources(DOCUMENTS)).relevance).all()
    folder = make_model("bert", tmp_path / "model", "AutoModelForSequenceClassification", num_labels=1)
    (folder / "modules.json").write_text('[{"idx": 0}, {"idx": 1}]')
    with pytest.raises(MissingExtraError, match=r"pip install 'boildown\[embeddings\]'"):
        CrossEncoder(str(folder), device="cpu").score(QUERY, Sources(DOCUMENTS))


def test_half_a_surrogate_pair_is_ranked(ranker: Path) -> None:
    for method in (CrossEncoder(str(ranker), "cpu"), PairRanker(str(ranker), "cpu")):
        scores = method.score("\ud83d ships", Sources(["Ships \ud83d carried timber."]))
        assert np.isfinite(scores.relevance).all()
