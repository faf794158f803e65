"""How long a call takes whose documents have all been read before: LLMLingua-2 over cached chunks."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

import boildown
from boildown.benchmark.machine import machine
from boildown.benchmark.models import save_model
from boildown.benchmark.rows import Task
from boildown.benchmark.texts import made_of_words
from boildown.cache import ScoreCache
from boildown.errors import BoildownError

__all__ = ["cached"]

_CALLS = 60
"""Of each round."""
_MODEL = {
    "kind": "bert",
    "vocab_size": 2000,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def cached(task: Task) -> dict[str, Any]:
    """Times the whole call for each place a score may be kept in, and each unit of the cut.

    The model runs once, to fill the cache, and then no more. Times are in milliseconds of wall clock, and those of the
    processor where the name says so.
    """
    documents = made_of_words(len(task.lengths))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_model(_MODEL, documents, folder / "model")
        places = [(place, unit) for place in ("memory", "file") for unit in ("word", "sentence")]
        rows = [_row(task, folder, documents, place, unit) for place, unit in places]
    return {
        "boildown": boildown.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "measured_on": machine(task.device),
        "documents": len(documents),
        "tokens": rows[0]["tokens_in"],
        "goal_ms": task.row.goals["p50_ms"],
        "rows": rows,
    }


def _row(task: Task, folder: Path, documents: list[str], place: str, unit: str) -> dict[str, Any]:
    """Scores come from the memory, or, with no memory to speak of, from the file."""
    cache = ScoreCache() if place == "memory" else ScoreCache(memory=0, path=folder / f"{unit}.db")
    compressor = boildown.Compressor(
        "llmlingua2",
        model=str(folder / "model"),
        device=task.device,
        unit="word" if unit == "word" else "sentence",
        cache=cache,
    )
    budget = boildown.Budget(rate=0.5)
    compressor.compress("", documents, budget)
    wall, processor = [], []
    for _ in range(_CALLS * task.repeat):
        begin, worked = perf_counter(), process_time()
        result = compressor.compress("", documents, budget)
        wall.append(1000 * (perf_counter() - begin))
        processor.append(1000 * (process_time() - worked))
        if result.cached != len(documents):
            raise BoildownError(f"{len(documents) - result.cached} documents were not in the cache.")
    return {
        "place": place,
        "unit": unit,
        "tokens_in": result.tokens_in,
        "p50_ms": round(median(wall), 3),
        "p95_ms": round(quantiles(wall, n=20)[-1], 3),
        "best_ms": round(min(wall), 3),
        "processor_p50_ms": round(median(processor), 3),
    }
