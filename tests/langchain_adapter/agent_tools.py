"""An agent with a scripted model, and tools whose results are long, short, structured or wrong."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import ToolException
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from boildown import Compressor
from boildown.counters import resolve_counter
from langchain_boildown import BoildownToolMiddleware

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
