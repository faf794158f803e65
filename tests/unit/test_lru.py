"""The bounded memory: what was used last stays, and the count of bytes is right."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.lru import LRU


def test_what_was_used_longest_ago_makes_room() -> None:
    lru = LRU(3_000)
    lru.put((key, key.upper(), 500) for key in "abc")
    assert lru.get(["a"]) == ["A"]
    lru.put([("d", "D", 500)])
    assert lru.get(list("abcd")) == ["A", None, "C", "D"]


def test_what_is_larger_than_all_the_room_is_not_held_and_drives_nothing_out() -> None:
    lru = LRU(2_000)
    lru.put([("a", 1, 100)])
    lru.put([("b", 2, 5_000)])
    assert lru.get(["a", "b"]) == [1, None]


def test_a_value_that_replaces_another_is_counted_once() -> None:
    lru = LRU(10_000)
    for size in (100, 900, 200):
        lru.put([("a", size, size)])
    once = LRU(10_000)
    once.put([("a", 200, 200)])
    assert (lru.bytes, len(lru)) == (once.bytes, 1)
    lru.clear()
    assert (lru.bytes, len(lru), lru.get(["a"])) == (0, 0, [None])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3_000), st.booleans()), max_size=200))
def test_it_is_never_fuller_than_it_may_be_and_never_wrong(steps: list[tuple[int, int, bool]]) -> None:
    lru = LRU(8_000)
    last: dict[int, int] = {}
    for key, size, write in steps:
        if write:
            lru.put([(key, size, size)])
            last[key] = size
        else:
            assert lru.get([key])[0] in (None, last.get(key))
        assert 0 <= lru.bytes <= 8_000
        assert (lru.bytes == 0) == (len(lru) == 0)


def test_the_bytes_are_about_what_python_takes() -> None:
    lru = LRU(1 << 30)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    lru.put((i.to_bytes(16, "big"), bytes(800), 800) for i in range(5_000))
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.8 < taken / lru.bytes < 1.1


def test_many_threads_leave_it_whole() -> None:
    lru = LRU(20_000)

    def work(seed: int) -> None:
        for i in range(2_000):
            key = (i * seed) % 97
            assert lru.get([key])[0] in (None, key)
            lru.put([(key, key, key)])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (3, 5, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lru.bytes <= 20_000
    held = [key for key in range(97) if lru.get([key])[0] is not None]
    assert len(held) == len(lru)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("torn", [False, True])
def test_a_child_keeps_it_unless_a_thread_was_changing_it(torn: bool) -> None:
    lru = LRU(10_000)
    lru.put([("a", 1, 10)])
    if torn:
        lru.lock.acquire()
    child = os.fork()
    if child == 0:
        expected = None if torn else 1
        right = lru.get(["a"]) == [expected] and (lru.bytes == 0) == torn
        lru.put([("b", 2, 10)])
        os._exit(0 if right and lru.get(["b"]) == [2] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
