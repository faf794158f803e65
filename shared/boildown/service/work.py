"""The thin layer between the event loop and the engine.

The engine runs on threads, and gathers what the threads ask of a model into common forwards. Here is what the engine
cannot know: how many may wait, when each has to be done, and whether anybody still waits for the answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from time import perf_counter
from typing import Any, Generic, NamedTuple, TypeVar

from fastapi import Request

from boildown.errors import DeadlineError, OverloadedError
from boildown.runtime import requests
from boildown.service.errors import ClientGone

__all__ = ["Job", "Work"]

T = TypeVar("T")

_MEMORY = 0.1
"""How much the last job counts in the mean time of a job."""


class Job(NamedTuple, Generic[T]):
    """A call of the engine.

    Attributes:
        call: runs on a thread.
        timeout: seconds from its acceptance.
    """

    call: Callable[[], T]
    timeout: float


class Work:
    """Runs calls of the engine for requests.

    Args:
        threads: calls that run at the same time.
        queue: calls that wait or run at the same time.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="boildown-service")
        self._threads, self._queue = threads, queue
        self._lock = threading.Lock()
        self._depth = 0
        self._mean = 0.05

    @property
    def depth(self) -> int:
        """Calls that were accepted and have not ended."""
        return self._depth

    async def run(self, request: Request, call: Callable[[], T], timeout: float) -> T:
        """Runs one call; see `run_all`."""
        result = (await self.run_all(request, [Job(call, timeout)]))[0]
        if isinstance(result, BaseException):
            raise result
        return result

    async def run_all(self, request: Request, jobs: Sequence[Job[T]]) -> list[T | BaseException]:
        """Runs calls side by side; what one raises is its result.

        A call whose time is up, or whose client has gone, is dropped before its next forward.

        Raises:
            OverloadedError: the queue has no room for all of them. None has begun.
            ClientGone: nobody waits for the answer any more.
        """
        self._accept(len(jobs))
        everything = asyncio.gather(*[asyncio.ensure_future(self._one(job)) for job in jobs], return_exceptions=True)
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            watched: set[asyncio.Future[Any]] = {everything, gone}
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not everything.done():
                raise ClientGone
            return everything.result()
        finally:
            for task in (everything, gone):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def close(self) -> None:
        """Waits for what runs, and drops what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _accept(self, count: int) -> None:
        with self._lock:
            if self._depth + count > self._queue:
                raise OverloadedError(
                    f"{self._depth} queries are waiting, of {self._queue} at most. Try again after a while.",
                    self._mean * self._depth / self._threads,
                )
            self._depth += count

    def _release(self, begun: list[float]) -> None:
        with self._lock:
            self._depth -= 1
            if begun:
                self._mean += _MEMORY * (perf_counter() - begun[0] - self._mean)

    async def _one(self, job: Job[T]) -> T:
        begun: list[float] = []  # stays empty for a call that never runs
        with requests.deadline(job.timeout) as wanted:
            context = contextvars.copy_context()

            def call() -> T:
                begun.append(perf_counter())
                wanted.check()
                return job.call()

            try:
                future: Future[T] = self._pool.submit(context.run, call)
            except RuntimeError:  # shutting down
                self._release(begun)
                raise
            future.add_done_callback(lambda _: self._release(begun))
            try:
                return await asyncio.wait_for(asyncio.wrap_future(future), job.timeout)
            except asyncio.TimeoutError:
                if future.done() and not future.cancelled():  # the call's own, such as a file server's
                    raise
                raise _late(job.timeout) from None
            finally:
                if not future.done():
                    wanted.cancel()


def _late(timeout: float) -> DeadlineError:
    return DeadlineError(
        f"It was not done within {timeout:g} seconds. Allow more time, send less text, or try when less is going on."
    )


async def _disconnected(request: Request) -> None:
    """Returns when the client has closed the connection. The body has been read before."""
    message: Any = {}
    while message.get("type") != "http.disconnect":
        message = await request.receive()
