"""The machine that numbers hold for, and how long it takes to a new process's first result."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

__all__ = ["cold_start", "in_words", "machine"]

_TORCH_ALONE = "import torch; print(flush=True)"
_FIRST_RESULT = """
import time
begin = time.perf_counter()
import boildown
seconds = time.perf_counter() - begin
compressor = boildown.Compressor(device={device!r}, cache=False)
compressor.compress({query!r}, {documents!r}, boildown.Budget(rate=0.5))
print(seconds, flush=True)
"""


def machine(device: str = "auto", dtype: str = "auto") -> dict[str, Any]:
    """Hardware and versions that the numbers hold for.

    Raises:
        ConfigurationError: there is no such device or precision.
    """
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


def in_words(here: Mapping[str, Any]) -> str:
    """Two lines on a machine."""
    return (
        f"{here['processor']}, {here['cores']} cores, {here['threads']} threads; {here['device']}, {here['dtype']}\n"
        f"boildown {here['boildown']}, torch {here['torch']}, Python {here['python']}, {here['system']}"
    )


def cold_start(device: str, query: str, documents: Sequence[str]) -> dict[str, float]:
    """Seconds of a new process, of the bundled model.

    Returns:
        "import_seconds" for `import boildown` alone; "first_result_seconds" from the start of the process to the first
        result; and "torch_seconds", which another process takes that only imports torch.

    Raises:
        ConfigurationError: a process failed.
    """
    seconds, line = _until_a_line(_FIRST_RESULT.format(device=device, query=query, documents=list(documents)))
    torch_seconds, _ = _until_a_line(_TORCH_ALONE)
    return {"import_seconds": float(line), "first_result_seconds": seconds, "torch_seconds": torch_seconds}


def _until_a_line(code: str) -> tuple[float, str]:
    """Seconds from the start of a process to the first line that it prints, and this."""
    from boildown.errors import ConfigurationError

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
    return seconds, line


def _processor() -> str:
    """The CPU's name, as far as the system tells."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
