"""Fifty calls at once on one event loop: where they run, what becomes of those that are cancelled."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import numpy as np
import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

from boildown import Compressor, Scores
from boildown.sources import Sources
from langchain_boildown import BoildownCompressor

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"
CALLS = 50


class Watched:
    """Scores by BM25, and remembers on which threads; `gate` holds every call until it is opened."""

    name = "watched"
    uses_query = True

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def score(self, query: str, sources: Sources) -> Scores:
        self.threads.append(threading.get_ident())
        assert self.gate.wait(30)
        relevance = np.array([float(text.count("tower")) for text in sources.texts])
        return Scores(relevance=relevance, sentences=sources.sentences.lengths.astype(float))


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def chain(watched: Watched, store: InMemoryVectorStore) -> Any:
    compressor = BoildownCompressor(engine=Compressor(watched), tokens=60)
    return {"documents": store.as_retriever(), "query": RunnablePassthrough()} | compressor.as_runnable()


async def test_no_call_scores_on_the_loops_thread_and_the_loop_turns_meanwhile(
    watched: Watched, store: InMemoryVectorStore
) -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(engine=Compressor(watched), tokens=60), base_retriever=store.as_retriever()
    )
    watched.gate.clear()
    tasks = [asyncio.create_task(retriever.ainvoke(QUESTION)) for _ in range(CALLS)]
    while not watched.threads:
        await asyncio.sleep(0.001)
    for _ in range(100):  # The first call is in the middle of its scoring, and the loop goes round all the same.
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    watched.gate.set()
    first, *rest = await asyncio.gather(*tasks)
    assert first
    assert all(found == first for found in rest)
    assert len(watched.threads) == CALLS
    assert threading.get_ident() not in watched.threads


async def test_a_batch_that_is_cancelled_half_way_runs_no_more_calls(watched: Watched, chain: Any) -> None:
    expected = await chain.ainvoke(QUESTION)
    watched.threads.clear()
    watched.gate.clear()
    batch = asyncio.create_task(chain.abatch([QUESTION] * CALLS))
    while not watched.threads:
        await asyncio.sleep(0.001)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch
    watched.gate.set()
    assert await chain.ainvoke(QUESTION) == expected
    assert len(watched.threads) < CALLS, "calls whose turn had not come never ran"


async def test_one_that_fails_leaves_the_rest_of_its_batch_alone(chain: Any, documents: list[Document]) -> None:
    good, bad, again = await chain.abatch([QUESTION, 5, QUESTION], return_exceptions=True)
    assert good
    assert good == again
    assert isinstance(bad, Exception)
