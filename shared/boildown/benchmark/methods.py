"""Methods by the time they take for a request, one after the other, and the time to a new process's first result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boildown.benchmark.machine import cold_start, in_words, machine
from boildown.benchmark.made_up import QUESTION, made_up_documents
from boildown.pairs import read_method

if TYPE_CHECKING:
    from boildown.compressor import Compressor

__all__ = ["methods_report", "time_methods", "timed"]

_RATE = 0.25


def time_methods(
    methods: Sequence[str],
    *,
    documents: int,
    tokens: int,
    runs: int,
    starts: int,
    device: str,
    dtype: str,
    llmlingua: bool,
) -> dict[str, Any]:
    """Times methods on made-up English.

    Args:
        methods: each NAME or NAME=MODEL.
        documents, tokens: of a request, and of a document, about.
        runs: requests that are measured.
        starts: processes started for the first result.
        device, dtype: as `boildown.Compressor` takes them.
        llmlingua: whether the llmlingua package runs beside llmlingua2 methods.

    Returns:
        The machine, the cold start in seconds, and for each method what `timed` gives.

    Raises:
        BoildownError: a method or its model cannot be used.
    """
    from boildown.benchmark.side_by_side import timed_package
    from boildown.budget import Budget
    from boildown.compressor import Compressor
    from boildown.counters import resolve_counter

    count = resolve_counter(None).count
    compressors = {}
    for entry in methods:
        method, model = read_method(entry)
        compressors[entry] = Compressor(method, model=model, device=device, dtype=dtype, cache=False)
    requests = [made_up_documents(documents * tokens, tokens, count, i) for i in range(runs + 1)]
    cold = [cold_start(device, QUESTION, requests[0][:2]) for _ in range(starts)]
    found: dict[str, Any] = {"machine": machine(device, dtype)}
    if cold:
        found["cold_start"] = {key: median(start[key] for start in cold) for key in cold[0]}
    found["methods"] = [{"method": name, **timed(c, QUESTION, requests)} for name, c in compressors.items()]
    for entry in found["methods"] if llmlingua else ():
        method, model = read_method(entry["method"])
        if method == "llmlingua2" and model:
            ours = partial(compressors[entry["method"]].compress, QUESTION, budget=Budget(rate=_RATE))
            entry["llmlingua"] = timed_package(model, device, _RATE, requests, ours)
    return found


def timed(compressor: Compressor, query: str, requests: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Times a request after the other; the first one is not counted.

    Args:
        compressor: what is measured, without a score cache.
        query: the question.
        requests: documents of each request.

    Returns:
        Medians and 95th percentiles in milliseconds, tokens a second at the median, and the share of the time that is
        not the model's (tokenising, choosing, assembling).
    """
    import numpy as np

    from boildown.budget import Budget

    budget = Budget(rate=_RATE)
    compressor.compress(query, requests[0], budget)
    seconds, model, tokens = [], [], []
    for documents in requests[1:]:
        begin = perf_counter()
        result = compressor.compress(query, documents, budget)
        seconds.append(perf_counter() - begin)
        model.append(result.seconds["model"])
        tokens.append(result.tokens_in)
    return {
        "documents": len(requests[0]),
        "tokens": median(tokens),
        "runs": len(seconds),
        "p50_ms": 1000 * median(seconds),
        "p95_ms": 1000 * float(np.quantile(seconds, 0.95)),
        "tokens_per_second": median(tokens) / median(seconds),
        "outside_model": 1 - median(m / s for m, s in zip(model, seconds, strict=True)),
    }


def methods_report(found: Mapping[str, Any]) -> str:
    """What `time_methods` found, as lines and a table."""
    from boildown.tables import table

    lines = [in_words(found["machine"])]
    if "cold_start" in found:
        start = found["cold_start"]
        lines.append(
            f"a new process: {start['first_result_seconds']:.2f} s to the first result of the bundled model, of which "
            f"{start['import_seconds']:.2f} s for `import boildown`"
        )
    rows = [("method", "documents", "tokens", "p50 ms", "p95 ms", "tokens/s", "outside the model")]
    for entry in found["methods"]:
        rows.append(
            (
                entry["method"],
                str(entry["documents"]),
                f"{entry['tokens']:,.0f}",
                f"{entry['p50_ms']:,.1f}",
                f"{entry['p95_ms']:,.1f}",
                f"{entry['tokens_per_second']:,.0f}",
                f"{entry['outside_model']:.1%}",
            )
        )
        if "llmlingua" in entry:
            package = entry["llmlingua"]
            cells = ("", "", f"{package['p50_ms']:,.1f}", f"{package['p95_ms']:,.1f}")
            rows.append(("the llmlingua package", *cells, f"{1000 * entry['tokens'] / package['p50_ms']:,.0f}", ""))
            times = package["times_slower"]
            lines.append(
                f"the llmlingua package on {entry['method']}: {times['median']:.1f} times slower, each in turn "
                f"({times['least']:.1f} to {times['most']:.1f})"
            )
    return "\n".join(lines) + "\n\n" + table(rows)
