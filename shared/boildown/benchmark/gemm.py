"""How much of the hardware's rate an encoder's forward reaches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter
from typing import Any

from boildown.benchmark.machine import machine
from boildown.benchmark.rows import Task
from boildown.benchmark.texts import cut_documents

__all__ = ["gemm"]


def gemm(task: Task) -> dict[str, Any]:
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

    where = pick_device(task.device)
    dtype = pick_dtype("auto", where)
    encoder = Encoder.load(task.folder, where, dtype)
    tokenizer = Tokenizer.from_file(str(task.folder / "tokenizer.json"))
    texts = cut_documents(task.folder, task.lengths)
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
    for _ in range(task.repeat):
        rates.append(workers * times * once / synchronized(all_workers) / 1e9)
        forwards.append(synchronized(lambda: encoder.hidden(ids)))
    seconds = median(forwards)
    return {
        "machine": machine(task.device),
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
