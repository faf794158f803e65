"""Compressing beside an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from boildown import Budget, Compressor
from boildown.errors import DeadlineError
from boildown.runtime import requests, scheduler
from boildown.workers import run_in_worker

TEXTS = [
    "The harbour master keeps a log. In 1874 she counted 312 ships, most of them carrying timber from the north.",
    "Moving the sound post by half a millimetre changes the tone of a violin; it grows warm, but dull.",
    "Where does the water go? Nobody knew: the drawings were lost in the flood of 1951 (see page 12).",
]


class Gate:
    """Work that tells when it begins, and waits until it may end."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    def __call__(self) -> None:
        self.begun.release()
        assert self.go_on.wait(60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.go_on.set()


async def test_it_runs_in_the_callers_context() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    variable.set("mine")

    def work() -> tuple[str, bool]:
        found = variable.get()
        variable.set("changed")
        return found, threading.current_thread() is threading.main_thread()

    assert await run_in_worker(work) == ("mine", False)
    assert variable.get() == "mine"
    assert requests.current() is None


async def test_few_run_python_at_once_and_those_that_wait_for_a_model_do_not_count(gate: Gate) -> None:
    from boildown.runtime.seats import away

    def waits_for_a_model() -> None:
        with away():
            gate()

    first = [asyncio.ensure_future(run_in_worker(waits_for_a_model)) for _ in range(6)]
    for _ in first:
        assert await asyncio.to_thread(gate.begun.acquire, timeout=60)
    second = [asyncio.ensure_future(run_in_worker(gate)) for _ in range(4)]
    for _ in range(2):
        assert await asyncio.to_thread(gate.begun.acquire, timeout=60)
    assert not await asyncio.to_thread(gate.begun.acquire, timeout=0.05)
    gate.go_on.set()
    await asyncio.gather(*first, *second)


async def test_loading_a_model_takes_no_seat(gate: Gate) -> None:
    from boildown.runtime.models import shared_model

    loading = [asyncio.ensure_future(run_in_worker(lambda: shared_model("a seat's", gate))) for _ in range(3)]
    assert await asyncio.to_thread(gate.begun.acquire, timeout=60)
    assert await asyncio.wait_for(run_in_worker(lambda: 7), 60) == 7
    gate.go_on.set()
    await asyncio.gather(*loading)


async def test_work_inside_of_work_needs_no_second_seat() -> None:
    both = threading.Barrier(2)

    def outer() -> int:
        both.wait(60)
        return asyncio.run(asyncio.wait_for(run_in_worker(lambda: 7), 60))

    assert await asyncio.gather(run_in_worker(outer), run_in_worker(outer)) == [7, 7]


def test_a_seat_is_given_away_once() -> None:
    from boildown.runtime import seats

    free = seats._seats._value
    with seats.seated(), seats.away(), seats.away():
        assert seats._seats._value == free
    assert seats._seats._value == free


async def test_an_error_comes_through() -> None:
    def work() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        await run_in_worker(work)
    with requests.deadline(60), pytest.raises(TimeoutError, match="mine"):
        await run_in_worker(work)


async def test_work_that_raises_stop_iteration_ends() -> None:
    def work() -> None:
        next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(run_in_worker(work), 60)


async def test_cancelling_the_task_cancels_the_request(gate: Gate) -> None:
    found: list[requests.Request | None] = []

    def work() -> None:
        found.append(requests.current())
        gate()

    task = asyncio.ensure_future(run_in_worker(work))
    assert await asyncio.to_thread(gate.begun.acquire, timeout=60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert found[0] is not None
    assert found[0].failure() is not None


async def test_a_cancelled_call_that_has_not_begun_never_runs(gate: Gate) -> None:
    ran = []
    busy = [asyncio.ensure_future(run_in_worker(gate)) for _ in range(40)]
    for _ in range(2):
        assert await asyncio.to_thread(gate.begun.acquire, timeout=60)
    task = asyncio.ensure_future(run_in_worker(lambda: ran.append(True)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.go_on.set()
    await asyncio.gather(*busy)
    await run_in_worker(lambda: None)
    assert not ran


async def test_a_deadline_ends_the_wait_for_a_thread(gate: Gate) -> None:
    busy = [asyncio.ensure_future(run_in_worker(gate)) for _ in range(40)]
    assert await asyncio.to_thread(gate.begun.acquire, timeout=60)
    ran = []
    with requests.deadline(0.05), pytest.raises(DeadlineError):
        await run_in_worker(lambda: ran.append(True))
    gate.go_on.set()
    await asyncio.gather(*busy)
    assert not ran


async def test_concurrent_calls_answer_as_single_ones_do(prune_model: Path) -> None:
    compressor = Compressor(model=str(prune_model), cache=False)
    queries = [f"How many ships did she count in {year}?" for year in range(1860, 1890)]
    budget = Budget(tokens=30)
    alone = [compressor.compress(query, TEXTS, budget) for query in queries]
    together = await asyncio.gather(*(compressor.acompress(query, TEXTS, budget) for query in queries))
    assert [result.text for result in together] == [result.text for result in alone]
    for a, b in zip(alone, together, strict=True):
        assert (a.scores.relevance == b.scores.relevance).all()
        assert (a.scores.tokens.score == b.scores.tokens.score).all()


async def test_deadlines_reach_the_model(prune_model: Path) -> None:
    compressor = Compressor(model=str(prune_model))
    await compressor.acompress("ships", TEXTS, Budget(tokens=30))
    jobs = scheduler.running()["cpu"].stats.jobs
    with requests.deadline(0), pytest.raises(DeadlineError):
        compressor.compress("violins", TEXTS, Budget(tokens=30))
    with requests.deadline(0), pytest.raises(DeadlineError):
        await compressor.acompress("violins", TEXTS, Budget(tokens=30))
    assert scheduler.running()["cpu"].stats.jobs == jobs
