"""How much of the hardware's rate an encoder's forward reaches."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

from boildown.benchmark.machine import machine
from boildown.benchmark.products import Products, finish
from boildown.benchmark.rows import Task
from boildown.benchmark.texts import cut_documents

__all__ = ["gemm"]


def gemm(task: Task) -> dict[str, Any]:
    """The share of the rate of its own matrix products alone that the whole forward reaches.

    Products and forwards take turns. Attention's products count as work done, at the forward's rate.
    """
    import numpy as np
    from tokenizers import Tokenizer

    from boildown.runtime.devices import pick_device, pick_dtype
    from boildown.runtime.encoder import Encoder
    from boildown.runtime.scheduler import running

    where = pick_device(task.device)
    encoder = Encoder.load(task.folder, where, pick_dtype("auto", where))
    tokenizer = Tokenizer.from_file(str(task.folder / "tokenizer.json"))
    texts = cut_documents(task.folder, task.lengths)
    ids = [np.array(e.ids, dtype=np.int64) for e in tokenizer.encode_batch(texts)]
    lengths = np.array([len(row) for row in ids])
    attention = 4 * encoder.config["num_hidden_layers"] * encoder.config["hidden_size"] * int((lengths**2).sum())

    def forward() -> float:
        begin = perf_counter()
        encoder.hidden(ids)
        finish(where)
        return perf_counter() - begin

    products = Products(where)
    with products.noted():
        forward()
    linear = products.operations
    products.seconds()
    rates, forwards = [], []
    for _ in range(task.repeat):
        rates.append(linear / (products.seconds() or 1) / 1e9)
        forwards.append(forward())
    seconds = median(forwards)
    return {
        "machine": machine(task.device),
        "tokens": int(lengths.sum()),
        "workers": running()[str(where)].stats.workers,
        "seconds": seconds,
        "gemm_gflops": median(rates),
        "forward_gflops": (linear + attention) / seconds / 1e9,
        "share": median((linear + attention) / s / 1e9 / rate for s, rate in zip(forwards, rates, strict=True)),
        "share_of_linear_layers_alone": median(
            linear / s / 1e9 / rate for s, rate in zip(forwards, rates, strict=True)
        ),
    }
