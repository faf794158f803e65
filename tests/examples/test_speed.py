"""The speed benchmark runs, on models small enough to say nothing about speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "benchmarks" / "speed.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_systems_take_turns_on_the_same_weights(tmp_path: Path) -> None:
    folders = ("--models", str(tmp_path / "models"), "--out", str(tmp_path / "results"))
    done = run("llmlingua2-bert", "--tiny", "--repeat", "2", "--no-memory", *folders)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "results" / "speed_llmlingua2-bert.json").read_text())
    assert found["machine"]["device"] == "cpu"
    systems = found["systems"]
    assert {"auto", "float32"} <= set(systems)
    for system in systems.values():
        assert len(system["seconds"]) == 2
        assert all(seconds > 0 for seconds in system["seconds"])
        assert system["forwards"] >= 1
    # Ours compute no padding: 4 documents of 40 tokens, each with its two special tokens.
    assert systems["auto"]["forwarded"] == 4 * 42
    if "llmlingua" in systems:
        assert systems["llmlingua"]["forwarded"] == 4 * 512
        ratio = systems["auto"]["ratio"]
        assert 0 < ratio["least"] <= ratio["median"] <= ratio["greatest"]


def test_the_rows_are_listed_and_others_refused() -> None:
    listed = run("--list")
    assert listed.returncode == 0
    assert {"llmlingua2-bert", "rank-qwen", "bundled"} <= {line.split()[0] for line in listed.stdout.splitlines()}
    refused = run("no-such-row")
    assert refused.returncode == 2
    assert "no such row: no-such-row" in refused.stderr
