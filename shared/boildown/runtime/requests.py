"""What a caller says about a piece of work besides its input: until when it is wanted, and whether it still is.

A request travels in a context variable, so it reaches the work through threads and tasks that copy their context,
and nothing between the caller and the model has to pass it on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

from boildown.errors import BoildownError, CancelledError, DeadlineError

__all__ = ["Request", "current", "deadline"]

_current: ContextVar[Request | None] = ContextVar("boildown_request", default=None)


class Request:
    """One caller's wish; safe to use from several threads.

    Args:
        seconds: from now on until the deadline; None for none.
        parent: a request that this one is part of: it ends no later, and is cancelled with it.
    """

    def __init__(self, seconds: float | None = None, parent: Request | None = None) -> None:
        ends = [None if seconds is None else monotonic() + seconds, None if parent is None else parent._end]
        self._end: float | None = min((end for end in ends if end is not None), default=None)
        self._cancelled = False
        self._listeners: list[Callable[[], None]] = []
        self._guard = threading.Lock()
        self._leave = parent.on_cancel(self.cancel) if parent is not None else _nothing

    def cancel(self) -> None:
        """Drops the work that is not yet in a forward; the call that waits for it raises `CancelledError`."""
        with self._guard:
            self._cancelled = True
            listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener()

    def on_cancel(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener` when the request is cancelled, at once if it is already.

        Returns:
            what to call when the listener is no longer wanted.
        """

        def remove() -> None:
            with self._guard:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        with self._guard:
            if not self._cancelled:
                self._listeners.append(listener)
                return remove
        listener()
        return _nothing

    def remaining(self) -> float | None:
        """Seconds until the deadline, negative after it; None where there is none."""
        # No lock can wait longer, and a caller may set an infinite deadline.
        return None if self._end is None else min(self._end - monotonic(), threading.TIMEOUT_MAX)

    def failure(self) -> BoildownError | None:
        """Why the work is no longer wanted; None while it is."""
        if self._cancelled:
            return CancelledError("The request was cancelled by its caller.")
        remaining = self.remaining()
        if remaining is not None and remaining <= 0:
            return DeadlineError("The deadline passed before the work was done. Allow more time, or send less at once.")
        return None

    def check(self) -> None:
        """Raises what `failure` gives.

        Raises:
            CancelledError: it was cancelled.
            DeadlineError: its time is over.
        """
        failure = self.failure()
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Lets go of the parent."""
        self._leave()


def current() -> Request | None:
    """The innermost request of this context."""
    return _current.get()


@contextmanager
def deadline(seconds: float | None) -> Iterator[Request]:
    """Everything inside that waits for a model ends after so many seconds, or when the request is cancelled.

    Args:
        seconds: from now; None sets no deadline, but gives a request that can be cancelled.

    Yields:
        The request. The nearest deadline counts where several are nested.
    """
    request = Request(seconds, current())
    token = _current.set(request)
    try:
        yield request
    finally:
        _current.reset(token)
        request.close()


def _nothing() -> None:
    pass
