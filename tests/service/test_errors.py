"""Every limit and every error, read as a client reads it."""

from __future__ import annotations

import json
import socket
from http.client import HTTPResponse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .asking import GOOD, error_of


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"query": 5}, "query"),
        ({"query": None}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": "one text"}, "documents"),
        ({"documents": {"0": "a"}}, "documents"),
        ({"documents": ["a", 5]}, "documents[1]"),
        ({"documents": ["a", {"id": "x"}]}, "documents[1].text"),
        ({"documents": [{"text": "a", "content": "b"}]}, "documents[0].content"),
        ({"documents": [{"text": "a", "id": 5}]}, "documents[0].id"),
        ({"documents": [{"text": "a", "metadata": []}]}, "documents[0].metadata"),
        ({"budget": None}, "budget"),
        ({"budget": {}}, "budget"),
        ({"budget": 300}, "budget"),
        ({"budget": {"tokens": 3, "rate": 0.5}}, "budget"),
        ({"budget": {"tokens": -1}}, "budget.tokens"),
        ({"budget": {"tokens": 1.5}}, "budget.tokens"),
        ({"budget": {"tokens": 10**30}}, "budget.tokens"),
        ({"budget": {"tokens": True}}, "budget.tokens"),
        ({"budget": {"tokens": "3"}}, "budget.tokens"),
        ({"budget": {"rate": "0.5"}}, "budget.rate"),
        ({"budget": {"rate": True}}, "budget.rate"),
        ({"budget": {"threshold": "0.5"}}, "budget.threshold"),
        ({"budget": {"tokens": 3, "documents": True}}, "budget.documents"),
        ({"budget": {"rate": 25}}, "budget.rate"),
        ({"budget": {"rate": "half"}}, "budget.rate"),
        ({"budget": {"tokens": 3, "documents": -2}}, "budget.documents"),
        ({"budget": {"tokens": 3, "counter": "gpt-4o"}}, "budget.counter"),
        ({"budget": {"tokens": 3, "counter": "http://example.com/t.json"}}, "budget.counter"),
        ({"budget": {"tokens": 3, "count": "x"}}, "budget.count"),
        ({"model": "microsoft/llmlingua-2"}, "model"),
        ({"model": "/models/prune"}, "model"),
        ({"model": ""}, "model"),
        ({"method": "llmlingua2"}, "method"),
        ({"model": "bm25", "method": "prune"}, "method"),
        ({"rank": "cross_encoder"}, "rank"),
        ({"trust_remote_code": True}, "trust_remote_code"),
        ({"device": "cuda"}, "device"),
        ({"unit": "page"}, "unit"),
        ({"unit": "token", "model": "bm25"}, "unit"),
        ({"order": "best"}, "order"),
        ({"allocation": "fair"}, "allocation"),
        ({"spread": 2}, "spread"),
        ({"protect": "number"}, "protect"),
        ({"protect": ["numbers"]}, "protect[0]"),
        ({"patterns": "a+"}, "patterns"),
        ({"patterns": ["a"] * 17}, "patterns"),
        ({"patterns": ["a" * 201]}, "patterns[0]"),
        ({"dedupe": 0}, "dedupe"),
        ({"dedupe": True}, "dedupe"),
        ({"spread": "0.2"}, "spread"),
        ({"separator": 1}, "separator"),
        ({"min_sentence": -1}, "min_sentence"),
        ({"min_sentence": True}, "min_sentence"),
        ({"on_empty_query": "raise", "query": " "}, "query"),
        ({"on_empty_query": "wait"}, "on_empty_query"),
        ({"units": "some"}, "units"),
        ({"units": 1}, "units"),
        ({"timeout": "5"}, "timeout"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"Query": "a"}, "Query"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_wrong_fields_are_named(client, change, field):
    error_of(client.post("/v1/compress", json={**GOOD, **change}), 422, "invalid_request", field)


@pytest.mark.parametrize("missing", ["documents", "budget"])
def test_missing_fields_are_named(client, missing):
    given = {key: value for key, value in GOOD.items() if key != missing}
    error_of(client.post("/v1/compress", json=given), 422, "invalid_request", missing)


@pytest.mark.parametrize(
    "change", [{"budget": {"rate": 1}}, {"budget": {"threshold": 0}}, {"spread": 0, "dedupe": 1, "timeout": 30}]
)
def test_whole_numbers_will_do_for_fractions(client, change):
    assert client.post("/v1/compress", json={**GOOD, **change}).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"query": "a"} trailing',
        b'{"query": NaN}',
        b'{"query": Infinity}',
        b'{"query": "\xff\xfe"}',
        b'{"query": "\xc3"}',
        b'{"query": "\\ud800"}',
        "{}".encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"budget": {"tokens": ' + b"9" * 100_000 + b"}}",
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_not_json(client, content):
    response = client.post("/v1/compress", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in ((400, 422) if content == b"" else (400,))
    assert response.json()["error"]["field"] == "body"


@pytest.mark.parametrize("value", ["[]", "null", "5", '"a"', "[[]]"])
@pytest.mark.parametrize("path", ["/v1/compress", "/v1/compress/batch", "/v1/rerank"])
def test_json_that_is_no_object(client, path, value):
    response = client.post(path, content=value, headers={"Content-Type": "application/json"})
    error_of(response, 422, "invalid_request", "body")


def test_huge_numbers_are_no_fault(client):
    for number in ("1e400", "-1e400", "9" * 4000):
        document = f'{{"text": "a", "metadata": {{"n": {number}}}}}'
        content = f'{{"query": "a", "documents": [{document}], "budget": {{"tokens": 3}}}}'
        response = client.post("/v1/compress", content=content, headers={"Content-Type": "application/json"})
        assert response.status_code in (200, 422)
        assert "Infinity" not in response.text


def test_deep_metadata_comes_back(client):
    deep: object = 1
    for _ in range(80):
        deep = [deep]
    given = {**GOOD, "documents": [{"text": "a", "metadata": {"deep": deep}}]}
    assert client.post("/v1/compress", json=given).json()["documents"][0]["metadata"]["deep"] == deep


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
)
def test_other_types_than_json(client, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    response = client.post("/v1/compress", content=json.dumps(GOOD).encode(), headers=headers)
    error_of(response, 415, "unsupported_media_type")


def test_json_with_a_charset_or_a_vendors_type(client):
    for kind in ("application/json; charset=utf-8", "application/vnd.example+json"):
        response = client.post("/v1/compress", content=json.dumps(GOOD).encode(), headers={"Content-Type": kind})
        assert response.status_code == 200


def test_unknown_paths_and_methods(client):
    error_of(client.get("/v1/nothing"), 404, "not_found")
    response = client.delete("/v1/compress")
    error_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"
    error_of(client.get("/docs"), 404, "not_found")


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan"])
def test_a_wrong_timeout_in_the_header(client, value):
    error_of(client.post("/v1/compress", json=GOOD, headers={"X-Timeout": value}), 422, "invalid_request", "X-Timeout")


@pytest.fixture(scope="module")
def small():
    from boildown.service.settings import Limits

    from .conftest import serving

    limits = Limits(body_bytes=5000, documents=3, tokens=100, queries=2)
    with serving(limits=limits) as client:
        yield client


def test_too_long_a_body(small):
    given = {**GOOD, "query": "x" * 5000}
    error_of(small.post("/v1/compress", json=given), 413, "too_large", "body")

    def chunks():  # without a Content-Length
        yield b'{"query": "'
        for _ in range(100):
            yield b"x" * 100

    response = small.post("/v1/compress", content=chunks(), headers={"Content-Type": "application/json"})
    error_of(response, 413, "too_large", "body")
    error_of(small.post("/api/v1/compress_prompt", json={"context": ["x" * 5000]}), 413, "too_large", "body")


def test_too_many_documents(small):
    many = ["a"] * 4
    error_of(small.post("/v1/compress", json={**GOOD, "documents": many}), 413, "too_large", "documents")
    error_of(small.post("/v1/rerank", json={"query": "a", "documents": many}), 413, "too_large", "documents")
    error_of(small.post("/rerank", json={"query": "a", "texts": many}), 413, "too_large", "texts")
    error_of(small.post("/api/v1/compress_prompt", json={"context": many}), 413, "too_large", "context")
    batch = {"requests": [GOOD, {**GOOD, "documents": many}]}
    results = small.post("/v1/compress/batch", json=batch).json()["results"]
    assert results[1]["error"] == {**results[1]["error"], "type": "too_large", "field": "requests[1].documents"}


def test_too_many_tokens(small):
    long = "word " * 150
    error_of(small.post("/v1/compress", json={**GOOD, "documents": [long]}), 413, "too_large", "documents")
    error_of(small.post("/v1/rerank", json={"query": "a", "documents": [long]}), 413, "too_large", "documents")
    error_of(small.post("/rerank", json={"query": "a", "texts": [long]}), 413, "too_large", "texts")
    error_of(small.post("/api/v1/compress_prompt", json={"context": [long]}), 413, "too_large", "context")
    results = small.post("/v1/compress/batch", json={"requests": [GOOD, {**GOOD, "documents": [long]}]}).json()[
        "results"
    ]
    assert results[0]["text"] == "The tide turns at noon."
    assert results[1]["error"]["field"] == "requests[1].documents"


def test_too_many_queries(small):
    error_of(small.post("/v1/compress/batch", json={"requests": [GOOD] * 3}), 413, "too_large", "requests")


def answer_on(connection: socket.socket) -> tuple[int, dict]:
    """The status and the JSON that come on a raw connection, in however many pieces."""
    connection.settimeout(60)
    response = HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def test_a_slow_body(serve):
    from boildown.service.settings import Limits

    client = serve(limits=Limits(body_seconds=0.5))
    with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
        head = "POST /v1/compress HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + b'{"query": "')
        status, answer = answer_on(connection)
    assert status == 408
    assert answer["error"]["type"] == "body_timeout"


def test_what_is_not_even_http(small):
    with socket.create_connection((small.base_url.host, small.base_url.port)) as connection:
        connection.sendall(b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n")
        status, answer = answer_on(connection)
    assert status == 400
    assert answer["error"]["type"] == "invalid_http"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "query",
    "documents",
    "budget",
    "model",
    "rank",
    "unit",
    "protect",
    "patterns",
    "dedupe",
    "timeout",
    "separator",
)


@pytest.mark.parametrize("path", ["/v1/compress", "/v1/compress/batch", "/v1/rerank", "/api/v1/compress_prompt"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_comes_is_no_fault_of_ours(client, path, data):
    changed = data.draw(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3) | JSON)
    given = {**GOOD, "context": ["a"], **changed} if isinstance(changed, dict) else changed
    try:
        content = json.dumps(given).encode()
    except UnicodeEncodeError:
        return
    response = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert set(response.json()["error"]) >= {"type", "message", "request_id"}
