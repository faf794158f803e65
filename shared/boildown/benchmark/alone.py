"""Measurements of the bundled model by itself."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import boildown
from boildown.benchmark.machine import cold_start, machine
from boildown.benchmark.made_up import made_up_documents
from boildown.benchmark.methods import timed
from boildown.benchmark.products import Products
from boildown.benchmark.rows import Task
from boildown.benchmark.texts import QUESTION, cut_documents
from boildown.methods.prune import bundled_folder
from boildown.runtime.devices import pick_device

__all__ = ["bundled", "cold", "int8", "linear"]

_BUNDLED = Path(bundled_folder())
_REQUESTS = 6
"""Of each round."""


def bundled(task: Task) -> dict[str, Any]:
    """A request after the other; handbook text, no two runs alike. Of each its matrix products by themselves too."""
    compressor = boildown.Compressor(device=task.device, cache=False)
    requests = _requests(task)
    found = {"machine": machine(task.device), **timed(compressor, QUESTION, requests)}
    products, seconds = Products(pick_device(task.device)), []
    for documents in requests[1:]:
        with products.noted():
            compressor.compress(QUESTION, documents, boildown.Budget(rate=0.25))
        seconds.append(products.seconds() or 0.0)
    return {**found, "products_p50_ms": 1000 * median(seconds)}


def int8(task: Task) -> dict[str, Any]:
    """The bundled model in int8 beside fp32 and what "auto" takes; all get every request in turn.

    A token's decision is whether its keep logit is above the median of its request; it is flipped where fp32 decides
    otherwise.
    """
    import numpy as np

    from boildown.runtime.reader import load_reader

    dtypes = ("float32", "auto", "int8")
    compressors = {dtype: boildown.Compressor(device=task.device, dtype=dtype, cache=False) for dtype in dtypes}
    seconds: dict[str, list[float]] = {dtype: [] for dtype in dtypes}
    flips: dict[str, list[float]] = {"auto": [], "int8": []}
    for i, texts in enumerate(_requests(task)):
        for dtype, compressor in compressors.items():
            begin = perf_counter()
            compressor.compress(QUESTION, texts, boildown.Budget(rate=0.5))
            if i:  # the first of each loads and warms up
                seconds[dtype].append(perf_counter() - begin)
        if i % _REQUESTS == 0:
            readers = {dtype: load_reader(_BUNDLED, task.device, dtype) for dtype in dtypes}
            queries, titles = [QUESTION] * len(texts), [""] * len(texts)
            keep = {dtype: reader.read(queries, texts, titles).keep for dtype, reader in readers.items()}
            kept = {dtype: values > np.median(values) for dtype, values in keep.items()}
            for dtype, rates in flips.items():
                rates.append(float((kept[dtype] != kept["float32"]).mean()))
    return {
        "machine": machine(task.device, "int8"),
        **{f"p50_ms_{dtype}": 1000 * median(seconds[dtype]) for dtype in dtypes},
        **{
            f"int8_times_{dtype}": median(a / b for a, b in zip(seconds[dtype], seconds["int8"], strict=True))
            for dtype in ("float32", "auto")
        },
        **{f"flips_{dtype}": float(np.mean(rates)) for dtype, rates in flips.items()},
    }


def linear(task: Task) -> dict[str, Any]:
    """Milliseconds a document, of requests from ten documents to ten thousand."""
    from boildown.counters import resolve_counter

    sizes = (10, 20, 40) if task.tiny else (10, 100, 1000, 10_000)
    tokens = task.lengths[0]
    count = resolve_counter(None).count
    compressor = boildown.Compressor(device=task.device, cache=False)
    each: dict[int, list[float]] = {size: [] for size in sizes}
    budget = boildown.Budget(rate=0.25)
    compressor.compress(QUESTION, made_up_documents(10 * tokens, tokens, count, 0), budget)
    for i in range(task.repeat):
        # As many documents at every size, so that short requests are as well measured as long ones.
        for size in sizes if i == 0 else sizes[:-1]:
            for j in range(max(sizes[-2] // size, 1)):
                texts = made_up_documents(size * tokens, tokens, count, 1000 * i + j)
                begin = perf_counter()
                compressor.compress(QUESTION, texts, budget)
                each[size].append(1000 * (perf_counter() - begin) / len(texts))
    per_document = {size: median(values) for size, values in each.items()}
    middle = median(per_document.values())
    return {
        "machine": machine(task.device),
        "ms_per_document": per_document,
        **{f"ms_per_document_{size}": value for size, value in per_document.items()},
        "worst_deviation": max(abs(value / middle - 1) for value in per_document.values()),
    }


def cold(task: Task) -> dict[str, Any]:
    """From the start of a process to the first result of the bundled model."""
    texts = cut_documents(_BUNDLED, task.lengths)
    starts = [cold_start(task.device, QUESTION, texts) for _ in range(task.repeat)]
    return {"machine": machine(task.device), **{key: median(start[key] for start in starts) for key in starts[0]}}


def _requests(task: Task) -> list[list[str]]:
    size = sum(task.lengths)
    return [cut_documents(_BUNDLED, task.lengths, i * size) for i in range(_REQUESTS * task.repeat + 1)]
