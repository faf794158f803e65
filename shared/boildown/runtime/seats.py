"""Few threads run Python at once, however many wait for a model.

All threads of a process share one interpreter, which an event loop gets back only when the others let go of it. So the
threads that work for event loops take a seat, of which there are few, and get up while a model works for them, or is
loaded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from boildown.forks import in_child

__all__ = ["away", "seated"]

_SEATS = 2

_seats = threading.Semaphore(_SEATS)
_own = threading.local()
_above: ContextVar[bool] = ContextVar("boildown_seat", default=False)
"""Whether this work is part of other work that has a seat, which waits for it and would wait forever."""


@contextmanager
def seated() -> Iterator[None]:
    """Runs the block on a seat, once there is one; or, where a caller whose context this is has one, on that."""
    if _above.get():
        yield
        return
    seats = _seats
    seats.acquire()
    _own.seated = True
    token = _above.set(True)
    try:
        yield
    finally:
        _above.reset(token)
        _own.seated = False
        seats.release()


@contextmanager
def away() -> Iterator[None]:
    """Gives this thread's seat to others during the block, if it has one."""
    if not getattr(_own, "seated", False):
        yield
        return
    _seats.release()
    _own.seated = False  # it has none to give away again
    try:
        yield
    finally:
        _seats.acquire()
        _own.seated = True


@in_child
def _after_fork() -> None:
    # Those who had seats do not exist in the child.
    global _seats
    _seats = threading.Semaphore(_SEATS)
    _own.seated = False
