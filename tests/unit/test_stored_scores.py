"""Stored scores: the string itself."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.stored_scores import pack_scores, unpack_scores
from boildown.types import Scores, TokenScores


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
