"""The small models of `tests/tiny_models.py` as fixtures, and a scheduler."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from scheduler_jobs import CPU
from tiny_models import bert, gpt2, llama, xlm_roberta

from boildown.runtime import requests
from boildown.runtime.scheduler import Scheduler

__all__ = ["bert", "gpt2", "llama", "xlm_roberta"]


@pytest.fixture
def one() -> Iterator[Scheduler]:
    """A scheduler with one worker."""
    made = Scheduler(CPU, 1, 1)
    yield made
    made.close(finish=False)


class Clock:
    """What deadlines are read from; it stands until it is set forward."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Deadlines by this clock pass when the test says so, however long a busy machine takes to get there."""
    made = Clock()
    monkeypatch.setattr(requests, "monotonic", made)
    return made
