"""A pytest plugin that puts boildown where LangChain's own tests build agents and compress documents.

The environment variable BOILDOWN_MIDDLEWARE says what every agent gets: "view" or "persist" for
`BoildownToolMiddleware` in that mode; "empty" for a middleware that does nothing but has a tool and a hook as persist
mode has, to tell what any such middleware changes; without it agents stay as they are.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import langchain.agents
import langchain.agents.factory
from langchain.agents.middleware import AgentMiddleware
from langchain_classic.retrievers.document_compressors import LLMChainExtractor, LLMChainFilter
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.tools import tool

from langchain_boildown import BoildownCompressor, BoildownToolMiddleware

KIND = os.environ.get("BOILDOWN_MIDDLEWARE", "")


@tool
def read_full_result(reference: str) -> str:
    """A tool of the same name as the middleware's."""
    return reference


class Empty(AgentMiddleware):
    """Does nothing."""

    tools = (read_full_result,)

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        return handler(request)

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        return await handler(request)


def with_middleware(create_agent: Any) -> Any:
    @functools.wraps(create_agent)
    def create(model: Any, tools: Any = None, *, middleware: Any = (), **arguments: Any) -> Any:
        added = Empty() if KIND == "empty" else BoildownToolMiddleware(mode=KIND)  # type: ignore[arg-type]
        return create_agent(model, tools, middleware=[*middleware, added], **arguments)

    return create


def without_report(documents: Any) -> list[Document]:
    added = ("boildown_", "relevance_score")
    return [
        document.model_copy(
            update={"metadata": {k: v for k, v in document.metadata.items() if not k.startswith(added)}}
        )
        for document in documents
    ]


def between_compressors(owner: type) -> None:
    """Puts a compressor that keeps everything before and after the owner's own work."""
    everything = BoildownCompressor(method="bm25", rate=1.0)
    compress, acompress = owner.compress_documents, owner.acompress_documents  # type: ignore[attr-defined]

    def both(self: Any, documents: Any, query: str, callbacks: Any = None) -> list[Document]:
        before = everything.compress_documents(documents, query, callbacks)
        return without_report(everything.compress_documents(compress(self, before, query, callbacks), query, callbacks))

    async def aboth(self: Any, documents: Any, query: str, callbacks: Any = None) -> list[Document]:
        before = await everything.acompress_documents(documents, query, callbacks)
        after = await acompress(self, before, query, callbacks)
        return without_report(await everything.acompress_documents(after, query, callbacks))

    owner.compress_documents, owner.acompress_documents = both, aboth  # type: ignore[attr-defined]


if KIND:
    # Some of their fake models refuse tools, and persist mode brings one.
    GenericFakeChatModel.bind_tools = lambda self, tools, **arguments: self  # type: ignore[method-assign]
    langchain.agents.create_agent = langchain.agents.factory.create_agent = with_middleware(
        langchain.agents.factory.create_agent
    )
    between_compressors(LLMChainExtractor)
    between_compressors(LLMChainFilter)
