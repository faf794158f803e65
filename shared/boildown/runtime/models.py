"""The models of this process: each is loaded once, when first asked for, and shared by all that name it.

After a fork the child sees the parent's models without loading them again, and computes on one thread: the
threads of OpenMP do not outlive a fork, and waiting for them would hang. A CUDA model does not outlive it at all,
which torch reports: start processes that use a GPU by "spawn".
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from boildown.forks import in_child
from boildown.runtime.seats import away

__all__ = ["release", "shared_model"]

T = TypeVar("T")


class _Slot:
    """One model's place; whoever holds the lock loads it, and others wait for that alone."""

    __slots__ = ("loaded", "lock", "value")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loaded = False
        self.value: Any = None


_slots: dict[Hashable, _Slot] = {}
_guard = threading.Lock()


def shared_model(key: Hashable, load: Callable[[], T]) -> T:
    """The process's model for `key`.

    Args:
        key: whatever tells models apart: kind, path, device, dtype.
        load: builds the model; called once for a key, unless it raises, in which case nothing is kept and the
            next caller tries again.
    """
    with _guard:
        slot = _slots.setdefault(key, _Slot())
    if not slot.loaded:
        with away(), slot.lock:
            if not slot.loaded:
                slot.value = load()
                slot.loaded = True
    model: T = slot.value
    return model


def release() -> None:
    """Forgets all models; the memory of each is free once nobody uses it any more."""
    with _guard:
        _slots.clear()


@in_child
def _after_fork() -> None:
    # Another thread of the parent may have held any of these locks, and it does not exist in the child.
    global _guard
    _guard = threading.Lock()
    for slot in _slots.values():
        slot.lock = threading.Lock()
    if _slots and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
