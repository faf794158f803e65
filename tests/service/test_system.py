"""Health, readiness, models, the schema, tokens, origins, logs."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time

import pytest

GOOD = {"query": "zebrafish", "documents": ["The marmalade is kept in the cellar."], "budget": {"tokens": 20}}
OPEN = ("/", "/health", "/ready", "/openapi.json")
GUARDED = ("/metrics", "/v1/models", "/api/v1/compress_prompt?context=a")


def test_health_and_readiness(client):
    import boildown

    assert client.get("/health").json() == {"status": "ok", "version": boildown.__version__}
    assert client.get("/ready").json() == {"status": "ready"}
    for path in ("/health", "/ready"):  # some load balancers ask for the headers alone
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")


async def test_not_ready_until_the_model_is_loaded(held):
    import httpx

    from boildown.service.app import create_app
    from boildown.service.settings import Settings

    held.go.clear()
    app = create_app(Settings(models={"held": "held"}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for _ in range(2):
                for response in (await client.get("/ready"), await client.post("/v1/compress", json=GOOD)):
                    assert response.status_code == 503
                    assert response.json()["error"]["type"] == "not_ready"
                    assert response.headers["retry-after"] == "1"
                assert (await client.get("/health")).status_code == 200
                await asyncio.sleep(0.05)
            held.go.set()
            while (await client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.01)
            assert (await client.post("/v1/compress", json=GOOD)).status_code == 200
            app.state.service.draining = True
            ready = await client.get("/ready")
            assert (ready.status_code, ready.json()["error"]["type"]) == (503, "draining")
            answered = await client.post("/v1/compress", json=GOOD)
            assert answered.status_code == 200  # what comes all the same is answered
            assert answered.headers["connection"] == "close"


def test_a_second_signal_ends_at_once():
    import signal

    from boildown.service.app import create_app
    from boildown.service.server import build_server
    from boildown.service.settings import Settings

    settings = Settings()
    server = build_server(create_app(settings), "127.0.0.1", 0, 60.0, settings.limits)
    server.handle_exit(signal.SIGTERM, None)
    assert not asyncio.run(server.on_tick(1))
    assert not server.force_exit
    server.handle_exit(signal.SIGTERM, None)
    assert asyncio.run(server.on_tick(2))
    assert server.force_exit


async def test_models_that_cannot_be_loaded_are_said_so(tmp_path):
    import httpx

    from boildown.service.app import create_app
    from boildown.service.settings import Settings

    app = create_app(Settings(models={"mine": str(tmp_path)}))
    async with app.router.lifespan_context(app):
        while app.state.service.failure is None:
            await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for response in (await client.get("/ready"), await client.post("/v1/compress", json=GOOD)):
                assert response.status_code == 503
                assert response.json()["error"]["type"] == "not_ready"
                assert "could not be loaded" in response.json()["error"]["message"]
                assert str(tmp_path) not in response.text


def test_an_engine_that_ends_is_no_fault(serve):
    from boildown.runtime import scheduler

    client = serve(cache=False)
    scheduler.close()
    try:
        response = client.post("/v1/compress", json=GOOD)
        batch = client.post("/v1/compress/batch", json={"requests": [GOOD]})
    finally:
        scheduler.reset()
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["error"]["type"] == "unavailable"
    assert batch.json()["results"][0]["error"]["type"] == "unavailable"
    assert client.post("/v1/compress", json=GOOD).status_code == 200


def test_one_model(client):
    for one in client.get("/v1/models").json()["data"]:
        assert client.get(f"/v1/models/{one['id']}").json() == one
    answer = client.get("/v1/models/gpt-4o")
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found"
    assert "There are: prune, bm25, gzip." in answer.json()["error"]["message"]


def test_models_and_limits(serve):
    from boildown.service.settings import Limits

    client = serve(models={"fast": "bm25", "mine": "prune"}, limits=Limits(documents=7))
    answer = client.get("/v1/models").json()
    assert answer["object"] == "list"
    assert {m["id"]: (m["method"], m["default"]) for m in answer["data"]} == {
        "fast": ("bm25", True),
        "mine": ("prune", False),
        "prune": ("prune", False),
        "bm25": ("bm25", False),
        "gzip": ("gzip", False),
    }
    assert answer["counters"] == ["estimate"]
    assert answer["limits"]["documents"] == 7
    assert client.post("/v1/compress", json=GOOD).json()["model"] == "fast"
    assert client.post("/v1/compress", json={**GOOD, "method": "prune"}).json()["model"] == "mine"


def test_the_schema_has_examples_that_work(client):
    schema = client.get("/openapi.json").json()
    assert {"/v1/compress", "/v1/compress/batch", "/v1/rerank", "/api/v1/compress_prompt"} <= set(schema["paths"])
    parts = schema["components"]["schemas"]
    for name, path in [
        ("CompressRequest", "/v1/compress"),
        ("BatchRequest", "/v1/compress/batch"),
        ("CohereRequest", "/v1/rerank"),
        ("TEIRequest", "/v1/rerank"),
    ]:
        (example,) = parts[name]["examples"]
        assert client.post(path, json=example).status_code == 200
    legacy = schema["paths"]["/api/v1/compress_prompt"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert client.post("/api/v1/compress_prompt", json=legacy["examples"][0]).status_code == 200
    for path in schema["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    reference = response["content"]["application/json"]["schema"]["$ref"]
                    assert reference.endswith("/ErrorResponse")


def test_the_page_brings_all_it_needs(client):
    response = client.get("/")
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "<html" in response.text


def test_tokens(serve):
    client = serve(models={"fast": "bm25"}, tokens=("first-token", "second-token"))
    for token in ("first-token", "second-token"):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/v1/compress", json=GOOD, headers=headers).status_code == 200
        assert client.get("/v1/models", headers={"Authorization": f"bearer  {token}"}).status_code == 200
    wrong = ["", "Bearer", "Bearer first-toke", "Bearer first-token2", "Basic first-token", "first-token"]
    for value in [*wrong, "Bearer first-token,second-token", "Bearer \xff".encode("latin-1")]:
        response = client.post("/v1/compress", json=GOOD, headers={"Authorization": value})
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["error"]["type"] == "unauthorized"
        assert "token" not in response.json()["error"].get("field", "")
    for path in GUARDED:
        assert client.get(path, headers={"Authorization": ""}).status_code == 401
    for path in OPEN:
        assert client.get(path, headers={"Authorization": ""}).status_code == 200


@pytest.mark.parametrize("mounted", [True, False])
async def test_what_is_open_is_so_under_a_prefix_too(mounted):
    import httpx
    from fastapi import FastAPI

    from boildown.service.app import create_app
    from boildown.service.settings import Settings

    app = create_app(Settings(models={"fast": "bm25"}, tokens=("sesame",)))
    app.state.service.loaded = True
    outer = FastAPI()
    outer.mount("/prefix", app)
    transport = httpx.ASGITransport(outer) if mounted else httpx.ASGITransport(app, root_path="/prefix")
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for path in OPEN:
            assert (await client.get(f"/prefix{path}")).status_code == 200
        for path in (*GUARDED, "/prefix/health", "/v1/models/health"):
            assert (await client.get(f"/prefix{path}")).status_code == 401
        given = {"query": "a", "documents": ["a"]}
        headers = {"Authorization": "Bearer sesame"}
        answer = await client.post("/prefix/v2/rerank", json=given, headers=headers)
        assert answer.json()["meta"]["api_version"]["version"] == "2"


def test_an_application_that_mounts_it_loads_it():
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from boildown.service.app import create_app
    from boildown.service.settings import Settings

    app = create_app(Settings(models={"fast": "bm25"}))
    outer = FastAPI(lifespan=app.router.lifespan_context)
    outer.mount("/prefix", app)
    with TestClient(outer) as client:
        deadline = time.monotonic() + 60
        while client.get("/prefix/ready").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.01)
        given = {"query": "a", "documents": ["a"], "budget": {"tokens": 9}}
        assert client.post("/prefix/v1/compress", json=given).json()["text"] == "a"


def test_no_origin_is_let_in_by_default(client):
    headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/v1/compress", headers=headers).status_code == 405
    response = client.post("/v1/compress", json=GOOD, headers={"Origin": "https://app.example"})
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_origins_that_the_operator_names(serve):
    client = serve(models={"fast": "bm25"}, tokens=("t",), cors=("https://app.example",))
    headers = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Authorization": "",
    }
    preflight = client.options("/v1/compress", headers=headers)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    other = client.post("/v1/compress", json=GOOD, headers={"Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers


def test_logs_are_json_without_text(client):
    from boildown.service.logs import JSONFormatter

    records: list[logging.LogRecord] = []
    written = threading.Event()

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.fields["request_id"] == "mine":  # The last answer to another test may be logged only now.
                records.append(record)
                written.set()

    handler = Recorder()
    logger = logging.getLogger("boildown.service")
    logger.addHandler(handler)
    try:
        for path, body in [
            ("/v1/compress", GOOD),
            ("/v1/compress", {**GOOD, "budget": {"rate": "zebrafish"}}),
            ("/v1/compress/batch", {"requests": [GOOD]}),
            ("/v1/rerank", {"query": "zebrafish", "documents": ["marmalade"]}),
            ("/api/v1/compress_prompt?question=zebrafish", {"context": ["marmalade"]}),
            ("/zebrafish/marmalade", {}),
        ]:
            written.clear()
            client.post(path, json=body, headers={"X-Request-ID": "mine"})
            assert written.wait(10)
    finally:
        logger.removeHandler(handler)
    lines = [JSONFormatter().format(record) for record in records]
    assert len(lines) == 6
    for line in lines:
        assert "zebrafish" not in line
        assert "marmalade" not in line
        entry = json.loads(line)
        assert entry["request_id"] == "mine"
        assert {"time", "level", "message", "method", "route", "status", "seconds"} <= set(entry)
    first = json.loads(lines[0])
    assert (first["route"], first["status"], first["model"], first["documents"]) == ("/v1/compress", 200, "prune", 1)
    assert first["tokens_out"] <= first["tokens_in"]


def test_a_fault_of_ours_tells_nothing(serve, held, monkeypatch, eventually):
    client = serve(models={"held": "held"}, cache=False)
    records: list[logging.LogRecord] = []

    def break_down(self, query, sources):
        raise RuntimeError(f"broken at {sources.texts[0]}")

    monkeypatch.setattr(sys.modules["boildown_test_held"].Held, "score", break_down)
    handler = logging.Handler()
    # The last answer to /ready may be logged only now.
    handler.emit = lambda r: records.append(r) if "/v1/" in r.fields["route"] else None  # type: ignore
    logger = logging.getLogger("boildown.service")
    logger.addHandler(handler)
    try:
        response = client.post("/v1/compress", json=GOOD)
        batch = client.post("/v1/compress/batch", json={"requests": [GOOD]})
        eventually(lambda: len(records) == 2)
    finally:
        logger.removeHandler(handler)
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "internal"
    assert batch.json()["results"][0]["error"]["type"] == "internal"
    for answer in (response.text, batch.text, str([record.__dict__ for record in records])):
        assert "marmalade" not in answer
    assert records[0].__dict__["fields"]["error"] == "RuntimeError"
    assert any("break_down" in frame for frame in records[0].__dict__["fields"]["frames"])
    assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("path", ["/v1/compress", "/v1/models"])
def test_answers_are_not_guessed_at(client, path):
    assert client.get(path).headers["x-content-type-options"] == "nosniff"
