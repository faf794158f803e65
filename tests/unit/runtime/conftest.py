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

from boildown.runtime.scheduler import Scheduler

__all__ = ["bert", "gpt2", "llama", "xlm_roberta"]


@pytest.fixture
def one() -> Iterator[Scheduler]:
    """A scheduler with one worker."""
    made = Scheduler(CPU, 1, 1)
    yield made
    made.close(finish=False)
