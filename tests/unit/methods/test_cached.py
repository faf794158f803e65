"""The cache behind the methods: no document is read twice, nothing changes by it, and nothing wrong is believed."""

from __future__ import annotations

import pickle
import shutil
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown import Budget, Compression, Compressor, Document
from boildown.cache import ScoreCache
from boildown.methods.cached import _pack, _pack_scores, _unpack, _unpack_scores
from boildown.methods.stored import Stored, storing_method
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.types import Scores, TokenScores

TEXTS = [
    "The harbour master counted 312 ships. Moving the sound post changes the tone! Nobody knew where the water went.",
    "",
    "灯塔守护人记录了船只。当地的面包师把面种养了几十年。",
    " \n\t ",
    "Where does the water go? Größere Straßen 👍🏽 führen\nüber die Brücke, \ud83d naturellement.",
    "The drawings were lost in the flood of 1951 (see page 12). Bakers keep a starter alive for decades.",
]
HALF = Budget(rate=0.5)
QUERY = "Where does the water go?"


class Reads:
    """How many sequences went through an encoder or a causal model."""

    def __init__(self) -> None:
        self.count = 0

    def since(self, before: int) -> int:
        return self.count - before


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    from boildown.runtime.causal import CausalLM
    from boildown.runtime.reader import CrossReader
    from boildown.runtime.token_classifier import TokenClassifier

    seen = Reads()

    def counted(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def wrapper(self: Any, first: Any, *rest: Any, **named: Any) -> Any:
            seen.count += len(rest[0]) if owner is CrossReader else len(first)
            return original(self, first, *rest, **named)

        monkeypatch.setattr(owner, name, wrapper)

    counted(TokenClassifier, "probabilities")
    counted(CrossReader, "read")
    counted(CausalLM, "token_nll")
    return seen


def same(found: Compression, expected: Compression) -> bool:
    """Whether two results agree to the last bit."""
    a, b = found.scores, expected.scores
    arrays = [(a.relevance, b.relevance), (a.sentences, b.sentences)]
    if a.tokens is not None and b.tokens is not None:
        arrays += [(getattr(a.tokens, n), getattr(b.tokens, n)) for n in ("document", "start", "end", "score")]
    equal = all((x is None) == (y is None) and (x is None or np.array_equal(x, y)) for x, y in arrays)
    kinds = all(x is None or x.dtype == y.dtype for x, y in arrays)
    left, right = found.to_dict(), expected.to_dict()
    return equal and kinds and {**left, "seconds": 0} == {**right, "seconds": 0}


@pytest.fixture
def models(bert: Path, gpt2: Path, prune_model: Path) -> dict[str, dict[str, Any]]:
    """Arguments of a compressor for each method that the cache serves."""
    here = {"device": "cpu", "dtype": "float32"}
    return {
        "llmlingua2": {"method": "llmlingua2", "model": str(bert), **here},
        "securitylingua": {"method": "securitylingua", "model": str(bert), **here},
        "llmlingua": {"method": "llmlingua", "model": str(gpt2), **here},
        "selective_context": {"method": "selective_context", "model": str(gpt2), **here},
        "phrases": {"method": "selective_context", "model": str(gpt2), "options": {"level": "phrase"}, **here},
        "prune": {"method": "prune", "model": str(prune_model), **here},
    }


METHODS = ("llmlingua2", "securitylingua", "llmlingua", "selective_context", "phrases", "prune")


@pytest.mark.parametrize("name", METHODS)
def test_the_second_time_no_model_reads_and_nothing_differs(
    name: str, models: dict[str, dict[str, Any]], reads: Reads
) -> None:
    cache = ScoreCache()
    plain = Compressor(**models[name], cache=False).compress(QUERY, TEXTS, HALF)
    assert plain.cached == 0
    compressor = Compressor(**models[name], cache=cache)
    first = compressor.compress(QUERY, TEXTS, HALF)
    assert same(first, plain)
    before = reads.count
    second = compressor.compress(QUERY, TEXTS, HALF)
    assert same(second, plain)
    assert reads.since(before) == 0
    assert second.scores.model_seconds == 0
    assert second.cached >= 5  # for prune, but for the Chinese one
    assert cache.stats().hits == second.cached


@pytest.mark.parametrize("name", METHODS)
def test_among_new_documents_only_those_are_read(name: str, models: dict[str, dict[str, Any]], reads: Reads) -> None:
    compressor = Compressor(**models[name], cache=ScoreCache())
    compressor.compress(QUERY, TEXTS[:5], HALF)
    mixed = [TEXTS[5], *TEXTS[3:0:-1], "Two new documents stand here.", TEXTS[0], TEXTS[0]]
    before = reads.count
    found = compressor.compress(QUERY, mixed, HALF)
    assert reads.since(before) == 2
    expected = Compressor(**models[name], cache=False).compress(QUERY, mixed, HALF)
    assert found.text == expected.text
    assert found.scores.relevance == pytest.approx(expected.scores.relevance, abs=1e-5)
    assert found.scores.tokens is None or np.array_equal(found.scores.tokens.start, expected.scores.tokens.start)
    if found.scores.tokens is not None:
        assert found.scores.tokens.score == pytest.approx(expected.scores.tokens.score, abs=1e-5)
    assert found.cached == len(mixed) - 2 - (name == "prune")


def test_prune_reads_again_for_another_question_or_title(models: dict[str, dict[str, Any]], reads: Reads) -> None:
    compressor = Compressor(**models["prune"], cache=ScoreCache())
    documents = [Document(TEXTS[0], title="Harbour"), Document(TEXTS[5], title="Archive")]
    compressor.compress(QUERY, documents, HALF)
    for query, changed, new in (
        ("Who counted the ships?", documents, 2),
        (QUERY, [Document(TEXTS[0], title="Ships"), documents[1]], 1),
        (QUERY, [Document(TEXTS[0], id="other", title="Harbour", metadata={"a": 1}), documents[1]], 0),
    ):
        before = reads.count
        assert compressor.compress(query, changed, HALF).cached == 2 - new
        assert reads.since(before) >= new


def test_notes_are_the_same_from_the_cache(models: dict[str, dict[str, Any]]) -> None:
    compressor = Compressor(**models["prune"], cache=ScoreCache())
    query = "Where does the water go, and who counted the ships? " * 30
    first, second = (compressor.compress(query, TEXTS, HALF) for _ in range(2))
    assert any("longer than the model reads" in note for note in first.notes)
    assert second.cached > 0
    assert second.notes == first.notes


def test_what_scores_depend_on_tells_them_apart(
    models: dict[str, dict[str, Any]], bert: Path, tmp_path: Path, reads: Reads
) -> None:
    from safetensors.torch import load_file, save_file

    changed = shutil.copytree(bert, tmp_path / "changed")
    tensors = load_file(changed / "model.safetensors")
    tensors["classifier.weight"] = tensors["classifier.weight"] + 0.5
    save_file(tensors, changed / "model.safetensors")
    same_files = shutil.copytree(bert, tmp_path / "same")
    cache = ScoreCache()
    base = models["llmlingua2"]
    read = []
    for other in (
        {},
        {"model": str(changed)},
        {"options": {"force_tokens": ["!"]}},
        {"dtype": "bfloat16"},
        {"method": "securitylingua"},
        {"model": str(same_files)},
        {"unit": "sentence"},
        {"rank": "bm25"},
    ):
        before = reads.count
        with warnings.catch_warnings():  # a machine without bfloat16 says so, and computes in float32
            warnings.simplefilter("ignore", RuntimeWarning)
            Compressor(**{**base, **other}, cache=cache).compress(QUERY, TEXTS, HALF)
        read.append(reads.since(before) > 0)
    bfloat16 = read.pop(3)
    assert read == [True, True, True, True, False, False, False]
    assert bfloat16 in (True, False)


def test_a_method_given_as_an_object_is_cached_and_one_with_a_loaded_model_is_not(gpt2: Path, reads: Reads) -> None:
    from boildown.methods.llmlingua import LLMLingua
    from boildown.runtime.causal_loading import load_causal

    cache = ScoreCache()
    for model, cached in ((str(gpt2), 6), (load_causal(str(gpt2), "cpu", "float32"), 0)):
        compressor = Compressor(LLMLingua(model, "cpu", "float32"), cache=cache)
        compressor.compress("", TEXTS, HALF)
        assert compressor.compress("", TEXTS, HALF).cached == cached


def test_a_method_without_a_model_is_not_cached() -> None:
    class Longest:
        """Compares the documents with each other, which a cache of single documents would spoil."""

        name = "longest"
        uses_query = False

        def score(self, query: str, sources: Sources) -> Scores:
            lengths = np.array([len(text) for text in sources.texts], dtype=np.float64)
            return Scores(lengths / lengths.max(), sentences=(lengths / lengths.max())[sources.sentences.document])

    compressor = Compressor(Longest(), cache=ScoreCache())
    compressor.compress("", TEXTS, HALF)
    found = compressor.compress("", TEXTS[4:5], HALF)
    assert found.cached == 0
    assert found.scores.relevance == [1.0]


def test_a_method_that_has_something_to_say_says_it_every_time(bert: Path) -> None:
    class Talking:
        name = "talking"
        uses_query = False
        model = str(bert)

        def score(self, query: str, sources: Sources) -> Scores:
            return Scores(np.ones(len(sources)), sentences=np.ones(len(sources.sentences)), notes=("Mind the gap.",))

    compressor = Compressor(Talking(), cache=ScoreCache())
    for _ in range(2):
        assert compressor.compress("", TEXTS, HALF).notes == ("Mind the gap.",)


def test_from_a_file_no_model_is_even_loaded(
    models: dict[str, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from boildown.runtime.models import release
    from boildown.runtime.token_classifier import TokenClassifier

    path = tmp_path / "scores.db"
    first = Compressor(**models["llmlingua2"], cache=ScoreCache(path=path)).compress(QUERY, TEXTS, HALF)
    release()
    monkeypatch.setattr(TokenClassifier, "load", None)
    cache = ScoreCache(path=path)
    second = Compressor(**models["llmlingua2"], cache=cache).compress(QUERY, TEXTS, HALF)
    assert same(second, first)
    assert cache.stats().disk_hits == 6


def test_a_file_that_holds_something_else_under_the_right_keys_is_not_believed(
    models: dict[str, dict[str, Any]], tmp_path: Path, reads: Reads
) -> None:
    expected = Compressor(**models["llmlingua2"], cache=False).compress(QUERY, TEXTS, HALF)
    cache = ScoreCache()
    Compressor(**models["llmlingua2"], cache=cache).compress(QUERY, TEXTS, HALF)
    keys = [key for key in cache._memory._held if isinstance(key, bytes)]
    wrong = [
        b"",
        b"x",
        _pack([np.zeros(1)]) + b"rest",
        _pack([np.zeros(2)]),
        _pack([np.zeros(1), np.array([0]), np.array([9_999]), np.zeros(1)]),
        _pack([np.zeros(1), np.array([3, 1]), np.array([4, 2]), np.zeros(1)]),
        _pack([np.zeros(1), np.zeros(77)]),
        _pack([np.array([3]), np.array([3])]),
    ]
    for value in wrong:
        other = ScoreCache()
        other.put(dict.fromkeys(keys, value))
        found = Compressor(**models["llmlingua2"], cache=other).compress(QUERY, TEXTS, HALF)
        assert same(found, expected), value


def test_stored_scores_go_before_the_cache_and_the_rest_is_cached(
    models: dict[str, dict[str, Any]], bert: Path, reads: Reads
) -> None:
    values = storing_method("llmlingua2", model=str(bert), device="cpu", dtype="float32").values(Sources(TEXTS[:3]))
    documents = [Document(t, metadata={STORED_KEY: v}) for t, v in zip(TEXTS[:3], values, strict=True)]
    compressor = Compressor(**models["llmlingua2"], cache=ScoreCache())
    results = []
    for read in (1, 0):
        before = reads.count
        results.append(compressor.compress(QUERY, [*documents, TEXTS[5]], HALF))
        assert reads.since(before) == read
    assert [result.cached for result in results] == [0, 1]
    assert same(results[1], results[0])


def test_a_cache_that_is_too_small_changes_nothing(models: dict[str, dict[str, Any]]) -> None:
    cache = ScoreCache(memory=4_000)
    compressor = Compressor(**models["llmlingua2"], cache=cache)
    expected = Compressor(**models["llmlingua2"], cache=False).compress(QUERY, TEXTS, HALF)
    for _ in range(3):
        assert compressor.compress(QUERY, TEXTS, HALF).text == expected.text
        assert cache.stats().bytes <= 4_000


def test_what_comes_out_can_be_changed_without_changing_what_is_kept(models: dict[str, dict[str, Any]]) -> None:
    compressor = Compressor(**models["llmlingua2"], cache=ScoreCache())
    first = compressor.compress(QUERY, TEXTS, HALF)
    again = compressor.compress(QUERY, TEXTS, HALF)
    for result in (first, again):
        assert result.scores.tokens is not None
        result.scores.tokens.score[:] = -1
        result.scores.relevance[:] = -1
        result.sources.words.start[:] = 0
        result.sources.sentences.start[:] = 0
    plain = Compressor(**models["llmlingua2"], cache=False).compress(QUERY, TEXTS, HALF)
    assert same(compressor.compress(QUERY, TEXTS, HALF), plain)


def test_threads_share_it_and_get_what_one_gets(models: dict[str, dict[str, Any]]) -> None:
    compressor = Compressor(**models["llmlingua2"], cache=ScoreCache())
    plain = Compressor(**models["llmlingua2"], cache=False)
    texts = [f"{text} Number {i} of some. " for i, text in enumerate(TEXTS * 3)]
    expected = [plain.compress("", texts[i : i + 6], HALF).text for i in range(12)]
    wrong: list[int] = []

    def work() -> None:
        for i in range(12):
            if compressor.compress("", texts[i : i + 6], HALF).text != expected[i]:
                wrong.append(i)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_result_with_cached_scores_can_be_pickled_and_cut_again(models: dict[str, dict[str, Any]]) -> None:
    compressor = Compressor(**models["prune"], cache=ScoreCache())
    results = [compressor.compress(QUERY, TEXTS, HALF) for _ in range(2)]
    again = pickle.loads(pickle.dumps(results[1]))
    assert again.rebudget(Budget(tokens=9)).text == results[0].rebudget(Budget(tokens=9)).text


def test_the_scores_of_one_document_do_not_depend_on_the_others(models: dict[str, dict[str, Any]]) -> None:
    """That is what caching them document by document rests on."""
    for name in ("llmlingua2", "llmlingua", "selective_context", "phrases"):
        method = Compressor(**models[name]).method
        assert isinstance(Stored(method), Stored)
        together = method.score("", Sources(TEXTS))
        alone = [method.score("", Sources([text])) for text in TEXTS]
        assert together.relevance == pytest.approx(np.concatenate([s.relevance for s in alone]), abs=1e-5)
        if together.sentences is not None:
            assert together.sentences == pytest.approx(np.concatenate([s.sentences for s in alone]), abs=1e-5)
        if together.tokens is not None:
            assert together.tokens.score == pytest.approx(np.concatenate([s.tokens.score for s in alone]), abs=1e-5)


REALS = st.floats(allow_nan=False)


@given(st.lists(REALS, max_size=5), st.lists(st.tuples(st.integers(0, 1 << 31), REALS), max_size=9), st.booleans())
def test_scores_as_bytes_come_back_exactly(
    sentences: list[float], tokens: list[tuple[int, float]], has_tokens: bool
) -> None:
    start = np.array([s for s, _ in tokens], dtype=np.int64)
    scores = Scores(
        np.array([0.1]),
        sentences=np.array(sentences) if sentences else None,
        tokens=TokenScores(np.zeros_like(start), start, start + 5, np.array([v for _, v in tokens], dtype=np.float64))
        if has_tokens
        else None,
    )
    again = _unpack_scores(_pack_scores(scores))
    assert again.relevance == [0.1]
    assert (again.sentences is None) == (not sentences)
    assert again.sentences is None or np.array_equal(again.sentences, sentences)
    assert (again.tokens is None) == (not has_tokens)
    if again.tokens is not None and scores.tokens is not None:
        for name in ("document", "start", "end", "score"):
            assert np.array_equal(getattr(again.tokens, name), getattr(scores.tokens, name))


@given(st.binary(max_size=60))
def test_any_bytes_are_arrays_or_an_error(data: bytes) -> None:
    try:
        columns = _unpack(data)
    except ValueError:
        return
    assert sum(column.size for column in columns) <= len(data)
