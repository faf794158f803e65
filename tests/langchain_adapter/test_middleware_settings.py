"""Rules, arguments and copies of the agent middleware."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import pytest
from agent_tools import BM25, DONE, LONG, Agent, asks, call, look_up, shown, tokens
from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.messages import HumanMessage, ToolMessage

from boildown import Compressor, ConfigurationError, MissingExtraError
from langchain_boildown import BoildownToolMiddleware, ToolRule


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


def test_without_agents_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "langchain_boildown.middleware")
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware", None)  # as before langchain 1.0
    with pytest.raises(MissingExtraError, match=r"pip install 'boildown\[langchain\]'"):
        from langchain_boildown import BoildownToolMiddleware  # noqa: F401


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": 10, "trigger_tokens": 5}, "Raise trigger_tokens="),
        ({"tokens": -1}, "at least 0"),
        ({"tokens": 49}, "tokens=49 is too few"),
        ({"rules": {"search": ToolRule(20)}}, "Give at least 50"),
        ({"mode": "views"}, "Did you mean 'view'"),
        ({"engine": object()}, "engine="),
        ({"rules": {"search": 5}}, r"rules\['search'\]"),
        ({"counter": 3.5}, "counter="),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BoildownToolMiddleware(**arguments)


@pytest.mark.parametrize("mode", ["persist", "view"])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_tool_of_the_readers_name_is_refused(chat_model: Any, mode: str, is_async: bool) -> None:
    @tool("read_full_result")
    def own(topic: str) -> str:
        """Read a result of a survey."""
        return "41.5 m"

    middleware = BoildownToolMiddleware(engine=BM25, tokens=120, trigger_tokens=400, mode=mode)
    model = chat_model(answers=[asks(call("look_up")), asks(call("read_full_result", "call_2")), DONE])
    agent: Any = create_agent(model, [look_up, own], middleware=[middleware])
    question = {"messages": [HumanMessage("How high is it?")]}
    with pytest.raises(ConfigurationError, match="another tool named 'read_full_result'"):
        await agent.ainvoke(question) if is_async else agent.invoke(question)
    model = chat_model(answers=[asks(call("look_up")), DONE])
    agent = create_agent(model, [look_up, *copy.deepcopy([*middleware.tools])], middleware=[middleware])
    agent.invoke(question)


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
