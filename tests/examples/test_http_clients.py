"""The examples in other languages, run against the real service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "http_clients"
KEPT = "The battery of the Pelican lasts 36 months."


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    pytest.importorskip("fastapi", exc_type=ImportError)
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        from running_service import running
    finally:
        sys.path.remove(str(ROOT / "tests"))
    from boildown.service.settings import Limits, Settings

    with running(Settings(tokens=("sesame",), limits=Limits(queue=1))) as url:
        yield url


def run(program: str, script: str, url: str, token: str = "sesame") -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    command = ["sh" if script.endswith(".sh") else program, str(FOLDER / script), url]
    environment = {**os.environ, "BOILDOWN_TOKEN": token, "no_proxy": "127.0.0.1"}
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment, timeout=120
    )


def test_curl(url: str) -> None:
    done = run("curl", "compress.sh", url)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert KEPT in answer["text"]
    assert answer["tokens_out"] <= 20 < answer["tokens_in"]
    assert answer["documents"][-1]["id"] == "pelican"


def test_curl_fails_and_shows_the_error(url: str) -> None:
    done = run("curl", "compress.sh", url, token="wrong")
    assert done.returncode == 22
    assert json.loads(done.stdout)["error"]["type"] == "unauthorized"


def test_javascript_cuts_its_own_text_by_the_spans(url: str) -> None:
    done = run("node", "compress.mjs", url)
    assert done.returncode == 0, done.stderr
    counts, *_, document = done.stdout.strip().split("\n")
    before, after = (int(word) for word in counts.split() if word.isdigit())
    assert after <= 20 < before
    assert document.startswith("document 1, score 0.")
    assert f"'{KEPT}'" in document


def test_javascript_says_why_it_fails(url: str) -> None:
    done = run("node", "compress.mjs", url, token="wrong")
    assert done.returncode == 1
    assert "401 unauthorized: " in done.stderr


def test_javascript_asks_a_busy_service_again(url: str) -> None:
    command = ["node", str(FOLDER / "compress.mjs"), url]
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    environment = {**os.environ, "BOILDOWN_TOKEN": "sesame"}
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(3)]
    assert all(KEPT in process.communicate(timeout=120)[0] for process in several)


def test_javascript_understands_a_proxy_that_answers_in_html() -> None:
    statuses = [503, 404]

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(statuses.pop(0))
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever).start()
        try:
            done = run("node", "compress.mjs", f"http://127.0.0.1:{proxy.server_port}")
        finally:
            proxy.shutdown()
    assert statuses == []
    assert "404 error: Not Found" in done.stderr
