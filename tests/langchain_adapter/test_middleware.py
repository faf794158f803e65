"""The agent middleware inside `create_agent`, with a scripted model and a real checkpointer: what the model sees."""

from __future__ import annotations

import asyncio
import itertools
import threading
from typing import Any

import pytest
from agent_tools import BM25, CONFIG, DONE, LONG, QUESTION, TOOLS, Agent, asks, call, tokens
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, PIIMiddleware
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.messages import HumanMessage
from langchain_core.tools import create_retriever_tool
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from boildown.runtime import requests
from langchain_boildown import BoildownCompressor, BoildownToolMiddleware


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
    assert "call the tool again" in seen.content


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


@pytest.mark.parametrize("mode", ["persist", "view"])
async def test_a_cancelled_run_drops_what_it_waits_for(chat_model: Any, mode: str) -> None:
    wanted: list[requests.Request | None] = []
    going, go = threading.Event(), threading.Event()

    def count(text: str) -> int:
        wanted.append(requests.current())
        going.set()
        assert go.wait(30)
        return tokens(text)

    agent = Agent(chat_model, asks(call("look_up")), DONE, mode=mode, counter=count)
    task = asyncio.create_task(agent.aask())
    assert await asyncio.to_thread(going.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    assert wanted[0] is not None
    assert wanted[0].failure() is not None, "the model would go on for nobody"


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


@pytest.mark.parametrize(("mode", "checkpointer"), [("persist", True), ("view", None)])
def test_an_agent_that_is_a_node_reads_the_full_text_in_a_later_turn(
    chat_model: Any, mode: Any, checkpointer: Any
) -> None:
    agent = Agent(chat_model, asks(call("look_up")), DONE, mode=mode)
    node = create_agent(agent.model, TOOLS, middleware=[agent.middleware], checkpointer=checkpointer)
    builder = StateGraph(MessagesState)
    builder.add_node("agent", node)
    builder.add_edge(START, "agent")
    agent.graph = builder.compile(checkpointer=InMemorySaver())
    agent.ask()
    reference = agent.results(1)[0].response_metadata["boildown"]["reference"]
    ask = {"name": "read_full_result", "args": {"reference": reference}, "id": "read"}
    agent.model.answers[:] = [asks(ask), DONE]
    agent.ask("Go on.")
    [*_, page] = agent.state_results()
    assert (page.status, page.content[:40]) == ("success", LONG[:40])


@pytest.mark.parametrize("first", [True, False])
def test_in_persist_mode_the_middleware_before_it_gets_a_command(chat_model: Any, first: bool) -> None:
    kinds = []

    class Watching(AgentMiddleware):
        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            result = handler(request)
            kinds.append(type(result).__name__)
            return result

    agent = Agent(chat_model, asks(call("look_up")), DONE)
    middleware = [agent.middleware, Watching()] if first else [Watching(), agent.middleware]
    create_agent(agent.model, TOOLS, middleware=middleware).invoke({"messages": [HumanMessage(QUESTION)]})
    assert kinds == ["ToolMessage" if first else "Command"]


def test_the_full_text_streams_with_updates_and_not_with_messages(chat_model: Any) -> None:
    def streamed(mode: Any) -> bool:
        agent = Agent(chat_model, asks(call("look_up")), DONE)
        parts = agent.graph.stream({"messages": [HumanMessage(QUESTION)]}, CONFIG, stream_mode=mode)
        return "boildown_originals" in repr(list(parts))

    assert streamed("updates")
    assert not streamed("messages")


def test_what_is_redacted_is_redacted_in_what_the_model_reads_in_full(chat_model: Any) -> None:
    agent = Agent(chat_model, asks(call("records")), DONE)
    redacting = PIIMiddleware("url", apply_to_tool_results=True)
    agent.graph = create_agent(
        agent.model, TOOLS, middleware=[agent.middleware, redacting], checkpointer=InMemorySaver()
    )
    agent.ask()
    reference = agent.results(1)[0].response_metadata["boildown"]["reference"]
    agent.model.answers.extend(
        [asks({"name": "read_full_result", "args": {"reference": reference}, "id": "read"}), DONE]
    )
    agent.ask("Go on.")
    assert all("[REDACTED_URL]" in str(m.content) and "example.org" not in str(m.content) for m in agent.results(3))
    assert "example.org" in agent.graph.get_state(CONFIG).values["boildown_originals"][reference]
