"""A small real HTTP server that answers as it is told, and otherwise compresses with a real engine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from boildown import Budget, Compressor, Document


def compression(body: dict[str, Any]) -> dict[str, Any]:
    """What the service answers, by the engine itself."""
    documents = [Document(item["text"], title=item.get("title", "")) for item in body["documents"]]
    result = Compressor("bm25", order=body["order"], separator=body["separator"]).compress(
        body["query"], documents, Budget(**body["budget"])
    )
    return {**result.to_dict(), "cached": result.cached}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Small

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), json.loads(content)))
        planned = self.server.plan.pop(0) if self.server.plan else None
        if planned == "hang up":
            self.close_connection = True
            return
        if planned == "wait":
            self.server.released.wait(30)
            self.close_connection = True
            return
        if planned is None:
            planned = (200, {}, compression(json.loads(content)))
        status, headers, body = planned
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for begin in range(0, len(body), self.server.step):
            self.wfile.write(body[begin : begin + self.server.step])
            time.sleep(self.server.pause)

    def log_message(self, *arguments: Any) -> None:
        pass


class Small(ThreadingHTTPServer):
    """Answers `plan` first: (status, headers, body), "hang up" or "wait"; then with compressions."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan: list[Any] = []
        self.step, self.pause = 1_000_000, 0.0  # bytes of an answer, and seconds after each so many
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.connections = 0
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()


@pytest.fixture
def small() -> Iterator[Small]:
    server = Small()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the pauses between two tries short; their growth has a test of its own."""
    monkeypatch.setattr("boildown.client.connections._FIRST_PAUSE", 0.001)
