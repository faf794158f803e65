"""Long tool results, shortened to what the conversation asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr, ToolCallRequest
from langchain.tools import ToolException, ToolRuntime, tool
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command
from typing_extensions import NotRequired

from boildown.counters import CounterSpec
from boildown.errors import unknown_name
from boildown.settings import Engine
from boildown.tools.content import Content
from boildown.tools.shorten import ToolRule, question_of, read_page
from boildown.tools.shortening import READER_NAME, Shortening, name_taken, note_of, unknown_reference
from boildown.workers import run_in_worker

__all__ = ["BoildownToolMiddleware", "ToolRule"]


def _merged(old: dict[str, str] | None, new: dict[str, str] | None) -> dict[str, str]:
    return {**(old or {}), **(new or {})}


class BoildownState(AgentState[Any]):
    """The agent's state with the full texts of shortened results, by reference."""

    boildown_originals: NotRequired[Annotated[dict[str, str], PrivateStateAttr, _merged]]


@tool
def read_full_result(reference: str, runtime: ToolRuntime[Any, Any], start: int = 0) -> str:
    """Read the full text of a tool result that was shortened.

    Args:
        reference: as the shortened result gives it.
        start: the character to begin at, to read on in a long text.
    """
    text = (_get(runtime.state, "boildown_originals") or {}).get(reference)
    if text is None:
        text = next((c.text for c in _contents(_get(runtime.state, "messages")) if c.reference == reference), None)
    if text is None:
        raise ToolException(unknown_reference(reference))
    return read_page(text, start)


read_full_result.handle_tool_error = True


class BoildownToolMiddleware(AgentMiddleware[BoildownState, Any, Any]):
    """Shortens long tool results to what the conversation asks, within a token budget.

    A result is shortened by its own length alone, against the human message before it and the arguments of
    its call. So the same conversation always gives the same messages, and prompt caches keep their prefix.

    A shortened result ends in a note for the model, and has a line `[…]` where lines between others were left out.
    What was done stands in its `response_metadata["boildown"]`: `reference`, `tokens_in`, `tokens_out`, `mode`, and
    `notes` for the developer, which the log `boildown.tools` has too.

    These stay as they are: errors, results that are a `Command` or go to the user as they are (`return_direct`),
    artifacts, ids and names, images and other blocks that are no text. "view" cannot tell messages of a `Command`, and
    in later turns those that went to the user, from others, and shows the model short ones. Data, such as JSON, are
    never cut; of them, the longer string values are shortened and all else stays. Where all else takes most of the
    budget, the result has more tokens than that, since nearly half of it goes to text in any case. Data that have no
    such strings stay whole, and so does a result whose shortening fails, with a warning.

    Args:
        tokens: a shortened result has at most so many tokens, the note at its end included, but for data as above; at
            least 50.
        trigger_tokens: a result of no more tokens stays as it is.
        mode: "persist" puts the short text into the agent's state, and the full text aside, where checkpoints
            keep it too. "view" leaves the state alone and only shows the model the short text. In both, the note has
            a reference by which the model reads the full text through the tool `read_full_result`, which this
            middleware adds; in a later turn, where a checkpointer kept the state, or in "view" the messages. An agent
            that is a node of another graph needs `create_agent(..., checkpointer=True)` for that, or "view".
            With "persist", streams of updates and values may carry the full text in `boildown_originals`, where
            `PIIMiddleware` redacts nothing; and put the middleware first in `middleware=[...]`, since what stands
            before it gets a `Command` for a `ToolMessage`.
        rules: for tools by name, a `ToolRule` of their own, or None to leave their results alone.
        counter: whose tokens; see `boildown.Budget`.
        engine: what compresses; None for `boildown.Compressor()`. Of a `Compressor` or a `Client` a copy with
            `dedupe=None` is taken, since data may repeat a value.

    Raises:
        ConfigurationError: an argument is out of range or unknown; or, as late as in a run, the agent has a tool of its
            own named `read_full_result`.
    """

    mode: Literal["persist", "view"]
    tools: Sequence[BaseTool] = (read_full_result,)

    def __new__(cls, *, mode: str = "persist", **settings: Any) -> BoildownToolMiddleware:
        """A middleware of the mode's own class.

        An agent reads off the class which hooks there are, and builds its graph accordingly: a hook that the mode has
        no use for would not be without effect.
        """
        if issubclass(cls, (*_MODES.values(),)):
            return super().__new__(cls)
        if cls is not BoildownToolMiddleware:
            raise TypeError(
                f"{cls.__name__} has no hooks, which stand in the mode's own class. Wrap an instance instead."
            )
        if mode not in _MODES:
            raise unknown_name("mode", mode, _MODES)
        return super().__new__(_MODES[mode])

    def __init__(
        self,
        *,
        tokens: int = 600,
        trigger_tokens: int = 2000,
        mode: Literal["persist", "view"] = "persist",
        rules: Mapping[str, ToolRule | None] | None = None,
        counter: CounterSpec = None,
        engine: Engine | None = None,
    ) -> None:
        super().__init__()
        self.shortening = Shortening(tokens, trigger_tokens, rules, counter, engine)

    @property
    def name(self) -> str:
        """The middleware's name, whatever its mode."""
        return BoildownToolMiddleware.__name__

    def _check_names(self, tools: Iterable[Any]) -> None:
        """Raises `ConfigurationError` where the agent's own tool has taken the place of the one that reads in full."""
        if any(getattr(tool, "name", "") == READER_NAME and tool not in self.tools for tool in tools):
            raise name_taken()

    def _shortened(self, message: ToolMessage, name: str, query: str) -> ToolMessage:
        """The message itself, where there is nothing to shorten."""
        if message.status == "error" or "boildown" in message.response_metadata:
            return message
        content = Content(message.content)
        short = self.shortening.short_form(name, content, query)
        if short is None:
            return message
        done = {
            "reference": content.reference,
            "tokens_in": short.tokens_in,
            "tokens_out": short.tokens_out,
            "mode": self.mode,
            "notes": [*short.notes],
        }
        update = {
            "content": content.replaced(short.texts, note_of(content)),
            "response_metadata": {**message.response_metadata, "boildown": done},
        }
        return message.model_copy(update=update)


class _Persist(BoildownToolMiddleware):
    mode = "persist"
    state_schema = BoildownState

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]]
    ) -> ToolMessage | Command[Any]:
        self._check_names(_tools(request))
        return self._persisted(request, handler(request))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]]
    ) -> ToolMessage | Command[Any]:
        self._check_names(_tools(request))
        result = await handler(request)
        return await run_in_worker(partial(self._persisted, request, result))

    def _persisted(self, request: ToolCallRequest, result: ToolMessage | Command[Any]) -> ToolMessage | Command[Any]:
        direct = request.tool is not None and request.tool.return_direct  # it goes to the user, and no model reads it
        if direct or not isinstance(result, ToolMessage):
            return result
        messages: Sequence[BaseMessage] = _get(request.state, "messages") or []
        query = _question(messages, request.tool_call["args"])
        short = self._shortened(result, request.tool_call["name"], query)
        if short is result:
            return result
        content = Content(result.content)
        return Command(update={"messages": [short], "boildown_originals": {content.reference: content.text}})


class _View(BoildownToolMiddleware):
    mode = "view"

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        self._check_names(request.tools)
        return handler(self._viewed(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        self._check_names(request.tools)
        if any(isinstance(message, ToolMessage) for message in request.messages):
            request = await run_in_worker(partial(self._viewed, request))
        return await handler(request)

    def _viewed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        messages: list[AnyMessage] = []
        calls: dict[str | None, Any] = {}
        for message in request.messages:
            if isinstance(message, AIMessage):
                calls.update({call["id"]: call for call in message.tool_calls})
            if isinstance(message, ToolMessage):
                call = calls.get(message.tool_call_id, {})
                query = _question(messages, call.get("args", {}))
                message = self._shortened(message, message.name or call.get("name", ""), query)
            messages.append(message)
        return request.override(messages=messages)


_MODES: dict[str, type[BoildownToolMiddleware]] = {"persist": _Persist, "view": _View}


def _tools(request: ToolCallRequest) -> list[Any]:
    """The agent's tools where the runtime has them, as langgraph's newer ones do, and the one that is called."""
    return [*(getattr(request.runtime, "tools", None) or ()), request.tool]


def _question(messages: Sequence[BaseMessage], arguments: Mapping[str, Any]) -> str:
    """The last human message and the text among the arguments of the call."""
    human = next((str(m.text) for m in reversed(messages) if isinstance(m, HumanMessage)), "")
    return question_of(human, arguments)


def _contents(messages: Sequence[BaseMessage] | None) -> Iterator[Content]:
    return (Content(message.content) for message in messages or [] if isinstance(message, ToolMessage))


def _get(state: Any, key: str) -> Any:
    return state.get(key) if isinstance(state, Mapping) else getattr(state, key, None)
