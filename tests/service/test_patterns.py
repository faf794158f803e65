"""Regular expressions in requests: what they protect, and what they cannot do."""

from __future__ import annotations

import hashlib
import threading
from time import thread_time

import pytest

from boildown.runtime import requests

pytest.importorskip("regex", reason="needs the extra [service]")

SLOW = "(a|aa)+$"

TEXT = "The Pelican goes down to 120 m. The battery lasts 36 months. Order it as PEL-10042 or as PEL 10042."


def compiled(pattern):
    from boildown.service.patterns import Patterns

    patterns = Patterns([pattern])
    patterns.compile()
    return patterns.each[0]


def name():
    return threading.current_thread().name


def test_matches_are_those_of_a_regular_expression():
    pattern = compiled(r"\bPEL-\d{5}\b")
    assert pattern.pattern == r"\bPEL-\d{5}\b"
    assert [m.span() for m in pattern.finditer(TEXT)] == [(TEXT.index("PEL-"), TEXT.index("PEL-") + 9)]


def test_patterns_are_protected(client):
    asked = {"query": "How is it ordered?", "documents": [TEXT], "unit": "word", "protect": [], "budget": {"rate": 0.7}}
    answer = client.post("/v1/compress", json={**asked, "patterns": [r"PEL-\d{5}"]}).json()
    (document,) = answer["documents"]
    assert [TEXT[p["start"] : p["end"]] for p in document["protected"]] == ["PEL-10042"]


def test_a_search_without_end_is_ended(client):
    asked = {"query": "a", "documents": ["a" * 5000 + "b"], "budget": {"rate": 0.5}, "patterns": ["x", "(a|aa)+$"]}
    response = client.post("/v1/compress", json=asked)
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "patterns[1]"


def test_a_search_has_its_time_and_no_more():
    from boildown.service.errors import Refusal

    pattern = compiled(SLOW)
    with pytest.raises(Refusal, match="too long"):
        list(pattern.finditer("a" * 200 + "b"))


def test_all_searches_of_a_request_share_their_time(monkeypatch):
    from boildown.service import patterns
    from boildown.service.errors import Refusal

    monkeypatch.setattr(patterns, "_SECONDS", 10.0)
    monkeypatch.setattr(patterns, "_ALL_SECONDS", 0.1)
    pattern = compiled(SLOW)
    text = "a" * 16 + "b"
    assert list(pattern.finditer(text)) == []
    begin = thread_time()
    with pytest.raises(Refusal, match="too long"):
        [list(pattern.finditer(text)) for _ in range(10_000)]
    assert thread_time() - begin < 0.5


@pytest.fixture
def busy():
    """Other threads that use up the process's time."""
    done = threading.Event()

    def work():
        while not done.is_set():
            hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 10_000)

    threads = [threading.Thread(target=work) for _ in range(3)]
    [thread.start() for thread in threads]
    yield
    done.set()
    [thread.join() for thread in threads]


def test_a_search_ends_with_its_request(busy):
    from boildown.errors import CancelledError, DeadlineError

    pattern = compiled(SLOW)
    with requests.deadline(0.02), pytest.raises(DeadlineError):
        list(pattern.finditer("a" * 200 + "b"))
    with requests.deadline(0), pytest.raises(DeadlineError):
        list(pattern.finditer("b"))
    with requests.deadline(None) as wanted:
        wanted.cancel()
        with pytest.raises(CancelledError):
            list(pattern.finditer("b"))


def test_nothing_is_compiled_on_the_event_loop(client, monkeypatch):
    from boildown.service.patterns import BoundedPattern

    threads = []
    monkeypatch.setattr(
        BoundedPattern, "compile", lambda self, real=BoundedPattern.compile: (threads.append(name()), real(self))
    )
    asked = {"query": "a", "documents": [TEXT], "budget": {"rate": 0.5}, "patterns": ["PEL", "x"]}
    assert client.post("/v1/compress", json=asked).status_code == 200
    assert len(threads) == 2
    assert all(thread.startswith("boildown-service") for thread in threads)


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[a-",
        "a{3,2}",
        r"\p{Nonsense}",
        "((a{1000}){1000})",
        "a{99999999}",
        "(?P<x>a",
        r"(?a)(?u)\w",
        "(?V0)(?V1)a",
    ],
)
def test_what_is_no_pattern(client, pattern):
    asked = {"query": "a", "documents": ["a b c"], "budget": {"rate": 0.5}, "patterns": ["fine", pattern]}
    response = client.post("/v1/compress", json=asked)
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["field"] == "patterns[1]"


def test_in_a_batch_the_field_says_where(client):
    asked = {"query": "a", "documents": ["a b c"], "budget": {"rate": 0.5}, "patterns": ["("]}
    response = client.post("/v1/compress/batch", json={"requests": [asked]})
    (result,) = response.json()["results"]
    assert result["error"]["type"] == "invalid_request"
    assert result["error"]["field"] == "requests[0].patterns[0]"


def test_repetitions_count_over_all_patterns(client):
    asked = {"query": "a", "documents": ["a b c"], "budget": {"rate": 0.5}}
    sets = r"(?V1i)[\p{L}--[a-z]&&\w]{500}"
    assert client.post("/v1/compress", json={**asked, "patterns": [sets]}).status_code == 200
    response = client.post("/v1/compress", json={**asked, "patterns": [sets] * 16})
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "patterns[1]"
