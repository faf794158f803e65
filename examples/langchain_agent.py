"""LangChain: an agent whose long tool results are shortened to what was asked, and can still be read in full.

    pip install '.[langchain]' && python examples/langchain_agent.py

The chat model is scripted, so that no API key is needed: it searches, asks for the full result once, and answers.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool

from boildown.counters import resolve_counter
from langchain_boildown import BoildownToolMiddleware

HANDBOOK = Path(__file__).parent / "data" / "handbook"
QUESTION = "How often does the pH sensor have to be calibrated?"

count_tokens = resolve_counter(None).count  # boildown's estimate


@tool
def read_handbook() -> str:
    """The whole handbook."""
    return "\n\n".join(path.read_text("utf-8") for path in sorted(HANDBOOK.glob("*.md")))


def main() -> None:
    """Runs the agent, and prints how long each message was."""
    agent: Any = create_agent(
        ScriptedModel(),  # put your chat model here
        [read_handbook],
        middleware=[BoildownToolMiddleware(trigger_tokens=1000, tokens=300)],
    )
    for message in agent.invoke({"messages": [("user", QUESTION)]})["messages"]:
        calls = ", ".join(call["name"] for call in getattr(message, "tool_calls", []))
        done = message.response_metadata.get("boildown")
        shortened = f" (shortened from {done['tokens_in']})" if done else ""
        print(f"{message.type:>5}: {calls or f'{count_tokens(message.text)} tokens{shortened}'}")
        if done or (message.type == "ai" and not calls):
            print(f"       {message.text}")


class ScriptedModel(BaseChatModel):
    """Calls the tool, then the tool that reads the full result, and answers with the sentence it was after."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> ScriptedModel:
        """Any tools will do."""
        return self

    def _generate(self, messages: list[BaseMessage], *arguments: Any, **kwargs: Any) -> ChatResult:
        results = [message for message in messages if isinstance(message, ToolMessage)]
        if not results:
            answer = AIMessage("", tool_calls=[{"name": "read_handbook", "args": {}, "id": "1"}])
        elif len(results) == 1:
            reference = results[0].response_metadata["boildown"]["reference"]
            call = {"name": "read_full_result", "args": {"reference": reference}, "id": "2"}
            answer = AIMessage("", tool_calls=[call])
        else:
            found = re.search(r"[^.\n]*calibrated every[^.\n]*\.", results[0].text)
            answer = AIMessage(found[0].strip() if found else "I did not find it.")
        return ChatResult(generations=[ChatGeneration(message=answer)])


if __name__ == "__main__":
    main()
