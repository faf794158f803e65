"""The llmlingua package on the weights of a method of ours, for `boildown bench --llmlingua`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

from boildown.errors import MissingExtraError, ModelError

__all__ = ["timed_package"]


def timed_package(
    model: str, device: str, rate: float, requests: Sequence[Sequence[str]], ours: Callable[[Sequence[str]], object]
) -> dict[str, Any]:
    """Times the package's LLMLingua-2 and ours in turn, one request after the other; the first one is not counted.

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

    seconds: list[float] = []
    times: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compress = _load(model, device)
        for documents in requests:
            begin = perf_counter()
            try:
                compress(list(documents), rate=rate)
            except Exception as error:
                raise _failed(model, error) from error
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


def _load(model: str, device: str) -> Callable[..., Any]:
    try:
        from llmlingua import PromptCompressor
    except ImportError:
        raise MissingExtraError("llmlingua", "llmlingua", "The llmlingua package") from None
    from boildown.runtime.devices import pick_device

    where = str(pick_device(device))
    try:
        compressor = PromptCompressor(
            model, device_map=where, use_llmlingua2=True, model_config={"trust_remote_code": False}
        )
    except Exception as error:
        raise _failed(model, error) from error
    compress: Callable[..., Any] = compressor.compress_prompt
    return compress


def _failed(model: str, error: Exception) -> ModelError:
    return ModelError(f"The llmlingua package fails on {model}: {type(error).__name__}: {error}")
