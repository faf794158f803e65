"""Runs the fuzz targets on many inputs and prints how many, and what was found.

    python tests/fuzz                                  # 100,000 inputs, shared out over all targets
    python tests/fuzz --inputs 20000 selection facade  # some targets only
    python tests/fuzz --seed 7                         # other inputs
    python tests/fuzz --jobs 4                         # in so many processes
    python tests/fuzz --record FILE.json               # writes what was run, and goes on where the file stops

Targets take turns in rounds of a few hundred inputs, each with a seed of its own. A failure is printed with the
smallest input that hypothesis finds for it; put it into the target as an `@example`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, as_completed, wait
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from fuzz_run import run
from fuzz_targets import TARGETS

import boildown

_ROUND = 400
"""Inputs of one target at a time, if it has a whole share; new seeds are more varied than long runs."""
_PACKAGES = ("hypothesis", "numpy", "torch", "tokenizers", "langchain-core", "llama-index-core")


def main() -> int:
    """Returns the number of targets that failed."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--inputs", type=int, default=100_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--record", type=Path, help="a JSON file; a run that was broken off goes on from it")
    arguments = parser.parse_args()
    unknown = set(arguments.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    record = _begun(arguments.record, arguments.seed, arguments.inputs)
    names = [name for name in arguments.targets or TARGETS if name not in _failed(record)]
    begin, before = time.perf_counter(), record["seconds"]
    for name, ran, finding in _run_all(names, record, arguments.jobs):
        record["inputs_by_target"][name] = record["inputs_by_target"].get(name, 0) + ran
        record["seconds"] = round(before + time.perf_counter() - begin, 1)
        if finding is not None:
            record["findings"].append({"target": name, "found": finding})
        if arguments.record is not None:
            arguments.record.write_text(json.dumps(_finished(record), indent=1) + "\n", encoding="utf-8")
    for name, count in record["inputs_by_target"].items():
        print(f"{name:>20}: {count:>7,} inputs{'  FAILED' if name in _failed(record) else ''}")
    total = sum(record["inputs_by_target"].values())
    print(f"{'all':>20}: {total:>7,} inputs in {record['seconds']:,} s, {len(_failed(record))} targets failed")
    return len(_failed(record))


def _begun(path: Path | None, seed_: int, inputs: int) -> dict[str, Any]:
    """The record of a run: a new one, or what its file holds."""
    if path is not None and path.is_file():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if (found["seed"], found["inputs_asked"], found["boildown"]) == (seed_, inputs, boildown.__version__):
            return found
    return {
        "command": f"python tests/fuzz --inputs {inputs} --seed {seed_} --record FILE.json",
        "boildown": boildown.__version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "seed": seed_,
        "inputs_asked": inputs,
        "inputs": 0,
        "inputs_by_area": {},
        "inputs_by_target": {},
        "seconds": 0.0,
        "findings": [],
    }


def _finished(record: dict[str, Any]) -> dict[str, Any]:
    """The record with its sums."""
    areas: Counter[str] = Counter()
    for name, count in record["inputs_by_target"].items():
        areas[TARGETS[name].area] += count
    return {**record, "inputs": areas.total(), "inputs_by_area": dict(areas)}


def _failed(record: dict[str, Any]) -> set[str]:
    return {finding["target"] for finding in record["findings"]}


def _run_all(names: list[str], record: dict[str, Any], jobs: int) -> Iterator[tuple[str, int, str | None]]:
    """Runs all rounds; gives each one's target, inputs, and failure. A target that failed takes no more turns."""
    rounds = _rounds(names, record["inputs_asked"], Counter(record["inputs_by_target"]))
    numbered = ((name, record["seed"] * 1_000_003 + first, count) for name, first, count in rounds)
    if jobs == 1:
        yield from (run(*one) for one in numbered if one[0] not in _failed(record))
        return
    for module in ("langchain_boildown", "llama_index.postprocessor.boildown"):
        import_module(module)  # once for all of them, and without a model, whose threads no process could inherit
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        running: set[Future[tuple[str, int, str | None]]] = set()
        for one in numbered:
            if one[0] not in _failed(record):
                running.add(pool.submit(run, *one))
            if len(running) > jobs:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in as_completed(running))


def _rounds(names: list[str], inputs: int, done: Counter[str]) -> Iterator[tuple[str, int, int]]:
    """Targets with the number of the first input of a round, and how many there are in it."""
    shares = sum(TARGETS[name].share for name in names)
    wanted = {name: -(-inputs * TARGETS[name].share // shares) for name in names}
    first = {name: done[name] for name in names}
    while names := [name for name in names if first[name] < wanted[name]]:
        for name in names:
            count = int(min(_ROUND * TARGETS[name].share, wanted[name] - first[name]))
            yield name, first[name], count
            first[name] += count


if __name__ == "__main__":
    sys.exit(main())
