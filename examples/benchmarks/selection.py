"""How long selection and assembly take: the part of a call that is not the model's.

    python examples/benchmarks/selection.py                  # prints, and writes results/selection.json
    python examples/benchmarks/selection.py --profile        # where the time goes at 20 documents

Documents of 150 tokens are made from a fixed vocabulary, and scored at random, so that only the cut is measured: from
scores to text, spans and counts. Splitting into sentences happens before, once for a call, and is reported apart.
Times are processor time of one core, in milliseconds, so that a busy machine matters less; the median and the
best of several runs.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

import boildown
from boildown import Budget, Scores
from boildown.benchmark.texts import TOKENS_EACH, made_of_words
from boildown.counters import resolve_counter
from boildown.select.cut import cut
from boildown.select.plan import Plan
from boildown.sources import Sources

RESULTS = Path(__file__).parent / "results" / "selection.json"
GOAL_MS = 3.0  # for 20 documents
SIZES = (20, 200, 2_000, 10_000)


def main() -> None:
    """Measures every size and plan, prints a line for each, and writes them all."""
    parser = argparse.ArgumentParser(description="Times selection and assembly.")
    parser.add_argument("--profile", action="store_true", help="profile 20 documents instead")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    if args.profile:
        profile()
        return
    rows = []
    for unit, size in product(("sentence", "word"), SIZES):
        row = measure(size, unit)
        rows.append(row)
        print(
            f"{row['documents']:>6} documents, {row['unit']}s: cut {row['cut_ms']:.2f} ms "
            f"(best {row['cut_best_ms']:.2f}), {row['cut_us_per_document']:.1f} us a document; "
            f"split {row['split_ms']:.1f} ms",
            flush=True,
        )
    report = {
        "boildown": boildown.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "counter": resolve_counter(None).name,
        "budget": "rate=0.25",
        "tokens_per_document": TOKENS_EACH,
        "goal_ms_at_20_documents": GOAL_MS,
        "rows": rows,
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out}")


def measure(size: int, unit: str) -> dict[str, Any]:
    """Times one cut of `size` documents at a quarter of their tokens."""
    texts = made_of_words(size)
    plan = Plan(unit="word" if unit == "word" else "sentence")
    split_ms = min(timed(lambda: split(texts), 3))
    sources = split(texts)
    scores = make_scores(sources)
    budget = Budget(rate=0.25)
    result = cut(sources, scores, budget, plan)
    assert result.tokens_out <= 0.25 * result.tokens_in
    times = timed(lambda: cut(sources, scores, budget, plan), max(3, 2_000 // size))
    return {
        "documents": size,
        "unit": unit,
        "tokens_in": result.tokens_in,
        "tokens_out": result.tokens_out,
        "sentences": len(sources.sentences),
        "cut_ms": round(median(times), 3),
        "cut_best_ms": round(min(times), 3),
        "cut_us_per_document": round(1000 * median(times) / size, 2),
        "split_ms": round(split_ms, 3),
    }


def split(texts: list[str]) -> Sources:
    """Documents with their sentences and words, which a method has asked for before the cut."""
    sources = Sources(texts)
    _ = sources.sentences, sources.words
    return sources


def make_scores(sources: Sources, seed: int = 0) -> Scores:
    """Random scores for documents and sentences."""
    source = np.random.default_rng(seed)
    return Scores(relevance=source.random(len(sources)), sentences=source.random(len(sources.sentences)))


def timed(run: Callable[[], object], times: int) -> list[float]:
    """Milliseconds of each of several runs, after one that does not count."""
    run()
    taken = []
    for _ in range(times):
        start = process_time()
        run()
        taken.append(1000 * (process_time() - start))
    return taken


def profile() -> None:
    """Prints where the time goes."""
    sources = split(made_of_words(20))
    scores = make_scores(sources)
    for unit in ("sentence", "word"):
        plan = Plan(unit="word" if unit == "word" else "sentence")
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(200):
            cut(sources, scores, Budget(rate=0.25), plan)
        profiler.disable()
        print(f"200 cuts of 20 documents by {unit}s")
        pstats.Stats(profiler).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
