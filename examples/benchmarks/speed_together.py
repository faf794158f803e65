"""Systems that take turns in one process."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from speed_systems import FORWARDED, REFERENCE, System, build

from boildown.cli.bench import machine

__all__ = ["peak", "race"]


def race(task: str, systems: list[str], folder: Path, device: str, texts: list[str], repeat: int) -> dict[str, Any]:
    """Seconds of each system, and how many times faster than llmlingua it is, over rounds in which all take a turn.

    Returns:
        For each system its seconds, forwards and tokens forwarded, and the ratio to llmlingua; the machine; and for
        the exact mode whether its text is llmlingua's.
    """
    names = [REFERENCE, *systems] if find_spec("llmlingua") else systems
    ready = {name: build(task, name, folder, device) for name in names}
    for system in ready.values():
        system(texts[:1] if len(texts) > 1 else [texts[0][:500]])
    found: dict[str, Any] = {name: {"seconds": []} for name in names}
    results: dict[str, Any] = {}
    for _ in range(repeat):
        for name, system in ready.items():
            FORWARDED.clear()
            seconds, results[name] = _timed(system, texts)
            found[name]["seconds"].append(seconds)
            found[name] |= {"forwards": len(FORWARDED), "forwarded": sum(FORWARDED)}
    if REFERENCE in found:
        for name in systems:
            ratios = [a / b for a, b in zip(found[REFERENCE]["seconds"], found[name]["seconds"], strict=True)]
            found[name]["ratio"] = {"median": median(ratios), "least": min(ratios), "greatest": max(ratios)}
    report: dict[str, Any] = {"machine": machine(device), "documents": len(texts), "systems": found}
    if REFERENCE in found:
        from importlib.metadata import version

        report["machine"]["llmlingua"] = version("llmlingua")
        if "exact" in results and task in ("prompt", "question"):
            keys = "compressed_prompt"
            report["same_text"] = results["exact"][keys] == results[REFERENCE][keys]
    return report


def peak(task: str, name: str, folder: Path, device: str, texts: list[str]) -> dict[str, float]:
    """The most memory that one call needs beyond what loading left in use, in MiB. For a process of its own."""
    system = build(task, name, folder, device)
    system(["A short text loads what is loaded late."])
    if device.startswith("cuda"):
        import torch

        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        system(texts)
        return {"peak_mib": (torch.cuda.max_memory_allocated() - before) / 2**20}
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
