"""What has to be put right around a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

__all__ = ["in_child", "watch_forks"]


class _Owner(Protocol):
    def after_fork(self) -> None: ...


_owners: WeakSet[_Owner] = WeakSet()
_forking = threading.Lock()
_waiting: list[Any] = []
"""Those whose `before_fork` was called."""


def watch_forks(owner: _Owner) -> None:
    """Has `owner.after_fork()` called in every child process, as long as the owner lives.

    It is for what does not outlive a fork: a lock that a thread of the parent held, a connection, a thread. An owner
    that no thread may be inside of just then also has `before_fork()`, which takes its lock, and
    `after_fork_in_parent()`, which gives it back.
    """
    with _forking:  # a set cannot grow while it is gone through
        _owners.add(owner)


def in_child(function: Callable[[], None]) -> Callable[[], None]:
    """Has a module's function called in every child process."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
    return function


def _before() -> None:
    _forking.acquire()
    for owner in list(_owners):
        if hasattr(owner, "before_fork"):
            owner.before_fork()
            _waiting.append(owner)


def _in_parent() -> None:
    while _waiting:
        _waiting.pop().after_fork_in_parent()
    _forking.release()


def _in_child() -> None:
    global _forking
    _forking = threading.Lock()
    _waiting.clear()
    for owner in list(_owners):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
