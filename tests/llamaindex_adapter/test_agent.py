"""Real agents with a mock function-calling LLM; what is asserted is the messages that reach the LLM."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import BaseTool, FunctionTool, ToolMetadata, ToolOutput
from llama_index.core.workflow import Context
from workflows.errors import WorkflowCancelledByUser

from boildown import Compressor, ConfigurationError
from boildown.counters import resolve_counter
from llama_index.postprocessor.boildown import BoildownAgent, BoildownFunctionAgent, ToolRule, ToolShortener

# A workflow looks at every attribute of its agent for steps, and pydantic warns of its own deprecated ones.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The `.*` attribute is deprecated:pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore:Accessing the 'model_.*:pydantic.warnings.PydanticDeprecatedSince211"),
    # ReActAgent asks its own context a deprecated question.
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]

BM25 = Compressor("bm25")
QUESTION = "In which year was the lighthouse of Harrow Point lit for the first time?"
FACT = "The lighthouse of Harrow Point was lit for the first time in 1874."
NOISE = [f"Parish note {i}: the fair was held on the green and {i + 40} sheep were sold there." for i in range(120)]
LONG = " ".join([*NOISE[:70], FACT, *NOISE[70:]])
SHORT = "A short result. It stays as it is, even though nothing in it matters."
NOTE = re.compile(r'\[Shortened to what matters.* with reference "([0-9a-f]{12})"\.\]$')


def count(text: str) -> int:
    return resolve_counter(None).count(text)


class ScriptedLLM(MockFunctionCallingLLM):
    """Says the scripted messages one after the other, and keeps the messages it is given."""

    def __init__(self, script: Sequence[ChatMessage | Callable[[list[ChatMessage]], ChatMessage]], **more: Any) -> None:
        steps = iter(script)
        super().__init__(response_generator=lambda messages, **_: self._say(list(messages), next(steps)), **more)
        self._seen: list[list[ChatMessage]] = []

    def _say(self, messages: list[ChatMessage], step: Any) -> ChatMessage:
        self._seen.append([message.model_copy(deep=True) for message in messages])
        said: ChatMessage = step(messages) if callable(step) else step
        return said

    @property
    def seen(self) -> list[list[ChatMessage]]:
        return self._seen


def calls(*named: tuple[str, dict[str, Any]]) -> ChatMessage:
    blocks = [ToolCallBlock(tool_call_id=f"c{i}-{n}", tool_name=n, tool_kwargs=k) for i, (n, k) in enumerate(named)]
    return ChatMessage(role="assistant", blocks=blocks)


def says(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)


def tool(name: str, result: Any, **metadata: Any) -> FunctionTool:
    def function(topic: str = "") -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return FunctionTool.from_defaults(function, name=name, description="Looks something up.", **metadata)


class BlockTool(BaseTool):
    """Gives content blocks of several kinds, and raw output beside them."""

    blocks = (
        TextBlock(text=LONG),
        ImageBlock(url="https://example.org/mill.png"),
        TextBlock(text=SHORT),
    )

    @property
    def metadata(self) -> ToolMetadata:
        return ToolMetadata(name="blocks", description="Gives blocks.")

    def __call__(self, input: Any = None) -> ToolOutput:
        return ToolOutput(tool_name="blocks", blocks=list(self.blocks), raw_input={}, raw_output={"kept": [1, 2]})


def results_in(messages: list[ChatMessage]) -> dict[str, ChatMessage]:
    """The tool messages by the id of their call; there is exactly one for each call."""
    asked = [b.tool_call_id for m in messages for b in m.blocks if isinstance(b, ToolCallBlock)]
    answers = [(m.additional_kwargs["tool_call_id"], m) for m in messages if m.role == "tool"]
    assert sorted(call for call, _ in answers) == sorted(asked)
    return dict(answers)


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
    assert "No shortened result has the reference 'nonsense'" in (llm.seen[3][-1].content or "")


async def test_the_context_with_full_texts_can_be_written_to_json() -> None:
    llm = ScriptedLLM([calls(("search", {})), says("Done."), says("Again.")])
    agent = BoildownFunctionAgent(tools=[tool("search", LONG)], llm=llm, shortener=ToolShortener(150, 400, engine=BM25))
    context = Context(agent)
    await agent.run(QUESTION, ctx=context)
    with pytest.warns(Warning, match="known unserializable key: memory"):
        data = json.loads(json.dumps(context.to_dict()))
    restored = Context.from_dict(agent, data)
    assert LONG in (await restored.store.get("boildown_originals")).values()


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


async def test_json_stays_valid_and_keeps_its_figures() -> None:
    rows = [{"id": i, "price": i * 1.5, "text": " ".join(NOISE[i : i + 6])} for i in range(30)]
    rows[7]["text"] += f" {FACT}"
    raw = json.dumps(rows)
    llm = ScriptedLLM([calls(("search", {})), says("Done.")])
    agent = BoildownFunctionAgent(tools=[tool("search", raw)], llm=llm, shortener=ToolShortener(900, 1500, engine=BM25))
    await agent.run(QUESTION)
    content = llm.seen[1][-1].content or ""
    short = json.loads(content[: NOTE.search(content).start()])  # type: ignore[union-attr]
    assert [(row["id"], row["price"]) for row in short] == [(row["id"], row["price"]) for row in rows]
    assert FACT in short[7]["text"]
    assert count(content) <= 900


async def test_two_megabytes_of_json() -> None:
    rows = [{"id": i, "text": f"{' '.join(NOISE * 2)} {i}"} for i in range(150)]
    rows[77]["text"] = LONG
    raw = json.dumps(rows, indent=2)
    assert len(raw) > 2_000_000
    llm = ScriptedLLM([calls(("search", {})), says("Done.")])
    shortener = ToolShortener(5000, 5000, engine=BM25)
    await BoildownFunctionAgent(tools=[tool("search", raw)], llm=llm, shortener=shortener).run(QUESTION)
    content = llm.seen[1][-1].content or ""
    assert count(content) <= 5000
    short = json.loads(content[: NOTE.search(content).start()])  # type: ignore[union-attr]
    assert [row["id"] for row in short] == list(range(150))
    assert FACT in short[77]["text"]


async def test_a_cancelled_run_leaves_the_agent_usable() -> None:
    going, go = threading.Event(), threading.Event()

    def slow(text: str) -> int:
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
    go.set()
    with pytest.raises(WorkflowCancelledByUser):
        await handler
    assert str(await agent.run(QUESTION)) == "Done."
    assert count(llm.seen[-1][-1].content or "") <= 150


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"tokens": -1}, "at least 0"),
        ({"tokens": 500, "trigger_tokens": 100}, "more than trigger_tokens=100"),
        ({"rules": {"search": 5}}, "must be a ToolRule or None"),
        ({"engine": "gpu"}, "not str"),
        ({"counter": 3}, "counter= cannot be a int"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        ToolShortener(**arguments)
    assert said in str(error.value)
