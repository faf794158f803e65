"""Event loops and threads."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core.schema import NodeWithScore

from boildown.counters import resolve_counter
from llama_index.postprocessor.boildown import BoildownPostprocessor


def texts(nodes: list[NodeWithScore]) -> list[tuple[str, str, float | None]]:
    return [(n.node_id, n.node.get_content(), n.score) for n in nodes]


SETTINGS: list[dict[str, Any]] = [
    {"tokens": 30},
    {"rate": 0.4, "order": "edges", "unit": "word"},
    {"threshold": 0.5, "order": "score"},
]


@pytest.mark.parametrize("settings", SETTINGS)
async def test_async_equals_sync(nodes: list[NodeWithScore], query: str, settings: dict[str, Any]) -> None:
    postprocessor = BoildownPostprocessor(method="bm25", **settings)
    sync = texts(postprocessor.postprocess_nodes(nodes, query_str=query))
    assert sync
    assert texts(await postprocessor.apostprocess_nodes(nodes, query_str=query)) == sync


async def test_the_loop_runs_on_while_a_call_compresses(nodes: list[NodeWithScore], query: str) -> None:
    loop_ran = threading.Event()

    def waiting_counter(text: str) -> int:
        # Were the loop blocked by the call, the event would never be set.
        assert loop_ran.wait(timeout=30)
        return len(text.split())

    postprocessor = BoildownPostprocessor(tokens=20, counter=waiting_counter, method="bm25")
    call = asyncio.create_task(postprocessor.apostprocess_nodes(nodes, query_str=query))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not call.done()
    loop_ran.set()
    assert await call


async def test_a_cancelled_call_leaves_the_others_alone(nodes: list[NodeWithScore], query: str) -> None:
    go = threading.Event()
    counter = resolve_counter(None)

    def slow(text: str) -> int:
        assert go.wait(timeout=30)
        return counter.count(text)

    postprocessor = BoildownPostprocessor(tokens=30, counter=slow, method="bm25")
    calls = [asyncio.create_task(postprocessor.apostprocess_nodes(nodes, query_str=query)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[1].cancel()
    go.set()
    first, cancelled, last = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(cancelled, asyncio.CancelledError)
    expected = texts(BoildownPostprocessor(tokens=30, method="bm25").postprocess_nodes(nodes, query_str=query))
    assert texts(first) == texts(last) == expected


def test_threads_and_several_event_loops_share_one_postprocessor(nodes: list[NodeWithScore], query: str) -> None:
    postprocessor = BoildownPostprocessor(tokens=30, method="bm25")
    expected = {q: texts(postprocessor.postprocess_nodes(nodes, query_str=q)) for q in (query, "When do puffins nest?")}

    async def many(q: str) -> list[Any]:
        calls = [postprocessor.apostprocess_nodes(nodes, query_str=q) for _ in range(5)]
        return [texts(kept) for kept in await asyncio.gather(*calls)]

    def work(i: int) -> bool:
        q = list(expected)[i % 2]
        alone = texts(postprocessor.postprocess_nodes(nodes, query_str=q))
        return [alone, *asyncio.run(many(q))] == [expected[q]] * 6

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(12)))
