"""What the agent middleware shortens of a result, and what stays as it is."""

from __future__ import annotations

import copy
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from agent_tools import BM25, DONE, FILLER, IMAGE, LONG, QUESTION, Agent, asks, call, look_up, records, shown, tokens
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage

import boildown
from langchain_boildown import BoildownToolMiddleware


@pytest.mark.parametrize("mode", ["persist", "view"])
def test_parallel_calls_errors_and_commands(chat_model: Any, mode: str) -> None:
    names = ["look_up", "short_answer", "failing", "commanding", "look_up"]
    agent = Agent(chat_model, asks(*[call(n, f"call_{i}") for i, n in enumerate(names)]), DONE, mode=mode)
    agent.ask()
    seen = agent.results(1)
    assert [m.tool_call_id for m in seen] == [f"call_{i}" for i in range(5)]
    assert seen[1].content == "Not in the log."
    assert seen[2].content == LONG
    assert seen[2].status == "error"
    assert tokens(seen[0].content) <= 120
    assert seen[4].content == seen[0].content
    assert [m.response_metadata for m in seen[1:3]] == [{}, {}]
    if mode == "persist":
        assert seen[3].content == LONG, "a command is the tool's own say on the state"
    else:
        assert tokens(seen[3].content) <= 120
        assert agent.state_results()[3].content == LONG


def test_json_stays_valid_and_only_long_texts_are_shortened(chat_model: Any) -> None:
    agent = Agent(chat_model, asks(call("records")), DONE, tokens=600, trigger_tokens=600)
    agent.ask()
    content = agent.results(1)[0].content
    assert isinstance(content, str)
    assert tokens(content) <= 600
    text, _, note = content.rpartition("\n\n")
    assert note.startswith("[Shortened")
    rows, originals = json.loads(text), records.invoke({"topic": ""})
    assert [{**row, "body": ""} for row in rows] == [{**row, "body": ""} for row in originals]
    assert rows[0]["body"] != FILLER
    assert "41.5 m high" in rows[1]["body"]
    assert rows[2]["body"] == originals[2]["body"]


def test_blocks_that_are_no_text_stay(chat_model: Any) -> None:
    agent = Agent(chat_model, asks(call("blocks")), DONE)
    agent.ask()
    first, image, second, note = agent.results(1)[0].content
    assert isinstance(first, dict)
    assert first["type"] == "text"
    assert first["text"].strip()
    assert image == IMAGE
    assert isinstance(second, dict)
    assert second["extras"] == {"page": 3}
    assert "41.5 m high" in second["text"]
    assert isinstance(note, dict)
    assert note["text"].startswith("[Shortened")
    assert tokens("\n\n".join([first["text"], second["text"], note["text"]])) <= 120


@pytest.mark.parametrize("mode", ["persist", "view"])
@pytest.mark.parametrize(
    "content",
    [
        "",
        " ",
        [],
        [IMAGE],
        ["", {"type": "text", "text": ""}],
        json.dumps({"n": list(range(3000))}),
        f"Rows: {[(i, date(2024, 1, 1), Decimal(i)) for i in range(300)]}",
        [{"type": "json", "json": {"text": LONG}}],
        [{"type": "text"}],
    ],
)
def test_results_without_text_to_shorten_stay(mode: str, content: Any) -> None:
    middleware = BoildownToolMiddleware(engine=BM25, tokens=50, trigger_tokens=60, mode=mode)
    message = ToolMessage(content, tool_call_id="1", name="t")
    assert shown(middleware, message).content == message.content


def test_two_megabytes_of_json() -> None:
    rows = [{"id": i, "note": f"{FILLER} {i}"} for i in range(150)]
    rows[77]["note"] = LONG
    text = json.dumps(rows, indent=2)
    assert len(text) > 2_000_000
    middleware = BoildownToolMiddleware(engine=BM25, tokens=8000, trigger_tokens=8000)
    short = shown(middleware, ToolMessage(text, tool_call_id="1", name="t"))
    assert tokens(short.content) <= 8000
    again = json.loads(short.content.rpartition("\n\n")[0])
    assert [row["id"] for row in again] == list(range(150))
    assert "41.5 m high" in again[77]["note"]


@pytest.mark.parametrize(
    "text", ["x" * 20_000, "\ud800 lone surrogate. " * 500, "\x00" * 5000, "{" * 5000, "[" * 20_000]
)
def test_odd_text_keeps_the_budget(text: str) -> None:
    short = shown(
        BoildownToolMiddleware(engine=BM25, tokens=60, trigger_tokens=60), ToolMessage(text, tool_call_id="1", name="t")
    )
    assert tokens(short.content) <= 60


@pytest.mark.parametrize("mode", ["persist", "view"])
def test_of_many_search_results_the_text_that_matters_is_kept(mode: Any) -> None:
    results = [
        {"url": f"https://example.org/log?page={i}", "title": f"Page {i}", "score": i / 90, "content": FILLER[:900]}
        for i in range(20)
    ]
    results[13]["content"] = f"{FILLER[:500]} {LONG[len(FILLER) + 1 :][:400]}"
    message = ToolMessage(json.dumps({"query": "lighthouse", "results": results}), tool_call_id="1", name="search")
    short = shown(BoildownToolMiddleware(mode=mode), message)
    kept = json.loads(short.content.rpartition("\n\n")[0])["results"]
    assert "41.5 m high" in kept[13]["content"]
    assert [{**row, "content": ""} for row in kept] == [{**row, "content": ""} for row in results]
    done = short.response_metadata["boildown"]
    assert 600 < done["tokens_out"] == tokens(short.content) < done["tokens_in"] / 2
    (note,) = done["notes"]
    assert "more than tokens=600: what is not shortened of it" in note


def test_lines_that_are_left_out_of_code_are_marked() -> None:
    says = {30: QUESTION, 90: QUESTION}
    source = "\n\n\n".join(
        f'def step_{i}(x):\n    """{says.get(i, "Adds to a number.")}"""\n    return x + {i}' for i in range(120)
    )
    message = ToolMessage(source, tool_call_id="1", name="read_file")
    short = shown(BoildownToolMiddleware(engine=BM25), message)
    assert tokens(short.content) <= 600
    assert short.response_metadata["boildown"]["notes"] == []
    seen = short.content.rpartition("\n\n")[0]
    assert "\n[…]\n" in seen
    assert all(stretch.strip("\n") in source for stretch in seen.split("[…]\n"))


@pytest.mark.parametrize("mode", ["persist", "view"])
def test_a_result_for_the_user_is_not_touched(chat_model: Any, mode: Any) -> None:
    direct = look_up.model_copy(update={"return_direct": True})
    middleware = BoildownToolMiddleware(engine=BM25, tokens=120, trigger_tokens=400, mode=mode)
    graph = create_agent(chat_model(answers=[asks(call("look_up"))]), [direct], middleware=[middleware])
    assert graph.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1].content == LONG


@pytest.mark.parametrize("mode", ["persist", "view"])
async def test_a_result_stays_whole_where_the_service_is_down(chat_model: Any, mode: str) -> None:
    with boildown.Client("http://127.0.0.1:9", retries=0) as down:
        agent = Agent(chat_model, asks(call("look_up")), DONE, mode=mode, engine=down)
        with pytest.warns(RuntimeWarning, match="'look_up' stays whole"):
            assert (await agent.aask())["messages"][-1].content == DONE.content
    assert agent.results(1)[0].content == LONG


def test_messages_are_not_mutated() -> None:
    message = ToolMessage([{"type": "text", "text": LONG}, IMAGE], tool_call_id="1", name="t", artifact={"a": 1})
    before = copy.deepcopy(message)
    for mode in ("persist", "view"):
        assert shown(BoildownToolMiddleware(engine=BM25, mode=mode), message) != message
    assert message == before
