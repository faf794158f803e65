"""Systems that take turns in one process, and the memory of each."""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from boildown.benchmark.machine import machine
from boildown.benchmark.products import Products
from boildown.benchmark.rows import Task
from boildown.benchmark.systems import FORWARDED, System, build
from boildown.benchmark.texts import cut_documents
from boildown.runtime.devices import pick_device

__all__ = ["peak", "race"]


def race(task: Task) -> dict[str, Any]:
    """Seconds of each system, and how many times faster than the row's base it is, over rounds in which all take turns.

    The matrix products of each of ours take their turn too, by themselves: the least time that it can take here.

    Returns:
        For each system its seconds, forwards and tokens forwarded, and the seconds of its products but for int8; the
        machine; and where the base is installed, the ratio to it, and for the exact mode whether its text is the same.

    Raises:
        BoildownError: a model cannot run here.
    """
    base = task.row.base
    installed = find_spec(base.replace("-", "_")) is not None
    systems = [name for name in task.row.goals if name != "memory" and (name != "int8" or task.device == "cpu")]
    texts = cut_documents(task.folder, task.lengths)
    ready = {name: build(task, name) for name in ([base, *systems] if installed else systems)}
    for system in ready.values():
        system(texts[:1] if len(texts) > 1 else [texts[0][:500]])
    found: dict[str, Any] = {name: {"seconds": []} for name in ready}
    results: dict[str, Any] = {}
    products = {name: Products(pick_device(task.device)) for name in systems}
    for name, noted in products.items():
        with noted.noted():
            ready[name](texts)
        if noted.seconds() is not None:
            found[name]["products_seconds"] = []
    for _ in range(task.repeat):
        for name, system in ready.items():
            FORWARDED.clear()
            seconds, results[name] = _timed(system, texts)
            found[name]["seconds"].append(seconds)
            found[name] |= {"forwards": len(FORWARDED), "forwarded": sum(FORWARDED)}
            if "products_seconds" in found[name]:
                found[name]["products_seconds"].append(products[name].seconds())
    report: dict[str, Any] = {"machine": machine(task.device), "documents": len(texts), "systems": found}
    if installed:
        for name in systems:
            ratios = [a / b for a, b in zip(found[base]["seconds"], found[name]["seconds"], strict=True)]
            found[name]["ratio"] = {"median": median(ratios), "least": min(ratios), "greatest": max(ratios)}
        report["machine"][base] = version(base)
        if "exact" in results:
            report["same_text"] = results["exact"]["compressed_prompt"] == results[base]["compressed_prompt"]
    return report


def peak(task: Task) -> dict[str, Any]:
    """The most memory that one call of a system needs beyond what loading left in use, in MiB.

    Raises:
        BoildownError: the model cannot run here.
    """
    texts = cut_documents(task.folder, task.lengths)
    system = build(task, task.only)
    system(["A short text loads what is loaded late."])
    if task.device.startswith("cuda"):
        import torch

        held = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        system(texts)
        return {"peak_mib": (torch.cuda.max_memory_allocated() - held) / 2**20}
    before = _reset_peak()
    system(texts)
    return {"peak_mib": (_peak() - before) / 2**20}


def _timed(system: System, texts: list[str]) -> tuple[float, Any]:
    begin = perf_counter()
    result = system(texts)
    return perf_counter() - begin, result


def _reset_peak() -> float:
    """Forgets the greatest size that the process has had, where the system can, and says the one it has now."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return _status("VmRSS")
    except OSError:
        return _peak()


def _peak() -> float:
    try:
        return _status("VmHWM")
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}")
