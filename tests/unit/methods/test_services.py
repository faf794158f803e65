"""Methods that ask a service: more of them wait at once than may run Python."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from boildown import Budget, Compressor
from boildown.methods.base import Method
from boildown.methods.bm25 import BM25
from boildown.methods.embedding import Embedding
from boildown.methods.reranked import Reranked

CALLS = 6


class Service(Reranked):
    """A reranker and embeddings that answer when all callers have asked."""

    def __init__(self) -> None:
        self._all = threading.Barrier(CALLS)

    def _ranked(self, query: str, texts: Mapping[str, str]) -> list[tuple[str, float]]:
        self._all.wait(30)
        return [(label, float(len(text))) for label, text in texts.items()]

    def embed_query(self, query: str) -> list[float]:
        return [1.0]

    def embed_documents(self, texts: Sequence[str]) -> list[list[float]]:
        self._all.wait(30)
        return [[1.0] for _ in texts]


@pytest.mark.parametrize("make", [Service, lambda: Embedding(Service())])
async def test_callers_of_a_service_wait_side_by_side(make: Any) -> None:
    rank: Method = make()
    compressor = Compressor(BM25(), rank=rank)
    calls = [compressor.acompress("ships", ["Ships carried timber."], Budget(tokens=9)) for _ in range(CALLS)]
    assert {result.text for result in await asyncio.gather(*calls)} == {"Ships carried timber."}
