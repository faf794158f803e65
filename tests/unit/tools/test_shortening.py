"""What becomes of a result whose engine fails, and what is remembered."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import Any

import pytest

from boildown import Compressor, ConfigurationError, ServiceError
from boildown.counters import resolve_counter
from boildown.errors import CancelledError, DeadlineError
from boildown.runtime import requests
from boildown.tools.content import Content
from boildown.tools.shortening import Shortening, note_of

CONTENT = Content(" ".join(f"Entry {i} of the harbour log notes calm weather." for i in range(100)))


class Engine:
    """Fails as often as it is told, and counts its calls."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.calls = [*failures], 0

    def compress(self, *call: Any) -> Any:
        self.calls += 1
        if self.failures:
            raise self.failures.pop()
        return Compressor("bm25").compress(*call)

    async def acompress(self, *call: Any) -> Any:
        return self.compress(*call)


def test_what_cannot_be_shortened_stays_whole_with_a_warning() -> None:
    shortening = Shortening(50, 100, None, None, Engine(OSError("timed out"), ServiceError("The service is down.")))
    for said in ("'log' stays whole, .* ServiceError: The service is down", "OSError: timed out"):
        with pytest.warns(RuntimeWarning, match=said):
            assert shortening.short_form("log", CONTENT, "weather") is None
    short = shortening.short_form("log", CONTENT, "weather")
    assert short is not None
    assert short.tokens_out <= 50


def test_an_engine_that_took_long_to_fail_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("boildown.tools.shortening.time.monotonic", lambda: now)
    slow = Engine()
    shortening = Shortening(50, 100, None, None, slow)
    known = shortening.short_form("log", CONTENT, "weather")

    def wait_in_vain(*call: Any) -> Any:
        nonlocal now
        slow.calls += 1
        now += 5
        raise DeadlineError("No answer in time.")

    monkeypatch.setattr(slow, "compress", wait_in_vain)
    for i in range(10):  # the results of a conversation, which all come again in each turn
        with pytest.warns(RuntimeWarning, match=r"stays whole, .*DeadlineError: No answer in time\."):
            assert shortening.short_form("log", CONTENT, f"boats {i}") is None
    assert (slow.calls, now) == (2, 1005)
    assert shortening.short_form("log", Content("Calm."), "boats") is None  # without a warning
    assert shortening.short_form("log", CONTENT, "weather") is known
    assert pickle.loads(pickle.dumps(shortening._rest)).stand_in() is None
    monkeypatch.undo()
    monkeypatch.setattr("boildown.tools.shortening.time.monotonic", lambda: now + 51)
    assert shortening.short_form("log", CONTENT, "boats") is not None


def test_a_caller_whose_own_time_is_over_does_not_stop_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boildown.tools.shortening._SLOW", 0.0)
    engine = Engine(DeadlineError("The deadline passed."))
    shortening = Shortening(50, 100, None, None, engine)
    with requests.deadline(0), pytest.warns(RuntimeWarning, match="stays whole"):
        assert shortening.short_form("log", CONTENT, "weather") is None
    assert shortening.short_form("log", CONTENT, "boats") is not None


def test_whoever_cancels_gets_no_warning() -> None:
    shortening = Shortening(50, 100, None, None, Engine(CancelledError("gone")))
    with pytest.raises(CancelledError):
        shortening.short_form("log", CONTENT, "weather")


def test_what_was_shortened_is_remembered() -> None:
    engine = Engine()
    shortening = Shortening(50, 100, {"other": None}, None, engine)
    first = shortening.short_form("log", CONTENT, "weather")
    assert shortening.short_form("log", Content(CONTENT.text), "weather") is first
    assert engine.calls == 1
    assert shortening.short_form("other", CONTENT, "weather") is None
    shortening.short_form("log", CONTENT, "boats")
    assert engine.calls == 2
    copy.deepcopy(shortening)


def test_what_the_developer_should_know_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"id": i, "url": f"https://example.org/{i}", "text": CONTENT.text[:300]} for i in range(20)]
    shortening = Shortening(60, 100, None, None, Compressor("bm25"))
    with caplog.at_level(logging.INFO, "boildown.tools"):
        for _ in range(2):
            short = shortening.short_form("search", Content(str(rows)), "weather")
    assert short is not None
    assert [record.getMessage() for record in caplog.records] == [f"A result of 'search': {n}" for n in short.notes]
    assert "more than tokens=60" in caplog.text


@pytest.mark.parametrize("engine", [None, Compressor("bm25"), Compressor("bm25", dedupe=1.0)])
def test_values_of_data_that_repeat_each_other_stay(engine: Compressor | None) -> None:
    plan = engine and engine.plan
    calm = "The harbour of Carrick Bell is calm, and its light is lit, as on all the days before, at half past six."
    rows = [{"day": i, "log": calm, "note": CONTENT.text[:1000] if i == 9 else ""} for i in range(10)]
    short = Shortening(600, 600, None, None, engine).short_form("log", Content(json.dumps(rows)), "Is the light lit?")
    assert short is not None
    assert short.texts.count(calm) == 10
    assert (engine and engine.plan) is plan


def test_the_least_budget_holds_the_note() -> None:
    Shortening(50, 100, None, None, None)
    contents = [Content(str(i)) for i in range(200)]
    notes = [content.text_with([""], note_of(content)) for content in contents]
    assert 35 <= max(resolve_counter(None).count_many(notes)) <= 50


@pytest.mark.parametrize("rules", [["run_sql"], "run_sql", {"run_sql"}, 5])
def test_rules_that_map_nothing(rules: Any) -> None:
    with pytest.raises(ConfigurationError, match="rules= maps names of tools"):
        Shortening(50, 100, rules, None, None)
