"""The compressor in threads and event loops."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from kept_documents import QUESTION
from langchain_core.documents import Document

from langchain_boildown import BoildownCompressor


async def test_async_equals_sync(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=120)
    expected = compressor.compress_documents(documents, QUESTION)
    assert await compressor.acompress_documents(documents, QUESTION) == expected


def test_threads_and_loops_equal_serial(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=120)
    questions = [
        QUESTION,
        "How hot is green tea brewed?",
        "How long is the main span of the bridge at Orne?",
    ] * 5
    serial = [compressor.compress_documents(documents, q) for q in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda q: compressor.compress_documents(documents, q), questions)) == serial

    async def gathered() -> list[Any]:
        return await asyncio.gather(*[compressor.acompress_documents(documents, q) for q in questions])

    assert asyncio.run(gathered()) == serial
    assert asyncio.run(gathered()) == serial


async def test_the_event_loop_runs_on_while_text_is_compressed(documents: list[Document]) -> None:
    loop_ran = threading.Event()

    def count(text: str) -> int:
        # Waits until the event loop has run on meanwhile, which it cannot if this blocks it.
        assert loop_ran.wait(30)
        return len(text.split())

    task = asyncio.create_task(
        BoildownCompressor(method="bm25", tokens=40, counter=count).acompress_documents(documents, QUESTION)
    )
    await asyncio.sleep(0.01)
    assert not task.done()
    loop_ran.set()
    assert await task


async def test_cancelling_one_call_leaves_the_others_alone(documents: list[Document]) -> None:
    go = threading.Event()

    def count(text: str) -> int:
        assert go.wait(30)
        return len(text.split())

    compressor = BoildownCompressor(method="bm25", tokens=40, counter=count)
    first, second = (asyncio.create_task(compressor.acompress_documents(documents, QUESTION)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == BoildownCompressor(method="bm25", tokens=40, counter=count).compress_documents(
        documents, QUESTION
    )
