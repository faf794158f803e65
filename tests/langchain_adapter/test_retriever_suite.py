"""LangChain's own suite for retrievers, on a ContextualCompressionRetriever around the compressor."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_boildown import BoildownCompressor


class TestCompressionRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _keep_store(self, store: InMemoryVectorStore) -> None:
        self.store = store

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return ContextualCompressionRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {
            "base_compressor": BoildownCompressor(method="bm25", rate=0.8),
            "base_retriever": self.store.as_retriever(),
        }

    @property
    def retriever_query_example(self) -> str:
        return "How high is the tower of the Carrick Bell lighthouse?"

    @pytest.mark.xfail(reason="ContextualCompressionRetriever has no k; its base retriever has.", strict=True)
    def test_k_constructor_param(self) -> None:
        super().test_k_constructor_param()
