"""Threads that compress for event loops."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from boildown.errors import DeadlineError
from boildown.forks import in_child
from boildown.runtime import requests
from boildown.runtime.seats import seated

__all__ = ["run_in_worker"]

T = TypeVar("T")

_THREADS = 16
"""So many callers can have work at the model at once, and share its forwards; only a few run Python, see `seats`."""

_guard = threading.Lock()
_pool: ThreadPoolExecutor | None = None


async def run_in_worker(function: Callable[[], T]) -> T:
    """Runs `function` on one of the process's worker threads, with the caller's context variables.

    If the caller is cancelled, what has not begun never runs, and the model drops what it has not begun.

    Raises:
        DeadlineError: the caller's deadline passed; see `boildown.runtime.requests.deadline`.
    """
    with requests.deadline(None) as request:
        context = contextvars.copy_context()

        def work() -> T:
            with seated():
                request.check()
                try:
                    return function()
                except StopIteration as error:  # which no future takes: its caller would wait forever
                    raise RuntimeError("The work raised StopIteration.") from error

        try:
            call = asyncio.get_running_loop().run_in_executor(_workers(), context.run, work)
            return await asyncio.wait_for(call, request.remaining())
        except asyncio.CancelledError:
            request.cancel()
            raise
        except (TimeoutError, asyncio.TimeoutError):
            failure = request.failure()
            if isinstance(failure, DeadlineError):
                raise failure from None
            raise


def _workers() -> ThreadPoolExecutor:
    global _pool
    with _guard:
        if _pool is None:
            _pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="boildown")
        return _pool


@in_child
def _after_fork() -> None:
    # Threads do not outlive a fork, and another thread of the parent may have held the lock.
    global _guard, _pool
    _guard, _pool = threading.Lock(), None
