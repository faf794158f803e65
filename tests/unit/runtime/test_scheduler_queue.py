"""What waits can be cancelled, expire, be refused, and be finished or dropped at the close."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from scheduler_jobs import CPU, Counter, Gated, in_thread, packing, waiting

from boildown.errors import CancelledError, ClosedError, DeadlineError, OverloadedError
from boildown.runtime import requests
from boildown.runtime.scheduler import Scheduler


@pytest.fixture
def narrow() -> Iterator[Scheduler]:
    """A scheduler in which little may wait."""
    made = Scheduler(CPU, 1, 1, queue_tokens=1000, queue_jobs=5)
    yield made
    made.close(finish=False)


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


def test_a_deadline_ends_the_wait_and_the_work(one: Scheduler, clock: Any) -> None:
    model = Gated()
    first = in_thread(lambda: one.run(model, packing(50)))
    model.begun.acquire(timeout=60)
    with requests.deadline(0.01):
        late = in_thread(lambda: one.run(model, packing(70)))
        waiting(one, 1)
        clock.seconds = 1.0
        with pytest.raises(DeadlineError):
            late.result(60)
    model.open()
    first.result(60)
    with requests.deadline(0), pytest.raises(DeadlineError):
        one.run(model, packing(70))
    with requests.deadline(60):
        one.run(model, packing(5))
    assert [batch for batch in model.batches if len(batch) == 1] == [[1], [1]]
    assert one.stats.expired == 1


@pytest.mark.parametrize("seconds", [math.inf, 1e12])
def test_a_deadline_beyond_all_clocks(one: Scheduler, seconds: float) -> None:
    with requests.deadline(seconds):
        assert len(one.run(Counter(), packing(5))) == 5


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
