"""FastAPI: one engine for all requests of a process, through LangChain's asynchronous face.

    pip install '.[langchain,llamaindex]' fastapi uvicorn && uvicorn --app-dir examples fastapi_shared_engine:app

Then: curl 'localhost:8000/context?question=How+often+is+the+pH+sensor+calibrated'

A compressor is a configuration, and models are shared by all that name them: it makes no difference whether it is built
once or in each request, and nothing is loaded twice. Compression runs on a thread, so the event loop stays free.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Query
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from quickstart import LangChainWords

from langchain_boildown import BoildownCompressor, source_spans

HANDBOOK = Path(__file__).parent / "data" / "handbook"

store = InMemoryVectorStore(LangChainWords())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Fills the store, and loads the model before the first request needs it."""
    await store.aadd_documents(
        [Document(p.read_text("utf-8"), metadata={"source": p.name}) for p in sorted(HANDBOOK.glob("*.md"))]
    )
    await retriever(tokens=50).ainvoke("Are you there?")
    yield


app = FastAPI(title="Context for a question", lifespan=lifespan)


def retriever(tokens: int) -> ContextualCompressionRetriever:
    """Cheap to build: it holds no model."""
    return ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(tokens=tokens), base_retriever=store.as_retriever(search_kwargs={"k": 8})
    )


@app.get("/context")
async def context(
    question: str = Query(pattern=r"\w"), tokens: int = Query(200, ge=1, le=4000)
) -> list[dict[str, object]]:
    """What the handbook says to the question, within a number of tokens."""
    return [
        {"source": kept.metadata["source"], "spans": source_spans(kept), "text": kept.page_content}
        for kept in await retriever(tokens).ainvoke(question)
    ]
