from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from boildown.select.allocate import document_caps

LENGTHS = arrays(np.float64, st.integers(1, 8), elements=st.integers(0, 200).map(float))


@pytest.mark.parametrize("allocation", ["equal", "linear"])
@given(lengths=LENGTHS, limit=st.integers(0, 500), spread=st.floats(0, 1))
def test_caps_never_promise_more_than_there_is(allocation, lengths, limit, spread):
    caps = document_caps(allocation, limit, lengths, np.arange(len(lengths)) * 1.0, spread)
    assert (caps >= 0).all()
    assert (caps <= lengths + 1e-6).all()
    assert caps.sum() <= limit + 1e-6


@given(LENGTHS, st.integers(0, 500))
def test_equal_shares_what_short_documents_leave(lengths, limit):
    caps = document_caps("equal", limit, lengths, np.zeros(len(lengths)), 0.0)
    assert caps.sum() == pytest.approx(min(limit, lengths.sum()))
    cut_short = caps[caps < lengths - 1e-6]
    assert np.allclose(cut_short, cut_short[:1].repeat(len(cut_short)))


def test_linear_falls_with_the_rank():
    caps = document_caps("linear", 150, np.full(3, 100.0), np.array([0.1, 0.9, 0.5]), 0.3)
    assert caps == pytest.approx([20, 80, 50])


def test_global_sets_no_caps():
    assert document_caps("global", 10, np.ones(3), np.ones(3), 0.3) is None
