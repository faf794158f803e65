from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boildown.runtime.packing import Packing, join, padded, padded_rows

LENGTHS = st.lists(st.integers(0, 30), max_size=20)


def make_packing(lengths: list[int], salt: int = 0) -> Packing:
    return Packing([np.arange(length) + 100 * (i + salt) for i, length in enumerate(lengths)])


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 50), st.integers(1, 4), st.integers(1, 60))
def test_pieces_hold_every_sequence_once(lengths: list[int], tokens: int, workers: int, least: int) -> None:
    packing = make_packing(lengths)
    assert packing.offsets.tolist() == [0, *np.cumsum(lengths, dtype=int).tolist()]
    pieces = packing.pieces(tokens, workers, least)
    members = [i for piece in pieces for i in piece.tolist()]
    assert sorted(members) == [i for i, length in enumerate(lengths) if length]
    assert all(len(piece) for piece in pieces)
    sizes = [lengths[i] for i in members]
    assert sizes == sorted(sizes, reverse=True)
    longest = max(lengths, default=0)
    assert all(packing.lengths[piece].sum() <= tokens + longest for piece in pieces)


@pytest.mark.parametrize(
    ("lengths", "workers", "sizes"),
    [
        ([150] * 20, 1, [1050, 900, 1050]),
        ([150] * 20, 2, [750] * 4),
        ([150] * 20, 4, [750] * 4),
        ([150] * 10, 4, [300, 450, 300, 450]),
        ([150], 4, [150]),
        ([60, 60], 2, [120]),
        ([5000, 10], 2, [5000, 10]),
    ],
)
def test_pieces_are_of_a_size_and_keep_all_workers_busy(lengths: list[int], workers: int, sizes: list[int]) -> None:
    pieces = make_packing(lengths).pieces(1000, workers)
    assert sorted(int(sum(lengths[i] for i in piece)) for piece in pieces) == sorted(sizes)


@settings(deadline=None)
@given(st.lists(LENGTHS.filter(any), min_size=1, max_size=4), st.data())
def test_a_micro_batch_of_several_packings(groups: list[list[int]], data: st.DataObject) -> None:
    packings = [make_packing(lengths, 20 * i) for i, lengths in enumerate(groups)]
    parts = []
    for packing in packings:
        some = data.draw(st.lists(st.sampled_from(np.flatnonzero(packing.lengths).tolist()), min_size=1, unique=True))
        parts.append((packing, np.array(some)))
    batch, places = join(parts)
    ids, types, positions = batch.tokens
    assert sorted(np.concatenate(places).tolist()) == list(range(len(ids)))
    for (packing, members), place in zip(parts, places, strict=True):
        assert (ids[place] == packing.ids[packing.rows(members)]).all()
    assert (types == 0).all()
    assert [length for _, length in batch.runs] == sorted({length for _, length in batch.runs}, reverse=True)
    begin = 0
    for count, length in batch.runs:
        inside = slice(begin, begin + count * length)
        assert (positions[inside].reshape(count, length) == np.arange(length)).all()
        assert (np.diff(ids[inside].reshape(count, length), axis=1) == 1).all()
        begin += count * length
    assert begin == len(ids)


def test_types_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        Packing([np.arange(3)], [np.arange(2)])


def test_padded_batches_have_lengths_that_come_again_and_keep_to_their_budget() -> None:
    runs = ((1, 100), (3, 40), (20, 7))
    seen = []
    for rows, inside in padded(runs, 128, limit=104):
        assert rows.shape == inside.shape
        assert rows.size <= 128
        assert rows.shape[1] % 16 == 0 or rows.shape[1] == 104
        seen.append(rows[inside])
    assert np.concatenate(seen).tolist() == list(range(100 + 3 * 40 + 20 * 7))
    assert next(padded(((1, 100),), 10, limit=50))[0].shape == (1, 100)
    assert [padded_rows(n) for n in (0, 1, 16, 17, 1024, 1025)] == [0, 16, 16, 32, 1024, 1088]
