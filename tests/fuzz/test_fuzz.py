"""Some inputs for every target; `python tests/fuzz` runs many."""

from __future__ import annotations

import pytest
from fuzz_targets import COUNTS, TARGETS
from hypothesis import HealthCheck, settings

FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", TARGETS)
def test_any_input(name: str) -> None:
    before = COUNTS[name]
    FEW(TARGETS[name].make())()
    assert COUNTS[name] > before


def test_corpus() -> None:
    from guided import check_text, read_corpus

    texts = read_corpus()
    assert len(texts) > 100
    for text in texts:
        check_text(text)


def test_memory_is_flat() -> None:
    from leaks import measure

    growth = measure(200)
    assert growth.flat, (growth.python, growth.system)
