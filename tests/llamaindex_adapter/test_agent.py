"""Real agents with a mock function-calling LLM; what is asserted is the messages that reach the LLM."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.memory import ChatMemoryBuffer
from scripted_llm import (
    AGENT_WARNINGS,
    BM25,
    FACT,
    LONG,
    NOTE,
    QUESTION,
    ScriptedLLM,
    calls,
    count,
    results_in,
    says,
    tool,
)
from workflows.errors import WorkflowCancelledByUser

from boildown import ConfigurationError
from boildown.runtime import requests
from llama_index.postprocessor.boildown import BoildownAgent, BoildownFunctionAgent, ToolShortener

pytestmark = AGENT_WARNINGS


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_long_result_reaches_the_llm_short(streaming: bool) -> None:
    llm = ScriptedLLM([calls(("search", {"topic": "lighthouse"})), says("In 1874.")])
    agent = BoildownFunctionAgent(
        tools=[tool("search", LONG)],
        llm=llm,
        streaming=streaming,
        shortener=ToolShortener(tokens=150, trigger_tokens=400, engine=BM25),
    )
    output = await agent.run(QUESTION)
    assert str(output) == "In 1874."
    (message,) = results_in(llm.seen[1]).values()
    assert FACT in message.content
    assert NOTE.search(message.content)
    assert count(message.content) <= 150
    body = message.content[: NOTE.search(message.content).start()]  # type: ignore[union-attr]
    assert all(piece.strip() in LONG for piece in re.split(r"(?<=[.:])\s", body) if piece.strip())
    # The application gets the result as the tool gave it.
    assert output.tool_calls[0].tool_output.content == LONG


def test_a_tool_of_the_readers_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="another tool named 'read_full_result'"):
        BoildownFunctionAgent(tools=[tool("search", LONG), tool("read_full_result", LONG)], llm=ScriptedLLM([]))
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=ScriptedLLM([]))
    assert len(BoildownFunctionAgent(tools=agent.tools, llm=ScriptedLLM([])).tools or []) == 2


async def test_the_same_conversation_gives_the_same_messages() -> None:
    seen = []
    for _ in range(2):
        llm = ScriptedLLM([calls(("search", {})), calls(("search", {})), says("Done.")])
        agent = BoildownFunctionAgent(
            tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25)
        )
        await agent.run(QUESTION)
        seen.append([[(m.role, m.content) for m in messages] for messages in llm.seen])
    assert seen[0] == seen[1]
    first, second, third = seen[0]
    assert second[: len(first)] == first
    assert third[: len(second)] == second


async def test_memory_keeps_the_short_text() -> None:
    llm = ScriptedLLM([calls(("search", {})), says("Done.")])
    memory = ChatMemoryBuffer.from_defaults(token_limit=100_000)
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    await agent.run(QUESTION, memory=memory)
    (kept,) = [m for m in await memory.aget_all() if m.role == "tool"]
    assert count(kept.content) <= 150


async def test_a_result_for_the_user_is_not_touched() -> None:
    llm = ScriptedLLM([calls(("search", {}))])
    search = tool("search", LONG, return_direct=True)
    agent = BoildownFunctionAgent(tools=[search], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    assert str(await agent.run(QUESTION)) == LONG


async def test_events_carry_the_result_as_the_tool_gave_it() -> None:
    llm = ScriptedLLM([calls(("search", {})), says("Done.")])
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    handler = agent.run(QUESTION)
    events = [event async for event in handler.stream_events() if isinstance(event, ToolCallResult)]
    await handler
    assert [event.tool_output.content for event in events] == [LONG]


async def test_an_agent_workflow_with_a_handoff() -> None:
    llm = ScriptedLLM(
        [
            calls(("handoff", {"to_agent": "reader", "reason": "It reads."})),
            calls(("search", {"topic": "lighthouse"})),
            says("In 1874."),
        ]
    )
    shortener = ToolShortener(150, 400, engine=BM25)
    front = FunctionAgent(name="front", description="Talks.", llm=llm, can_handoff_to=["reader"], tools=[])
    reader = BoildownFunctionAgent(
        name="reader", description="Reads.", llm=llm, tools=[tool("search", LONG)], shortener=shortener
    )
    output = await AgentWorkflow(agents=[front, reader], root_agent="front").run(QUESTION)
    assert str(output) == "In 1874."
    last = llm.seen[-1][-1]
    assert last.role == "tool"
    assert FACT in last.content
    assert count(last.content) <= 150


async def test_other_agents_take_the_mix_in(llm: Any) -> None:
    class ShortReActAgent(BoildownAgent, ReActAgent):
        pass

    steps = iter(
        [
            'Thought: I need to search.\nAction: search\nAction Input: {"topic": "lighthouse"}',
            "Thought: I can answer without using any more tools.\nAnswer: In 1874.",
        ]
    )
    llm.answer = lambda prompt: next(steps)
    agent = ShortReActAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    assert str(await agent.run(QUESTION)) == "In 1874."
    observation = llm.prompts[-1].partition("Observation: ")[2]
    assert FACT in observation
    assert count(observation) < 400


@pytest.mark.parametrize("settings", [{}, {"shortener": ToolShortener(engine=BM25)}])
def test_an_agent_that_runs_code_is_refused(settings: dict[str, Any]) -> None:
    class ShortCodeActAgent(BoildownAgent, CodeActAgent):
        pass

    with pytest.raises(ConfigurationError, match="code cannot call read_full_result"):
        ShortCodeActAgent(code_execute_fn=str, llm=ScriptedLLM([]), **settings)


async def test_a_cancelled_run_drops_what_it_waits_for_and_leaves_the_agent_usable() -> None:
    wanted: list[requests.Request | None] = []
    going, go = threading.Event(), threading.Event()

    def slow(text: str) -> int:
        wanted.append(requests.current())
        going.set()
        assert go.wait(30)
        return count(text)

    search = tool("search", LONG)
    shortener = ToolShortener(150, 400, engine=BM25, counter=slow)
    llm = ScriptedLLM([calls(("search", {})), calls(("search", {})), says("Done.")])
    agent = BoildownFunctionAgent(tools=[search], llm=llm, shortener=shortener)
    handler = agent.run(QUESTION)
    await asyncio.to_thread(going.wait, 30)
    await handler.cancel_run()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    go.set()
    assert wanted[0] is not None
    assert wanted[0].failure() is not None, "the model would go on for nobody"
    assert str(await agent.run(QUESTION)) == "Done."
    assert count(llm.seen[-1][-1].content or "") <= 150
