"""The deployment examples: what they start exists, and the files say what their formats allow."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", exc_type=ImportError)

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "examples" / "deploy"


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text("utf-8"))
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(first, " ".join(rest.split())) for first, rest in lines]


def parsed(command: list[str]) -> argparse.Namespace:
    from boildown.cli import build_parser

    return build_parser().parse_args(command)


def test_the_image_runs_the_service_without_rights_and_checks_its_health() -> None:
    last = dict(instructions())
    assert yaml.safe_load(last["ENTRYPOINT"]) == ["boildown"]
    arguments = parsed(yaml.safe_load(last["CMD"]))
    assert (arguments.host, arguments.port) == ("0.0.0.0", 8000)
    assert arguments.run.__module__ == "boildown.service.command"
    assert last["EXPOSE"] == "8000"
    assert ":8000/health" in last["HEALTHCHECK"]
    user = last["USER"].split(":")[0]
    assert user.isdecimal()
    assert int(user) > 0


def test_the_image_is_made_from_files_that_are_there_and_not_ignored() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.split('/')[0]}" in ignored, source


def test_the_health_check_tells_a_server_that_lives_from_one_that_does_not() -> None:
    import subprocess
    import sys
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Answer(BaseHTTPRequestHandler):
        status = 200

        def do_GET(self) -> None:
            self.send_response(self.status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None: ...

    command = yaml.safe_load(dict(instructions())["HEALTHCHECK"].split("CMD ", 1)[1])
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        check = command[2].replace(":8000/", f":{server.server_port}/")
        codes = []
        for Answer.status in (200, 500):
            codes.append(subprocess.run([sys.executable, *command[1:2], check], capture_output=True).returncode)
        server.shutdown()
    assert codes == [0, 1]


COMPOSE = {
    "name", "services", "image", "build", "read_only", "tmpfs", "cap_drop", "security_opt", "ports", "environment",
    "volumes", "deploy", "profiles", "restart", "init", "stop_grace_period", "command", "healthcheck",
}  # fmt: skip
"""Keys of the compose specification that the file may use."""


def longest_end() -> float:
    """Seconds that the service takes to end at the most, as it is started by default."""
    from boildown.cli import build_parser
    from boildown.service.server import _GRACE

    args = build_parser().parse_args(["serve"])
    return float(args.drain + args.max_body_seconds + args.max_timeout + _GRACE)


def test_the_compose_file_builds_this_image_read_only() -> None:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert {key for key in compose if not key.startswith("x-")} <= COMPOSE
    arguments = {rest.split("=")[0] for name, rest in instructions() if name == "ARG"}
    assert set(compose["services"]) == {"boildown", "boildown-cuda"}
    for service in compose["services"].values():
        assert set(service) <= COMPOSE
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert (
            (DEPLOY / service["build"]["context"]) / service["build"]["dockerfile"]
        ).resolve() == DEPLOY / "Dockerfile"
        assert set(service["build"].get("args", {})) <= arguments
    for service in compose["services"].values():
        assert int(service["stop_grace_period"].removesuffix("s")) >= longest_end()
        assert service["init"] is True
        # Docker refuses to start a container that may use more cores than the machine has.
        assert set(service["deploy"]["resources"]["limits"]) == {"memory"}


def test_the_serve_config_is_one_that_ray_serve_takes() -> None:
    pytest.importorskip("ray.serve", reason="Ray is not installed: pip install 'boildown[ray]'", exc_type=ImportError)
    from ray.serve.schema import ServeDeploySchema

    config = yaml.safe_load((DEPLOY / "ray_serve.yaml").read_text("utf-8"))
    schema = ServeDeploySchema.model_validate(config)
    (application,) = schema.applications
    module, _, name = application.import_path.partition(":")
    import importlib

    built = getattr(importlib.import_module(module), name)(application.args)
    assert [deployment.name for deployment in application.deployments] == [built._bound_deployment.name]
