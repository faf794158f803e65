"""The cache as an object: what it counts, how it is named, copied and pickled."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from boildown import Compressor, ConfigurationError
from boildown.cache import ScoreCache, resolve_cache

KEY, OTHER = bytes(16), bytes(15) + b"\1"


def test_hits_and_misses_are_counted() -> None:
    cache = ScoreCache()
    assert cache.get([KEY, OTHER]) == [None, None]
    cache.put({KEY: b"scores"})
    assert cache.get([KEY, OTHER]) == [b"scores", None]
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.entries, stats.disk_hits) == (1, 3, 1, 0)
    assert 0 < stats.bytes < 1000
    assert stats.to_dict()["capacity"] == 64 << 20
    cache.clear()
    assert cache.get([KEY]) == [None]
    assert cache.stats().bytes == 0


def test_derived_values_are_computed_once_for_each_key_and_are_not_scores() -> None:
    cache = ScoreCache()
    asked = []

    def lengths(chosen: list[int], keys: list[str]) -> list[int]:
        asked.extend(keys[i] for i in chosen)
        return [len(keys[i]) for i in chosen]

    for keys in (["a", "bb"], ["bb", "ccc", "a"]):
        assert cache.derive(keys, lambda chosen, keys=keys: lengths(chosen, keys), lambda _: 8) == [*map(len, keys)]
    assert asked == ["a", "bb", "ccc"]
    assert (cache.stats().hits, cache.stats().misses, cache.stats().entries) == (0, 0, 3)


def test_without_room_it_keeps_nothing() -> None:
    cache = ScoreCache(memory=0)
    cache.put({KEY: b"scores"})
    assert cache.get([KEY]) == [None]


def test_a_file_outlives_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.db"
    ScoreCache(path=path).put({KEY: b"scores", OTHER: b""})
    cache = ScoreCache(path=path)
    assert cache.get([KEY, OTHER, bytes(range(16))]) == [b"scores", b"", None]
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.disk_hits, stats.disk_entries) == (2, 1, 2, 2)
    assert stats.disk_bytes > 0
    assert cache.get([KEY]) == [b"scores"]
    assert cache.stats().disk_hits == 2  # the second time it is in memory
    cache.clear()
    assert ScoreCache(path=path).get([KEY]) == [None]


def test_what_names_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_cache(False) is None
    assert resolve_cache(True) is resolve_cache(True)
    assert resolve_cache(str(tmp_path / "a.db")) is resolve_cache(tmp_path / "a.db")
    assert resolve_cache(tmp_path / "a.db") is not resolve_cache(tmp_path / "b.db")
    monkeypatch.chdir(tmp_path)
    assert resolve_cache("a.db") is resolve_cache(tmp_path / "a.db")
    own = ScoreCache()
    assert resolve_cache(own) is own
    assert not list(tmp_path.iterdir())  # a file is made when it is first used


def test_a_path_names_one_file_whatever_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path / "one"))
    compressor = Compressor("bm25", cache="a.db")
    caches = [resolve_cache(compressor.cache), ScoreCache(path="b.db"), ScoreCache(path="~/c.db")]
    monkeypatch.chdir(tmp_path / "two")
    caches += [pickle.loads(pickle.dumps(cache)) for cache in caches]
    assert resolve_cache(compressor.cache) is caches[0]
    for cache in caches:
        assert cache is not None
        cache.put({KEY: b"scores"})
    assert {path.name for path in (tmp_path / "one").iterdir()} >= {"a.db", "b.db", "c.db"}
    assert not list((tmp_path / "two").iterdir())


@pytest.mark.parametrize("wrong", [None, 7, "", b"a.db", ["a.db"]])
def test_anything_else_is_an_error_when_the_compressor_is_built(wrong: object) -> None:
    with pytest.raises(ConfigurationError, match="cache= takes True, False"):
        Compressor("bm25", cache=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [{"memory": -1}, {"disk": -1}])
def test_negative_limits_are_an_error(limits: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="at least 0 bytes"):
        ScoreCache(**limits)


def test_a_copy_is_the_same_object_and_a_pickle_its_configuration(tmp_path: Path) -> None:
    cache = ScoreCache(memory=5_000, path=tmp_path / "a.db", disk=1 << 20)
    cache.put({KEY: b"scores"})
    assert copy.copy(cache) is cache
    assert copy.deepcopy({"cache": cache})["cache"] is cache
    data = pickle.dumps(cache)
    assert len(data) < 300
    again = pickle.loads(data)
    assert (again.stats().capacity, again.stats().entries) == (5_000, 0)
    assert again.get([KEY]) == [b"scores"]  # from the file


def test_a_pickle_of_a_shared_one_is_the_shared_one(tmp_path: Path) -> None:
    for spec in (True, tmp_path / "a.db"):
        cache = resolve_cache(spec)
        assert pickle.loads(pickle.dumps(cache)) is cache


def test_a_compressor_carries_its_cache_as_configuration() -> None:
    own = ScoreCache(memory=4_000)
    compressor = Compressor("bm25", cache=own)
    assert copy.deepcopy(compressor).cache is own
    again = pickle.loads(pickle.dumps(compressor))
    assert again.cache.stats().capacity == 4_000
    assert pickle.loads(pickle.dumps(Compressor("bm25"))).cache is True


def test_it_costs_an_import_nothing() -> None:
    code = "import sys, boildown, boildown.cache; sys.exit('sqlite3' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
