"""Scores computed at ingest, and used, noticed as stale, and made anew at query time."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
from kept_documents import Runs
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from tiny_models import tiny_bert

from boildown import ConfigurationError, InputError
from boildown.methods.bm25 import BM25
from boildown.methods.registry import METHODS
from langchain_boildown import BoildownCompressor, BoildownTransformer

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"
KEY = "boildown_scores"


@pytest.fixture(scope="module")
def model(bert: Path) -> str:
    return str(bert)


def compress(path: str, documents: list[Document], **arguments: Any) -> tuple[list[Document], bool]:
    """What is kept, and whether a model ran."""
    runs = Runs()
    settings = {"method": "llmlingua2", "model": path, "device": "cpu", "rate": 0.4, "cache": False, **arguments}
    kept = BoildownCompressor(**settings).compress_documents(documents, QUESTION, callbacks=[runs])
    return kept, runs.seconds[0] > 0


def texts(documents: list[Document]) -> list[str]:
    return [document.page_content for document in documents]


def test_stored_scores_are_used_and_give_the_same_text(model: str, documents: list[Document]) -> None:
    before = copy.deepcopy(documents)
    stamped = BoildownTransformer(model=model, device="cpu").transform_documents(documents)
    assert documents == before
    fresh, ran = compress(model, documents)
    assert ran
    kept, ran = compress(model, stamped)
    assert not ran
    assert texts(kept) == texts(fresh)
    assert all(KEY not in document.metadata for document in kept)
    for one, other in zip(kept, fresh, strict=True):
        assert one.metadata["relevance_score"] == pytest.approx(other.metadata["relevance_score"], abs=1e-6)


def test_the_stamp_is_one_short_string(model: str, documents: list[Document]) -> None:
    for document in BoildownTransformer(model=model, device="cpu").transform_documents(documents):
        stamp = document.metadata[KEY]
        assert isinstance(stamp, str)
        assert stamp.isascii()
        assert len(stamp) < 100 + 3 * len(document.page_content.encode())
        assert {k: v for k, v in document.metadata.items() if k != KEY} == next(
            d.metadata for d in documents if d.id == document.id
        )


def test_stale_scores_are_made_anew(model: str, documents: list[Document], tmp_path: Path) -> None:
    stamped = BoildownTransformer(model=model, device="cpu").transform_documents(documents)

    changed = [Document(d.page_content.replace("tower", "castle"), metadata=d.metadata) for d in stamped]
    kept, ran = compress(model, changed)
    assert ran
    bare = [Document(d.page_content) for d in changed]
    assert texts(kept) == texts(compress(model, bare)[0])

    other = str(tiny_bert(tmp_path / "other", seed=5))
    kept, ran = compress(other, stamped)
    assert ran
    assert texts(kept) == texts(compress(other, documents)[0])

    _, ran = compress(model, stamped, options={"force_tokens": ["?"]})
    assert ran
    _, ran = compress(model, stamped, min_sentence=50)
    assert ran


@pytest.mark.parametrize("stamp", ["", "nonsense", 7, None, "1:a:b:c"])
def test_a_damaged_stamp_is_never_trusted(model: str, documents: list[Document], stamp: Any) -> None:
    fresh, _ = compress(model, documents)
    for document in documents:
        document.metadata[KEY] = stamp
    kept, ran = compress(model, documents)
    assert ran
    assert texts(kept) == texts(fresh)


def test_a_cut_off_stamp_is_never_trusted(model: str, documents: list[Document]) -> None:
    stamped = BoildownTransformer(model=model, device="cpu").transform_documents(documents)
    for document in stamped:
        document.metadata[KEY] = document.metadata[KEY][:-7]
    kept, ran = compress(model, stamped)
    assert ran
    assert texts(kept) == texts(compress(model, documents)[0])


def test_the_models_place_is_of_no_matter(model: str, documents: list[Document], tmp_path: Path) -> None:
    stamped = BoildownTransformer(model=model, device="cpu").transform_documents(documents)
    shutil.copytree(model, tmp_path / "moved")
    _, ran = compress(str(tmp_path / "moved"), stamped)
    assert not ran


def test_some_with_scores_and_some_without(model: str, documents: list[Document]) -> None:
    transformer = BoildownTransformer(model=model, device="cpu")
    stamped = transformer.transform_documents(documents)
    mixed = [stamped[0], documents[1], stamped[2], documents[3], *stamped[4:]]
    kept, ran = compress(model, mixed)
    assert ran
    assert texts(kept) == texts(compress(model, stamped)[0])


def test_what_is_stored_is_not_scored_again(model: str, documents: list[Document]) -> None:
    transformer = BoildownTransformer(model=model, device="cpu")
    once = transformer.transform_documents(documents)
    assert transformer.transform_documents(once) == once


@pytest.mark.parametrize("method", sorted({"llmlingua", "selective_context"} & METHODS.keys()))
def test_other_methods_without_a_query(method: str, documents: list[Document], llama: Path) -> None:
    path = str(llama)
    stamped = BoildownTransformer(method, model=path, device="cpu").transform_documents(documents)
    fresh, ran = compress(path, documents, method=method)
    assert ran
    kept, ran = compress(path, stamped, method=method)
    assert not ran
    assert texts(kept) == texts(fresh)


async def test_in_a_pipeline_and_through_a_store(model: str, documents: list[Document], embeddings: Any) -> None:
    transformer = BoildownTransformer(model=model, device="cpu")
    compressor = BoildownCompressor(method="llmlingua2", model=model, device="cpu", tokens=80)
    pipeline = DocumentCompressorPipeline(transformers=[transformer, compressor])
    assert texts(list(pipeline.compress_documents(documents, QUESTION))) == texts(
        compressor.compress_documents(documents, QUESTION)
    )
    store = InMemoryVectorStore(embeddings)
    store.add_documents(await transformer.atransform_documents(documents))
    runs = Runs()
    retriever = ContextualCompressionRetriever(base_compressor=compressor, base_retriever=store.as_retriever())
    assert await retriever.ainvoke(QUESTION, {"callbacks": [runs]})
    assert runs.seconds == [0.0]


def test_empty_input(model: str) -> None:
    transformer = BoildownTransformer(model=model, device="cpu")
    assert transformer.transform_documents([]) == []
    without_metadata = Document("A sentence.")
    without_metadata.metadata = None  # type: ignore[assignment]
    stamped = transformer.transform_documents([Document(""), Document(" "), without_metadata])
    assert [KEY in d.metadata for d in stamped] == [True, True, True]
    assert texts(compress(model, stamped, rate=1.0)[0]) == ["A sentence."]


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigurationError, match="reads the query"):
        BoildownTransformer("bm25")
    with pytest.raises(ConfigurationError, match="needs model="):
        BoildownTransformer()
    with pytest.raises(InputError, match="documents"):
        BoildownTransformer(model="somewhere").transform_documents("text")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="options= maps names to values"):
        BoildownTransformer(model="one", options=["level"])  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="names a model too, beside model='one'"):
        BoildownTransformer(model="one", options={"model": "two"})
    with pytest.raises(ConfigurationError, match="min_sentence= must be a whole number of words, 0 or more, not '3'"):
        BoildownTransformer(model="one", min_sentence="3")  # type: ignore[arg-type]
    for method in (BM25(), ["llmlingua2"]):
        with pytest.raises(ConfigurationError, match=f"must be the name of a method here, not {type(method).__name__}"):
            BoildownTransformer(method)  # type: ignore[arg-type]
    BoildownTransformer(options={"model": "one"})
