"""What the cache keeps of a document: exact, apart from what comes out, and never believed where it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cached_scores import HALF, QUERY, Reads, same
from hypothesis import given
from hypothesis import strategies as st
from stored_documents import TEXTS

from boildown import Compressor
from boildown.cache import ScoreCache
from boildown.methods.cached import _pack, _pack_scores, _unpack, _unpack_scores
from boildown.types import Scores, TokenScores


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
