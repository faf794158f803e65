"""A bounded memory of values by key."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from boildown.forks import watch_forks

__all__ = ["LRU"]

_ENTRY = 350
"""Bytes that an entry takes besides its value: the key, and its place in the dictionary."""


class LRU:
    """The values that were used last, of at most `capacity` bytes together; for any number of threads.

    Attributes:
        capacity: the limit, in bytes.
        bytes: what is held, keys included.
        lock: guards both; a user who counts what it got may hold it too.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.bytes = 0
        self.lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        watch_forks(self)

    def __len__(self) -> int:
        return len(self._held)

    def get(self, keys: Sequence[Hashable]) -> list[Any]:
        """The value of each key, None where there is none."""
        with self.lock:
            found = [self._held.get(key) for key in keys]
            for key, entry in zip(keys, found, strict=True):
                if entry is not None:
                    self._held.move_to_end(key)
        return [None if entry is None else entry[0] for entry in found]

    def put(self, items: Iterable[tuple[Hashable, Any, int]]) -> None:
        """Holds values, each with the bytes it takes; the values used longest ago make room."""
        with self.lock:
            for key, value, size in items:
                old = self._held.pop(key, None)
                if old is not None:
                    self.bytes -= old[1]
                size += _ENTRY
                if size <= self.capacity:
                    self._held[key] = (value, size)
                    self.bytes += size
            while self.bytes > self.capacity:
                _, (_, size) = self._held.popitem(last=False)
                self.bytes -= size

    def clear(self) -> None:
        """Forgets everything."""
        with self.lock:
            self._held.clear()
            self.bytes = 0

    def after_fork(self) -> None:
        """Makes a child process's own lock; what a thread of the parent was changing at that moment is forgotten."""
        torn, self.lock = self.lock.locked(), threading.Lock()
        if torn:
            self._held = OrderedDict()
            self.bytes = 0
