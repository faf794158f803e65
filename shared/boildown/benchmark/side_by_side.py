"""The llmlingua package on the weights of a method of ours, for `boildown bench --llmlingua`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

__all__ = ["timed_package"]


def timed_package(
    model: str, device: str, rate: float, requests: Sequence[Sequence[str]], ours: Callable[[Sequence[str]], object]
) -> dict[str, Any]:
    """Times the package's LLMLingua-2 and ours in turn, one request after the other.

    The first one, which loads the model, is not counted.

    The package runs in its own way: in the precision that it loads, with the batches that it makes.

    Args:
        model: path or hub id.
        device: as `Compressor` takes it.
        rate: the share of the tokens to keep.
        requests: documents of each request.
        ours: does the same with our engine.

    Returns:
        Median and 95th percentile in milliseconds, and the times that it is slower than ours: the median of all
        requests, the least and the most.

    Raises:
        MissingExtraError: the package is not installed.
        ModelError: it cannot load the model, or fails on it.
    """
    import numpy as np

    from boildown.evaluation.baselines import LLMLinguaPackage
    from boildown.runtime.devices import pick_device

    package = LLMLinguaPackage(model, device=str(pick_device(device)))
    seconds: list[float] = []
    times: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for documents in requests:
            begin = perf_counter()
            package.compress("", documents, rate)
            middle = perf_counter()
            ours(documents)
            seconds.append(middle - begin)
            times.append((middle - begin) / (perf_counter() - middle))
    del seconds[0], times[0]
    return {
        "runs": len(seconds),
        "p50_ms": 1000 * median(seconds),
        "p95_ms": 1000 * float(np.quantile(seconds, 0.95)),
        "times_slower": {"median": median(times), "least": min(times), "most": max(times)},
    }
