"""Scores stored at ingest come back from real vector stores, those that take only flat metadata included."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kept_documents import Runs
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from langchain_boildown import BoildownCompressor, BoildownTransformer

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*langchain-community.*", category=DeprecationWarning)
    from langchain_community.vectorstores.utils import filter_complex_metadata

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"
KEY = "boildown_scores"


class FlatStore(InMemoryVectorStore):
    """Refuses what Chroma, Pinecone and their like refuse."""

    def add_documents(self, documents: list[Document], **arguments: Any) -> list[str]:
        for document in documents:
            for key, value in document.metadata.items():
                if not isinstance(value, (str, int, float, bool)):
                    raise ValueError(f"Expected metadata value to be a str, int, float or bool, got {value} for {key}")
        return super().add_documents(documents, **arguments)


def flat(documents: list[Document], embeddings: Any, folder: Path) -> VectorStore:
    store = FlatStore(embeddings)
    store.add_documents(documents)
    return store


def chroma(documents: list[Document], embeddings: Any, folder: Path) -> VectorStore:
    pytest.importorskip("chromadb")
    from langchain_community.vectorstores import Chroma

    return Chroma.from_documents(documents, embeddings, collection_name=folder.name)


def faiss(documents: list[Document], embeddings: Any, folder: Path) -> VectorStore:
    """Written to disk and read again."""
    pytest.importorskip("faiss")
    from langchain_community.vectorstores import FAISS

    FAISS.from_documents(documents, embeddings).save_local(str(folder))
    return FAISS.load_local(str(folder), embeddings, allow_dangerous_deserialization=True)


@pytest.fixture(autouse=True)
def _other_projects_warn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def stamped(bert: Path, documents: list[Document]) -> list[Document]:
    return BoildownTransformer(model=str(bert), device="cpu").transform_documents(documents)


def flattened(documents: list[Document]) -> list[Document]:
    """Copies with what LangChain's own helper leaves of the metadata; it writes into what it is given."""
    return filter_complex_metadata([document.model_copy() for document in documents])


@pytest.mark.parametrize("fill", [flat, chroma, faiss])
def test_stored_scores_come_back_and_are_used(
    fill: Callable[..., VectorStore],
    bert: Path,
    documents: list[Document],
    stamped: list[Document],
    embeddings: Any,
    tmp_path: Path,
) -> None:
    compressor = BoildownCompressor(method="llmlingua2", model=str(bert), device="cpu", rate=0.4)
    store = fill(flattened(stamped), embeddings, tmp_path)
    found = store.similarity_search(QUESTION, k=len(documents))
    stored = {document.page_content: document.metadata[KEY] for document in stamped}
    assert {document.page_content: document.metadata[KEY] for document in found} == stored

    runs = Runs()
    retriever = ContextualCompressionRetriever(
        base_compressor=compressor, base_retriever=store.as_retriever(search_kwargs={"k": len(documents)})
    )
    kept = retriever.invoke(QUESTION, {"callbacks": [runs]})
    assert runs.seconds == [0.0]
    plain = [document.model_copy(update={"metadata": {"source": document.metadata["source"]}}) for document in found]
    assert [d.page_content for d in kept] == [d.page_content for d in compressor.compress_documents(plain, QUESTION)]
    # What was kept goes into such a store again.
    assert fill(kept, embeddings, tmp_path / "again").similarity_search(QUESTION, k=1)


@pytest.mark.parametrize("fill", [flat, chroma])
def test_a_store_that_refuses_nested_metadata_refuses_them_and_not_the_scores(
    fill: Callable[..., VectorStore], stamped: list[Document], embeddings: Any, tmp_path: Path
) -> None:
    store = fill(flattened(stamped), embeddings, tmp_path)
    assert store.similarity_search(QUESTION, k=1)[0].metadata[KEY]
    with pytest.raises(ValueError, match="Expected metadata value to be"):
        fill(stamped, embeddings, tmp_path / "nested")
