"""The queue, the deadline, and clients that go away; the method waits until the test lets it go on."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

GOOD = {"query": "a", "documents": ["The tide turns at noon."], "budget": {"tokens": 10}}


@pytest.fixture
def narrow(serve, held):
    """One thread, and room for two."""
    from boildown.service.settings import Limits

    client = serve(models={"held": "held"}, threads=1, limits=Limits(queue=2, timeout=20), cache=False)
    held.begun = held.ended = 0  # the warm-up has been counted
    held.go.clear()
    return client


def depth(client):
    for line in client.get("/metrics").text.splitlines():
        if line.startswith("boildown_queue_depth "):
            return float(line.split()[1])
    raise AssertionError("no queue depth")


def test_a_full_queue_answers_429(narrow, held, eventually):
    with ThreadPoolExecutor(2) as pool:
        accepted = [pool.submit(narrow.post, "/v1/compress", json=GOOD) for _ in range(2)]
        eventually(lambda: depth(narrow) == 2)
        for path, body in [
            ("/v1/compress", GOOD),
            ("/v1/compress/batch", {"requests": [GOOD]}),
            ("/v1/rerank", {"query": "a", "documents": ["a"]}),
            ("/api/v1/compress_prompt", {"context": ["a"]}),
        ]:
            response = narrow.post(path, json=body)
            assert response.status_code == 429
            assert int(response.headers["retry-after"]) >= 1
            assert response.json()["error"]["type"] == "overloaded"
        assert narrow.get("/ready").status_code == 200
        held.go.set()
        assert [one.result().status_code for one in accepted] == [200, 200]
    assert narrow.post("/v1/compress", json=GOOD).status_code == 200


def test_a_batch_that_does_not_fit_begins_nothing(narrow, held, eventually):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(narrow.post, "/v1/compress", json=GOOD)
        eventually(lambda: held.begun == 1)
        response = narrow.post("/v1/compress/batch", json={"requests": [GOOD] * 2})
        assert response.status_code == 429
        held.go.set()
        assert first.result().status_code == 200
    assert held.begun == 1


def test_a_batch_that_never_fits_is_too_large(narrow, held):
    response = narrow.post("/v1/compress/batch", json={"requests": [GOOD] * 3})
    assert response.status_code == 413
    assert response.json()["error"]["field"] == "requests"
    assert narrow.get("/v1/models").json()["limits"]["queries"] == 2
    assert held.begun == 0


@pytest.mark.parametrize("how", ["body", "header"])
def test_a_deadline_is_kept(narrow, held, eventually, how):
    body = {**GOOD, "timeout": 0.2} if how == "body" else GOOD
    headers = {"X-Timeout": "0.2"} if how == "header" else {}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(narrow.post, "/v1/compress", json=GOOD)
        eventually(lambda: held.begun == 1)
        response = narrow.post("/v1/compress", json=body, headers=headers)
        assert response.status_code == 504
        assert response.json()["error"]["type"] == "deadline_exceeded"
        held.go.set()
        assert first.result().status_code == 200
    eventually(lambda: depth(narrow) == 0)
    assert held.begun == 1  # what was late never cost a forward


def test_the_servers_maximum_counts(serve, held):
    from boildown.service.settings import Limits

    client = serve(models={"held": "held"}, limits=Limits(timeout=0.2), cache=False)
    held.go.clear()
    for body in (GOOD, {**GOOD, "timeout": 1000}):
        assert client.post("/v1/compress", json=body).status_code == 504


def test_in_a_batch_the_late_ones_fail_alone(narrow, held, eventually):
    with ThreadPoolExecutor(1) as pool:
        requests = [GOOD, {**GOOD, "timeout": 0.2}]
        answer = pool.submit(narrow.post, "/v1/compress/batch", json={"requests": requests})
        eventually(lambda: held.begun == 1 and depth(narrow) == 1)
        held.go.set()
        results = answer.result().json()["results"]
    assert results[0]["text"] == "The tide turns at noon."
    assert results[1]["error"]["type"] == "deadline_exceeded"
    assert results[1]["error"]["field"] == "requests[1]"
    assert held.begun == 1


def test_work_of_a_client_that_has_gone_is_dropped(narrow, held, eventually):
    import json

    body = json.dumps(GOOD).encode()
    head = (
        "POST /v1/compress HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(narrow.post, "/v1/compress", json=GOOD)
        eventually(lambda: held.begun == 1)
        connection = socket.create_connection((narrow.base_url.host, narrow.base_url.port))
        connection.sendall(head.encode() + body)
        eventually(lambda: depth(narrow) == 2)
        connection.close()
        eventually(lambda: depth(narrow) == 1)
        held.go.set()
        assert first.result().status_code == 200
    assert held.begun == 1
    eventually(lambda: 'status="499"' in narrow.get("/metrics").text)


def test_waiting_work_shares_no_state(serve):
    client = serve()
    documents = ["The tide turns at noon. Bread is sold here.", "The weir was built in 1911. It is made of oak."]
    queries = ["When does the tide turn?", "When was the weir built?", "What is the weir made of?", "Where is bread?"]
    bodies = [{"query": q, "documents": documents, "budget": {"rate": r}} for q in queries for r in (0.3, 0.6)]
    alone = [client.post("/v1/compress", json=body).json()["text"] for body in bodies]
    barrier = threading.Barrier(8)

    def ask(body):
        barrier.wait()
        return client.post("/v1/compress", json=body).json()["text"]

    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(ask, bodies)) == alone


async def test_a_timeout_of_the_call_is_no_deadline():
    from boildown.service.work import Work

    class Request:
        async def receive(self):
            await asyncio.Event().wait()

    def call():
        raise TimeoutError("the file server does not answer")

    work = Work(1, 1)
    with pytest.raises(TimeoutError, match="the file server does not answer"):
        await work.run(Request(), call, 60.0)
    work.close()
