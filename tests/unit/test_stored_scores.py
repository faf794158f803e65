"""Stored scores: the string itself, and a method that trusts it only where nothing has changed."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown import Budget, Compressor, ConfigurationError, Document, ModelError
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.methods.stored import Stored, reading_stored
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY, pack_scores, unpack_scores
from boildown.types import Scores, TokenScores

TEXTS = [
    "The harbour master counted 312 ships. Moving the sound post changes the tone! Nobody knew where the water went.",
    "",
    "灯塔守护人记录了船只。当地的面包师把面种养了几十年。",
    " \n\t ",
    "Where does the water go? Größere Straßen 👍🏽 führen\nüber die Brücke, \ud83d naturellement.",
    "The drawings were lost in the flood of 1951 (see page 12). Bakers keep a starter alive for decades.",
]
READ = 4
"""So many of the texts have a token for the model to read."""


class Forwards:
    """Counts what goes through the token classifier: models loaded, calls, and texts."""

    def __init__(self) -> None:
        self.loads = self.calls = self.texts = 0


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> Forwards:
    from boildown.runtime.token_classifier import TokenClassifier

    seen = Forwards()
    load, probabilities = TokenClassifier.load, TokenClassifier.probabilities

    def counted_load(*arguments: Any) -> Any:
        seen.loads += 1
        return load(*arguments)

    def counted_probabilities(self: Any, ids: Any) -> Any:
        seen.calls += 1
        seen.texts += len(ids)
        return probabilities(self, ids)

    monkeypatch.setattr(TokenClassifier, "load", counted_load)
    monkeypatch.setattr(TokenClassifier, "probabilities", counted_probabilities)
    return seen


@pytest.fixture
def folder(token_classifiers: dict[str, Path], tmp_path: Path) -> Path:
    """A checkpoint of the test's own, to change."""
    return shutil.copytree(token_classifiers["bert"], tmp_path / "model")


def method(folder: Path, **options: Any) -> LLMLingua2:
    return LLMLingua2(str(folder), **{"device": "cpu", "dtype": "float32", **options})


def stored(folder: Path, texts: list[str], **options: Any) -> list[Document]:
    values = Stored(method(folder, **options)).values(Sources(texts))
    return [Document(t, metadata={STORED_KEY: v}) for t, v in zip(texts, values, strict=True)]


def release() -> None:
    from boildown.runtime.models import release

    release()


def assert_close(found: Scores, expected: Scores, tolerance: float = 1e-4) -> None:
    assert np.allclose(found.relevance, expected.relevance, atol=tolerance)
    assert (found.sentences is None) == (expected.sentences is None)
    if found.sentences is not None and expected.sentences is not None:
        assert np.allclose(found.sentences, expected.sentences, atol=tolerance)
    assert (found.tokens is None) == (expected.tokens is None)
    if found.tokens is not None and expected.tokens is not None:
        for name in ("document", "start", "end"):
            assert np.array_equal(getattr(found.tokens, name), getattr(expected.tokens, name))
        assert np.allclose(found.tokens.score, expected.tokens.score, atol=tolerance)


# The string.


@st.composite
def one_document(draw: st.DrawFn) -> tuple[Scores, int]:
    real = st.floats(-1e6, 1e6)
    gaps = draw(st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 300), real), max_size=40))
    starts = np.cumsum([gap for gap, _, _ in gaps], dtype=np.int64)
    ends = starts + np.array([length for _, length, _ in gaps], dtype=np.int64)
    scores = np.array([score for _, _, score in gaps], dtype=np.float64)
    tokens = TokenScores(np.zeros(len(gaps), dtype=np.int64), starts, ends, scores)
    sentences = draw(st.none() | st.lists(real, max_size=20).map(np.array))
    made = Scores(np.array([draw(real)]), sentences, draw(st.sampled_from([tokens, None])))
    return made, int(ends.max(initial=0))


@given(one_document())
def test_what_is_packed_comes_back(case: tuple[Scores, int]) -> None:
    scores, length = case
    packed = pack_scores(scores)
    assert packed.isascii()
    assert "." not in packed
    found = unpack_scores(packed, length)
    assert found.relevance == scores.relevance
    for before, after in (
        (scores.sentences, found.sentences),
        (scores.tokens and scores.tokens.score, found.tokens and found.tokens.score),
    ):
        assert (before is None) == (after is None)
        if before is not None and after is not None and len(before):
            step = float(np.ptp(before)) / 65535
            assert np.allclose(after, before, rtol=1e-12, atol=step / 2 * 1.001 + 1e-12)
    if scores.tokens is not None and found.tokens is not None:
        assert np.array_equal(found.tokens.start, scores.tokens.start)
        assert np.array_equal(found.tokens.end, scores.tokens.end)


@given(one_document(), st.data())
def test_damage_is_an_error_or_leaves_something_usable(case: tuple[Scores, int], data: st.DataObject) -> None:
    scores, length = case
    packed = pack_scores(scores)
    place = data.draw(st.integers(0, len(packed) - 1))
    damaged = packed[:place] + data.draw(st.sampled_from(["", "A", "~", "é", "\0"])) + packed[place + 1 :]
    try:
        found = unpack_scores(damaged, length)
    except ValueError:
        return
    assert damaged == packed or found.tokens is None or int(found.tokens.end.max(initial=0)) <= length


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(score: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        pack_scores(Scores(np.array([score])))
    with pytest.raises(ValueError, match="not finite"):
        pack_scores(Scores(np.zeros(1), sentences=np.array([0.5, score])))


def test_tokens_out_of_order_are_refused() -> None:
    two = np.array([5, 3])
    with pytest.raises(ValueError, match="order"):
        pack_scores(Scores(np.zeros(1), tokens=TokenScores(two * 0, two, two + 1, np.ones(2))))


def test_a_record_that_inflates_beyond_its_text_is_refused() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(50_000_000), 9)).decode()
    with pytest.raises(ValueError, match="longer than its text"):
        unpack_scores(bomb, 100)


# Read instead of computed.


def test_with_scores_for_all_no_model_is_loaded(folder: Path, forwards: Forwards) -> None:
    documents = stored(folder, TEXTS)
    assert (forwards.loads, forwards.texts) == (1, READ)
    release()
    found = Stored(method(folder)).score("Where?", Sources(documents))
    assert forwards.loads == forwards.calls == 1
    assert found.notes == ()
    assert found.model_seconds == 0
    assert_close(found, method(folder).score("Where?", Sources(TEXTS)))


def test_reading_imports_no_torch(folder: Path, tmp_path: Path) -> None:
    documents = [[d.text, d.metadata[STORED_KEY]] for d in stored(folder, TEXTS)]
    (tmp_path / "documents.json").write_text(json.dumps([str(folder), documents]))
    script = """
import json, sys
from boildown import Budget, Compressor, Document
folder, pairs = json.load(open(sys.argv[1]))
documents = [Document(text, metadata={"boildown_scores": value}) for text, value in pairs]
result = Compressor("llmlingua2", model=folder).compress("", documents, Budget(rate=0.5))
assert result.text and not result.notes
sys.exit(" ".join(name for name in ("torch", "transformers") if name in sys.modules) or 0)
"""
    path = str(tmp_path / "documents.json")
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("unit", ["sentence", "word", "token"])
def test_the_cut_stays_the_same(token_classifiers: dict[str, Path], unit: Any, rate: float) -> None:
    words = " ".join(TEXTS).split()
    shuffled = [" ".join(random.Random(seed).sample(words, 30)) + "." for seed in range(12)]
    for folder in token_classifiers.values():
        compressor = Compressor(method(folder), unit=unit, cache=False)
        fresh = compressor.compress("", [*TEXTS, *shuffled], Budget(rate=rate))
        read = compressor.compress("", stored(folder, [*TEXTS, *shuffled]), Budget(rate=rate))
        if unit != "token":
            assert read.text == fresh.text
            assert [d.spans for d in read.documents] == [d.spans for d in fresh.documents]
        # Rounding may swap two tokens whose scores are equal but for their last digits, and no others.
        one, other = kept_characters(read), kept_characters(fresh)
        assert len(one & other) >= 0.97 * len(one | other)


def kept_characters(result: Any) -> set[tuple[int, int]]:
    return {(d.index, i) for d in result.documents for span in d.spans for i in range(span.start, span.end)}


def test_the_string_is_short(folder: Path) -> None:
    text = " ".join(f"Sentence number {i} tells of {i * 7} ships in the harbour." for i in range(60))
    tokens = method(folder).score("", Sources([text])).tokens
    assert tokens is not None
    value = stored(folder, [text])[0].metadata[STORED_KEY]
    assert len(value) < 5 * len(tokens.score)


def test_only_documents_without_scores_are_run(folder: Path, forwards: Forwards) -> None:
    documents: list[str | Document] = [*stored(folder, TEXTS)]
    documents[2] = TEXTS[2]
    documents[5] = TEXTS[5]
    before = forwards.texts
    found = Stored(method(folder)).score("", Sources(documents))
    assert forwards.texts - before == 2
    assert found.notes == ()  # they never had any
    assert_close(found, method(folder).score("", Sources(TEXTS)))


def test_the_ranking_method_reads_them_too(folder: Path, forwards: Forwards) -> None:
    documents = stored(folder, TEXTS)
    release()
    ranked = Compressor("bm25", rank=method(folder), cache=False).compress(
        "Where does the water go?", documents, Budget(rate=0.5)
    )
    assert forwards.loads == 1
    expected = Compressor("bm25", rank=method(folder), cache=False).compress(
        "Where does the water go?", TEXTS, Budget(rate=0.5)
    )
    assert ranked.text == expected.text
    assert forwards.loads == 2


def test_documents_that_carry_fitting_scores_are_not_scored_at_ingest(folder: Path, forwards: Forwards) -> None:
    documents = stored(folder, TEXTS)
    changed = [*documents[:-1], Document("A new text, longer than before.", metadata=documents[-1].metadata)]
    again = Stored(method(folder)).values(Sources(changed))
    assert again[:-1] == [d.metadata[STORED_KEY] for d in documents[:-1]]
    assert again[-1] != documents[-1].metadata[STORED_KEY]
    assert forwards.texts == READ + 1


def test_much_text_is_scored_in_parts(folder: Path, forwards: Forwards, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stored(folder, TEXTS)
    monkeypatch.setattr("boildown.methods.stored._BATCH_CHARACTERS", 120)
    before = forwards.calls
    parts = stored(folder, TEXTS)
    assert forwards.calls - before > 2
    read = [Stored(method(folder)).score("", Sources(documents)) for documents in (whole, parts)]
    assert_close(*read)


# Stale.


def another_text(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text.replace("312", "313"), metadata=documents[0].metadata)
    return {}


def swapped(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text, metadata=documents[5].metadata)
    return {}


def damaged(documents: list[Document], folder: Path) -> dict[str, Any]:
    value = documents[0].metadata[STORED_KEY]
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: value[:-9] + "AAAAAAAAA"})
    return {}


def cut_off(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: documents[0].metadata[STORED_KEY][:100]})
    return {}


def no_string(documents: list[Document], folder: Path) -> dict[str, Any]:
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: 12})
    return {}


def another_version(documents: list[Document], folder: Path) -> dict[str, Any]:
    value = documents[0].metadata[STORED_KEY]
    documents[0] = Document(documents[0].text, metadata={STORED_KEY: "0" + value[1:]})
    return {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (another_text, "of another text"),
        (swapped, "of another text"),
        (damaged, "damaged"),
        (cut_off, "damaged"),
        (no_string, "damaged"),
        (another_version, "stored by another version"),
    ],
)
def test_one_that_does_not_fit_is_scored_again(
    folder: Path, forwards: Forwards, change: Callable[..., Any], reason: str
) -> None:
    documents = stored(folder, TEXTS)
    change(documents, folder)
    before = forwards.texts
    result = Compressor(method(folder), cache=False).compress("", documents, Budget(rate=0.5))
    assert forwards.texts - before == 1
    assert result.notes == (f"Of 6 documents, 1 had stored scores that do not fit and were scored again: 1 {reason}.",)
    texts = [document.text for document in documents]
    assert result.text == Compressor(method(folder), cache=False).compress("", texts, Budget(rate=0.5)).text


def retrained(folder: Path) -> None:
    """Other values in one small tensor; names, shapes and sizes stay."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"] = tensors["classifier.bias"] + 0.5
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def other_config(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "layer_norm_eps": 1e-3}))


def other_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text())
    data["normalizer"]["lowercase"] = not data["normalizer"]["lowercase"]
    path.write_text(json.dumps(data))


@pytest.mark.parametrize("change", [retrained, other_config, other_tokenizer])
def test_a_changed_model_makes_all_stale(folder: Path, forwards: Forwards, change: Callable[[Path], None]) -> None:
    documents = stored(folder, TEXTS)
    change(folder)
    release()
    before = forwards.texts
    found = Stored(method(folder)).score("", Sources(documents))
    assert forwards.texts - before == READ
    assert "6 of another method, model or setting" in found.notes[0]
    assert_close(found, method(folder).score("", Sources(TEXTS)))


def test_a_moved_model_changes_nothing(folder: Path, forwards: Forwards, tmp_path: Path) -> None:
    documents = stored(folder, TEXTS)
    moved = Path(shutil.move(folder, tmp_path / "moved"))
    release()
    assert Stored(method(moved)).score("", Sources(documents)).notes == ()
    assert forwards.loads == 1


@pytest.mark.parametrize("options", [{"window": 64}, {"force_tokens": ["?"]}, {"keep_label": 0}])
def test_another_option_makes_all_stale(folder: Path, options: dict[str, Any]) -> None:
    documents = stored(folder, TEXTS)
    for written, read in ((documents, method(folder, **options)), (stored(folder, TEXTS, **options), method(folder))):
        found = Stored(read).score("", Sources(written))
        assert "6 of another method, model or setting" in found.notes[0]
        assert_close(found, read.score("", Sources(TEXTS)))


def test_another_method_makes_all_stale(folder: Path) -> None:
    from boildown.methods.securitylingua import SecurityLingua

    security = SecurityLingua(str(folder), device="cpu", dtype="float32")
    found = Stored(security).score("", Sources(stored(folder, TEXTS)))
    assert "6 of another method, model or setting" in found.notes[0]


def test_other_sentences_make_stale(folder: Path) -> None:
    text = "No. Never. The harbour master counted many ships. It rained."
    documents = stored(folder, [text])
    assert Stored(method(folder)).score("", Sources(documents, min_sentence=3)).notes == ()
    assert "1 of another text" in Stored(method(folder)).score("", Sources(documents, min_sentence=1)).notes[0]


def test_a_named_precision_is_demanded_and_auto_takes_any(folder: Path) -> None:
    documents = stored(folder, TEXTS)
    value = documents[0].metadata[STORED_KEY]
    assert value.split(".")[1] == "float32"
    half = [Document(TEXTS[0], metadata={STORED_KEY: value.replace(".float32.", ".float16.")})]
    assert Stored(method(folder, dtype="auto")).score("", Sources(half)).notes == ()
    assert Stored(method(folder, dtype="float32")).score("", Sources(half)).notes != ()


def test_a_missing_model_is_an_error(folder: Path) -> None:
    documents = stored(folder, TEXTS)
    shutil.rmtree(folder)
    release()
    with pytest.raises(ModelError, match="no folder"):
        Stored(method(folder)).score("", Sources(documents))


# Which methods.


class Figures:
    """A method of a user's own, with sentence scores."""

    name = "figures"
    uses_query = False

    def __init__(self, weight: Any = 1.0) -> None:
        self.weight = weight

    def score(self, query: str, sources: Sources) -> Scores:
        digits = [sum(map(str.isdigit, text)) * self.weight for text in sources.sentence_texts()]
        relevance = np.bincount(sources.sentences.document, weights=digits, minlength=len(sources))
        return Scores(relevance, sentences=np.array(digits, dtype=np.float64))


def test_a_method_of_ones_own_with_sentence_scores() -> None:
    figures = Stored(Figures())
    values = figures.values(Sources(TEXTS))
    documents = [Document(t, metadata={STORED_KEY: v}) for t, v in zip(TEXTS, values, strict=True)]
    assert_close(figures.score("", Sources(documents)), Figures().score("", Sources(TEXTS)))
    assert "another method" in Stored(Figures(2.0)).score("", Sources(documents)).notes[0]


def test_scores_that_are_not_finite_cannot_be_stored() -> None:
    with pytest.raises(ConfigurationError, match="'figures' cannot be stored"):
        Stored(Figures(float("inf"))).values(Sources(["7 ships. 8 ships came."]))


@pytest.mark.parametrize("name", ["bm25", "prune"])
def test_methods_that_read_the_query_are_refused(name: str) -> None:
    given = Compressor(name).method
    with pytest.raises(ConfigurationError, match="reads the query"):
        Stored(given)
    assert reading_stored(given) is given


def test_methods_with_objects_are_refused() -> None:
    figures = Figures(object())
    with pytest.raises(ConfigurationError, match="cannot be told from another"):
        Stored(figures)
    assert reading_stored(figures) is figures


@pytest.fixture
def causal(tmp_path: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        from tiny_models import tiny_gpt2
    finally:
        sys.path.pop(0)
    return tiny_gpt2(tmp_path / "gpt2")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("llmlingua", {}),
        ("selective_context", {"level": "sentence"}),
        ("selective_context", {"level": "phrase"}),
        ("selective_context", {"level": "token"}),
    ],
)
def test_methods_with_a_language_model(causal: Path, name: str, options: dict[str, str]) -> None:
    from boildown.methods.llmlingua import LLMLingua
    from boildown.methods.selective_context import SelectiveContext

    build: Any = {"llmlingua": LLMLingua, "selective_context": SelectiveContext}[name]
    made = build(str(causal), device="cpu", dtype="float32", **options)
    values = Stored(made).values(Sources(TEXTS))
    documents = [Document(t, metadata={STORED_KEY: v}) for t, v in zip(TEXTS, values, strict=True)]
    expected = made.score("", Sources(TEXTS))
    release()
    found = Stored(made).score("", Sources(documents))
    assert found.notes == ()
    assert found.model_seconds == 0
    assert_close(found, expected, 2e-4)


def test_what_needs_the_budget_or_holds_a_model_is_refused(causal: Path) -> None:
    from boildown.methods.llmlingua import LLMLingua

    with pytest.raises(ConfigurationError, match="needs the budget"):
        Stored(LLMLingua(str(causal), exact=True))
    loaded = LLMLingua(LLMLingua(str(causal), device="cpu", dtype="float32").load())
    with pytest.raises(ConfigurationError, match="cannot be told from another"):
        Stored(loaded)
    assert reading_stored(loaded) is loaded
