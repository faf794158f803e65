"""What was computed of a text once, kept for the next time: a model's scores above all.

What is kept depends on nothing but what its key is made of (text, method, options, the model's files, precision,
version), so a result is the same with and without the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from boildown.errors import ConfigurationError
from boildown.lru import LRU

if TYPE_CHECKING:
    from boildown.disk_cache import DiskCache

__all__ = ["CacheSpec", "CacheStats", "ScoreCache", "resolve_cache"]

T = TypeVar("T")

_MEMORY = 64 << 20
_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache did since its process began.

    Attributes:
        hits, misses: documents whose scores were there, and were not; for a method that reads the query, pairs of
            query and document.
        entries, bytes: what is in memory.
        capacity: the limit of `bytes`.
        disk_hits: those of `hits` that came from the file.
        disk_entries, disk_bytes: what is in the file; 0 without one.
    """

    hits: int
    misses: int
    entries: int
    bytes: int
    capacity: int
    disk_hits: int
    disk_entries: int
    disk_bytes: int

    def to_dict(self) -> dict[str, int]:
        """Plain Python values, ready for JSON."""
        return asdict(self)


class ScoreCache:
    """Scores of documents, in memory and optionally in a file; for any number of threads, and processes of one file.

    A copy is the same object; pickled it is its configuration, without what it holds. The file holds numbers under
    hashed keys and no text.

    Args:
        memory: the most bytes to hold in memory; what was used longest ago makes room.
        path: an SQLite file to keep scores in as well; None keeps them in memory alone. It is made when first used,
            where the path leads now. A damaged one is set aside, and a file of something else left alone, each with a
            warning.
        disk: the most bytes of the file.

    Raises:
        ConfigurationError: a limit is negative.
    """

    def __init__(self, memory: int = _MEMORY, path: str | Path | None = None, disk: int = _DISK) -> None:
        if memory < 0 or disk < 0:
            raise ConfigurationError(f"A ScoreCache takes at least 0 bytes, not memory={memory}, disk={disk}.")
        place = None if path is None else _place(path)
        self._arguments = (memory, place, disk)
        self._memory = LRU(memory)
        self._hits = self._misses = self._disk_hits = 0
        self._disk: DiskCache | None = None
        if place is not None:
            from boildown.disk_cache import DiskCache

            self._disk = DiskCache(Path(place), disk)

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The scores under each key, None where there are none; each counts as a hit or a miss."""
        found: list[bytes | None] = self._memory.get(keys)
        missing = [i for i, value in enumerate(found) if value is None]
        from_disk = 0
        if missing and self._disk is not None:
            read = self._disk.get([keys[i] for i in missing])
            self._memory.put((key, value, len(value)) for key, value in read.items())
            for i in missing:
                found[i] = read.get(keys[i])
                from_disk += found[i] is not None
        with self._memory.lock:
            self._hits += len(keys) - len(missing) + from_disk
            self._misses += len(missing) - from_disk
            self._disk_hits += from_disk
        return found

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Keeps scores by key."""
        self._memory.put((key, value, len(value)) for key, value in items.items())
        if self._disk is not None and items:
            self._disk.put(items)

    def derive(
        self, keys: Sequence[Hashable], compute: Callable[[Sequence[int]], Sequence[T]], size: Callable[[T], int]
    ) -> list[T]:
        """What is cheap to compute but not free, such as the words of a text: in memory alone, and not counted.

        Args:
            keys: what the values depend on.
            compute: from indices of keys to their values.
            size: about how many bytes a value takes.
        """
        found: list[Any] = self._memory.get(keys)
        missing = [i for i, value in enumerate(found) if value is None]
        if missing:
            for i, value in zip(missing, compute(missing), strict=True):
                found[i] = value
            self._memory.put((keys[i], found[i], size(found[i])) for i in missing)
        return found

    def stats(self) -> CacheStats:
        """What the cache did, and what it holds."""
        disk_entries, disk_bytes = (0, 0) if self._disk is None else self._disk.size()
        memory = self._memory
        with memory.lock:
            return CacheStats(
                hits=self._hits,
                misses=self._misses,
                entries=len(memory),
                bytes=memory.bytes,
                capacity=memory.capacity,
                disk_hits=self._disk_hits,
                disk_entries=disk_entries,
                disk_bytes=disk_bytes,
            )

    def clear(self) -> None:
        """Forgets everything, and empties the file."""
        self._memory.clear()
        if self._disk is not None:
            self._disk.clear()

    def __copy__(self) -> ScoreCache:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ScoreCache:
        return self

    def __reduce__(self) -> tuple[Callable[..., ScoreCache], tuple[Any, ...]]:
        for spec, shared in list(_shared.items()):
            if shared is self:
                return _shared_cache, (spec,)
        return type(self), self._arguments


CacheSpec = bool | str | Path | ScoreCache
"""True for the process's own in memory, False for none, a path for one with that file, or a cache."""

_shared: dict[str, ScoreCache] = {}


def resolve_cache(spec: CacheSpec) -> ScoreCache | None:
    """The cache that `spec` names; all of a process that name the same file share one.

    Raises:
        ConfigurationError: it is none of these.
    """
    if isinstance(spec, ScoreCache):
        return spec
    if isinstance(spec, bool):
        return _shared_cache("") if spec else None
    if isinstance(spec, (str, Path)) and str(spec):
        return _shared_cache(_place(spec))
    raise ConfigurationError(
        f"cache= takes True, False, the path of a file, or a ScoreCache, not {spec!r} ({type(spec).__name__})."
    )


def _place(path: str | Path) -> str:
    return str(Path(path).expanduser().absolute())


def _shared_cache(path: str) -> ScoreCache:
    """The process's cache for a file; "" for the one in memory alone."""
    return _shared.get(path) or _shared.setdefault(path, ScoreCache(path=path or None))
