"""What is shortened of the results of tools, what stays, and the arguments that say so."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import ToolCallResult
from llama_index.core.tools import ToolOutput
from pydantic import BaseModel
from scripted_llm import (
    AGENT_WARNINGS,
    BM25,
    FACT,
    LONG,
    NOISE,
    NOTE,
    QUESTION,
    SHORT,
    BlockTool,
    ScriptedLLM,
    calls,
    count,
    results_in,
    says,
    tool,
)

import boildown
from boildown import Client, Compressor, ConfigurationError
from llama_index.postprocessor.boildown import BoildownFunctionAgent, ToolRule, ToolShortener

pytestmark = AGENT_WARNINGS


async def test_what_must_stay_stays() -> None:
    failed = RuntimeError(LONG)
    llm = ScriptedLLM(
        [
            calls(
                ("search", {}), ("brief", {}), ("broken", {}), ("exempt", {}), ("nothing", {}), ("blocks", {"input": 1})
            ),
            says("Done."),
        ]
    )
    agent = BoildownFunctionAgent(
        tools=[
            tool("search", LONG),
            tool("brief", SHORT),
            tool("broken", failed),
            tool("exempt", LONG),
            tool("nothing", ""),
            BlockTool(),
        ],
        llm=llm,
        shortener=ToolShortener(150, 400, rules={"exempt": None}, engine=BM25),
    )
    output = await agent.run(QUESTION)
    by_name = {call.rpartition("-")[2]: message for call, message in results_in(llm.seen[1]).items()}
    assert count(by_name["search"].content) <= 150
    assert by_name["brief"].content == SHORT
    assert LONG in by_name["broken"].content
    assert by_name["exempt"].content == LONG
    assert not by_name["nothing"].content
    kinds = [block.block_type for block in by_name["blocks"].blocks]
    assert kinds == ["text", "image", "text", "text"]
    assert by_name["blocks"].blocks[1] == BlockTool.blocks[1]
    assert FACT in by_name["blocks"].blocks[0].text
    results = {result.tool_name: result.tool_output for result in output.tool_calls}
    assert results["blocks"].raw_output == {"kept": [1, 2]}
    assert results["blocks"].blocks == list(BlockTool.blocks)
    assert results["broken"].is_error


async def test_json_stays_valid_and_keeps_its_figures() -> None:
    rows = [{"id": i, "price": i * 1.5, "text": " ".join(NOISE[i : i + 6])} for i in range(30)]
    rows[7]["text"] += f" {FACT}"
    raw = json.dumps(rows)
    llm = ScriptedLLM([calls(("search", {})), says("Done.")])
    agent = BoildownFunctionAgent(
        tools=[tool("search", raw)], llm=llm, shortener=ToolShortener(1600, 1600, engine=BM25)
    )
    await agent.run(QUESTION)
    content = llm.seen[1][-1].content or ""
    short = json.loads(content[: NOTE.search(content).start()])  # type: ignore[union-attr]
    assert [(row["id"], row["price"]) for row in short] == [(row["id"], row["price"]) for row in rows]
    assert FACT in short[7]["text"]
    assert count(content) <= 1600


async def test_rows_that_the_framework_writes_as_python_does_stay_whole() -> None:
    rows = [{"station": i, "name": f"Station {i} north", "depth_m": i * 1.5} for i in range(150)]
    llm = ScriptedLLM([calls(("table", {}), ("pages", {})), says("Done.")])
    agent = BoildownFunctionAgent(
        tools=[tool("table", rows), tool("pages", [{"id": 7, "text": LONG}])],
        llm=llm,
        shortener=ToolShortener(150, 400, engine=BM25),
    )
    await agent.run(QUESTION)
    answers = results_in(llm.seen[1])  # in the order in which the tools were done
    table, pages = (answers[call].content or "" for call in ("c0-table", "c1-pages"))
    assert table == str(rows)
    (page,) = ast.literal_eval(pages[: NOTE.search(pages).start()])  # type: ignore[union-attr]
    assert page["id"] == 7
    assert FACT in page["text"]
    assert count(pages) <= 150


class Text(BaseModel):
    type: str = "text"
    text: str


class Result(BaseModel):
    """As tools behind MCP give it."""

    meta: None = None
    content: list[Text]
    isError: bool = False


async def test_objects_that_the_framework_writes_as_pydantic_does_stay_whole() -> None:
    stations = [{"station": i, "name": f"Station {i} north", "depth_m": i * 1.5} for i in range(150)]
    pages = [{"id": i, "name": "it's", "text": LONG} for i in range(2)]
    results = [Result(content=[Text(text=text)]) for text in (json.dumps(stations), json.dumps(pages), LONG)]
    names = ["table", "pages", "page"]
    llm = ScriptedLLM([calls(*((name, {}) for name in names)), says("Done.")])
    agent = BoildownFunctionAgent(
        tools=[tool(name, result) for name, result in zip(names, results, strict=True)],
        llm=llm,
        shortener=ToolShortener(250, 400, engine=BM25),
    )
    await agent.run(QUESTION)
    answers = results_in(llm.seen[1])  # in the order in which the tools were done
    table, *cut = [answers[f"c{i}-{name}"].content or "" for i, name in enumerate(names)]
    assert table == str(results[0])
    begin, end = "meta=None content=[Text(type='text', text=", ")] isError=False"
    both, one = (
        ast.literal_eval(content[len(begin) : NOTE.search(content).start()].strip().removesuffix(end))  # type: ignore[union-attr]
        for content in cut
    )
    assert [(page["id"], page["name"]) for page in json.loads(both)] == [(0, "it's"), (1, "it's")]
    assert all(FACT in text for text in (both, one))


async def test_a_result_stays_whole_where_the_service_is_down() -> None:
    with Client("http://127.0.0.1:9", retries=0) as down:
        llm = ScriptedLLM([calls(("search", {})), says("Done.")])
        agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(engine=down))
        with pytest.warns(RuntimeWarning, match="'search' stays whole"):
            assert str(await agent.run(QUESTION)) == "Done."
    assert llm.seen[1][-1].content == LONG


async def test_two_megabytes_of_json() -> None:
    rows = [{"id": i, "text": f"{' '.join(NOISE * 2)} {i}"} for i in range(150)]
    rows[77]["text"] = LONG
    raw = json.dumps(rows, indent=2)
    assert len(raw) > 2_000_000
    llm = ScriptedLLM([calls(("search", {})), says("Done.")])
    shortener = ToolShortener(8000, 8000, engine=BM25)
    await BoildownFunctionAgent(tools=[tool("search", raw)], llm=llm, shortener=shortener).run(QUESTION)
    content = llm.seen[1][-1].content or ""
    assert count(content) <= 8000
    short = json.loads(content[: NOTE.search(content).start()])  # type: ignore[union-attr]
    assert [row["id"] for row in short] == list(range(150))
    assert FACT in short[77]["text"]


def test_rules_engines_and_counters_are_used() -> None:
    output = ToolOutput(tool_name="search", content=LONG, raw_input={}, raw_output=LONG)
    result = ToolCallResult(tool_name="search", tool_kwargs={}, tool_id="1", tool_output=output, return_direct=False)
    shortener = ToolShortener(
        rules={"search": ToolRule(80, 100)},
        counter=lambda text: len(text.split()),
        engine=Compressor("bm25", order="score"),
    )
    short, originals = shortener.shorten(result, QUESTION)
    assert 0 < len(short.tool_output.content.split()) <= 80
    assert list(originals.values()) == [LONG]
    assert result.tool_output.content == LONG


def test_of_many_search_results_the_text_that_matters_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    results = [
        {"url": f"https://example.org/?page={i}", "score": i / 7, "text": " ".join(NOISE[i : i + 9])} for i in range(20)
    ]
    results[13]["text"] = f"{NOISE[0]} {FACT} {NOISE[1]}"
    output = ToolOutput(tool_name="search", raw_output={"results": results}, raw_input={}, content=str(results))
    result = ToolCallResult(tool_name="search", tool_kwargs={}, tool_id="1", tool_output=output, return_direct=False)
    with caplog.at_level("INFO", "boildown.tools"):
        short, originals = ToolShortener(300, 600, engine=BM25).shorten(result, QUESTION)
    content = short.tool_output.content
    kept = ast.literal_eval(content[: NOTE.search(content).start()])  # type: ignore[union-attr]
    assert FACT in kept[13]["text"]
    assert [row["url"] for row in kept] == [row["url"] for row in results]
    assert list(originals.values()) == [str(results)]
    assert "A result of 'search': The result has" in caplog.text
    assert "more than tokens=300" in caplog.text


def test_lines_that_are_left_out_of_code_are_marked() -> None:
    source = Path(boildown.__file__).with_name("compressor.py").read_text("utf-8")
    output = ToolOutput(tool_name="read", content=source, raw_input={}, raw_output=source)
    result = ToolCallResult(tool_name="read", tool_kwargs={}, tool_id="1", tool_output=output, return_direct=False)
    short, _ = ToolShortener(engine=BM25).shorten(result, "What does a blank query do?")
    content = short.tool_output.content
    assert count(content) <= 600
    seen = content[: NOTE.search(content).start()].rstrip()  # type: ignore[union-attr]
    assert "\n[…]\n" in seen
    assert all(stretch.strip("\n") in source for stretch in seen.split("[…]\n"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tokens": -1}, "at least 0"),
        ({"tokens": 500, "trigger_tokens": 100}, "more than trigger_tokens=100"),
        ({"tokens": 49}, "tokens=49 is too few"),
        ({"rules": {"search": ToolRule(20)}}, "Give at least 50."),
        ({"rules": {"search": 5}}, "must be a ToolRule or None"),
        ({"engine": "gpu"}, "not str"),
        ({"counter": 3}, "counter= cannot be a int"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        ToolShortener(**arguments)
    assert said in str(error.value)
