"""The memory that bodies may take, all together, and those that are written to take more than they seem to."""

from __future__ import annotations

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

GOOD = {"query": "a", "documents": ["The tide turns at noon."], "budget": {"tokens": 10}}


def held_bytes(client):
    return float(re.search(r"^boildown_body_bytes (\S+)$", client.get("/metrics").text, re.MULTILINE)[1])


@pytest.fixture
def tight(serve, held):
    """Room for one long body and a bit."""
    from boildown.service.settings import Limits

    limits = Limits(body_bytes=5000, all_body_bytes=6000)
    return serve(models={"held": "held"}, limits=limits, cache=False)


def refused(response):
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    error = response.json()["error"]
    assert (error["type"], error["field"]) == ("overloaded", "body")
    assert error["request_id"] == response.headers["x-request-id"]
    assert "6,000 bytes" in error["message"]


def test_bodies_that_are_being_read_are_bounded_together(tight, eventually):
    address = (tight.base_url.host, tight.base_url.port)
    head = "POST /v1/compress HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4900\r\n\r\n"
    long = {**GOOD, "query": "x" * 2000}
    with socket.create_connection(address) as slow:
        slow.sendall(head.encode())
        assert tight.post("/v1/compress", json=long).status_code == 200  # what is announced takes no room
        slow.sendall(b'{"query": "' + b"x" * 4800)
        eventually(lambda: held_bytes(tight) == 4811)
        for path, body in [("/v1/compress", long), ("/api/v1/compress_prompt", {"context": ["x" * 2000]})]:
            refused(tight.post(path, json=body))
        assert tight.post("/v1/compress", json=GOOD).status_code == 200  # a short one has room
        assert tight.get("/health").status_code == 200
    eventually(lambda: held_bytes(tight) == 0)
    assert tight.post("/v1/compress", json=long).status_code == 200


def test_bodies_of_requests_at_work_count_too(tight, held, eventually):
    held.go.clear()
    long = {**GOOD, "query": "x" * 4500}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(tight.post, "/v1/compress", json=long)
        eventually(lambda: held_bytes(tight) > 4500)
        refused(tight.post("/v1/compress", json=long))
        held.go.set()
        assert first.result().status_code == 200
    eventually(lambda: held_bytes(tight) == 0)
    assert tight.post("/v1/compress", json=long).status_code == 200


def test_a_client_comes_back_when_there_is_room(tight, held, eventually):
    from boildown import Budget, Client

    held.go.clear()
    with ThreadPoolExecutor(2) as pool, Client(str(tight.base_url)) as client:
        first = pool.submit(tight.post, "/v1/compress", json={**GOOD, "query": "x" * 4500})
        eventually(lambda: held_bytes(tight) > 4500)
        second = pool.submit(client.compress, "y" * 2000, ["The tide turns at noon."], Budget(tokens=10))
        eventually(lambda: 'status="429"' in tight.get("/metrics").text)
        held.go.set()
        assert first.result().status_code == 200
        assert second.result().text == "The tide turns at noon."


MANY = 50_000


@pytest.mark.parametrize(
    ("path", "given", "field"),
    [
        ("/v1/compress", {**GOOD, "documents": [1] * MANY}, "documents[0]"),
        ("/v1/compress", {**GOOD, "documents": ["a"] * 100_001}, "documents"),
        ("/v1/compress", {**GOOD, **{f"k{i}": 1 for i in range(MANY)}}, "body"),
        ("/v1/compress", {**GOOD, "budget": {f"k{i}": 1 for i in range(MANY)}}, "budget"),
        ("/v1/compress", {**GOOD, "documents": [{f"k{i}": 1 for i in range(MANY)}]}, "documents[0]"),
        ("/v1/rerank", {"query": "a", "documents": [{}] * MANY}, "documents[0].text"),
        ("/rerank", {"query": "a", "texts": [{}] * MANY}, "texts[0]"),
        ("/api/v1/compress_prompt", {"context": [1] * MANY}, "context[0]"),
        ("/api/v1/compress_prompt", {"context": ["a"], "force_context_ids": ["a"] * MANY}, "force_context_ids[0]"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_many_mistakes_cost_no_more_than_the_first(client, path, given, field):
    response = client.post(path, json=given)
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["type"], error["field"]) == ("invalid_request", field)
    assert "more)" not in error["message"]
    assert len(response.content) < 500


def test_the_requests_of_a_batch_are_counted_before_one_is_read(client):
    response = client.post("/v1/compress/batch", json={"requests": [1] * MANY})
    assert response.status_code == 413
    assert response.json()["error"]["field"] == "requests"
    assert len(response.content) < 500
