"""Bytes by key in an SQLite file that several processes may share, and of which nothing is trusted unchecked."""

from __future__ import annotations

import hashlib
import math
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from boildown.forks import watch_forks

__all__ = ["DiskCache"]

T = TypeVar("T")

_APPLICATION = 0x62_6F_69_31
"""Tells our files from others: "boi1" in the header, where SQLite has a place for it. Its last letter is the format."""
_TABLE = "CREATE TABLE IF NOT EXISTS scores (id INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, value BLOB NOT NULL)"
_CHECK = 8
"""Bytes of the checksum before every value."""
_WAIT = 1.0
"""Seconds that a process waits for another that writes; then it goes on without the file."""
_PAUSE = 0.005
"""Seconds between two tries, where SQLite does not wait."""
_REST = 60.0
"""Seconds that a file is left alone which cannot be used, such as on a full disk; there may be room later."""
_MOST_KEYS = 500
"""Keys of one SELECT, well below the limit of every SQLite."""


class DiskCache:
    """A file that is opened when first used. Whatever goes wrong with it costs a warning, and never a result.

    Every value has a checksum, and one that does not fit is deleted. A file of ours that is damaged is renamed to end
    in ".damaged", and a new one begun; a file of somebody else is left as it is, and not used. When the file grows
    beyond its limit, the values written first are deleted.

    Args:
        path: the file; SQLite puts two more beside it while it is in use. Its folder is made if need be.
        limit: bytes.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path, self.limit = path, limit
        self._warned = self._replaced = False
        self._off_until = -math.inf
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._lock = threading.Lock()
        watch_forks(self)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that have one."""

        def read(connection: sqlite3.Connection) -> dict[bytes, bytes]:
            rows: list[tuple[bytes, bytes]] = []
            for i in range(0, len(keys), _MOST_KEYS):
                some = keys[i : i + _MOST_KEYS]
                marks = ",".join("?" * len(some))
                rows += connection.execute(f"SELECT key, value FROM scores WHERE key IN ({marks})", some)
            found = {k: v[_CHECK:] for k, v in rows if isinstance(v, bytes) and v[:_CHECK] == _check(k, v[_CHECK:])}
            if len(found) < len(rows):
                damaged = [(k,) for k, _ in rows if k not in found]
                connection.executemany("DELETE FROM scores WHERE key = ?", damaged)
                self._warn(f"Values in the score cache {self.path} are damaged. They are computed again.")
            return found

        return self._run(read, {})

    def put(self, items: Mapping[bytes, bytes]) -> None:
        """Writes values; the oldest make room."""
        rows = [(key, _check(key, value) + value) for key, value in items.items()]

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT OR REPLACE INTO scores (key, value) VALUES (?, ?)", rows)
                while _used(connection) > self.limit and _delete_oldest(connection):
                    pass

        self._run(write, None)

    def clear(self) -> None:
        """Deletes all values."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM scores")
            connection.execute("VACUUM")

        self._run(delete, None)

    def size(self) -> tuple[int, int]:
        """Entries, and the bytes they take in the file."""

        def count(connection: sqlite3.Connection) -> tuple[int, int]:
            entries: int = connection.execute("SELECT count(*) FROM scores").fetchone()[0]
            return entries, _used(connection) if entries else 0

        return self._run(count, (0, 0))

    def before_fork(self) -> None:
        """Waits for the thread that uses the file, and closes it: SQLite's locks do not outlive a fork."""
        self._lock.acquire()
        self._close()

    def after_fork_in_parent(self) -> None:
        """Lets threads use it again."""
        self._lock.release()

    def after_fork(self) -> None:
        """Makes a child process's own lock."""
        self._lock = threading.Lock()

    def _run(self, action: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        with self._lock:
            if monotonic() < self._off_until:
                return otherwise
            try:
                return action(self._open())
            except _ForeignError as error:
                self._stop(str(error), math.inf)
            except (sqlite3.OperationalError, OSError) as error:
                # Another process that is busy writing passes; a folder may be called "locked", too.
                if isinstance(error, OSError) or "locked" not in str(error):
                    self._stop(f"cannot be used ({error})", _REST)
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
            return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists() or self.path.stat().st_size == 0
        connection = sqlite3.connect(self.path, _WAIT, isolation_level=None, check_same_thread=False)
        connection.text_factory = bytes  # in a damaged file text may stand anywhere, and be no text
        try:
            self._inode = self.path.stat().st_ino
            if not new and not _is_ours(connection):
                raise _ForeignError("is not a score cache of this version")
            if new:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                    connection.execute(_TABLE)
            # After the header is in the file. Readers then go on while a process writes, where the file system can.
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("SELECT id, key, value FROM scores LIMIT 1").fetchone()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def _stop(self, why: str, seconds: float) -> None:
        self._off_until = monotonic() + seconds
        self._close()
        rest = "Name another file" if seconds == math.inf else f"It is tried again every {seconds:.0f} seconds"
        self._warn(f"The score cache {self.path} {why}, so scores are kept in memory alone. {rest}.")

    def _set_aside(self, error: Exception) -> None:
        self._close()
        aside = self.path.with_name(self.path.name + ".damaged")
        try:
            if self.path.stat().st_ino == self._inode:  # else another process has done it already
                for end in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + end).unlink(missing_ok=True)
                os.replace(self.path, aside)
        except OSError as problem:
            self._stop(f"is damaged ({error}) and cannot be renamed ({problem})", math.inf)
            return
        if self._replaced:  # once may happen; twice means that the disk is to blame
            self._off_until = math.inf
        self._replaced = True
        self._warn(
            f"The score cache {self.path} was damaged ({error}). It is now {aside.name}, and a new one is begun."
        )

    def _warn(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(message, RuntimeWarning, stacklevel=4)


class _ForeignError(Exception):
    """The file is somebody else's."""


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the header names us. Read by SQLite: whoever else closes the file drops this process's locks on it."""
    try:
        application: int = connection.execute("PRAGMA application_id").fetchone()[0]
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            return False
        raise
    return application == _APPLICATION


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Changes the journal's mode. For that SQLite does not always wait by itself while another process writes."""
    end = monotonic() + _WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or monotonic() >= end:
                raise
        sleep(_PAUSE)


def _check(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_CHECK, key=key[:64]).digest()


def _used(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _delete_oldest(connection: sqlite3.Connection) -> bool:
    """Deletes the oldest tenth; False if there is nothing to delete."""
    oldest = "SELECT min(id) + (max(id) - min(id)) / 10 FROM scores"
    return connection.execute(f"DELETE FROM scores WHERE id <= ({oldest})").rowcount > 0
