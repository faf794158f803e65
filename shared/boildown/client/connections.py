"""Connections to a service, and what is sent again when it has no time."""

from __future__ import annotations

import asyncio
import random
import re
import threading
import time
import weakref
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from boildown.errors import DeadlineError, MissingExtraError, ServiceError
from boildown.forks import watch_forks
from boildown.runtime import requests
from boildown.runtime.seats import away

if TYPE_CHECKING:
    import httpx

__all__ = ["Answer", "Connections"]

_BUSY = (429, 503)
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_SHORTEST = 0.001
_PATIENCE = 60.0
"""Seconds: a service that asks to wait longer is taken to be down."""


class Answer(NamedTuple):
    """An answer: its HTTP status, the values in its JSON or its text where it is none, and its Retry-After."""

    status: int
    content: Any
    retry_after: float


class _Parts:
    """The body of an answer as it comes in, which is to take so many seconds; httpx limits each read alone."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        import httpx

        if time.monotonic() > self._end:
            raise httpx.ReadTimeout("The answer comes too slowly.")
        self._parts.append(part)

    def joined(self, answer: httpx.Response) -> httpx.Response:
        import httpx

        return httpx.Response(answer.status_code, headers=answer.headers, content=b"".join(self._parts))


class _Pool:
    """Connections of threads, which close when nobody holds them any more.

    Not earlier: a thread whose connection another one closes would wait for its answer until the timeout.
    """

    def __init__(self, connection: httpx.Client) -> None:
        self.connection = connection
        weakref.finalize(self, connection.close)


class Connections:
    """Connections to one service, opened when first needed, for any number of threads and event loops.

    A pool of its own for threads, and one for each event loop, which closes when the loop ends. A copy, a pickle and
    a forked process begin without any.

    Args:
        url: where the service is.
        headers: sent with every request.
        timeout: seconds to connect, to wait for an answer, and for the rest of it to come.
        retries: how often a request is sent again after an answer of 429 or 503, or a lost connection.
    """

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float, retries: int) -> None:
        if find_spec("httpx") is None:
            raise MissingExtraError("httpx", "client", "boildown.Client")
        self.url, self.headers, self.timeout, self.retries = url, dict(headers), timeout, retries
        self.shown = re.sub("//[^/]*@", "//", url)  # a password is nothing for logs
        self.after_fork()
        watch_forks(self)

    def after_fork(self) -> None:
        """Forgets what is open: parent and child must not talk over one socket."""
        self._lock = threading.Lock()
        self._parents = vars(self).get("_process")  # which is not for this process to close
        self._process: _Pool | None = None
        self._loops: dict[asyncio.AbstractEventLoop, tuple[httpx.AsyncClient, AsyncIterator[None]]] = {}

    def __reduce__(self) -> tuple[type[Connections], tuple[Any, ...]]:
        return type(self), (self.url, self.headers, self.timeout, self.retries)

    def post(self, path: str, body: bytes) -> Answer:
        """Sends a request, again where that may help.

        Returns:
            The answer, which may be an error.

        Raises:
            DeadlineError: there was no answer in time.
            ServiceError: the service cannot be reached.
        """
        import httpx

        attempt = 0
        with away():  # others work while one waits for the service
            while True:
                limits = self._limits()
                try:
                    answer: httpx.Response | Exception = self._whole_answer(path, body, limits)
                except (httpx.RequestError, httpx.InvalidURL, UnicodeError) as error:
                    answer = error
                pause = self._pause(attempt, answer)
                if pause is None:
                    return self._answered(answer)
                time.sleep(pause)
                attempt += 1

    async def apost(self, path: str, body: bytes) -> Answer:
        """`post` without blocking the event loop."""
        import httpx

        attempt = 0
        while True:
            limits = self._limits()
            try:
                answer: httpx.Response | Exception = await self._awhole_answer(path, body, limits)
            except (httpx.RequestError, httpx.InvalidURL, UnicodeError) as error:
                answer = error
            pause = self._pause(attempt, answer)
            if pause is None:
                return self._answered(answer)
            await asyncio.sleep(pause)
            attempt += 1

    def close(self) -> None:
        """Closes the threads' connections, those in use when their requests have ended; the next one opens new ones."""
        with self._lock:
            process, self._process = self._process, None
        del process  # without the lock, since it may take its time

    async def aclose(self) -> None:
        """Closes this event loop's connections, and the threads'."""
        self.close()
        with self._lock:
            here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            await here[0].aclose()

    def _whole_answer(self, path: str, body: bytes, limits: dict[str, Any]) -> httpx.Response:
        pool = self._pool()
        with pool.connection.stream("POST", path, content=body, **limits) as answer:
            parts = _Parts(self._seconds())
            for part in answer.iter_raw():
                parts.add(part)
        return parts.joined(answer)

    async def _awhole_answer(self, path: str, body: bytes, limits: dict[str, Any]) -> httpx.Response:
        connection = await self._loop_connection()
        async with connection.stream("POST", path, content=body, **limits) as answer:
            parts = _Parts(self._seconds())
            async for part in answer.aiter_raw():
                parts.add(part)
        return parts.joined(answer)

    def _limits(self) -> dict[str, Any]:
        """How long a request may take from now, for both ends."""
        import httpx

        seconds = self._seconds()
        # Waiting for a free connection is waiting for oneself, and has no limit.
        return {"timeout": httpx.Timeout(seconds, pool=None), "headers": {"X-Timeout": f"{seconds:.3f}"}}

    def _seconds(self) -> float:
        seconds = self.timeout
        if (request := requests.current()) is not None:
            request.check()
            seconds = min(seconds, request.remaining() or seconds)
        return max(seconds, _SHORTEST)

    def _pool(self) -> _Pool:
        import httpx

        with self._lock:
            if self._process is None:
                self._process = _Pool(httpx.Client(base_url=self.url, headers=self.headers))
            return self._process

    async def _loop_connection(self) -> httpx.AsyncClient:
        import httpx

        loop = asyncio.get_running_loop()
        with self._lock:
            self._loops = {other: kept for other, kept in self._loops.items() if not other.is_closed()}
            if loop in self._loops:
                return self._loops[loop][0]
            connection = httpx.AsyncClient(base_url=self.url, headers=self.headers)
            keeper = _close_with_loop(connection)
            self._loops[loop] = (connection, keeper)
        await anext(keeper)
        return connection

    def _pause(self, attempt: int, answer: httpx.Response | Exception) -> float | None:
        """Seconds after which to try again; None for not at all."""
        import httpx

        if attempt >= self.retries:
            return None
        asked = 0.0
        if isinstance(answer, httpx.Response):
            if answer.status_code not in _BUSY:
                return None
            asked = _seconds(answer.headers.get("retry-after", ""))
        # A request whose answer was lost may be sent again: what was scored once costs little more. One that timed
        # out would only make the service busier.
        elif not isinstance(answer, (httpx.NetworkError, httpx.RemoteProtocolError)):
            return None
        back_off = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
        # Clients that were refused together must not come back together.
        pause = (asked or back_off / 2) + random.uniform(0, back_off / 2)
        request = requests.current()
        remaining = None if request is None else request.remaining()
        return None if pause > (_PATIENCE if remaining is None else min(remaining, _PATIENCE)) else pause

    def _answered(self, answer: httpx.Response | Exception) -> Answer:
        import httpx

        if isinstance(answer, httpx.Response):
            try:
                content = answer.json()
            except (ValueError, RecursionError):
                content = answer.content.decode("utf-8", "replace")  # whatever charset it claims
            return Answer(answer.status_code, content, _seconds(answer.headers.get("retry-after", "")))
        if isinstance(answer, httpx.TimeoutException):
            raise DeadlineError(
                f"The service at {self.shown} did not answer in time. Send less text, or give the client a longer "
                "timeout=."
            ) from answer
        raise ServiceError(
            f"The service at {self.shown} cannot be reached ({str(answer) or type(answer).__name__}). Is it running, "
            "and is the address right? `boildown serve` starts one."
        ) from answer


async def _close_with_loop(connection: httpx.AsyncClient) -> AsyncIterator[None]:
    """Closes the connection when its event loop ends, which closes all asynchronous generators that it has seen."""
    try:
        yield
    finally:
        await connection.aclose()


def _seconds(header: str) -> float:
    """What a Retry-After header asks for: seconds, or a date; 0 where it says nothing that makes sense."""
    if re.fullmatch(r"\d+(\.\d+)?", header.strip()):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max((date - datetime.now(timezone.utc)).total_seconds(), 0.0)
