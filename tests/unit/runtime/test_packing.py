from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boildown.runtime.packing import Packing


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 50))
def test_every_token_is_in_one_batch(lengths: list[int], tokens: int) -> None:
    ids = [np.arange(length) + 100 * i for i, length in enumerate(lengths)]
    packing = Packing(ids)
    assert packing.offsets.tolist() == [0, *np.cumsum(lengths, dtype=int).tolist()]
    batches = list(packing.batches(tokens))
    rows = np.concatenate([batch.rows for batch in batches]) if batches else np.zeros(0, dtype=int)
    assert sorted(rows.tolist()) == list(range(sum(lengths)))
    for batch in batches:
        assert (packing.ids[batch.rows] % 100 == batch.positions).all()
        assert sum(count * length for count, length in batch.runs) == len(batch.rows)
        assert len(batch.rows) <= tokens or sum(count for count, _ in batch.runs) == 1
        begin = 0
        for count, length in batch.runs:
            part = batch.positions[begin : begin + count * length].reshape(count, length)
            assert (part == np.arange(length)).all()
            begin += count * length


def test_types_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Packing([np.arange(3)], [np.arange(2)])
