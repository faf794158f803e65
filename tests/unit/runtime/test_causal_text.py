from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from boildown.runtime.causal_text import longest_input, start_ids, windows


@pytest.mark.parametrize(("length", "room"), [(0, 8), (1, 8), (8, 8), (9, 8), (100, 8), (101, 7), (5, 1)])
def test_windows_score_every_token_once(length: int, room: int) -> None:
    found = windows(length, room)
    scored = [i for w in found for i in range(w.score_from, w.end)]
    assert scored == list(range(length))
    assert all(w.end - w.begin <= room for w in found)
    assert all(w.score_from - w.begin >= room // 2 for w in found[1:])


@pytest.mark.parametrize(
    ("config", "most", "expected"),
    [({"n_positions": 77}, 5, 77), ({"max_position_embeddings": 0}, 99, 99), ({}, 10**30, 2048), ({}, None, 2048)],
)
def test_the_longest_input(config: dict[str, Any], most: int | None, expected: int) -> None:
    assert longest_input(SimpleNamespace(**config), SimpleNamespace(model_max_length=most)) == expected


def test_the_token_to_start_with() -> None:
    assert start_ids(SimpleNamespace(bos_token_id=0, eos_token_id=2)).tolist() == [0]
    assert start_ids(SimpleNamespace(bos_token_id=None, eos_token_id=2)).tolist() == [2]
    assert start_ids(SimpleNamespace()).tolist() == []
