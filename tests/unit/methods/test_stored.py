"""Scores that are read where documents carry them, and which methods allow it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_documents import READ, TEXTS, Forwards, assert_close, method, release, stored

from boildown import Budget, Compressor, ConfigurationError, Document
from boildown.cache import ScoreCache
from boildown.methods.stored import Stored, reading_stored
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.types import Scores


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
        assert read.text == fresh.text
        assert [d.spans for d in read.documents] == [d.spans for d in fresh.documents]


def test_scores_read_are_to_the_last_bit_those_computed(token_classifiers: dict[str, Path]) -> None:
    for folder in token_classifiers.values():
        computed = Stored(method(folder)).score("", Sources(TEXTS))
        read = Stored(method(folder)).score("", Sources(stored(folder, TEXTS)))
        assert computed.tokens is not None
        assert read.tokens is not None
        assert np.array_equal(read.tokens.score, computed.tokens.score)
        assert np.array_equal(read.relevance, computed.relevance)


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


def test_scores_that_do_not_fit_are_named_and_neither_stored_nor_cached(folder: Path) -> None:
    class Short(Figures):
        model = str(folder)
        dtype = None
        short = True

        def score(self, query: str, sources: Sources) -> Scores:
            scores = super().score(query, sources)
            return replace(scores, sentences=scores.sentences[: -1 if self.short else None])

    wrong, cache = Short(), ScoreCache()
    for score in (Stored(wrong).values, partial(Stored(wrong).score, "")):
        with pytest.raises(ConfigurationError, match=r"'figures' gave \d+ scores of sentences, of which there are"):
            score(Sources(TEXTS, cache=cache))
    wrong.short = False
    assert Stored(wrong).score("", Sources(TEXTS, cache=cache)).cached == 0


def test_scores_that_are_not_finite_cannot_be_stored() -> None:
    endless = Stored(Figures(float("inf")))
    sources = Sources(["7 ships came in. 8 ships went out.", "9 ships stayed."])
    with pytest.raises(ConfigurationError, match="'figures' cannot be stored"):
        endless.values(sources)
    assert endless.score("", sources).sentences.tolist() == [float("inf")] * 3


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


def test_documents_without_metadata_carry_nothing(folder: Path) -> None:
    bare: Any = None
    result = Compressor(method(folder)).compress("", [Document(TEXTS[0], metadata=bare)], Budget(rate=0.5))
    assert result.text
    assert not result.notes
