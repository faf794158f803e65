"""What fails, or does not fit into memory, does not touch what shares its forward."""

from __future__ import annotations

import threading
import weakref

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


@pytest.mark.parametrize("where", ["head", "cublas"])
def test_what_a_head_or_a_library_cannot_allocate_is_halved(one: Scheduler, where: str) -> None:
    class Small(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            if where == "cublas" and batch.tokens.shape[1] > 45:
                raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
            return super().forward(batch)

    def head(states: torch.Tensor) -> torch.Tensor:
        if where == "head" and len(states) > 45:
            raise torch.cuda.OutOfMemoryError("x")
        return states * 2

    given = packing(20, 40, 5, 33, 20, 45)
    assert torch.equal(one.run(Small(), given, head), expected(given) * 2)
    assert one.stats.splits > 0


def test_a_driver_that_fails_fails_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def set_device(device: torch.device) -> None:
        raise RuntimeError("Cannot re-initialize CUDA in forked subprocess.")

    monkeypatch.setattr(torch.cuda, "set_device", set_device)
    scheduler = Scheduler(torch.device("cuda", 0))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Cannot re-initialize CUDA"):
            in_thread(lambda: scheduler.run(Counter(), packing(7))).result(10)
    scheduler.close()


def test_states_of_a_failed_forward_are_gone_when_its_halves_run(one: Scheduler) -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    class Watched(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            assert all(states() is None for states in held)
            states = super().forward(batch)
            held.append(weakref.ref(states))
            return states

    def head(states: torch.Tensor) -> torch.Tensor:
        if len(states) > 25:
            raise torch.cuda.OutOfMemoryError("x")
        return states.clone()

    given = packing(20, 20, 20)
    assert torch.equal(one.run(Watched(), given, head), expected(given))
    assert one.stats.splits == 2


def test_a_thread_that_cannot_start_fails_one_job_and_not_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    scheduler = Scheduler(torch.device("cpu"), 3, 1)
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == "boildown-cpu-2":
            raise RuntimeError("can't start new thread")
        real(self)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            scheduler.run(Counter(), packing(7))
    assert torch.get_num_threads() == threads
    assert not [t for t in threading.enumerate() if t.name.startswith("boildown-cpu-") and t in scheduler._workers]
    assert len(in_thread(lambda: scheduler.run(Counter(), packing(7))).result(60)) == 7
    scheduler.close()


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
