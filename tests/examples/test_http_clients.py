"""The examples in other languages, run against the real service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def answering(answers: list[tuple[int, bytes]]) -> Iterator[str]:
    """The address of a server that gives these answers, one after the other."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def run(
    program: str, script: str, url: str, token: str = "sesame", folder: Path = FOLDER
) -> subprocess.CompletedProcess[str]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    command = ["sh" if script.endswith(".sh") else program, str(folder / script), url]
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


def test_curl_shows_the_last_answer_alone() -> None:
    answers = [(429, b'{"error": {"type": "overloaded"}}'), (503, b'{"error": {"type": "not_ready"}}'), (200, b"{}")]
    with answering(answers) as url:
        done = run("curl", "compress.sh", url)
    assert answers == []
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{}"


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
    answers = [(503, b"<html>"), (404, b"<html>")]
    with answering(answers) as url:
        done = run("node", "compress.mjs", url)
    assert answers == []
    assert "404 error: Not Found" in done.stderr


def test_javascript_sends_texts_that_begin_within_an_emoji(url: str, tmp_path: Path) -> None:
    script = (FOLDER / "compress.mjs").read_text("utf-8")
    cut = script.replace('"🐦 The Pelican', '"🐦".slice(1) + " The Pelican')
    assert cut != script
    (tmp_path / "compress.mjs").write_text(cut, "utf-8")
    done = run("node", "compress.mjs", url, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"'{KEPT}'" in done.stdout
