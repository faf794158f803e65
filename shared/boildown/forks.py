"""What has to be put right in a child process after a fork."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["watch_forks"]


class _Owner(Protocol):
    def after_fork(self) -> None: ...


_owners: WeakSet[_Owner] = WeakSet()


def watch_forks(owner: _Owner) -> None:
    """Has `owner.after_fork()` called in every child process, as long as the owner lives.

    It is for what does not outlive a fork: a lock that a thread of the parent held, a connection, a thread.
    """
    _owners.add(owner)


def _after_fork() -> None:
    for owner in list(_owners):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
