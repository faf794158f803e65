from __future__ import annotations

import asyncio
import copy
import gc
import gzip
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from boildown import BoildownError, Budget, Client, MissingExtraError, ServiceError
from boildown.client.connections import Connections
from boildown.errors import DeadlineError, OverloadedError
from boildown.runtime import requests, seats

TEXTS = ["The tower was built in 1889. It is tall.", "Cats sleep a lot. They sleep on mats."]
CALL: tuple[Any, ...] = ("When was the tower built?", TEXTS, Budget(tokens=8))
KEPT = "The tower was built in 1889."
BUSY = (429, {"Retry-After": "0"}, {"error": {"type": "overloaded", "message": "The queue is full."}})
STARTING = (503, {}, {"error": {"type": "not_ready", "message": "The model is being loaded."}})

pytestmark = pytest.mark.usefixtures("hurried")


@pytest.mark.parametrize("refusals", [[BUSY], [STARTING, BUSY], ["hang up"], [(429, {}, b"slow down"), "hang up"]])
def test_a_busy_service_and_a_broken_connection_are_tried_again(small: Any, refusals: list[Any]) -> None:
    small.plan = list(refusals)
    with Client(small.url) as client:
        assert client.compress(*CALL).text == KEPT
    assert len(small.requests) == len(refusals) + 1
    assert small.requests[0][2] == small.requests[-1][2]


async def test_so_are_they_without_blocking(small: Any) -> None:
    small.plan = [BUSY, "hang up", STARTING]
    async with Client(small.url) as client:
        assert (await client.acompress(*CALL)).text == KEPT
    assert len(small.requests) == 4


def test_who_waits_for_the_service_takes_no_seat(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    free = seats._seats._value
    found = []

    def pause(*_: Any) -> float | None:
        found.append(seats._seats._value)
        return None

    monkeypatch.setattr(Connections, "_pause", pause)
    with Client(small.url) as client, seats.seated():
        assert client.compress(*CALL).text == KEPT
        assert seats._seats._value == free - 1
    assert found == [free]


def test_a_service_that_stays_busy_is_an_error_that_says_so(small: Any) -> None:
    small.plan = [BUSY] * 9
    with Client(small.url, retries=2) as client, pytest.raises(OverloadedError, match="The queue is full"):
        client.compress(*CALL)
    assert len(small.requests) == 3
    small.plan = [STARTING] * 9
    with Client(small.url, retries=0) as client, pytest.raises(ServiceError, match="503: The model is being") as error:
        client.compress(*CALL)
    assert error.value.status == 503
    assert len(small.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 415, 422, 500, 502, 504])
def test_nothing_else_is_tried_again(small: Any, status: int) -> None:
    small.plan = [(status, {"Retry-After": "0"}, {"error": {"message": "No."}})]
    with Client(small.url) as client, pytest.raises(BoildownError, match=r"No\."):
        client.compress(*CALL)
    assert len(small.requests) == 1


def pause(status: int, header: str | None, attempt: int = 0) -> float | None:
    headers = {} if header is None else {"Retry-After": header}
    return Connections("http://x", {}, 1, 9)._pause(attempt, httpx.Response(status, headers=headers))


def test_pauses_grow_to_a_limit_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boildown.client.connections._FIRST_PAUSE", 0.5)
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 8, 8]):
        pauses = [pause(503, None, attempt) for _ in range(50)]
        assert all(p is not None and longest / 2 <= p <= longest for p in pauses)
        assert len(set(pauses)) > 1


def test_a_service_says_how_long_to_wait_at_least() -> None:
    soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=20), usegmt=True)
    for header, least in (("7", 7.0), ("1.5", 1.5), (soon, 15.0)):
        found = pause(429, header)
        assert found is not None
        assert least <= found <= least + 7
    for nonsense in ("", "soon", "-3", "nan", "1e9", "Fri, 31 Dec 1999 23:59:59 GMT", "0"):
        found = pause(429, nonsense)
        assert found is not None
        assert found < 1
    assert pause(429, "86400") is None  # Nobody waits a day.
    with requests.deadline(5):
        assert pause(429, "1") is not None
        assert pause(429, "7") is None


def test_no_answer_in_time(small: Any) -> None:
    with Client(small.url, timeout=0.5) as client, Client(small.url) as patient:
        for each in (client, patient):  # Each has a connection now, and the requests that hang are sent in time.
            each.compress(*CALL)
        small.requests.clear()
        small.plan = ["wait", "wait"]
        with pytest.raises(DeadlineError, match="longer timeout="):
            client.compress(*CALL)
        with requests.deadline(0.5), pytest.raises(DeadlineError):
            patient.compress(*CALL)
    first, second = (float(headers["X-Timeout"]) for _, headers, _ in small.requests)
    assert first == 0.5
    assert 0 < second <= 0.5
    with requests.deadline(0), pytest.raises(DeadlineError):
        Client(small.url).compress(*CALL)
    assert len(small.requests) == 2


def test_an_answer_that_trickles_in_does_not_come_in_time(small: Any) -> None:
    client, patient = Client(small.url, timeout=0.5), Client(small.url)
    for each in (client, patient):
        each.compress(*CALL)
    small.step, small.pause = 1, 0.05  # each byte by itself in time
    begin = time.monotonic()
    with pytest.raises(DeadlineError, match="longer timeout="):
        client.compress(*CALL)
    with pytest.raises(DeadlineError, match="longer timeout="):
        asyncio.run(client.acompress(*CALL))
    with requests.deadline(0.5), pytest.raises(DeadlineError):
        patient.compress(*CALL)
    assert time.monotonic() - begin < 10  # where whole answers take half a minute each
    small.step = 100
    assert patient.compress(*CALL).text == KEPT
    patient.close()
    client.close()


def test_an_answer_may_come_compressed(small: Any) -> None:
    with Client(small.url, retries=0) as client:
        client.compress(*CALL)
        plain = httpx.post(f"{small.url}/v1/compress", json=small.requests[0][2]).content
        packed = (200, {"Content-Encoding": "gzip"}, gzip.compress(plain))
        small.plan = [packed, packed, (200, {"Content-Encoding": "gzip"}, plain)]
        assert client.compress(*CALL).text == KEPT
        assert asyncio.run(client.acompress(*CALL)).text == KEPT
        with pytest.raises(ServiceError, match="cannot be reached"):
            client.compress(*CALL)


def test_nobody_there() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # Bound, but nobody listens.
        client = Client(f"http://127.0.0.1:{held.getsockname()[1]}", retries=1)
        with pytest.raises(ServiceError, match="boildown serve") as error:
            client.compress(*CALL)
        assert error.value.status is None
        with pytest.raises(ServiceError, match="boildown serve"):
            asyncio.run(client.acompress(*CALL))


def test_a_password_in_the_address_is_sent_and_not_shown(small: Any) -> None:
    with Client(small.url.replace("//", "//bob:secret@"), retries=0) as client:
        client.compress(*CALL)
        assert small.requests[0][1]["Authorization"].startswith("Basic ")
        small.plan = ["hang up"]
        with pytest.raises(ServiceError, match=small.url) as error:
            client.compress(*CALL)
        assert "secret" not in str(error.value) + repr(client)


@pytest.mark.parametrize("url", ["http://localhost:port", "http://no host", "http://[::1", "http://no..host"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ServiceError, match="is the address right"):
        Client(url).compress(*CALL)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"[" * 100_000),
        (502, {"Content-Type": "text/html; charset=idna"}, b"<h1>Bad gateway \xff</h1>"),
        (500, {"Retry-After": f"Mon, 01 Jan {10**20} 00:00:00 GMT"}, {}),
    ],
    ids=["nested", "charset", "date"],
)
def test_an_answer_that_makes_no_sense(small: Any, answer: Any) -> None:
    small.plan = [answer]
    with Client(small.url, retries=0) as client, pytest.raises(ServiceError):
        client.compress(*CALL)


def test_connections_are_opened_when_needed_and_kept(small: Any) -> None:
    with Client(small.url) as client:
        assert small.connections == 0
        for _ in range(3):
            client.compress(*CALL)
        assert small.connections == 1
        client.close()
        client.compress(*CALL)
        assert small.connections == 2


def test_threads_share_a_client(small: Any) -> None:
    found: list[str] = []
    with Client(small.url) as client:
        threads = [threading.Thread(target=lambda: found.append(client.compress(*CALL).text)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [KEPT] * 16


def test_a_thread_that_closes_a_client_leaves_others_their_requests(small: Any) -> None:
    found: list[str] = []
    client = Client(small.url, timeout=20, retries=0)
    client.compress(*CALL)
    small.step, small.pause = 100, 0.02  # an answer takes its time
    threads = [threading.Thread(target=lambda: found.append(client.compress(*CALL).text)) for _ in range(4)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        client.close()
        time.sleep(0.01)
    assert found == [KEPT] * 4
    assert time.monotonic() - begin < 10
    client.close()


def test_event_loops_share_a_client_and_close_what_they_opened(small: Any) -> None:
    client = Client(small.url)

    async def several() -> list[str]:
        return [result.text for result in await asyncio.gather(*[client.acompress(*CALL) for _ in range(8)])]

    for _ in range(3):
        assert asyncio.run(several()) == [KEPT] * 8
        gc.collect()  # An open socket would warn here.
    assert client.compress(*CALL).text == KEPT
    asyncio.run(client.aclose())


def test_a_client_that_is_forgotten_closes_its_connections(small: Any) -> None:
    client = Client(small.url)
    client.compress(*CALL)
    connection = client._connections._pool().connection
    del client
    gc.collect()
    assert connection.is_closed


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda client: pickle.loads(pickle.dumps(client))])
def test_copies_and_pickles_work_like_the_original(small: Any, again: Any) -> None:
    with Client(small.url, token="secret", order="score", protect=["number"]) as client:
        client.compress(*CALL)
        with again(client) as other:
            assert other.compress(*CALL).text == KEPT
    (_, first, one), (_, second, two) = small.requests
    assert one == two
    assert first["Authorization"] == second["Authorization"] == "Bearer secret"
    assert "secret" not in repr(client)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_opens_connections_of_its_own(small: Any) -> None:
    script = f"""
import os
from boildown import Budget, Client
client = Client({small.url!r})
call = {CALL[:2]!r}
first = client.compress(*call, Budget(tokens=8)).text
child = os.fork()
assert client.compress(*call, Budget(tokens=8)).text == first
client.close()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (len(small.requests), small.connections) == (3, 2)


def test_without_httpx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boildown.client.connections.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"boildown\[client\]"):
        Client("http://localhost:8000")
