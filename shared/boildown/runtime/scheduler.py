"""The schedulers of this process, one for each device; see `boildown.runtime.device_scheduler`."""

from __future__ import annotations

import atexit
import os
import threading
from typing import TYPE_CHECKING

from boildown.errors import ConfigurationError
from boildown.forks import in_child
from boildown.runtime.device_scheduler import Scheduler, closed_error
from boildown.runtime.stats import BATCH_BOUNDS, Stats

if TYPE_CHECKING:
    import torch

__all__ = ["BATCH_BOUNDS", "Scheduler", "Stats", "close", "configure", "reset", "running", "scheduler_for"]

_WORKERS = 4
"""More workers than this leave too little of a usual request to each; they get more threads instead."""

_guard = threading.Lock()
_schedulers: dict[str, Scheduler] = {}
_settings: dict[str, int | None] = {"workers": None, "threads": None, "queue_tokens": None, "queue_jobs": None}
_closed = False


def scheduler_for(device: torch.device) -> Scheduler:
    """The process's scheduler for this device.

    Raises:
        ClosedError: `close` was called.
        ConfigurationError: an environment variable is not a positive number.
    """
    with _guard:
        if _closed:
            raise closed_error()
        name = "mps" if device.type == "mps" else str(device)  # there is one, which tensors call "mps:0"
        if name not in _schedulers:
            _schedulers[name] = _create(device)
        return _schedulers[name]


def configure(
    *,
    workers: int | None = None,
    threads: int | None = None,
    queue_tokens: int | None = None,
    queue_jobs: int | None = None,
) -> None:
    """Settings of schedulers that are made from now on; call it before the first model runs.

    What is not set here is read from BOILDOWN_WORKERS, BOILDOWN_THREADS, BOILDOWN_QUEUE_TOKENS and
    BOILDOWN_QUEUE_JOBS.

    Args:
        workers: on a CPU, threads that run models side by side. By default the cores that torch may use, at most 4. A
            GPU has one.
        threads: on a CPU, cores for each of them. By default the workers share all.
        queue_tokens, queue_jobs: how much may wait at most, before `OverloadedError`.

    Raises:
        ConfigurationError: a number is not positive.
    """
    given = {"workers": workers, "threads": threads, "queue_tokens": queue_tokens, "queue_jobs": queue_jobs}
    for name, value in given.items():
        if value is not None and value < 1:
            raise ConfigurationError(f"{name}= must be at least 1, not {value!r}.")
    with _guard:
        _settings.update({name: value for name, value in given.items() if value is not None})


def running() -> dict[str, Scheduler]:
    """The schedulers of this process, by their device's name."""
    return dict(_schedulers)


def close(finish: bool = True) -> None:
    """Closes all schedulers, and lets no new one be made; see `Scheduler.close`."""
    global _closed
    with _guard:
        _closed = True
    for scheduler in running().values():
        scheduler.close(finish)


def reset() -> None:
    """Closes all schedulers, and allows new ones with new settings."""
    global _closed
    close()
    with _guard:
        _closed = False
        _schedulers.clear()
        _settings.update(dict.fromkeys(_settings))


def _create(device: torch.device) -> Scheduler:
    limits = {name: number for name in ("queue_tokens", "queue_jobs") if (number := _setting(name)) is not None}
    if device.type != "cpu":
        return Scheduler(device, **limits)
    import torch

    cores = torch.get_num_threads()
    workers = _setting("workers") or min(cores, _WORKERS)
    return Scheduler(device, workers, _setting("threads") or max(cores // workers, 1), **limits)


def _setting(name: str) -> int | None:
    number = _settings[name]
    variable = f"BOILDOWN_{name.upper()}"
    text = os.environ.get(variable)
    if number is not None or not text:
        return number
    if not text.isdecimal() or not int(text):
        raise ConfigurationError(f"{variable} must be a whole number of at least 1, not {text!r}.")
    return int(text)


@in_child
def _after_fork() -> None:
    # Threads do not outlive a fork, and another thread of the parent may have held the lock.
    global _guard, _closed
    _guard, _closed = threading.Lock(), False
    _schedulers.clear()


# What is left then belongs to daemon threads; a forward in a half-ended interpreter would crash.
atexit.register(close, finish=False)
