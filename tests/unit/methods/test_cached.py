"""The cache behind the methods: no document is read twice, and nothing changes by it."""

from __future__ import annotations

import pickle
import shutil
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cached_scores import HALF, QUERY, Reads, same
from clear_threshold import clear_threshold
from stored_documents import TEXTS

from boildown import Budget, Compressor, Document, ModelError
from boildown.cache import ScoreCache
from boildown.methods.stored import Stored, storing_method
from boildown.runtime.identity import model_identity
from boildown.runtime.models import release
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.types import Scores

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
    mixed = [TEXTS[5], *TEXTS[3:0:-1], "Two new documents stand here.", TEXTS[0], TEXTS[0]]
    plain = Compressor(**models[name], cache=False)
    # By a rate, the last digits might decide which of two copies keeps a word more.
    budget = clear_threshold(plain.compress(QUERY, mixed, HALF))
    expected = plain.compress(QUERY, mixed, budget)
    compressor = Compressor(**models[name], cache=ScoreCache())
    compressor.compress(QUERY, TEXTS[:5], budget)
    before = reads.count
    found = compressor.compress(QUERY, mixed, budget)
    assert reads.since(before) == 2
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


@pytest.mark.parametrize("name", ["llmlingua2", "llmlingua", "prune"])
def test_a_model_that_is_replaced_before_it_is_loaded_gives_no_scores_under_its_old_name(
    name: str, models: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    model = shutil.copytree(models[name]["model"], tmp_path / "model")
    settings = {**models[name], "model": str(model)}
    compressor = Compressor(**settings, cache=ScoreCache())
    compressor.compress(QUERY, TEXTS[:2], HALF)
    release()  # as in a new process with the same file
    if name == "prune":  # which always loads its model
        model_identity(model)
    else:
        assert compressor.compress(QUERY, TEXTS[:2], HALF).cached == 2
    replaced(model)
    with pytest.raises(ModelError, match="was replaced while this process used it"):
        compressor.compress(QUERY, TEXTS, HALF)
    release()
    assert same(
        compressor.compress(QUERY, TEXTS, HALF), Compressor(**settings, cache=False).compress(QUERY, TEXTS, HALF)
    )


def test_scores_of_a_model_that_is_replaced_after_it_is_loaded_are_its_own(
    models: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    model = shutil.copytree(models["prune"]["model"], tmp_path / "model")
    settings = {**models["prune"], "model": str(model)}
    cache = ScoreCache()
    Compressor(**settings, cache=False).compress(QUERY, TEXTS, HALF)
    replaced(model)
    Compressor(**settings, cache=cache).compress(QUERY, TEXTS, HALF)
    release()
    assert Compressor(**settings, cache=cache).compress(QUERY, TEXTS, HALF).cached == 0


def replaced(model: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    save_file({name: tensor + 0.125 for name, tensor in tensors.items()}, model / "new", metadata={"format": "pt"})
    (model / "new").replace(model / "model.safetensors")


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
