"""The quickstart runs as its reader runs it, and its data are what the README says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def output() -> str:
    command = [sys.executable, str(EXAMPLES / "quickstart.py")]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_both_frameworks_within_the_budget(output: str) -> None:
    langchain, llamaindex = output.index("LangChain:"), output.index("LlamaIndex:")
    counts = [
        (match.start(), int(match[1].replace(",", "")), int(match[2]), int(match[3]))
        for match in re.finditer(r"([\d,]+) tokens in 8 pages  ->  (\d+) tokens from (\d) pages?", output)
    ]
    assert [start > llamaindex for start, *_ in counts] == [False, False, False, True, True]
    assert all(start > langchain for start, *_ in counts)
    for _, before, after, pages in counts:
        assert before > 1500
        assert 0 < after <= 160
        assert 1 <= pages <= 3
    assert "calibrated every three months" in " ".join(output.replace("|", " ").split())
    assert "Next: " in output


def test_printed_places_are_where_the_kept_text_stands(output: str) -> None:
    found = re.findall(r"^   (\S+\.md) \[([\d, -]+)\]\n((?:   \|.*\n)+)", output, re.MULTILINE)
    assert len(found) >= 5
    for name, places, shown in found:
        text = (EXAMPLES / "data" / "handbook" / name).read_text("utf-8")
        pieces = [text[slice(*map(int, place.split("-")))] for place in places.split(", ")]
        assert "".join(pieces).split() == re.sub(r"^   \|", "", shown, flags=re.MULTILINE).split()


def test_the_data_are_large_enough_and_hold_the_answers() -> None:
    pages = {path.name: path.read_text("utf-8") for path in (EXAMPLES / "data" / "handbook").glob("*.md")}
    assert len(pages) >= 20
    assert sum(len(page.split()) for page in pages.values()) >= 3000
    questions = [json.loads(line) for line in (EXAMPLES / "data" / "questions.jsonl").read_text("utf-8").splitlines()]
    assert len(questions) >= 5
    for question in questions:
        assert question["question"].endswith("?")
        for evidence in question["evidence"]:
            assert any(evidence in pages[name] for name in question["pages"])
