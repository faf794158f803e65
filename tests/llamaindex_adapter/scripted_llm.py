"""A function-calling LLM with a script, and tools whose results are long or short."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from llama_index.core.base.llms.types import ImageBlock, TextBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from llama_index.core.tools import BaseTool, FunctionTool, ToolMetadata, ToolOutput

from boildown import Compressor
from boildown.counters import resolve_counter

# A workflow looks at every attribute of its agent for steps, and pydantic warns of its own deprecated ones.
AGENT_WARNINGS = [
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
