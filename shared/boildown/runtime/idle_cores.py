"""Lets a worker that is alone at work use the cores of those that are idle.

A scheduler's workers have a share of the cores each, which is best as long as there is work for all. A text that is
read window by window has none for a second worker, and would take several times as long on one share.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from boildown.forks import in_child
from boildown.runtime.scheduler import running

if TYPE_CHECKING:
    import torch

__all__ = ["on_idle_cores"]

T = TypeVar("T")

_guard = threading.Lock()
_wide: ThreadPoolExecutor | None = None


def on_idle_cores(device: torch.device, work: Callable[[], T]) -> T:
    """Does the work, of a worker of this device's scheduler, on all cores if nothing else waits or runs.

    It is done in a thread of its own, since a change of a worker's number of threads would change that of all threads
    to come. That thread has the process's number.
    """
    if device.type != "cpu" or not _alone(device) or not _guard.acquire(blocking=False):
        return work()
    try:
        try:
            pending = _executor().submit(work)
        except RuntimeError:  # the interpreter is ending
            return work()
        return pending.result()
    finally:
        _guard.release()


def _alone(device: torch.device) -> bool:
    scheduler = running().get(str(device))
    if scheduler is None:
        return False
    stats = scheduler.stats
    return stats.workers > 1 and stats.running == 1 and not stats.jobs_waiting


def _executor() -> ThreadPoolExecutor:
    global _wide
    if _wide is None:
        _wide = ThreadPoolExecutor(1, "boildown-wide")
    return _wide


@in_child
def _after_fork() -> None:
    # Threads do not outlive a fork, and another thread of the parent may have held the lock.
    global _guard, _wide
    _guard, _wide = threading.Lock(), None
