"""`boildown serve`: what it takes, and how it ends."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from boildown.cli import main
from boildown.errors import ConfigurationError
from boildown.service.settings import Limits, Settings, read_named, read_tokens

GOOD = {"query": "tide", "documents": ["The tide turns at noon. Bread is sold here."] * 20, "budget": {"rate": 0.3}}


def test_the_command_loads_nothing_heavy():
    script = "import sys, boildown.service.command; sys.exit(' '.join(m for m in %r if m in sys.modules) or 0)"
    heavy = ["torch", "fastapi", "uvicorn", "pydantic", "prometheus_client", "regex"]
    done = subprocess.run([sys.executable, "-c", script % heavy], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_defaults_are_those_of_the_settings():
    from boildown.service.command import add_arguments

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args([])
    assert args.host == "127.0.0.1"
    assert args.threads == Settings().threads
    assert {name: getattr(args, f"max_{name}") for name in Limits.__dataclass_fields__} == {
        name: getattr(Limits(), name) for name in Limits.__dataclass_fields__
    }
    assert type(parser.parse_args(["--max-timeout", "2.5"]).max_timeout) is float


def test_without_the_packages_it_says_what_to_install():
    script = "import sys; sys.modules['uvicorn'] = None; from boildown.cli import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'boildown[service]'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "a b=bm25"], "cannot be a name"),
        (["--model", "x="], "nothing stands behind"),
        (["--model", "x=bm25", "--model", "x=gzip"], "twice"),
        (["--model", "x=llmlingua2"], "model"),
        (["--model", "x=llmlingua3:/models/x"], "Unknown method 'llmlingua3'"),
        (["--token-file", "/nowhere/tokens"], "cannot be read"),
        (["--cache", "x", "--no-cache"], "exclude"),
        (["--max-queue", "0"], "above 0"),
        (["--max-timeout", "-1"], "above 0"),
        (["--max-body-bytes", "100000000"], "Raise all_body_bytes"),
        (["--max-timeout", "inf"], "at most 1,000,000, not inf"),
        (["--max-body-seconds", "1e12"], "at most 1,000,000, not"),
        (["--port", "70000"], "no port 70000"),
        (["--port", "-1"], "no port -1"),
        (["--drain", "nan"], "The drain must"),
        (["--drain", "-1"], "The drain must"),
        (["--threads", "0"], "at least 1"),
        (["--cors", "https://app.example/"], "no origin of pages"),
        (["--cors", "*", "--cors", "app.example"], "'app.example' is no origin"),
    ],
)
def test_wrong_arguments(arguments, said, capsys):
    assert main(["serve", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_ends_it(tmp_path):
    command = [sys.executable, "-m", "boildown", "serve", "--port", "0", "--model", f"x={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("boildown: ")


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "boildown", "serve", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "could not listen" in done.stderr
    assert "--port" in done.stderr


def test_names():
    assert read_named(["a=b", "c", "d=e:f=g"], "--model") == {"a": "b", "c": "c", "d": "e:f=g"}
    with pytest.raises(ConfigurationError, match="twice"):
        read_named(["a=b", "a=c"], "--model")


def test_tokens_come_from_a_file_and_the_environment(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("# ours\n first \n\nsecond\n")
    assert read_tokens(None, {}) == ()
    assert read_tokens(str(file), {"BOILDOWN_TOKENS": "third, first\nfourth"}) == ("third", "first", "fourth", "second")
    file.write_text("# none\n")
    with pytest.raises(ConfigurationError, match="holds no token"):
        read_tokens(str(file), {})
    with pytest.raises(ConfigurationError, match="holds no token"):
        read_tokens(None, {"BOILDOWN_TOKENS": " , "})
    assert "first" not in repr(Settings(tokens=("first",)))


def test_a_comment_is_no_token(tmp_path):
    file = tmp_path / "tokens"
    file.write_bytes(b"\xef\xbb\xbffirst\n  # secret\n\t#second\n")
    assert read_tokens(str(file), {}) == ("first",)
    file.write_text("first # of Alice\n")
    for tokens in (read_tokens(str(file), {}), ("",), "secret"):
        with pytest.raises(ConfigurationError, match="white space") as error:
            Settings(tokens=tokens)
        assert "first" not in str(error.value)


@pytest.mark.parametrize("token", ["schlüssel", "in\u200bvisible", "\ufefffirst", "a\x7f", 12345])
def test_a_token_that_clients_cannot_send_is_none(token):
    with pytest.raises(ConfigurationError, match="ASCII") as error:
        Settings(tokens=("first", token))
    assert str(token) not in str(error.value)


def start(*arguments, **environment):
    """A service in a process of its own, its address, and a list that its log lines come into."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "boildown", "serve", "--port", "0", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    lines: list[dict] = []
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(json.loads(line))
        if lines[-1]["message"] == "ready":
            break
    (address,) = [m[0] for entry in lines if (m := re.search(r"http://[\d.]+:\d+", entry["message"]))]
    reader = threading.Thread(target=lambda: lines.extend(map(json.loads, process.stderr or ())))
    reader.start()
    return process, address, lines, reader


def test_what_was_accepted_is_answered_before_it_ends():
    # The drain is long enough for all senders to end in it on a busy machine, as they would with a load balancer.
    process, address, lines, reader = start("--drain", "5", "--max-queue", "64", BOILDOWN_TOKENS="secret")
    statuses: list[int] = []
    refused: list[Exception] = []
    stop = threading.Event()
    headers = {"Authorization": "Bearer secret"}

    def send() -> None:
        with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
            while not stop.is_set():
                try:
                    statuses.append(client.post("/v1/compress", json=GOOD).status_code)
                except httpx.ConnectError as error:  # no longer listening
                    refused.append(error)
                    return

    try:
        with httpx.Client(base_url=address, timeout=60) as client:
            assert client.post("/v1/compress", json=GOOD).status_code == 401
            senders = [threading.Thread(target=send) for _ in range(6)]
            for sender in senders:
                sender.start()
            while len(statuses) < 6:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            while client.get("/ready").status_code == 200:
                time.sleep(0.01)
            assert client.get("/ready").json()["error"]["type"] == "draining"
            stop.set()  # as a load balancer does that has seen it
        for sender in senders:
            sender.join(60)
        assert process.wait(60) == 0
        reader.join(10)
    finally:
        stop.set()
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    assert set(statuses) == {200}
    assert refused == []
    answered = [entry for entry in lines if entry.get("route") == "/v1/compress" and entry["status"] == 200]
    assert len(answered) == len(statuses)
    assert all(entry["level"] in ("info", "warning") for entry in lines)
