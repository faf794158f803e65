"""The runnable scripts do what their first lines say, as a reader runs them, and offline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / script), *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_retrieval_chain_answers_alike_from_a_prompt_within_the_budget() -> None:
    printed = run("langchain_rag.py")
    before, after = (int(count) for count in re.findall(r"The prompt, (\d+) tokens:", printed))
    assert before > 1500
    assert after <= 200 + 50  # what the prompt puts around the documents comes on top
    first, second = re.findall(r"^The answer: (.+)$", printed, re.MULTILINE)
    assert first == second
    assert "calibrated every three months" in first
    places = printed.partition("=== Where it stands\n")[2].splitlines()
    assert places
    for line in places:
        page, spans = re.fullmatch(r"(\S+\.md): characters \[(.+)\]", line).groups()  # type: ignore[union-attr]
        text = (EXAMPLES / "data" / "handbook" / page).read_text("utf-8")
        assert all(text[int(s) : int(e)].strip() for s, e in re.findall(r"\((\d+), (\d+)\)", spans))


def test_langchain_ingestion_runs_the_model_only_for_what_changed(model: str) -> None:
    printed = run("langchain_ingest.py", "--model", model)
    stored, rest = printed.split("\n", 1)
    assert re.fullmatch(r"\d+ chunks stored, with \d+ characters of scores each\.", stored)
    before, after = rest.split("A chunk was changed behind the scores' back:\n")
    assert " tokens, 0.000 s in the model." in before
    assert "Note" not in before
    assert "Of 4 documents, 1 had stored scores that do not fit and were scored again: 1 of another text." in after


def test_llamaindex_ingestion_runs_no_model_at_query_time(model: str) -> None:
    printed = run("llamaindex_ingest.py", "--model", model)
    assert re.match(
        r"\d+ nodes, with \d+ characters of scores each\.\n\d+ -> \d+ tokens, 0\.000 s in the model", printed
    )
    assert "Note" not in printed
    assert len(re.findall(r"^   \S+\.md: ", printed, re.MULTILINE)) >= 1


def test_citations_lead_to_what_the_page_says() -> None:
    printed = run("llamaindex_citations.py")
    assert "in danger below about 4" in printed
    found = re.findall(
        r"^\[(\d)\] (\S+\.md), characters ([\d, -]+)\n(.*?)(?=\n\n\[|\Z)", printed, re.DOTALL | re.MULTILINE
    )
    assert [int(number) for number, *_ in found] == list(range(1, len(found) + 1))
    for _, page, places, shown in found:
        text = (EXAMPLES / "data" / "handbook" / page).read_text("utf-8")
        cited = "".join(text[slice(*map(int, place.split("-")))] for place in places.split(", "))
        assert cited.strip() == shown.strip()


def test_the_agent_reads_a_short_result_and_then_the_full_one() -> None:
    printed = run("langchain_agent.py")
    short = re.search(r"tool: (\d+) tokens \(shortened from (\d+)\)", printed)
    assert short is not None
    assert int(short[1]) <= 300 < 5000 < int(short[2])
    assert printed.index("read_handbook") < printed.index("read_full_result")
    assert printed.rstrip().splitlines()[-1].strip().startswith("The pH sensor drifts fastest")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    pytest.importorskip("fastapi", exc_type=ImportError)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import importlib

    yield importlib.import_module("fastapi_shared_engine")
    for name in ("fastapi_shared_engine", "quickstart"):
        sys.modules.pop(name, None)


async def test_the_server_answers_many_requests_with_one_model(server: ModuleType) -> None:
    import asyncio
    import gc

    import httpx

    from boildown.runtime.models import release
    from boildown.runtime.reader import CrossReader

    release()
    gc.collect()
    already = sum(type(thing) is CrossReader for thing in gc.get_objects())
    transport = httpx.ASGITransport(app=server.app)
    question = "How often does the pH sensor have to be calibrated?"
    async with (
        server.app.router.lifespan_context(server.app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        asked = [client.get("/context", params={"question": question, "tokens": 120}) for _ in range(8)]
        answers = [answer.json() for answer in await asyncio.gather(*asked)]
        vague = [await client.get("/context", params={"question": asked}) for asked in ("How old is it?", "x", "Wie?")]
        refused = [await client.get("/context", params={"question": asked}) for asked in ("", " ", "?!")]
    assert all(answer == answers[0] for answer in answers)
    assert "calibrated every three months" in " ".join(part["text"] for part in answers[0])
    for part in answers[0]:
        page = (EXAMPLES / "data" / "handbook" / part["source"]).read_text("utf-8")
        assert "".join(page[start:end] for start, end in part["spans"]) == part["text"]
    assert [(answer.status_code, bool(answer.json())) for answer in vague] == [(200, True)] * 3
    assert [answer.status_code for answer in refused] == [422] * 3
    assert sum(type(thing) is CrossReader for thing in gc.get_objects()) - already == 1
