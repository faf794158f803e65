"""Agents whose long tool results are shortened before the LLM reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from llama_index.core.agent.workflow import CodeActAgent, FunctionAgent, ToolCallResult
from llama_index.core.agent.workflow.base_agent import BaseWorkflowAgent
from llama_index.core.base.llms.types import ContentBlock, TextBlock
from llama_index.core.bridge.pydantic import Field
from llama_index.core.memory import BaseMemory
from llama_index.core.tools import BaseTool
from llama_index.core.workflow import Context

from boildown.counters import CounterSpec
from boildown.errors import ConfigurationError
from boildown.settings import Engine
from boildown.tools.content import Content
from boildown.tools.shorten import ToolRule, question_of
from boildown.tools.shortening import READER_NAME, Shortening, name_taken, note_of
from boildown.workers import run_in_worker
from llama_index.postprocessor.boildown.reader import ORIGINALS, READER

__all__ = ["BoildownAgent", "BoildownFunctionAgent", "ToolShortener"]


class ToolShortener(Shortening):
    """How an agent's tool results are shortened.

    A result is shortened by its own length alone, against the user's message and the text among the arguments of
    its call, so the same conversation always gives the same messages and prompt caches keep their prefix. A line `[…]`
    stands where lines between others were left out. What the developer should know goes to the log `boildown.tools`.

    Args:
        tokens: a shortened result has at most so many tokens, the note at its end included; at least 50. Of data, where
            keys, numbers and short values take most of them, it has so many more that text gets nearly half.
        trigger_tokens: a result of no more tokens stays as it is.
        rules: for tools by name, a `ToolRule` of their own, or None to leave their results alone.
        counter: whose tokens; see `boildown.Budget`.
        engine: what compresses; None for `boildown.Compressor()`. Of a `Compressor` or a `Client` a copy with
            `dedupe=None` is taken, since data may repeat a value.

    Raises:
        ConfigurationError: an argument is out of range or unknown.
    """

    def __init__(
        self,
        tokens: int = 600,
        trigger_tokens: int = 2000,
        *,
        rules: Mapping[str, ToolRule | None] | None = None,
        counter: CounterSpec = None,
        engine: Engine | None = None,
    ) -> None:
        # The handoff tool speaks to the workflow, and what the reader gives was asked for in full.
        super().__init__(tokens, trigger_tokens, rules, counter, engine, exempt=(READER_NAME, "handoff"))

    def shorten(self, result: ToolCallResult, question: str) -> tuple[ToolCallResult, dict[str, str]]:
        """The result with shorter text, and the full text by its reference; the result itself where it may stay.

        Errors and results that go to the user as they are (`return_direct`) stay. So does what is not text, what a
        tool gave beside it (`raw_output`), and, with a warning, a result whose shortening fails.
        """
        if result.tool_output.is_error or result.return_direct:
            return result, {}
        blocks = result.tool_output.blocks
        content = Content([_plain(block) for block in blocks])
        short = self.short_form(result.tool_name, content, question_of(question, result.tool_kwargs))
        if short is None:
            return result, {}
        *texts, last = cast(list[dict[str, str]], content.replaced(short.texts, note_of(content)))
        shorter = [*map(_with_text, blocks, texts), TextBlock(text=last["text"])]
        changed = ToolCallResult(
            tool_name=result.tool_name,
            tool_kwargs=result.tool_kwargs,
            tool_id=result.tool_id,
            tool_output=result.tool_output.model_copy(update={"blocks": shorter}),
            return_direct=result.return_direct,
        )
        return changed, {content.reference: content.text}


class BoildownAgent(BaseWorkflowAgent):
    """Mix-in for agents of a workflow, on its own or in an `AgentWorkflow`: shortens long tool results.

    The LLM and the memory get the short text. It ends in a note with a reference by which the tool
    `read_full_result`, which this class adds to the agent's tools, gives the full text. Events and the final
    `AgentOutput.tool_calls` carry results as the tools gave them. The full text is in the run's context, so that a
    later turn reads it only if it runs with the same one: `agent.run(..., ctx=ctx)`.

        class ShortReActAgent(BoildownAgent, ReActAgent): ...

    `FunctionAgent` and `ReActAgent` take it, `CodeActAgent` does not. In an `AgentWorkflow` let every agent be of this
    class: one that a conversation with shortened results is handed over to needs the tool too.

    Args:
        shortener: how; see `ToolShortener`.

    Raises:
        ConfigurationError: it is mixed into a `CodeActAgent`, or has a tool named `read_full_result` of its own.
    """

    shortener: ToolShortener = Field(default_factory=ToolShortener, exclude=True)

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        if isinstance(self, CodeActAgent):
            raise ConfigurationError(
                f"{type(self).__name__} cannot be both a BoildownAgent and a CodeActAgent: code cannot call "
                f"{READER_NAME}, which reads the run's context. Mix it into a FunctionAgent or a ReActAgent, or let "
                "the code print less."
            )
        super().__init__(*arguments, **settings)
        tools = self.tools or []
        others = [tool for tool in tools if isinstance(tool, BaseTool) and tool is not READER]
        if any(tool.metadata.name == READER_NAME for tool in others):
            raise name_taken()
        if READER not in tools:
            self.tools = [*tools, READER]

    async def handle_tool_call_results(
        self, ctx: Context[Any], results: list[ToolCallResult], memory: BaseMemory
    ) -> None:
        """Hands the results on, shortened."""
        question = await ctx.store.get("user_msg_str", default="") or ""
        done = await asyncio.gather(
            *(run_in_worker(partial(self.shortener.shorten, result, question)) for result in results)
        )
        originals = {reference: text for _, kept in done for reference, text in kept.items()}
        if originals:
            await ctx.store.set(ORIGINALS, {**await ctx.store.get(ORIGINALS, default={}), **originals})
        await super().handle_tool_call_results(ctx, [result for result, _ in done], memory)  # type: ignore[safe-super]


class BoildownFunctionAgent(BoildownAgent, FunctionAgent):
    """A `FunctionAgent` whose long tool results are shortened; see `BoildownAgent`."""


def _plain(block: ContentBlock) -> dict[str, str]:
    return {"type": "text", "text": block.text} if isinstance(block, TextBlock) else {"type": block.block_type}


def _with_text(block: ContentBlock, plain: Mapping[str, str]) -> ContentBlock:
    return block.model_copy(update={"text": plain["text"]}) if isinstance(block, TextBlock) else block
