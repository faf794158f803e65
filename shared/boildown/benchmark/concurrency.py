"""What concurrent requests gain from sharing the model, and what they cost an event loop."""

from __future__ import annotations

import asyncio
import os
import platform
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter
from typing import Any

from boildown import Budget, Compression, Compressor
from boildown.benchmark.machine import machine
from boildown.benchmark.rows import Task
from boildown.runtime import scheduler

__all__ = ["concurrency", "lateness", "make_requests"]

_WORDS = 57
"""Of a document at least; about 70 tokens."""
_TICK = 0.01
_Request = tuple[str, list[str]]
_Answer = Callable[[Compressor, Sequence[_Request]], list[Compression]]


def concurrency(task: Task) -> dict[str, Any]:
    """The same requests in several ways, in turn, and then an event loop beside 50 of them. Scores are not cached.

    They are answered one at a time on one core, one at a time, by as many threads as there are requests, and by
    asyncio. Every answer is compared with the one given alone, in its text and in every score. A ticker of 10 ms tells
    how late the loop runs; how late it runs with nothing else to do is measured too, since a busy machine is late by
    itself.
    """
    here = machine(task.device)
    requests, awaited, documents = (4, 4, 2) if task.tiny else (64, 50, task.row.documents)
    compressor = Compressor(device=task.device, cache=False)
    _alone(compressor, make_requests(1, documents))  # loads the model
    rows = [_row(compressor, make_requests(requests, size), task.repeat) for size in (documents, 1)]
    late = [lateness(compressor, make_requests(awaited, documents)) for _ in range(task.repeat)]
    idle = [lateness(compressor, []) for _ in range(task.repeat)]
    return {
        "boildown": here["boildown"],
        "torch": here["torch"],
        "python": here["python"],
        "machine": platform.machine(),
        "measured_on": here,
        "cores": os.cpu_count(),
        "model": "bundled",
        "dtype": "auto",
        "requests": requests,
        "repeats": task.repeat,
        "goal_times": task.row.goals["times_one_core"],
        "rows": rows,
        "event_loop": {
            "requests": awaited,
            "tick_ms": 1000 * _TICK,
            "goal_late_ms": task.row.goals["late_ms"],
            "most_late_ms": _summary([max(one) for one in late]),
            "p99_late_ms": _summary([sorted(one)[int(0.99 * len(one))] for one in late]),
            "idle_most_late_ms": _summary([max(one) for one in idle]),
        },
    }


def _row(compressor: Compressor, requests: list[_Request], repeats: int) -> dict[str, Any]:
    """Times each way of answering, in turn, and counts answers that differ from those given alone."""
    ways: dict[str, tuple[_Answer, int | None]] = {
        "one at a time, one core": (_alone, 1),
        "one at a time": (_alone, None),
        "threads": (_in_threads, None),
        "asyncio": (_in_loop, None),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    differ = dict.fromkeys(ways, 0)
    batches: dict[str, float] = {}
    expected = _alone(compressor, requests)
    for _ in range(repeats):
        for name, (answer, workers) in ways.items():
            scheduler.reset()
            if workers is not None:
                scheduler.configure(workers=workers, threads=1)
            answer(compressor, requests[:2])  # starts the threads
            begin = perf_counter()
            found = answer(compressor, requests)
            seconds[name].append(perf_counter() - begin)
            differ[name] += sum(not _same(a, b) for a, b in zip(found, expected, strict=True))
            stats = next(iter(scheduler.running().values())).stats
            batches[name] = stats.tokens / stats.batches
    scheduler.reset()
    documents = len(requests[0][1])
    row: dict[str, Any] = {"documents": documents, "tokens": sum(r.tokens_in for r in expected), "ways": {}}
    for name in ways:
        times = [a / b for a, b in zip(seconds["one at a time, one core"], seconds[name], strict=True)]
        gain = [a / b for a, b in zip(seconds["one at a time"], seconds[name], strict=True)]
        row["ways"][name] = {
            "seconds": _summary(seconds[name]),
            "times_one_core": _summary(times),
            "times_one_at_a_time": _summary(gain),
            "tokens_per_batch": round(batches[name]),
            "answers_that_differ": differ[name],
        }
    return row


def _alone(compressor: Compressor, requests: Sequence[_Request]) -> list[Compression]:
    """One after the other."""
    return [_compress(compressor, request) for request in requests]


def _in_threads(compressor: Compressor, requests: Sequence[_Request]) -> list[Compression]:
    """Each in a thread of its own."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: _compress(compressor, request), requests))


def _in_loop(compressor: Compressor, requests: Sequence[_Request]) -> list[Compression]:
    """All awaited together."""

    async def gather() -> list[Compression]:
        budget = Budget(tokens=400)
        calls = (compressor.acompress(query, documents, budget) for query, documents in requests)
        return await asyncio.gather(*calls)

    return asyncio.run(gather())


def _compress(compressor: Compressor, request: _Request) -> Compression:
    """One answer."""
    query, documents = request
    return compressor.compress(query, documents, Budget(tokens=400))


def _same(a: Compression, b: Compression) -> bool:
    """Whether text and scores are equal, bit for bit."""
    pairs = [(a.scores.relevance, b.scores.relevance), (a.scores.sentences, b.scores.sentences)]
    if a.scores.tokens is not None and b.scores.tokens is not None:
        pairs.append((a.scores.tokens.score, b.scores.tokens.score))
    return a.text == b.text and all(x is y or (x == y).all() for x, y in pairs)  # type: ignore[union-attr]


def lateness(compressor: Compressor, requests: Sequence[_Request]) -> list[float]:
    """How late each tick came while the requests were awaited, or for a second if there are none. Milliseconds."""

    async def run() -> list[float]:
        late: list[float] = []
        done = asyncio.Event()

        async def tick() -> None:
            while not done.is_set():
                begin = perf_counter()
                await asyncio.sleep(_TICK)
                late.append(1000 * (perf_counter() - begin - _TICK))

        ticking = asyncio.create_task(tick())
        budget = Budget(tokens=400)
        await asyncio.gather(*(compressor.acompress(query, documents, budget) for query, documents in requests))
        await asyncio.sleep(0 if requests else 1)
        done.set()
        await ticking
        return late

    return asyncio.run(run())


def make_requests(count: int, documents: int) -> list[_Request]:
    """Questions of twelve words, and documents of about 70 tokens in sentences of 8 to 24 words."""
    source = random.Random(0)
    letters = "etaoinshrdlcumwfgypbvk"
    vocabulary = ["".join(source.choices(letters, k=source.choice((2, 3, 4, 5, 6)))) for _ in range(2000)]

    def sentence(length: int) -> str:
        return " ".join(source.choices(vocabulary, k=length)).capitalize() + "."

    def document() -> str:
        sentences, words = [], 0
        while words < _WORDS:
            length = source.randint(8, 24)
            sentences.append(sentence(length))
            words += length
        return " ".join(sentences)

    return [(sentence(12), [document() for _ in range(documents)]) for _ in range(count)]


def _summary(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": round(median(values), 3), "least": round(min(values), 3), "most": round(max(values), 3)}
