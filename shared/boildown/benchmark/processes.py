"""Every row has processes of its own: one makes the model, one takes the time, one for each system its memory.

So all systems that are compared meet the same machine in the same state, and none finds the memory of another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any

from boildown.benchmark.rows import Task
from boildown.errors import ConfigurationError

__all__ = ["ALONE", "measure", "work"]

ALONE = {
    "bundled": "alone:bundled",
    "int8": "alone:int8",
    "linear": "alone:linear",
    "cold": "alone:cold",
    "gemm": "gemm:gemm",
    "concurrency": "concurrency:concurrency",
    "cached": "cached:cached",
}
"""What boildown does by itself: module and function, which takes the `Task`."""


def measure(task: Task, memory: bool = True) -> dict[str, Any]:
    """Runs one row.

    Args:
        task: with mode "time".
        memory: whether to measure the systems' memory as well, each in a process of its own.

    Returns:
        What `boildown.benchmark.report` reads, ready for JSON. Seconds and MiB, unless a name says otherwise.

    Raises:
        ConfigurationError: a process failed.
    """
    row = task.row
    if row.model and not (task.folder / "model.safetensors").is_file():
        _process(replace(task, mode="make"))
    found = _process(task)
    if row.task in ("concurrency", "cached"):
        return found
    if "systems" in found and memory:
        for system in found["systems"]:
            found["systems"][system] |= _process(replace(task, mode="memory", only=system))
    return {"row": task.name, "what": row.what, "model": row.model or "bundled", "goals": row.goals, **found}


def work(task: Task) -> dict[str, Any]:
    """What a process of its own does.

    Returns:
        What was found; nothing where the model was made.

    Raises:
        BoildownError: a model cannot run here.
    """
    from boildown.benchmark import models, together

    if task.mode == "make":
        models.make_model(task.row.model, task.folder, task.tiny)
        return {}
    if task.row.task in ALONE:
        module, _, function = ALONE[task.row.task].partition(":")
        run: Callable[[Task], dict[str, Any]] = getattr(import_module(f"boildown.benchmark.{module}"), function)
        return run(task)
    return together.peak(task) if task.mode == "memory" else together.race(task)


def _process(task: Task) -> dict[str, Any]:
    command = [sys.executable, "-m", "boildown.benchmark", json.dumps(asdict(task))]
    environment = {**os.environ, "TQDM_DISABLE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", check=False, env=environment)
    if done.returncode:
        raise ConfigurationError(f"The process for {task.name} ({task.mode}) failed; its message is above.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
