"""Threads that compress for event loops."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["run_in_worker"]

T = TypeVar("T")

_THREADS = 2
"""Scoring uses all cores by itself; more threads would only fight over the interpreter and starve the event loop."""

_guard = threading.Lock()
_pool: ThreadPoolExecutor | None = None


async def run_in_worker(function: Callable[[], T]) -> T:
    """Runs `function` on one of the process's worker threads, with the caller's context variables.

    A call that is cancelled before its turn never runs.
    """
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_workers(), context.run, function)


def _workers() -> ThreadPoolExecutor:
    global _pool
    with _guard:
        if _pool is None:
            _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="boildown")
        return _pool


def _after_fork() -> None:
    # Threads do not outlive a fork, and another thread of the parent may have held the lock.
    global _guard, _pool
    _guard, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
