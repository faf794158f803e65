"""What fails, or does not fit into memory, does not touch what shares its forward."""

from __future__ import annotations

import pytest
import torch
from scheduler_jobs import Counter, Gated, expected, in_thread, packing, waiting

from boildown.errors import ModelError
from boildown.runtime.packing import MicroBatch
from boildown.runtime.scheduler import Scheduler


def test_an_exception_goes_to_its_own_caller(one: Scheduler) -> None:
    class Picky(Gated):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            states = super().forward(batch)
            if 13 in batch.tokens[0]:
                raise ValueError("no thirteens")
            return states

    model = Picky()
    calls = [in_thread(lambda: one.run(model, packing(20)))]
    model.begun.acquire(timeout=60)
    calls += [in_thread(lambda i=i: one.run(model, packing(20, first=i))) for i in (12, 13, 14)]
    waiting(one, 3)
    model.open()
    for call in (calls[0], calls[1], calls[3]):
        assert len(call.result(60)) == 20
    with pytest.raises(ValueError, match="no thirteens"):
        calls[2].result(60)
    assert one.stats.failed == 1
    assert len(one.run(model, packing(7))) == 7


def test_a_head_that_raises_fails_alone(one: Scheduler) -> None:
    def broken(states: torch.Tensor) -> torch.Tensor:
        raise ValueError("no head")

    with pytest.raises(ValueError, match="no head"):
        one.run(Counter(), packing(7), broken)
    assert len(one.run(Counter(), packing(7))) == 7


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError("x"), RuntimeError("MPS backend out of memory")])
def test_what_does_not_fit_into_memory_is_halved(one: Scheduler, error: Exception) -> None:
    class Small(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            if batch.tokens.shape[1] > 45:
                raise error
            return super().forward(batch)

    model = Small()
    given = packing(20, 40, 5, 33, 20, 45)
    assert torch.equal(one.run(model, given), expected(given))
    assert one.stats.splits > 0
    with pytest.raises(ModelError, match="A sequence of 46 tokens does not fit into the memory of cpu"):
        one.run(model, packing(20, 46))
    assert len(one.run(model, packing(45))) == 45


def test_jobs_that_together_do_not_fit_are_separated(one: Scheduler) -> None:
    class Small(Gated):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            if batch.tokens.shape[1] > 30:
                raise torch.cuda.OutOfMemoryError("x")
            return super().forward(batch)

    model = Small()
    calls = [in_thread(lambda: one.run(model, packing(20)))]
    model.begun.acquire(timeout=60)
    given = [packing(12, 13, first=i) for i in (10, 20, 30)]
    calls += [in_thread(lambda p=p: one.run(model, p)) for p in given]
    waiting(one, 3)
    model.open()
    for call, p in zip(calls[1:], given, strict=True):
        assert torch.equal(call.result(60), expected(p))
    assert one.stats.failed == 0
