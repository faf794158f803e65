"""The LLM can read the full text of a result that was shortened."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import BaseTool, FunctionTool
from llama_index.core.workflow import Context
from scripted_llm import AGENT_WARNINGS, BM25, LONG, NOTE, QUESTION, SHORT, ScriptedLLM, calls, says, tool

from llama_index.postprocessor.boildown import BoildownFunctionAgent, ToolRule, ToolShortener

pytestmark = AGENT_WARNINGS


async def test_the_llm_can_read_the_full_text() -> None:
    def read(messages: list[ChatMessage]) -> ChatMessage:
        found = NOTE.search(messages[-1].content or "")
        assert found
        return calls(("read_full_result", {"reference": found[1]}))

    llm = ScriptedLLM(
        [calls(("search", {})), read, calls(("read_full_result", {"reference": "nonsense"})), says("Done.")]
    )
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    await agent.run(QUESTION)
    full = llm.seen[2][-1].content or ""
    assert full.startswith(LONG[:8000])
    assert full.endswith(f"[Characters 0 to 8000 of {len(LONG)}. Read on with start=8000.]")
    unknown = llm.seen[3][-1].content or ""
    assert "No shortened result has the reference 'nonsense'" in unknown
    assert "call the tool again" in unknown


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("8000", "[Characters 8000 to "),
        (8000.0, "[Characters 8000 to "),
        (None, "[Characters 0 to 8000 "),
        ("next", "start= is a number of characters, not 'next'."),
    ],
)
async def test_numbers_as_llms_write_them(start: Any, said: str) -> None:
    def read(messages: list[ChatMessage]) -> ChatMessage:
        found = NOTE.search(messages[-1].content or "")
        assert found
        return calls(("read_full_result", {"reference": found[1], "start": start}))

    llm = ScriptedLLM([calls(("search", {})), read, says("Done.")])
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    await agent.run(QUESTION)
    assert said in (llm.seen[2][-1].content or "")


async def test_the_context_with_full_texts_can_be_written_to_json() -> None:
    llm = ScriptedLLM([calls(("search", {})), says("Done."), says("Again.")])
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    context = Context(agent)
    await agent.run(QUESTION, ctx=context)
    with pytest.warns(Warning, match="known unserializable key: memory"):
        data = json.loads(json.dumps(context.to_dict()))
    restored = Context.from_dict(agent, data)
    assert LONG in (await restored.store.get("boildown_originals")).values()


async def test_agents_without_a_shortener_have_the_defaults_and_one_reader() -> None:
    agent = BoildownFunctionAgent(tools=[tool("search", SHORT)], llm=ScriptedLLM([]))
    assert agent.shortener.rule == ToolRule(600, 2000)
    again = BoildownFunctionAgent(tools=agent.tools, llm=ScriptedLLM([]))
    assert [t.metadata.name for t in again.tools or [] if isinstance(t, BaseTool)] == ["search", "read_full_result"]


def test_the_reader_shows_the_llm_its_arguments_and_not_the_context() -> None:
    (reader,) = BoildownFunctionAgent(llm=ScriptedLLM([])).tools or []
    assert isinstance(reader, FunctionTool)
    assert reader.requires_context
    parameters = reader.metadata.get_parameters_dict()
    assert set(parameters["properties"]) == {"reference", "start"}
    assert parameters["required"] == ["reference"]
