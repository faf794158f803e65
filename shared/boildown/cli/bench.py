"""`boildown bench`: how fast the methods are on this machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boildown.cli.made_up import QUESTION, made_up_documents

if TYPE_CHECKING:
    from boildown.compressor import Compressor

__all__ = ["add_arguments", "cold_start", "machine", "run", "timed"]

_EXAMPLES = """\
examples:
  boildown bench
  boildown bench --method prune --method bm25 --documents 100
  boildown bench --method llmlingua2=path/to/model --device cuda --json
  boildown bench --method llmlingua2=path/to/model --llmlingua

Documents are made-up English, and no two are alike. Each run scores them anew, one request at a time; the first, which
loads the model, is not counted. For steady numbers, let nothing else run.

It prints the time of a new process to its first result, and a table of the methods' times. All tables of the page that
compares boildown are made by the scripts in examples/benchmarks/ of the repository, which are not installed.
"""
_RATE = 0.25
_FIRST_RESULT = """
import time
begin = time.perf_counter()
import boildown
seconds = time.perf_counter() - begin
compressor = boildown.Compressor(device={device!r}, cache=False)
compressor.compress({query!r}, {documents!r}, boildown.Budget(rate=0.5))
print(seconds, flush=True)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown bench`."""
    parser.description = "Measures the time from the start of a process to its first result, and that of later ones."
    parser.epilog = _EXAMPLES
    add = parser.add_argument
    add(
        "--method",
        action="append",
        metavar="NAME[=MODEL]",
        help="a method, with the path or hub id of its model if it needs one; may be repeated (default: prune)",
    )
    add("--documents", type=int, default=20, metavar="N", help="documents of a request (default: 20)")
    add("--tokens", type=int, default=150, metavar="N", help="tokens of a document, about (default: 150)")
    add("--runs", type=int, default=30, metavar="N", help="requests that are measured (default: 30)")
    add("--starts", type=int, default=3, metavar="N", help="processes started for the first result (default: 3)")
    add("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    add("--dtype", default="auto", help="auto, float32, bfloat16, float16, int8 (default: auto)")
    add("--llmlingua", action="store_true", help="also run the llmlingua package on the weights of llmlingua2 methods")
    add("--json", action="store_true", help="print JSON instead of tables")


def run(args: argparse.Namespace) -> int:
    """Measures, and prints what was found.

    Raises:
        BoildownError: an argument is out of range, or a model cannot be loaded.
    """
    from boildown.budget import Budget
    from boildown.cli.side_by_side import timed_package
    from boildown.compressor import Compressor
    from boildown.counters import resolve_counter
    from boildown.errors import ConfigurationError
    from boildown.methods.registry import DEFAULT_METHOD

    if args.llmlingua and not any(entry.startswith("llmlingua2=") for entry in args.method or ()):
        raise ConfigurationError(
            "--llmlingua goes with --method llmlingua2=MODEL: the package is timed beside no other."
        )
    for name, least in (("documents", 1), ("tokens", 20), ("runs", 1), ("starts", 0)):
        if getattr(args, name) < least:
            raise ConfigurationError(f"--{name} must be at least {least}, not {getattr(args, name)}.")
    count = resolve_counter(None).count
    compressors = {}
    for entry in args.method or [DEFAULT_METHOD]:
        method, _, model = entry.partition("=")
        compressors[entry] = Compressor(method, model=model or None, device=args.device, dtype=args.dtype, cache=False)
    requests = [made_up_documents(args.documents * args.tokens, args.tokens, count, i) for i in range(args.runs + 1)]
    starts = [cold_start(args.device, requests[0][:2]) for _ in range(args.starts)]
    found: dict[str, Any] = {"machine": machine(args.device, args.dtype)}
    if starts:
        found["cold_start"] = {
            "import_seconds": median(start["import_seconds"] for start in starts),
            "first_result_seconds": median(start["first_result_seconds"] for start in starts),
        }
    found["methods"] = [{"method": name, **timed(c, QUESTION, requests)} for name, c in compressors.items()]
    for entry in found["methods"] if args.llmlingua else ():
        method, _, model = entry["method"].partition("=")
        if method == "llmlingua2":
            ours = partial(compressors[entry["method"]].compress, QUESTION, budget=Budget(rate=_RATE))
            entry["llmlingua"] = timed_package(model, args.device, _RATE, requests, ours)
    print(json.dumps(found, indent=1) if args.json else _report(found))
    return 0


def machine(device: str = "auto", dtype: str = "auto") -> dict[str, Any]:
    """Hardware and versions that the numbers hold for."""
    import torch

    from boildown import __version__
    from boildown.runtime.devices import pick_device, pick_dtype

    where = pick_device(device)
    on_gpu = where.type == "cuda"
    return {
        "processor": torch.cuda.get_device_name(where) if on_gpu else _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(where),
        "dtype": str(pick_dtype(dtype, where)).removeprefix("torch."),
        "boildown": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }


def cold_start(device: str, documents: Sequence[str]) -> dict[str, float]:
    """Seconds of a new process, of the bundled model.

    Returns:
        "import_seconds" for `import boildown` alone, and "first_result_seconds" from the start of the process to the
        first result.

    Raises:
        ConfigurationError: the process failed.
    """
    from boildown.errors import ConfigurationError

    code = _FIRST_RESULT.format(device=device, query=QUESTION, documents=list(documents))
    begin = perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = perf_counter() - begin
        _, errors = process.communicate()
    if process.returncode or not line:
        raise ConfigurationError(f"A new process gave no result: {errors.strip()[-500:]}")
    return {"import_seconds": float(line), "first_result_seconds": seconds}


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


def _report(found: Mapping[str, Any]) -> str:
    from boildown.cli.tables import table

    here = found["machine"]
    lines = [
        f"{here['processor']}, {here['cores']} cores, {here['threads']} threads; {here['device']}, {here['dtype']}",
        f"boildown {here['boildown']}, torch {here['torch']}, Python {here['python']}, {here['system']}",
    ]
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


def _processor() -> str:
    """The CPU's name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
