"""Measurements of boildown by itself."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from speed_models import cut_documents

import boildown
from boildown import Budget, Compressor
from boildown.cli.bench import cold_start, machine, timed
from boildown.cli.made_up import made_up_documents

__all__ = ["TASKS"]

QUESTION = "How many days of notice does a member have to give?"
BUNDLED = Path(boildown.__file__).parent / "assets" / "prune-minilm"
Found = dict[str, Any]


def bundled(folder: Path, device: str, documents: int, tokens: int, repeat: int, tiny: bool) -> Found:
    """A request after the other; handbook text, no two runs alike."""
    runs = 6 * repeat + 1
    requests = [cut_documents(BUNDLED, documents, tokens, i * documents) for i in range(runs)]
    found = timed(Compressor(device=device, cache=False), QUESTION, requests)
    return {"machine": machine(device), **found}


def int8(folder: Path, device: str, documents: int, tokens: int, repeat: int, tiny: bool) -> Found:
    """The bundled model in int8 beside fp32 and what "auto" takes; all get every request in turn.

    A token's decision is whether its keep logit is above the median of its request; it is flipped where fp32 decides
    otherwise.
    """
    import numpy as np

    from boildown.runtime.reader import load_reader

    dtypes = ("float32", "auto", "int8")
    requests = [cut_documents(BUNDLED, documents, tokens, i * documents) for i in range(6 * repeat + 1)]
    compressors = {dtype: Compressor(device=device, dtype=dtype, cache=False) for dtype in dtypes}
    seconds: dict[str, list[float]] = {dtype: [] for dtype in dtypes}
    flips: dict[str, list[float]] = {"auto": [], "int8": []}
    for i, texts in enumerate(requests):
        for dtype, compressor in compressors.items():
            begin = perf_counter()
            compressor.compress(QUESTION, texts, Budget(rate=0.5))
            if i:  # the first of each loads and warms up
                seconds[dtype].append(perf_counter() - begin)
        if i % 6 == 0:
            keep = {t: load_reader(BUNDLED, device, t).read(QUESTION, texts, [""] * len(texts)).keep for t in dtypes}
            kept = {dtype: values > np.median(values) for dtype, values in keep.items()}
            for dtype, rates in flips.items():
                rates.append(float((kept[dtype] != kept["float32"]).mean()))
    return {
        "machine": machine(device, "int8"),
        **{f"p50_ms_{dtype}": 1000 * median(seconds[dtype]) for dtype in dtypes},
        **{
            f"int8_times_{dtype}": median(a / b for a, b in zip(seconds[dtype], seconds["int8"], strict=True))
            for dtype in ("float32", "auto")
        },
        **{f"flips_{dtype}": float(np.mean(rates)) for dtype, rates in flips.items()},
    }


def gemm(folder: Path, device: str, documents: int, tokens: int, repeat: int, tiny: bool) -> Found:
    """The share of the rate of its own matrix products alone that the whole forward reaches.

    Products and forwards take turns. Attention's products count as work done, at the forward's rate.
    """
    import numpy as np
    import torch
    from tokenizers import Tokenizer

    from boildown.runtime.devices import pick_device, pick_dtype
    from boildown.runtime.encoder import Encoder
    from boildown.runtime.linear import Linear
    from boildown.runtime.scheduler import running

    where = pick_device(device)
    dtype = pick_dtype("auto", where)
    encoder = Encoder.load(folder, where, dtype)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = cut_documents(folder, documents, tokens)
    ids = [np.array(e.ids, dtype=np.int64) for e in tokenizer.encode_batch(texts)]
    config = encoder.config
    width, wide, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    lengths = np.array([len(row) for row in ids])
    linear = 2 * layers * (4 * width * width + 2 * width * wide) * int(lengths.sum())
    attention = 4 * layers * width * int((lengths**2).sum())
    shapes = [(width, 3 * width), (width, width), (width, wide), (wide, width)]
    products = [Linear(torch.randn(n, k, dtype=dtype, device=where), None) for k, n in shapes]
    rows = 800 if where.type == "cpu" else 32_768
    inputs = {k: torch.randn(rows, k, dtype=dtype, device=where) for k in {k for k, _ in shapes}}
    once = 2 * rows * sum(k * n for k, n in shapes)
    times = max(1, round(linear / once / 2))

    def multiply() -> None:
        with torch.inference_mode():
            for _ in range(times):
                for (k, _), product in zip(shapes, products, strict=True):
                    product(inputs[k])

    def synchronized(function: Callable[[], Any]) -> float:
        begin = perf_counter()
        function()
        if where.type == "cuda":
            torch.cuda.synchronize(where)
        return perf_counter() - begin

    synchronized(lambda: encoder.hidden(ids))
    workers = running()[str(where)].stats.workers
    threads = max(torch.get_num_threads() // workers, 1)

    def all_workers() -> None:
        """As the scheduler has it: several threads side by side, each with its share of the cores."""
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
            for done in [pool.submit(multiply) for _ in range(workers)]:
                done.result()

    synchronized(all_workers)
    rates, forwards = [], []
    for _ in range(repeat):
        rates.append(workers * times * once / synchronized(all_workers) / 1e9)
        forwards.append(synchronized(lambda: encoder.hidden(ids)))
    seconds = median(forwards)
    return {
        "machine": machine(device),
        "tokens": int(lengths.sum()),
        "workers": workers,
        "seconds": seconds,
        "gemm_gflops": median(rates),
        "forward_gflops": (linear + attention) / seconds / 1e9,
        "share": median((linear + attention) / s / 1e9 / rate for s, rate in zip(forwards, rates, strict=True)),
        "share_of_linear_layers_alone": median(
            linear / s / 1e9 / rate for s, rate in zip(forwards, rates, strict=True)
        ),
    }


def linear(folder: Path, device: str, documents: int, tokens: int, repeat: int, tiny: bool) -> Found:
    """Milliseconds a document, of requests from ten documents to ten thousand."""
    from boildown.counters import resolve_counter

    sizes = (10, 20, 40) if tiny else (10, 100, 1000, 10_000)
    count = resolve_counter(None).count
    compressor = Compressor(device=device, cache=False)
    each: dict[int, list[float]] = {size: [] for size in sizes}
    compressor.compress(QUESTION, made_up_documents(10 * tokens, tokens, count, 0), Budget(rate=0.25))
    for i in range(repeat):
        # As many documents at every size, so that short requests are as well measured as long ones.
        for size in sizes if i == 0 else sizes[:-1]:
            for j in range(max(sizes[-2] // size, 1)):
                texts = made_up_documents(size * tokens, tokens, count, 1000 * i + j)
                begin = perf_counter()
                compressor.compress(QUESTION, texts, Budget(rate=0.25))
                each[size].append(1000 * (perf_counter() - begin) / len(texts))
    per_document = {size: median(values) for size, values in each.items()}
    middle = median(per_document.values())
    return {
        "machine": machine(device),
        "ms_per_document": per_document,
        **{f"ms_per_document_{size}": value for size, value in per_document.items()},
        "worst_deviation": max(abs(value / middle - 1) for value in per_document.values()),
    }


def cold(folder: Path, device: str, documents: int, tokens: int, repeat: int, tiny: bool) -> Found:
    """From the start of a process to the first result of the bundled model."""
    texts = cut_documents(BUNDLED, 2, 40)
    starts = [cold_start(device, texts) for _ in range(repeat)]
    return {
        "machine": machine(device),
        **{key: median(start[key] for start in starts) for key in ("import_seconds", "first_result_seconds")},
    }


TASKS: dict[str, Callable[[Path, str, int, int, int, bool], Found]] = {
    "bundled": bundled,
    "int8": int8,
    "gemm": gemm,
    "linear": linear,
    "cold": cold,
}
