"""The service as replicas on a real cluster of Ray: the same answers, and a replica that answers when it is ready."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from boildown import Budget, Compressor, ConfigurationError

httpx = pytest.importorskip("httpx", exc_type=ImportError)
pytest.importorskip("fastapi", reason="needs the extra [service]", exc_type=ImportError)

_SERVE = """
import json, ray, sys
from ray import serve
from boildown.service.ray_app import build
ray.init(log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
serve.run(build(json.loads(sys.argv[2])), name="boildown")
print("ready", flush=True)
sys.stdin.read()
serve.shutdown()
ray.shutdown()
"""
QUERY = "How long do swifts fly?"
DOCUMENTS = ["Swifts sleep on the wing. A young bird may not land for three years.", "Bread needs a sour starter."]


@pytest.fixture
def address(cluster: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"device": "cpu", "dtype": "float32", "limits": {"documents": 3}}
    command = [sys.executable, "-c", _SERVE, str(port), json.dumps(settings)]
    environment = {**cluster, "BOILDOWN_TOKENS": "secret"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as held:
        assert held.stdin is not None
        assert held.stdout is not None
        assert any(line == "ready\n" for line in held.stdout)
        yield f"http://127.0.0.1:{port}"
        held.stdin.close()
        held.wait(timeout=60)


async def test_replicas_answer_as_one_process_does(address: str) -> None:
    body = {"query": QUERY, "documents": DOCUMENTS, "budget": {"tokens": 12}}
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        ready = await client.get("/ready")
        refused = await client.post("/v1/compress", json=body)
        client.headers["Authorization"] = "Bearer secret"
        too_many = await client.post("/v1/compress", json={**body, "documents": ["a"] * 4})
        answers = await asyncio.gather(*(client.post("/v1/compress", json=body) for _ in range(32)))
    assert ready.status_code == 200
    assert refused.status_code == 401
    assert (too_many.status_code, too_many.json()["error"]["field"]) == (413, "documents")
    expected = Compressor(device="cpu", dtype="float32").compress(QUERY, DOCUMENTS, Budget(tokens=12))
    assert {answer.json()["text"] for answer in answers} == {expected.text}
    assert [answer.status_code for answer in answers] == [200] * 32


def test_settings_that_there_are_not() -> None:
    pytest.importorskip("ray.serve", reason="Ray is not installed: pip install 'boildown[ray]'", exc_type=ImportError)
    from boildown.service.ray_app import build

    with pytest.raises(ConfigurationError, match=r"Unknown setting 'devise'.* 'device'"):
        build({"devise": "cpu"})
    with pytest.raises(ConfigurationError, match="Unknown limit 'queu'"):
        build({"limits": {"queu": 3}})
    with pytest.raises(ConfigurationError, match="by name"):
        build({"limits": 3})
