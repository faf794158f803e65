"""What concurrent requests gain from sharing the model, and what they cost an event loop.

    python examples/benchmarks/concurrency.py                 # a minute; writes results/concurrency.json
    python examples/benchmarks/concurrency.py --requests 16 --repeats 1
    python examples/benchmarks/concurrency.py --model path/to/checkpoint --dtype float32

The same requests are answered in several ways, in turn, as often as asked: one at a time on one core, one at a time,
by as many threads as there are requests, and by asyncio. Every answer is compared with the one given alone, in its
text and in every score. Then 50 requests are awaited beside a ticker of 10 ms, which tells how late the loop runs;
how late it runs with nothing else to do is measured too, since a busy machine is late by itself. Scores are not cached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import boildown
from boildown import Budget, Compression, Compressor
from boildown.runtime import scheduler

RESULTS = Path(__file__).parent / "results" / "concurrency.json"
WORDS_EACH = 115  # about 150 tokens
GOAL_TIMES = 1.9  # the throughput of all at once, against one at a time on one core, on two cores
GOAL_LATE_MS = 50
TICK = 0.01
Request = tuple[str, list[str]]
Answer = Callable[[Compressor, Sequence[Request]], list[Compression]]


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description="Times concurrent requests, and how late an event loop runs beside.")
    parser.add_argument("--requests", type=int, default=64, help="at once (default: 64)")
    parser.add_argument("--repeats", type=int, default=3, help="how often each way is timed (default: 3)")
    parser.add_argument("--awaited", type=int, default=50, help="requests awaited beside the ticker (default: 50)")
    parser.add_argument("--model", help="a prune model; by default the bundled one")
    parser.add_argument("--dtype", default="auto", help="see boildown.Compressor (default: auto)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    compressor = Compressor(model=args.model, dtype=args.dtype, cache=False)
    answer_alone(compressor, make_requests(1, 10))  # loads the model
    rows = [measure(compressor, make_requests(args.requests, size), args.repeats) for size in (10, 1)]
    late = [lateness(compressor, make_requests(args.awaited, 10)) for _ in range(args.repeats)]
    idle = [lateness(compressor, []) for _ in range(args.repeats)]
    report = {
        "boildown": boildown.__version__,
        "torch": version("torch"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "model": args.model or "bundled",
        "dtype": args.dtype,
        "requests": args.requests,
        "repeats": args.repeats,
        "goal_times": GOAL_TIMES,
        "rows": rows,
        "event_loop": {
            "requests": args.awaited,
            "tick_ms": 1000 * TICK,
            "goal_late_ms": GOAL_LATE_MS,
            "most_late_ms": summary([max(one) for one in late]),
            "p99_late_ms": summary([sorted(one)[int(0.99 * len(one))] for one in late]),
            "idle_most_late_ms": summary([max(one) for one in idle]),
        },
    }
    loop: dict[str, Any] = report["event_loop"]
    print(
        f"event loop beside {args.awaited} requests: at most {loop['most_late_ms']['median']:.0f} ms late "
        f"(99 %: {loop['p99_late_ms']['median']:.0f} ms; idle: {loop['idle_most_late_ms']['median']:.0f} ms)"
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out}")


def measure(compressor: Compressor, requests: list[Request], repeats: int) -> dict[str, Any]:
    """Times each way of answering, in turn, and counts answers that differ from those given alone."""
    ways: dict[str, tuple[Answer, int | None]] = {
        "one at a time, one core": (answer_alone, 1),
        "one at a time": (answer_alone, None),
        "threads": (answer_in_threads, None),
        "asyncio": (answer_in_loop, None),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    differ = dict.fromkeys(ways, 0)
    batches: dict[str, float] = {}
    expected = answer_alone(compressor, requests)
    for _ in range(repeats):
        for name, (answer, workers) in ways.items():
            scheduler.reset()
            if workers is not None:
                scheduler.configure(workers=workers, threads=1)
            answer(compressor, requests[:2])  # starts the threads
            begin = perf_counter()
            found = answer(compressor, requests)
            seconds[name].append(perf_counter() - begin)
            differ[name] += sum(not same(a, b) for a, b in zip(found, expected, strict=True))
            stats = next(iter(scheduler.running().values())).stats
            batches[name] = stats.tokens / stats.batches
    scheduler.reset()
    documents = len(requests[0][1])
    print(f"{len(requests)} requests of {documents} documents, {sum(r.tokens_in for r in expected)} tokens")
    row: dict[str, Any] = {"documents": documents, "tokens": sum(r.tokens_in for r in expected), "ways": {}}
    for name in ways:
        times = [a / b for a, b in zip(seconds["one at a time, one core"], seconds[name], strict=True)]
        gain = [a / b for a, b in zip(seconds["one at a time"], seconds[name], strict=True)]
        row["ways"][name] = {
            "seconds": summary(seconds[name]),
            "times_one_core": summary(times),
            "times_one_at_a_time": summary(gain),
            "tokens_per_batch": round(batches[name]),
            "answers_that_differ": differ[name],
        }
        print(
            f"  {name:<24} {median(seconds[name]):6.2f} s  {median(times):5.2f} times one core  "
            f"{median(gain):5.2f} times one at a time  {batches[name]:5.0f} tokens a batch  {differ[name]} differ"
        )
    return row


def answer_alone(compressor: Compressor, requests: Sequence[Request]) -> list[Compression]:
    """One after the other."""
    return [compress(compressor, request) for request in requests]


def answer_in_threads(compressor: Compressor, requests: Sequence[Request]) -> list[Compression]:
    """Each in a thread of its own."""
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: compress(compressor, request), requests))


def answer_in_loop(compressor: Compressor, requests: Sequence[Request]) -> list[Compression]:
    """All awaited together."""

    async def gather() -> list[Compression]:
        budget = Budget(tokens=400)
        calls = (compressor.acompress(query, documents, budget) for query, documents in requests)
        return await asyncio.gather(*calls)

    return asyncio.run(gather())


def compress(compressor: Compressor, request: Request) -> Compression:
    """One answer."""
    query, documents = request
    return compressor.compress(query, documents, Budget(tokens=400))


def same(a: Compression, b: Compression) -> bool:
    """Whether text and scores are equal, bit for bit."""
    pairs = [(a.scores.relevance, b.scores.relevance), (a.scores.sentences, b.scores.sentences)]
    if a.scores.tokens is not None and b.scores.tokens is not None:
        pairs.append((a.scores.tokens.score, b.scores.tokens.score))
    return a.text == b.text and all(x is y or (x == y).all() for x, y in pairs)  # type: ignore[union-attr]


def lateness(compressor: Compressor, requests: Sequence[Request]) -> list[float]:
    """How late each tick came while the requests were awaited, or for a second if there are none. Milliseconds."""

    async def run() -> list[float]:
        late: list[float] = []
        done = asyncio.Event()

        async def tick() -> None:
            while not done.is_set():
                begin = perf_counter()
                await asyncio.sleep(TICK)
                late.append(1000 * (perf_counter() - begin - TICK))

        ticking = asyncio.create_task(tick())
        budget = Budget(tokens=400)
        await asyncio.gather(*(compressor.acompress(query, documents, budget) for query, documents in requests))
        await asyncio.sleep(0 if requests else 1)
        done.set()
        await ticking
        return late

    return asyncio.run(run())


def make_requests(count: int, documents: int, seed: int = 0) -> list[Request]:
    """Questions of twelve words, and documents of about 150 tokens in sentences of 8 to 24 words."""
    source = random.Random(seed)
    letters = "etaoinshrdlcumwfgypbvk"
    vocabulary = ["".join(source.choices(letters, k=source.choice((2, 3, 4, 5, 6)))) for _ in range(2000)]

    def sentence(length: int) -> str:
        return " ".join(source.choices(vocabulary, k=length)).capitalize() + "."

    def document() -> str:
        sentences, words = [], 0
        while words < WORDS_EACH // 2:
            length = source.randint(8, 24)
            sentences.append(sentence(length))
            words += length
        return " ".join(sentences)

    return [(sentence(12), [document() for _ in range(documents)]) for _ in range(count)]


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": round(median(values), 3), "least": round(min(values), 3), "most": round(max(values), 3)}


def version(package: str) -> str:
    """Of an installed package."""
    from importlib.metadata import version

    return version(package)


if __name__ == "__main__":
    main()
