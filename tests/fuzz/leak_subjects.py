"""What is called over and over to see whether memory grows: every kind of method, the adapters, and the service.

A subject is a context that gives a function of new texts.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from fuzz_models import made

from boildown import Budget, Compressor, Document
from boildown.cache import ScoreCache

__all__ = ["SUBJECTS"]

Call = Callable[[list[str]], object]

QUERY = "Who counted the ships?"
_SMALL_CACHE = 100_000
"""Bytes; a few hundred calls fill it, so that what follows drives out what was there."""


@contextmanager
def compressor(**settings: Any) -> Iterator[Call]:
    """Compress, cut again, and recover."""
    made_once = Compressor(**settings, cache=ScoreCache(memory=_SMALL_CACHE))
    titles = random.Random(1)

    def call(texts: list[str]) -> None:
        documents = [Document(text, title=f"Page {titles.randrange(10)}") for text in texts]
        result = made_once.compress(QUERY, documents, Budget(tokens=16))
        if not result.scores.final:
            assert result.tokens_out <= 16
            result.rebudget(Budget(rate=0.5)).recover(result.text)
        result.to_html()

    yield call


@contextmanager
def small(method: str, model: str, **settings: Any) -> Iterator[Call]:
    """A method on a small model with random weights."""
    with compressor(method=method, model=made(model), device="cpu", **settings) as call:
        yield call


@contextmanager
def asynchronous() -> Iterator[Call]:
    """Two calls at a time on an event loop of their own, which every other call is a new one."""
    made_once = Compressor("llmlingua2", model=made("bert"), device="cpu", cache=False)

    async def both(texts: list[str]) -> None:
        await asyncio.gather(*(made_once.acompress(QUERY, [text], Budget(tokens=9)) for text in texts))

    yield lambda texts: asyncio.run(both(texts))


@contextmanager
def langchain() -> Iterator[Call]:
    """LangChain's compressor, on the bundled model."""
    from langchain_core.documents import Document as LangChainDocument

    from langchain_boildown import BoildownCompressor

    adapter = BoildownCompressor(tokens=16, cache=False)
    yield lambda texts: adapter.compress_documents([LangChainDocument(page_content=text) for text in texts], QUERY)


@contextmanager
def llamaindex() -> Iterator[Call]:
    """LlamaIndex's postprocessor, on the bundled model."""
    from llama_index.core.schema import NodeWithScore, TextNode

    from llama_index.postprocessor.boildown import BoildownPostprocessor

    adapter = BoildownPostprocessor(tokens=16, cache=False)

    def call(texts: list[str]) -> None:
        # As a query engine does: outside a trace the callback manager never forgets an event.
        with adapter.callback_manager.as_trace("query"):
            adapter.postprocess_nodes(
                [NodeWithScore(node=TextNode(text=text), score=0.5) for text in texts], query_str=QUERY
            )

    yield call


@contextmanager
def service() -> Iterator[Call]:
    """The HTTP service in this process: its routes, its queue and its metrics, but no socket."""
    from fastapi.testclient import TestClient

    from boildown.service.app import create_app
    from boildown.service.settings import Settings

    with TestClient(create_app(Settings(cache=False))) as client:
        while client.get("/ready").status_code != 200:
            pass

        def call(texts: list[str]) -> None:
            body = {"query": QUERY, "documents": texts, "budget": {"tokens": 16}}
            answer = client.post("/v1/compress", json=body)
            assert answer.status_code == 200, answer.text
            assert client.post("/v1/compress", json={**body, "budget": {}}).status_code == 422

        yield call


SUBJECTS: dict[str, Callable[[], AbstractContextManager[Call]]] = {
    "bundled": compressor,
    "bm25": partial(compressor, method="bm25", unit="word"),
    "llmlingua2": partial(small, "llmlingua2", "xlm-roberta"),
    "llmlingua2 modernbert": partial(small, "llmlingua2", "modernbert", dtype="bfloat16"),
    "securitylingua": partial(small, "securitylingua", "bert"),
    "llmlingua": partial(small, "llmlingua", "gpt2"),
    "llmlingua exact": partial(small, "llmlingua", "gpt2", options={"exact": True}),
    "longllmlingua": partial(small, "longllmlingua", "llama"),
    "longllmlingua qwen3": partial(small, "longllmlingua", "qwen3", dtype="bfloat16"),
    "selective_context": partial(small, "selective_context", "gpt2"),
    "asynchronous": asynchronous,
    "langchain": langchain,
    "llamaindex": llamaindex,
    "service": service,
}
"""Every subject by name."""
