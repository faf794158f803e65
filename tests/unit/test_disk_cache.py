"""The cache's file: shared by processes, damaged, somebody else's, full, locked, or not to be written."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from boildown.disk_cache import DiskCache

MB = 1 << 20


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def value(number: int, size: int = 300) -> bytes:
    return bytes([number % 251]) * size


def items(numbers: range, size: int = 300) -> dict[bytes, bytes]:
    return {key(i): value(i, size) for i in numbers}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores.db"


def closed(path: Path, numbers: range) -> None:
    """A file with entries that nobody has open."""
    cache = DiskCache(path, 100 * MB)
    cache.put(items(numbers))
    cache._close()


def test_what_is_put_comes_back_as_it_was(path: Path) -> None:
    cache = DiskCache(path, MB)
    cache.put(items(range(50)))
    cache.put({key(3): b"new", key(4): b""})
    expected = {**items(range(50)), key(3): b"new", key(4): b""}
    assert cache.get([key(i) for i in range(100)]) == expected
    assert DiskCache(path, MB).get([key(i) for i in range(100)]) == expected
    assert cache.size()[0] == 50


def test_more_keys_than_one_question_takes(path: Path) -> None:
    cache = DiskCache(path, 10 * MB)
    cache.put(items(range(3_000), 10))
    assert cache.get([key(i) for i in range(1_000, 4_000)]) == items(range(1_000, 3_000), 10)


def test_the_oldest_make_room(path: Path) -> None:
    cache = DiskCache(path, MB)
    for start in range(0, 4_000, 100):
        cache.put(items(range(start, start + 100), 1_000))
        assert cache.size()[1] <= MB
    assert not cache.get([key(i) for i in range(1_000)])
    assert len(cache.get([key(i) for i in range(3_800, 4_000)])) == 200
    cache.put({key(1): bytes(2 * MB)})  # no room for this at all
    assert cache.size()[1] <= MB
    assert path.stat().st_size < 8 * MB


def test_damaged_values_are_dropped_and_not_given_out(path: Path) -> None:
    closed(path, range(10))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE scores SET value = substr(value, 1, 40) || x'00' || substr(value, 42) WHERE id = 3")
        connection.execute("UPDATE scores SET value = x'' WHERE id = 4")
        connection.execute("UPDATE scores SET value = 'text' WHERE id = 5")
        connection.execute("UPDATE scores SET value = 7 WHERE id = 7")
        # A value under another one's key is as wrong as a damaged one.
        connection.execute("UPDATE scores SET value = (SELECT value FROM scores WHERE id = 1) WHERE id = 6")
    connection.close()
    cache = DiskCache(path, MB)
    expected = {k: v for k, v in items(range(10)).items() if k not in {key(i) for i in (2, 3, 4, 5, 6)}}
    with pytest.warns(RuntimeWarning, match="are damaged. They are computed again"):
        assert cache.get([key(i) for i in range(10)]) == expected
    assert cache.size()[0] == 5


def damage(path: Path) -> None:
    """Overwrites all but the header page."""
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(bytes(data))


def test_a_damaged_file_is_set_aside_with_one_warning_and_a_new_one_begun(path: Path) -> None:
    closed(path, range(200))
    damage(path)
    cache = DiskCache(path, MB)
    with pytest.warns(RuntimeWarning, match=r"was damaged .* now scores\.db\.damaged") as seen:
        found = cache.get([key(i) for i in range(200)])
    assert len(seen) == 1
    assert not found
    assert path.with_name("scores.db.damaged").is_file()
    cache.put(items(range(5)))
    assert DiskCache(path, MB).get([key(i) for i in range(200)]) == items(range(5))


def test_damage_while_it_is_open(path: Path) -> None:
    cache = DiskCache(path, 100 * MB)
    cache.put(items(range(2_000)))
    cache._close()
    cache.get([key(0)])
    damage(path)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for i in range(0, 2_000, 100):
            found = cache.get([key(j) for j in range(i, i + 100)])
            assert found.items() <= items(range(i, i + 100)).items()
        cache.put(items(range(5)))
    assert len(seen) == 1
    assert cache.get([key(1)]) == {key(1): value(1)}


def test_two_processes_set_a_damaged_file_aside_once(path: Path) -> None:
    closed(path, range(200))
    one, two = DiskCache(path, MB), DiskCache(path, MB)
    one.get([key(0)]), two.get([key(0)])
    damage(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one._set_aside(sqlite3.DatabaseError("malformed"))
        one.put(items(range(7)))
        two._set_aside(sqlite3.DatabaseError("malformed"))
    assert two.get([key(i) for i in range(7)]) == items(range(7))  # the new file stays


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_text("Dear diary, today I lost my keys."),
        lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(84)),
        lambda path: path.write_bytes(b"\0"),
        lambda path: sqlite3.connect(path).executescript("CREATE TABLE scores (id, key, value); VACUUM;").close(),
    ],
)
def test_somebody_elses_file_is_left_alone_with_one_warning(path: Path, make: object) -> None:
    make(path)  # type: ignore[operator]
    before = path.read_bytes()
    cache = DiskCache(path, MB)
    with pytest.warns(RuntimeWarning, match="not a score cache of this version, so scores are kept in memory"):
        cache.put(items(range(3)))
    assert cache.get([key(1)]) == {}  # a second warning would be an error
    cache.clear()
    assert cache.size() == (0, 0)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_folder_in_its_place_or_above_it(path: Path, tmp_path: Path) -> None:
    path.mkdir()
    with pytest.warns(RuntimeWarning, match="kept in memory alone"):
        assert DiskCache(path, MB).get([key(1)]) == {}
    for name in ("file", "locked"):  # which SQLite says of a file that another process writes
        (tmp_path / name).write_text("x")
        with pytest.warns(RuntimeWarning, match="kept in memory alone"):
            DiskCache(tmp_path / name / "scores.db", MB).put(items(range(3)))


@pytest.mark.parametrize("rest", [60.0, 0.0])
def test_after_the_disk_was_full_it_is_used_again(path: Path, monkeypatch: pytest.MonkeyPatch, rest: float) -> None:
    monkeypatch.setattr("boildown.disk_cache._REST", rest)
    cache = DiskCache(path, MB)
    cache.put(items(range(3)))
    assert cache._connection is not None
    cache._connection.execute("PRAGMA max_page_count = 1")  # as if there were no room, until it is opened again
    with pytest.warns(RuntimeWarning, match=rf"is full\), .* alone\. It is tried again every {rest:.0f} seconds"):
        cache.put(items(range(3, 500)))
    cache.put(items(range(3, 500)))  # a second warning would be an error
    assert cache.size()[0] == (0 if rest else 500)
    assert len(cache.get([key(1), key(400)])) == (0 if rest else 2)


def test_while_another_process_writes_it_reads_and_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boildown.disk_cache._WAIT", 0.01)
    closed(path, range(10))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    cache = DiskCache(path, MB)
    assert cache.get([key(1)]) == {key(1): value(1)}
    cache.put(items(range(20, 30)))  # dropped, without a warning
    assert cache.get([key(25)]) == {}
    other.execute("ROLLBACK")
    other.close()
    cache.put(items(range(20, 30)))
    assert cache.get([key(25)]) == {key(25): value(25)}


def test_it_waits_for_a_process_that_begins_the_file_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed(path, range(10))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")  # as in a file that has just been begun
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("boildown.disk_cache.sleep", lambda seconds: other.execute("ROLLBACK"))
    cache = DiskCache(path, MB)
    cache.put(items(range(20, 30)))
    assert cache.get([key(25)]) == {key(25): value(25)}
    assert not other.in_transaction  # it had to wait
    other.close()


def test_an_interrupted_write_leaves_no_half(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DiskCache(path, MB)
    cache.put(items(range(3)))

    def interrupt(connection: sqlite3.Connection) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("boildown.disk_cache._used", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cache.put(items(range(3, 9)))
    assert cache.size()[0] == 3
    cache.put(items(range(3, 9)))
    assert DiskCache(path, MB).size()[0] == 9


def test_threads_share_one(path: Path) -> None:
    cache = DiskCache(path, 100 * MB)
    wrong: list[object] = []

    def work(seed: int) -> None:
        for i in range(30):
            mine = range(seed * 1_000 + i * 10, seed * 1_000 + i * 10 + 10)
            cache.put(items(mine))
            if cache.get([key(j) for j in mine]) != items(mine):
                wrong.append(mine)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert cache.size()[0] == 1_200


_WRITER = """
import sys, warnings
warnings.simplefilter("error")
from pathlib import Path
import boildown.disk_cache
from boildown.disk_cache import DiskCache
boildown.disk_cache._WAIT = 50.0  # nothing is dropped, however slow the disk and busy the others
cache = DiskCache(Path(sys.argv[1]), 100 << 20)
seed = int(sys.argv[2])
for i in range(40):
    some = {(seed * 10_000 + i * 5 + j).to_bytes(16, "big"): bytes([i]) * 300 for j in range(5)}
    cache.put(some)
    assert cache.get(list(some)) == some
"""


def test_processes_that_begin_at_once_share_one(path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), str(seed)]) for seed in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert DiskCache(path, 100 * MB).size()[0] == 600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_parent_and_child_of_a_fork_both_go_on(path: Path) -> None:
    cache = DiskCache(path, 100 * MB)
    cache.put(items(range(10)))
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(cache,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    cache.put(items(range(20, 30)))
    expected = items(range(20))
    expected.update(items(range(20, 30)))
    assert cache.get([key(i) for i in range(40)]) == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_for_the_thread_that_uses_the_file(path: Path) -> None:
    cache = DiskCache(path, 100 * MB)
    cache.put(items(range(10)))
    inside, go_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            inside.set()
            assert go_on.wait(30)

    busy = threading.Thread(target=cache._run, args=(slow, None))
    busy.start()
    assert inside.wait(30)
    threading.Timer(0.1, go_on.set).start()
    child = os.fork()
    if child == 0:
        # As it would be in the middle of the other thread's transaction: locked, for a second at least.
        os._exit(0 if go_on.is_set() and cache.get([key(1)]) == {key(1): value(1)} else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    busy.join()
    assert cache.get([key(1)]) == {key(1): value(1)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_what_is_forked_has_locks_of_its_own(path: Path) -> None:
    cache = DiskCache(path, 100 * MB)
    cache.put(items(range(10)))
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        cache.get([key(1)])
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0 if cache.get([key(2)]) == {key(2): value(2)} else 1)
    os.read(ready[0], 1)
    assert cache._connection is None
    closed(path, range(10))  # the last one in this process, which would delete the log were the child not seen
    assert path.with_name("scores.db-wal").exists()
    os.write(done[1], b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_two_caches_of_one_file_in_one_process_keep_its_locks(path: Path) -> None:
    one = DiskCache(path, 100 * MB)
    one.put(items(range(10)))
    two = DiskCache(path, 100 * MB)
    two.put(items(range(10, 20)))
    # Another process that closes the file last in its own view would delete the log under these two.
    subprocess.run([sys.executable, "-c", _WRITER, str(path), "1"], check=True, timeout=60)
    assert path.with_name("scores.db-wal").exists()
    one.put(items(range(20, 30)))
    assert DiskCache(path, 100 * MB).size()[0] == 230
    assert two.get([key(i) for i in range(40)]) == items(range(30))


def _in_child(cache: DiskCache) -> None:
    assert cache.get([key(1)]) == {key(1): value(1)}
    cache.put(items(range(10, 20)))
