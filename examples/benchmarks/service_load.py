"""The HTTP service under load.

    python examples/benchmarks/service_load.py                    # all parts; writes results/service_load.json
    python examples/benchmarks/service_load.py load               # 1,000 requests of ten passages over 64 connections
    python examples/benchmarks/service_load.py short              # the same with one passage each
    python examples/benchmarks/service_load.py term               # kill -TERM while 64 connections are busy

`load` and `short` send blocks of requests one at a time and over 64 connections in turn, to one server without a score
cache, and compare the answers. How much a service gains from many connections depends on how many cores one request
keeps busy by itself, so the server's processor time is measured, too. `term` counts what was sent, and what was
answered. Bad treatment is in service_malformed.py.

Needs: pip install '.[service,client]'
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import httpx

import boildown

RESULTS = Path(__file__).parent / "results" / "service_load.json"
DATA = Path(__file__).parents[1] / "data"
CONNECTIONS = 64
ROUNDS = 4
PASSAGES = 10
GOAL_RATIO = 1.8


class Server(NamedTuple):
    """A service in a process of its own."""

    process: subprocess.Popen[str]
    address: str

    def memory(self) -> int | None:
        """Bytes of its resident set, where the system tells."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return None
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def processor_seconds(self) -> float | None:
        """Of all its threads, where the system tells."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Runs what is asked for, prints it, and writes it."""
    parser = argparse.ArgumentParser(description="Loads the service, and ends it under load.")
    parser.add_argument("parts", nargs="*", metavar="load|short|term", help="what to run (default: all)")
    parser.add_argument("--requests", type=int, default=1000, help="requests of `load` and `short` (default: 1000)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    parts = args.parts or ["load", "short", "term"]
    report = json.loads(args.out.read_text()) if args.out.exists() else {}
    report["machine"] = machine()
    for part in parts:
        if part in ("load", "short"):
            report[part] = asyncio.run(load(args.requests, PASSAGES if part == "load" else 1))
        elif part == "term":
            report[part] = asyncio.run(term())
        else:
            parser.error(f"there is no part {part!r}")
        print(f"{part}: {json.dumps(report[part], indent=1)}", flush=True)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out}")


def machine() -> dict[str, Any]:
    """What the numbers depend on."""
    return {
        "boildown": boildown.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """A service on a free port, which is ready."""
    command = [sys.executable, "-m", "boildown", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = ""
    for line in process.stderr:
        address = next(iter(re.findall(r"http://[\d.]+:\d+", line)), address)
        if '"ready"' in line:
            break
    drain = threading.Thread(target=lambda: [None for _ in process.stderr or ()])
    drain.start()
    try:
        yield Server(process, address)
    finally:
        process.kill()
        process.wait()
        drain.join()
        process.stderr.close()


def make_requests(count: int, documents: int = PASSAGES) -> list[dict[str, Any]]:
    """Requests of so many passages each, no two alike."""
    source = random.Random(0)
    pages = [path.read_text(encoding="utf-8") for path in sorted((DATA / "handbook").glob("*.md"))]
    passages = [page[i : i + 700] for page in pages for i in range(0, len(page), 700)]
    lines = (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines if line.strip()]
    return [
        {
            "query": source.choice(questions),
            "documents": [f"{source.choice(passages)} (copy {n}.{i})" for i in range(documents)],
            "budget": {"tokens": 30 * documents},
        }
        for n in range(count)
    ]


async def load(count: int, documents: int) -> dict[str, Any]:
    """One at a time against `CONNECTIONS` at a time, in turn."""
    requests = make_requests(count, documents)
    size = -(-count // ROUNDS)
    blocks = [requests[i : i + size] for i in range(0, count, size)]
    statuses: Counter[int | str] = Counter()
    rounds, unequal, worst = [], 0, 0.0
    busy: dict[int, list[float]] = {1: [], CONNECTIONS: []}
    with serving("--no-cache", "--max-timeout", "600") as server:
        await send_all(server, make_requests(8), 4)
        for number, block in enumerate(blocks):
            seconds, answers = {}, {}
            for connections in (1, CONNECTIONS) if number % 2 == 0 else (CONNECTIONS, 1):
                begin, spent = perf_counter(), server.processor_seconds()
                answers[connections] = await send_all(server, block, connections)
                seconds[connections] = perf_counter() - begin
                if spent is not None:
                    busy[connections].append(((server.processor_seconds() or 0.0) - spent) / seconds[connections])
            for one, other in zip(answers[1], answers[CONNECTIONS], strict=True):
                statuses[other[0]] += 1
                if one[0] != 200 or other[0] != 200:
                    continue
                unequal += parts_of(one[1]) != parts_of(other[1])
                scores = zip(scores_of(one[1]), scores_of(other[1]), strict=True)
                worst = max([worst, *(abs(a - b) for a, b in scores)])
            rounds.append({"one": len(block) / seconds[1], "many": len(block) / seconds[CONNECTIONS]})
            print(f"round {number}: {rounds[-1]}", flush=True)
    ratios = [one["many"] / one["one"] for one in rounds]
    return {
        "requests": count,
        "passages": documents,
        "connections": CONNECTIONS,
        "statuses": {str(status): n for status, n in statuses.items()},
        "lost": count - sum(n for status, n in statuses.items() if isinstance(status, int)),
        "unequal_answers": unequal,
        "largest_difference_of_scores": worst,
        "requests_per_second_one_at_a_time": round(median(r["one"] for r in rounds), 2),
        "requests_per_second": round(median(r["many"] for r in rounds), 2),
        "cores_busy_one_at_a_time": round(median(busy[1]), 2) if busy[1] else None,
        "cores_busy": round(median(busy[CONNECTIONS]), 2) if busy[CONNECTIONS] else None,
        "ratio": round(median(ratios), 3),
        "ratio_of_each_round": [round(ratio, 3) for ratio in ratios],
        "goal_ratio": GOAL_RATIO,
    }


def connect(server: Server) -> httpx.AsyncClient:
    """A client that keeps a connection for each of its tasks."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx.AsyncClient(base_url=server.address, timeout=600, limits=limits, verify=False)


async def send_all(server: Server, requests: list[dict[str, Any]], connections: int) -> list[tuple[int | str, Any]]:
    """Sends requests over so many connections; status and answer of each, in order."""
    answers: list[tuple[int | str, Any]] = [("lost", None)] * len(requests)
    waiting = iter(range(len(requests)))

    async def connection() -> None:
        for i in waiting:
            try:
                response = await client.post("/v1/compress", json=requests[i])
                answers[i] = (response.status_code, response.json())
            except httpx.HTTPError as error:
                answers[i] = (type(error).__name__, None)

    async with connect(server) as client:
        await asyncio.gather(*(connection() for _ in range(connections)))
    return answers


def parts_of(answer: Any) -> Any:
    """What two answers to one request must agree in."""
    return answer["text"], [(d["index"], d["spans"]) for d in answer["documents"]]


def scores_of(answer: Any) -> list[float]:
    """Scores in input order."""
    documents = sorted([*answer["documents"], *answer["dropped"]], key=lambda d: d["index"])
    return [d["score"] for d in documents]


async def term() -> dict[str, Any]:
    """Ends the service under load. Senders stop, as a load balancer would, when /ready says no."""
    requests = make_requests(2000)
    statuses: Counter[int | str] = Counter()
    waiting, stop = iter(requests), asyncio.Event()
    with serving("--no-cache", "--max-timeout", "600") as server:

        async def connection(client: httpx.AsyncClient) -> None:
            for request in waiting:
                if stop.is_set():
                    return
                try:
                    statuses[(await client.post("/v1/compress", json=request)).status_code] += 1
                except httpx.ConnectError:
                    statuses["refused"] += 1
                    return
                except httpx.HTTPError as error:
                    statuses[type(error).__name__] += 1

        async with connect(server) as client:
            senders = [asyncio.ensure_future(connection(client)) for _ in range(CONNECTIONS)]
            while sum(statuses.values()) < CONNECTIONS:
                await asyncio.sleep(0.05)
            before = sum(statuses.values())
            server.process.send_signal(signal.SIGTERM)
            begin = perf_counter()
            while (await client.get("/ready")).status_code == 200:
                await asyncio.sleep(0.01)
            stop.set()
            await asyncio.gather(*senders)
        code = await asyncio.to_thread(server.process.wait, 120)
        seconds = perf_counter() - begin
    return {
        "connections": CONNECTIONS,
        "answered_before": before,
        "answered_after": statuses[200] - before,
        "statuses": {str(status): n for status, n in statuses.items()},
        "lost": sum(n for status, n in statuses.items() if status not in (200, 429, "refused")),
        "exit_code": code,
        "seconds_to_end": round(seconds, 2),
    }


if __name__ == "__main__":
    main()
