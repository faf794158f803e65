"""The agent middleware inside `create_agent`, with a scripted model and a real checkpointer."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import pickle
import threading
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import ToolException, create_retriever_tool
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from boildown import Compressor, ConfigurationError
from boildown.counters import resolve_counter
from langchain_boildown import BoildownCompressor, BoildownToolMiddleware, ToolRule

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"
FILLER = " ".join(f"Entry {i} of the harbour log notes calm weather and {i % 7} boats at the quay." for i in range(200))
LONG = f"{FILLER} The tower of the Carrick Bell lighthouse is 41.5 m high. {FILLER.replace('Entry', 'Page')}"
BM25 = Compressor("bm25")
IMAGE = {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"}


def tokens(text: str) -> int:
    return resolve_counter(None).count(text)


@tool
def look_up(topic: str) -> str:
    """Look something up."""
    return LONG


@tool(response_format="content_and_artifact")
def look_up_with_artifact(topic: str) -> tuple[str, dict[str, Any]]:
    """Look something up, with an artifact."""
    return LONG, {"rows": [1, 2, 3], "full": LONG}


@tool
def short_answer(topic: str) -> str:
    """Answer shortly."""
    return "Not in the log."


@tool
def failing(topic: str) -> str:
    """Fail at length."""
    raise ToolException(LONG)


failing.handle_tool_error = True


@tool
def commanding(topic: str, runtime: ToolRuntime) -> Command[Any]:
    """Return a command."""
    return Command(update={"messages": [ToolMessage(LONG, tool_call_id=runtime.tool_call_id)]})


@tool
def records(topic: str) -> list[dict[str, Any]]:
    """Return structured rows, which the framework writes as JSON."""
    return [
        {"id": i, "url": f"https://example.org/{i}?q=41.5", "score": i / 7, "body": body, "tags": ["a", None, True]}
        for i, body in enumerate([FILLER, LONG, 'A "quoted" line.\nAnother.'])
    ]


@tool
def blocks(topic: str) -> list[dict[str, Any]]:
    """Return content blocks."""
    return [{"type": "text", "text": FILLER}, IMAGE, {"type": "text", "text": LONG, "extras": {"page": 3}}]


def call(name: str, call_id: str = "call_1", **arguments: Any) -> dict[str, Any]:
    return {"name": name, "args": {"topic": "lighthouse tower", **arguments}, "id": call_id, "type": "tool_call"}


def asks(*calls: dict[str, Any]) -> AIMessage:
    return AIMessage("", tool_calls=list(calls))


TOOLS = [look_up, look_up_with_artifact, short_answer, failing, commanding, records, blocks]
CONFIG: Any = {"configurable": {"thread_id": "1"}}


class Agent:
    """An agent of LangChain's with a scripted model."""

    def __init__(self, model: Any, *answers: AIMessage, **arguments: Any) -> None:
        self.model = model(answers=[*answers])
        self.middleware = BoildownToolMiddleware(**{"tokens": 120, "trigger_tokens": 400, "engine": BM25, **arguments})
        self.graph = create_agent(self.model, TOOLS, middleware=[self.middleware], checkpointer=InMemorySaver())

    def ask(self, question: str = QUESTION) -> dict[str, Any]:
        return self.graph.invoke({"messages": [HumanMessage(question)]}, CONFIG)

    async def aask(self, question: str = QUESTION) -> dict[str, Any]:
        return await self.graph.ainvoke({"messages": [HumanMessage(question)]}, CONFIG)

    def results(self, prompt: int) -> list[ToolMessage]:
        return [m for m in self.model.prompts[prompt] if isinstance(m, ToolMessage)]

    def state_results(self) -> list[ToolMessage]:
        return [m for m in self.graph.get_state(CONFIG).values["messages"] if isinstance(m, ToolMessage)]


DONE = AIMessage("It is 41.5 m high.")


# What the model sees


@pytest.mark.parametrize("mode", ["persist", "view"])
@pytest.mark.parametrize("is_async", [False, True])
async def test_the_model_sees_the_short_text(chat_model: Any, mode: str, is_async: bool) -> None:
    agent = Agent(chat_model, asks(call("look_up_with_artifact")), DONE, mode=mode)
    output = await agent.aask() if is_async else agent.ask()
    [seen] = agent.results(1)
    [kept] = agent.state_results()
    assert "The tower of the Carrick Bell lighthouse is 41.5 m high." in seen.content
    assert tokens(seen.content) <= 120
    done = seen.response_metadata["boildown"]
    note = "[Shortened to what matters for the question. For the full text call read_full_result with reference"
    assert seen.content.endswith(f'\n\n{note} "{done["reference"]}".]')
    assert "read_full_result" in {t.name for t in agent.model.tools}
    assert done["tokens_in"] == tokens(LONG)
    assert done["tokens_out"] == tokens(seen.content)
    assert done["mode"] == mode
    assert kept.content == (seen.content if mode == "persist" else LONG)
    for message in (seen, kept):
        assert message.tool_call_id == "call_1"
        assert message.name == "look_up_with_artifact"
        assert message.status == "success"
        assert message.artifact == {"rows": [1, 2, 3], "full": LONG}
    assert seen.id == kept.id
    assert set(output) == {"messages"}, "the full texts are no part of the agent's output"


@pytest.mark.parametrize("mode", ["persist", "view"])
@pytest.mark.parametrize("is_async", [False, True])
async def test_the_full_text_can_be_read(chat_model: Any, mode: str, is_async: bool) -> None:
    agent = Agent(chat_model, asks(call("look_up")), DONE, mode=mode)
    agent.ask()
    reference = agent.results(1)[0].response_metadata["boildown"]["reference"]
    read, start = "", 0
    while start < len(LONG):
        ask = {"name": "read_full_result", "args": {"reference": reference, "start": start}, "id": f"r{start}"}
        agent.model.answers[:] = [asks(ask), DONE]
        agent.model.prompts.clear()
        await agent.aask("Go on.") if is_async else agent.ask("Go on.")
        page = agent.results(1)[-1].content
        assert isinstance(page, str)
        text, _, foot = page.rpartition("\n\n[Characters ")
        assert foot.startswith(f"{start} to {start + len(text)} of {len(LONG)}.")
        read, start = read + text, start + len(text)
    assert read == LONG


@pytest.mark.parametrize("mode", ["persist", "view"])
def test_an_unknown_reference_is_an_error_for_the_model(chat_model: Any, mode: str) -> None:
    ask = {"name": "read_full_result", "args": {"reference": "nonsense"}, "id": "r"}
    agent = Agent(chat_model, asks(ask), DONE, mode=mode)
    agent.ask()
    [seen] = agent.results(1)
    assert seen.status == "error"
    assert "No shortened result has the reference 'nonsense'" in seen.content


@pytest.mark.parametrize("mode", ["persist", "view"])
def test_every_prompt_is_a_prefix_of_the_next(chat_model: Any, mode: str) -> None:
    agent = Agent(chat_model, asks(call("look_up")), DONE, mode=mode)
    agent.ask()
    agent.model.answers.extend([asks(call("records", "call_2")), DONE])
    agent.ask("And which boats were at the quay?")
    prompts = agent.model.prompts
    assert len(prompts) == 4
    for shorter, longer in itertools.pairwise(prompts):
        assert longer[: len(shorter)] == shorter


def test_another_process_makes_the_same_view(chat_model: Any) -> None:
    first, second = (Agent(chat_model, asks(call("look_up")), DONE, mode="view") for _ in range(2))
    first.ask()
    second.ask()
    assert first.results(1)[0].content == second.results(1)[0].content


def test_the_question_is_the_last_one_before_the_call(chat_model: Any) -> None:
    agent = Agent(chat_model, DONE, asks(call("look_up", topic="")), DONE)
    agent.ask("Hello, please help me with a log of a harbour.")
    agent.ask("How many boats were noted in entry 37?")
    assert "Entry 37 of the harbour log" in agent.results(2)[0].content


def test_the_arguments_of_the_call_count_too(chat_model: Any) -> None:
    agent = Agent(chat_model, asks(call("look_up", topic="Entry 37 of the harbour log")), DONE)
    agent.ask("Please go on.")
    assert "Entry 37 of the harbour log" in agent.results(1)[0].content


# What stays as it is


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


def test_json_stays_valid_and_only_long_texts_are_shortened(chat_model: Any) -> None:
    agent = Agent(chat_model, asks(call("records")), DONE, tokens=320)
    agent.ask()
    content = agent.results(1)[0].content
    assert isinstance(content, str)
    assert tokens(content) <= 320
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


def test_rules_for_single_tools(chat_model: Any) -> None:
    rules = {"look_up": None, "records": ToolRule(tokens=1000, trigger_tokens=1000), "blocks": ToolRule(90, 100)}
    calls = [call(name, name) for name in ("look_up", "records", "blocks", "look_up_with_artifact")]
    agent = Agent(chat_model, asks(*calls), DONE, rules=rules)
    agent.ask()
    free, wide, narrow, default = agent.results(1)
    assert free.content == LONG
    assert 120 < wide.response_metadata["boildown"]["tokens_out"] <= 1000
    assert narrow.response_metadata["boildown"]["tokens_out"] <= 90
    assert default.response_metadata["boildown"]["tokens_out"] <= 120


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
        [{"type": "json", "json": {"text": LONG}}],
        [{"type": "text"}],
    ],
)
def test_results_without_text_to_shorten_stay(mode: str, content: Any) -> None:
    middleware = BoildownToolMiddleware(engine=BM25, tokens=50, trigger_tokens=60, mode=mode)
    message = ToolMessage(content, tool_call_id="1", name="t")
    assert shown(middleware, message).content == message.content


def shown(middleware: BoildownToolMiddleware, message: ToolMessage) -> ToolMessage:
    """The message as the model gets it, through the hook that the mode uses."""
    asking = [HumanMessage(QUESTION), asks({"name": message.name, "args": {}, "id": message.tool_call_id})]
    if middleware.mode == "view":
        from langchain.agents.middleware import ModelRequest

        seen: list[Any] = []
        request: Any = ModelRequest(model=None, messages=[*asking, message])  # type: ignore[arg-type]
        middleware.wrap_model_call(request, lambda r: seen.extend(r.messages))  # type: ignore[arg-type, return-value]
        return seen[-1]
    from langgraph.prebuilt.tool_node import ToolCallRequest

    request = ToolCallRequest(asking[1].tool_calls[0], None, {"messages": asking}, None)  # type: ignore[arg-type]
    result = middleware.wrap_tool_call(request, lambda r: message)
    return result if isinstance(result, ToolMessage) else result.update["messages"][0]


def test_two_megabytes_of_json() -> None:
    rows = [{"id": i, "note": f"{FILLER} {i}"} for i in range(150)]
    rows[77]["note"] = LONG
    text = json.dumps(rows, indent=2)
    assert len(text) > 2_000_000
    middleware = BoildownToolMiddleware(engine=BM25, tokens=4000, trigger_tokens=4000)
    short = shown(middleware, ToolMessage(text, tool_call_id="1", name="t"))
    assert tokens(short.content) <= 4000
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


def test_messages_are_not_mutated() -> None:
    message = ToolMessage([{"type": "text", "text": LONG}, IMAGE], tool_call_id="1", name="t", artifact={"a": 1})
    before = copy.deepcopy(message)
    for mode in ("persist", "view"):
        assert shown(BoildownToolMiddleware(engine=BM25, mode=mode), message) != message
    assert message == before


# Configuration


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": 10, "trigger_tokens": 5}, "Raise trigger_tokens="),
        ({"tokens": -1}, "at least 0"),
        ({"mode": "views"}, "Did you mean 'view'"),
        ({"engine": object()}, "engine="),
        ({"rules": {"search": 5}}, r"rules\['search'\]"),
        ({"counter": 3.5}, "counter="),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BoildownToolMiddleware(**arguments)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_and_pickles(clone: Any) -> None:
    middleware = BoildownToolMiddleware(engine=BM25, tokens=80, trigger_tokens=100)
    message = ToolMessage(LONG, tool_call_id="1", name="t")
    before = shown(middleware, message)
    assert shown(clone(middleware), message) == before


def test_a_subclass_would_do_nothing_and_is_refused() -> None:
    class Mine(BoildownToolMiddleware):
        pass

    with pytest.raises(TypeError, match="Mine has no hooks"):
        Mine()


def test_an_engine_of_ones_own() -> None:
    message = ToolMessage(LONG, tool_call_id="1", name="t")
    front = shown(BoildownToolMiddleware(engine=Compressor("bm25", unit="word")), message).content
    assert tokens(front) <= 600
    assert front != shown(BoildownToolMiddleware(engine=BM25), message).content


async def test_the_event_loop_runs_on(chat_model: Any) -> None:
    for mode in ("persist", "view"):
        loop_ran = threading.Event()

        def count(text: str, ran: threading.Event = loop_ran) -> int:
            assert ran.wait(30)
            return len(text.split())

        agent = Agent(chat_model, asks(call("look_up")), DONE, mode=mode, counter=count)
        task = asyncio.create_task(agent.aask())
        await asyncio.sleep(0.2)
        assert not task.done()
        loop_ran.set()
        assert (await task)["messages"][-1].content == DONE.content


def test_a_retriever_tool_under_both_compressor_and_middleware(store: InMemoryVectorStore, chat_model: Any) -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", tokens=200), base_retriever=store.as_retriever()
    )
    search = create_retriever_tool(retriever, "search", "Search.", response_format="content_and_artifact")
    ask = {"name": "search", "args": {"query": QUESTION}, "id": "1"}
    model = chat_model(answers=[asks(ask), DONE])
    middleware = BoildownToolMiddleware(engine=BM25, tokens=90, trigger_tokens=100)
    output = create_agent(model, [search], middleware=[middleware]).invoke({"messages": [HumanMessage(QUESTION)]})
    result = model.prompts[1][-1]
    assert "41.5 m high" in result.content
    assert tokens(result.content) <= 90
    assert tokens("\n\n".join(d.page_content for d in result.artifact)) <= 200
    assert {t.name for t in model.tools} == {"search", "read_full_result"}
    assert output["messages"][-1].content == DONE.content
