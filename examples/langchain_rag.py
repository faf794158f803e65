"""LangChain: a retrieval chain, with the prompt that reaches the chat model before and after compression.

    pip install '.[langchain,llamaindex]' && python examples/langchain_rag.py

The chat model is scripted, so that no API key is needed: it shows its prompt, and answers with the
sentence it was after.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from langchain_classic.chains import create_retrieval_chain
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.vectorstores import InMemoryVectorStore
from quickstart import LangChainWords

from boildown.counters import resolve_counter
from langchain_boildown import BoildownCompressor, source_spans

HANDBOOK = Path(__file__).parent / "data" / "handbook"
QUESTION = "How often does the pH sensor have to be calibrated?"
SHOWN = 16

count_tokens = resolve_counter(None).count  # boildown's estimate


def main() -> None:
    """Asks the same chain with and without a compressor behind its retriever."""
    store = InMemoryVectorStore(LangChainWords())
    store.add_documents(
        [Document(p.read_text("utf-8"), metadata={"source": p.name}) for p in sorted(HANDBOOK.glob("*.md"))]
    )
    retriever = store.as_retriever(search_kwargs={"k": 6})
    compressing = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(tokens=200), base_retriever=retriever
    )

    prompt = ChatPromptTemplate.from_messages(
        [("system", "Answer from these pages:\n\n{context}"), ("human", "{input}")]
    )
    combine = create_stuff_documents_chain(
        ShowingModel(),  # put your chat model here
        prompt,
        document_prompt=PromptTemplate.from_template("[{source}] {page_content}"),
    )
    print("=== Before: whole pages")
    create_retrieval_chain(retriever, combine).invoke({"input": QUESTION})
    print("\n=== After: what the question needs of them")
    answer = create_retrieval_chain(compressing, combine).invoke({"input": QUESTION})

    print("\n=== Where it stands")
    for document in answer["context"]:
        print(f"{document.metadata['source']}: characters {source_spans(document)}")


class ShowingModel(BaseChatModel):
    """Prints the prompt that it gets, and answers with the sentence it was after."""

    @property
    def _llm_type(self) -> str:
        return "showing"

    def _generate(self, messages: list[BaseMessage], *arguments: Any, **kwargs: Any) -> ChatResult:
        text = "\n".join(f"{message.type}: {message.text}" for message in messages)
        lines = [part for line in text.splitlines() for part in textwrap.wrap(line, 110) or [""]]
        print(f"The prompt, {count_tokens(text)} tokens:")
        print("".join(f"   | {line}\n" for line in lines[:SHOWN]), end="")
        if len(lines) > SHOWN:
            print(f"   | ... and {len(lines) - SHOWN} more lines")
        found = re.search(r"[^.\n]*calibrated every[^.\n]*\.", text)
        answer = found[0].strip() if found else "I did not find it."
        print(f"The answer: {answer}")
        return ChatResult(generations=[ChatGeneration(message=AIMessage(answer))])


if __name__ == "__main__":
    main()
