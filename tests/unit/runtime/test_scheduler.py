from __future__ import annotations

import contextvars
import gc
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from boildown.errors import (
    CancelledError,
    ClosedError,
    ConfigurationError,
    DeadlineError,
    ModelError,
    OverloadedError,
)
from boildown.runtime import requests, scheduler
from boildown.runtime.encoder import Encoder
from boildown.runtime.linear import onednn_available
from boildown.runtime.packing import MicroBatch, Packing
from boildown.runtime.scheduler import Scheduler

CPU = torch.device("cpu")


class Counter:
    """A model whose states can be told from its input: 1000 times the id, plus the position."""

    def __init__(self, batch_tokens: int = 100) -> None:
        self.batch_tokens = batch_tokens
        self.batches: list[list[int]] = []
        """The first id of each sequence, for each forward."""

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        ids, _, positions = batch.tokens
        self.batches.append(sorted(ids[positions == 0].tolist()))
        return torch.from_numpy(np.stack([1000 * ids + positions, ids], axis=1)).float()


class Gated(Counter):
    """Begins each forward, tells so, and waits until it may go on."""

    def __init__(self, batch_tokens: int = 100) -> None:
        super().__init__(batch_tokens)
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        self.begun.release()
        assert self.go_on.acquire(timeout=60)
        return super().forward(batch)

    def open(self) -> None:
        self.go_on.release(10_000)


def packing(*lengths: int, first: int = 1) -> Packing:
    return Packing([np.full(length, first + i) for i, length in enumerate(lengths)])


def expected(given: Packing) -> torch.Tensor:
    positions = np.concatenate([np.arange(length) for length in given.lengths.tolist()])
    return torch.from_numpy(np.stack([1000 * given.ids + positions, given.ids], axis=1)).float()


def in_thread(function: Callable[[], Any]) -> Future[Any]:
    """Runs in a thread of its own, in this context."""
    context, future = contextvars.copy_context(), Future[Any]()

    def work() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


@pytest.fixture
def one() -> Iterator[Scheduler]:
    """A scheduler with one worker."""
    made = Scheduler(CPU, 1, 1)
    yield made
    made.close(finish=False)


@pytest.fixture
def narrow() -> Iterator[Scheduler]:
    """One in which little may wait."""
    made = Scheduler(CPU, 1, 1, queue_tokens=1000, queue_jobs=5)
    yield made
    made.close(finish=False)


def waiting(scheduler: Scheduler, jobs: int) -> None:
    """Waits until so many jobs wait."""
    pause = threading.Event()
    for _ in range(60_000):
        if scheduler.stats.jobs_waiting == jobs:
            return
        pause.wait(0.001)
    raise AssertionError(f"{scheduler.stats.jobs_waiting} jobs wait, not {jobs}")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_rows_come_back_in_the_order_of_the_input(workers: int) -> None:
    made = Scheduler(CPU, workers)
    for lengths in [(3,), (1, 1), (7, 90, 0, 200, 30, 30, 1), (50,) * 20]:
        given = packing(*lengths)
        assert torch.equal(made.run(Counter(), given), expected(given))
    stats = made.stats
    assert (stats.jobs, stats.tokens, stats.sequences) == (4, 3 + 2 + 358 + 1000, 1 + 2 + 6 + 20)
    assert sum(stats.batch_tokens) == stats.batches
    assert (stats.jobs_waiting, stats.tokens_waiting, stats.running) == (0, 0, 0)
    assert stats.busy_seconds > 0
    made.close()


def test_a_head_sees_rows_alone(one: Scheduler) -> None:
    given = packing(30, 80, 80, 10)
    rows = one.run(Counter(), given, lambda states: states.sum(dim=1, keepdim=True))
    assert torch.equal(rows, expected(given).sum(dim=1, keepdim=True))


def test_concurrent_jobs_share_a_forward(one: Scheduler) -> None:
    model = Gated()
    given = [packing(20, first=10 * i) for i in range(1, 6)]
    calls = [in_thread(lambda: one.run(model, given[0]))]
    model.begun.acquire(timeout=60)
    calls += [in_thread(lambda p=p: one.run(model, p)) for p in given[1:]]
    waiting(one, 4)
    model.open()
    for call, p in zip(calls, given, strict=True):
        assert torch.equal(call.result(60), expected(p))
    assert model.batches == [[10], [20, 30, 40, 50]]
    assert one.stats.batches == 2


def test_a_small_job_does_not_wait_for_a_huge_one(one: Scheduler) -> None:
    model = Gated()
    huge = in_thread(lambda: one.run(model, packing(*[100] * 50)))
    model.begun.acquire(timeout=60)
    small = in_thread(lambda: one.run(model, packing(100, first=777)))
    waiting(one, 2)
    for _ in range(5):
        model.go_on.release()
    assert small.result(60) is not None
    assert not huge.done()
    assert model.batches[4] == [777]
    model.open()
    assert len(huge.result(60)) == 5000


def test_a_cancelled_job_is_dropped_before_its_forward(one: Scheduler) -> None:
    model = Gated()
    first = in_thread(lambda: one.run(model, packing(50)))
    model.begun.acquire(timeout=60)
    with requests.deadline(None) as request:
        second = in_thread(lambda: one.run(model, packing(50, 60, first=70)))
        waiting(one, 1)
        request.cancel()
        with pytest.raises(CancelledError):
            second.result(60)  # at once, though the model is still busy
    assert not first.done()
    model.open()
    first.result(60)
    one.run(model, packing(5))
    assert model.batches == [[1], [1]]
    assert (one.stats.cancelled, one.stats.tokens_waiting) == (1, 0)


def test_the_rest_of_a_cancelled_job_is_dropped(one: Scheduler) -> None:
    model = Gated()
    with requests.deadline(None) as request:
        call = in_thread(lambda: one.run(model, packing(*[100] * 10)))
        model.begun.acquire(timeout=60)
        request.cancel()
    with pytest.raises(CancelledError):
        call.result(60)
    model.open()
    one.close()
    assert len(model.batches) == 1


def test_a_deadline_ends_the_wait_and_the_work(one: Scheduler) -> None:
    model = Gated()
    first = in_thread(lambda: one.run(model, packing(50)))
    model.begun.acquire(timeout=60)
    with requests.deadline(0.01), pytest.raises(DeadlineError):
        one.run(model, packing(70))
    model.open()
    first.result(60)
    with requests.deadline(0), pytest.raises(DeadlineError):
        one.run(model, packing(70))
    with requests.deadline(60):
        one.run(model, packing(5))
    assert [batch for batch in model.batches if len(batch) == 1] == [[1], [1]]
    assert one.stats.expired == 1


def test_a_full_queue_refuses(narrow: Scheduler) -> None:
    model = Gated()
    calls = [in_thread(lambda: narrow.run(model, packing(100)))]
    model.begun.acquire(timeout=60)
    calls.append(in_thread(lambda: narrow.run(model, packing(*[100] * 30))))  # more than may wait, but nothing waits
    waiting(narrow, 1)
    with pytest.raises(OverloadedError, match=r"1 requests with 3000 tokens.*configure\(queue_tokens=") as error:
        narrow.run(model, packing(1))
    assert error.value.retry_after > 0
    assert narrow.stats.refused == 1
    model.open()
    for call in calls:
        call.result(60)
    narrow.run(model, packing(1))


def test_as_many_jobs_wait_as_may(narrow: Scheduler) -> None:
    model = Gated()
    calls = [in_thread(lambda: narrow.run(model, packing(100)))]
    model.begun.acquire(timeout=60)
    for i in range(5):
        calls.append(in_thread(lambda: narrow.run(model, packing(2))))
        waiting(narrow, i + 1)
    with pytest.raises(OverloadedError):
        narrow.run(model, packing(1))
    model.open()
    for call in calls:
        call.result(60)


def test_close_finishes_what_was_accepted() -> None:
    made, model = Scheduler(CPU, 1), Gated()
    calls = [in_thread(lambda: made.run(model, packing(60))) for _ in range(5)]
    model.begun.acquire(timeout=60)
    waiting(made, 4)
    closing = in_thread(made.close)
    model.open()
    assert all(len(call.result(60)) == 60 for call in calls)
    closing.result(60)
    with pytest.raises(ClosedError, match="reset"):
        made.run(model, packing(1))
    made.close()
    assert not any(worker.is_alive() for worker in made._workers)


def test_close_can_drop_what_waits() -> None:
    made, model = Scheduler(CPU, 1), Gated()
    first = in_thread(lambda: made.run(model, packing(60)))
    model.begun.acquire(timeout=60)
    second = in_thread(lambda: made.run(model, packing(60)))
    waiting(made, 1)
    closing = in_thread(lambda: made.close(finish=False))
    with pytest.raises(ClosedError):
        second.result(60)
    model.open()
    assert len(first.result(60)) == 60
    closing.result(60)


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


def test_a_model_is_free_once_nobody_uses_it(one: Scheduler) -> None:
    class Broken(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            raise ValueError("broken")

    gc.collect()
    gc.disable()
    try:
        good, bad = Counter(), Broken()
        references = weakref.ref(good), weakref.ref(bad)
        one.run(good, packing(250))
        with pytest.raises(ValueError, match="broken"):
            one.run(bad, packing(7))
        one.run(Counter(), packing(3))  # the worker has left the others behind
        del good, bad
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_workers_keep_to_their_number_of_threads() -> None:
    class Counting(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            found.append(torch.get_num_threads())
            return super().forward(batch)

    found: list[int] = []
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        made = Scheduler(CPU, 2, 1)
        made.run(Counting(), packing(*[90] * 8))
        made.close()
        assert set(found) == {1}
        assert torch.get_num_threads() == 3
        assert in_thread(torch.get_num_threads).result(60) == 3
    finally:
        torch.set_num_threads(before)


def test_hundreds_of_threads() -> None:
    made = Scheduler(CPU, 2, 1)
    models = [Counter(), Counter(300)]
    random = np.random.default_rng(0)
    sizes = [random.integers(1, 120, random.integers(1, 12)).tolist() for _ in range(300)]

    def call(i: int) -> str:
        given = packing(*sizes[i], first=i)
        try:
            with requests.deadline(None if i % 7 else 0.002 * (i % 5)) as request:
                if i % 5 == 1:
                    threading.Timer(0.001, request.cancel).start()
                assert torch.equal(made.run(models[i % 2], given), expected(given))
        except (CancelledError, DeadlineError) as error:
            assert i % 5 == 1 or i % 7 == 0
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(300) as pool:
        found = list(pool.map(call, range(300)))
    made.close()
    stats = made.stats
    assert (stats.jobs_waiting, stats.tokens_waiting, stats.running) == (0, 0, 0)
    assert found.count("done") >= 180
    assert stats.jobs == found.count("done")


class TestProcess:
    """The schedulers that models of this process find."""

    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        for name in ("WORKERS", "THREADS", "QUEUE_TOKENS", "QUEUE_JOBS"):
            monkeypatch.delenv(f"BOILDOWN_{name}", raising=False)
        scheduler.reset()
        yield
        scheduler.reset()

    def test_one_for_each_device(self) -> None:
        assert scheduler.running() == {}
        found = scheduler.scheduler_for(CPU)
        assert scheduler.scheduler_for(torch.device("cpu")) is found
        assert scheduler.scheduler_for(torch.device("meta")) is not found
        assert set(scheduler.running()) == {"cpu", "meta"}

    def test_workers_by_cores(self) -> None:
        before = torch.get_num_threads()
        try:
            for cores, workers, threads in [(1, 1, 1), (2, 2, 1), (4, 4, 1), (16, 4, 4)]:
                torch.set_num_threads(cores)
                scheduler.reset()
                found = scheduler.scheduler_for(CPU)
                assert (found.stats.workers, found._threads) == (workers, threads)
        finally:
            torch.set_num_threads(before)
        assert scheduler.scheduler_for(torch.device("meta")).stats.workers == 1

    def test_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BOILDOWN_WORKERS", "3")
        monkeypatch.setenv("BOILDOWN_QUEUE_JOBS", "7")
        scheduler.configure(workers=2, threads=5, queue_tokens=99)
        found = scheduler.scheduler_for(CPU)
        assert (found.stats.workers, found._threads, found._queue_tokens, found._queue_jobs) == (2, 5, 99, 7)
        scheduler.reset()
        assert scheduler.scheduler_for(CPU).stats.workers == 3

    @pytest.mark.parametrize("text", ["0", "two", "-1", "1.5"])
    def test_settings_that_are_no_numbers(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("BOILDOWN_WORKERS", text)
        with pytest.raises(ConfigurationError, match="BOILDOWN_WORKERS must be a whole number"):
            scheduler.scheduler_for(CPU)
        with pytest.raises(ConfigurationError, match="queue_jobs= must be at least 1"):
            scheduler.configure(queue_jobs=0)

    def test_closed(self, encoders: dict[str, Path]) -> None:
        encoder = Encoder.load(encoders["bert"])
        encoder.hidden([np.array([5, 6, 7])])
        scheduler.close()
        with pytest.raises(ClosedError):
            encoder.hidden([np.array([5, 6, 7])])
        scheduler.reset()
        encoder.hidden([np.array([5, 6, 7])])

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_fork_gets_its_own(self, encoders: dict[str, Path]) -> None:
        model = Gated()
        parent = scheduler.scheduler_for(CPU)
        busy = [in_thread(lambda: parent.run(model, packing(90))) for _ in range(6)]
        model.begun.acquire(timeout=60)
        waiting(parent, 6 - parent.stats.workers)
        child = os.fork()
        if not child:
            try:
                torch.set_num_threads(1)
                given = packing(30, 80, 10)
                fresh = not scheduler.running()
                fine = torch.equal(scheduler.scheduler_for(CPU).run(Counter(), given), expected(given))
                os._exit(0 if fresh and fine else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)
        model.open()
        assert all(len(call.result(60)) == 90 for call in busy)
        assert os.waitstatus_to_exitcode(status) == 0

    def test_a_process_ends_while_a_thread_waits(self, tmp_path: Path) -> None:
        import subprocess

        code = """
            import threading, time, numpy, torch
            from boildown.errors import ClosedError
            from boildown.runtime.packing import Packing
            from boildown.runtime.scheduler import scheduler_for
            class Slow:
                batch_tokens = 10
                def forward(self, batch):
                    begun.set()
                    time.sleep(0.05)
                    return torch.zeros(batch.tokens.shape[1], 1)
            begun = threading.Event()
            given = Packing([numpy.arange(10)] * 100_000)
            def call():
                try:
                    scheduler_for(torch.device("cpu")).run(Slow(), given)
                except ClosedError:
                    pass
            threading.Thread(target=call, daemon=True).start()
            begun.wait()
        """
        script = tmp_path / "ends.py"
        script.write_text("\n".join(line[12:] for line in code.splitlines()))
        done = subprocess.run([sys.executable, script], capture_output=True, timeout=120, check=False)
        assert (done.returncode, done.stderr.decode()) == (0, "")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("prepack", [None, False])
def test_states_do_not_depend_on_batch_mates(
    encoders: dict[str, Path], dtype: torch.dtype, prepack: bool | None
) -> None:
    from boildown.runtime.checkpoint import read_config, read_weights

    if dtype == torch.bfloat16 and prepack is None and not onednn_available(dtype):
        pytest.skip("oneDNN does not compute in this precision here")
    encoder = Encoder(read_config(encoders["bert"]), read_weights(encoders["bert"]), "cpu", dtype, prepack)
    random = np.random.default_rng(1)
    ids = [random.integers(5, 200, length) for length in [1, 2, 3, 3, 7, 12, 12, 12, 31, 50, 64, 64] * 3]
    together, offsets = encoder.hidden(ids)
    worst = 0.0
    for i, sequence in enumerate(ids):
        alone, _ = encoder.hidden([sequence])
        own = together[offsets[i] : offsets[i + 1]]
        worst = max(worst, float((alone.float() - own.float()).abs().max()))
    assert worst == 0.0
