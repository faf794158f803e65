"""The compressor inside LangChain's own retrievers, pipelines and chains."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
from langchain_classic.chains import create_retrieval_chain
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_classic.retrievers import ContextualCompressionRetriever, EnsembleRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.tools import create_retriever_tool
from langchain_core.vectorstores import InMemoryVectorStore

from boildown.counters import resolve_counter
from langchain_boildown import BoildownCompressor, source_spans

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*langchain-community.*", category=DeprecationWarning)
    from langchain_community.document_transformers import EmbeddingsRedundantFilter, LongContextReorder
    from langchain_community.retrievers import BM25Retriever

QUESTION = "How high is the tower of the Carrick Bell lighthouse, and when was it built?"


def words(text: str) -> list[str]:
    return text.lower().split()


@pytest.fixture
def hybrid(documents: list[Document], store: InMemoryVectorStore) -> EnsembleRetriever:
    lexical = BM25Retriever.from_documents(documents, preprocess_func=words, k=4)
    return EnsembleRetriever(
        retrievers=[lexical, store.as_retriever(search_kwargs={"k": 4})], weights=[0.5, 0.5], id_key="source"
    )


async def test_hybrid_retrieval_compression_and_a_chain(
    hybrid: EnsembleRetriever, documents: list[Document], chat_model: Any
) -> None:
    before = copy.deepcopy(documents)
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", tokens=90), base_retriever=hybrid
    )
    model = chat_model(answers=[AIMessage("It is 41.5 m high and was built in 1889.")])
    prompt = ChatPromptTemplate.from_messages([("system", "Answer from:\n{context}"), ("human", "{input}")])
    chain = create_retrieval_chain(retriever, create_stuff_documents_chain(model, prompt))

    answer = chain.invoke({"input": QUESTION})
    context = "\n\n".join(d.page_content for d in answer["context"])
    assert [m.content for m in model.prompts[0]] == [f"Answer from:\n{context}", QUESTION]
    assert "1889" in context
    assert "41.5 m" in context
    assert 0 < resolve_counter(None).count(context) <= 90
    assert answer["answer"] == "It is 41.5 m high and was built in 1889."
    by_id = {d.id: d for d in documents}
    for kept in answer["context"]:
        original = by_id[kept.id]
        assert "".join(original.page_content[s:e] for s, e in source_spans(kept)) == kept.page_content
        assert kept.metadata["source"] == original.metadata["source"]
    assert documents == before, "BM25Retriever hands out its stored objects"

    again = await chain.ainvoke({"input": QUESTION})
    assert again["context"] == answer["context"]
    assert model.prompts[1] == model.prompts[0]


def test_a_document_prompt_sees_the_metadata_and_nothing_leaks_without(
    store: InMemoryVectorStore, chat_model: Any
) -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", rate=0.3), base_retriever=store.as_retriever()
    )
    model = chat_model(answers=[AIMessage("ok")])
    combine = create_stuff_documents_chain(
        model,
        ChatPromptTemplate.from_template("{context}\n{input}"),
        document_prompt=PromptTemplate.from_template("[{source}] {page_content}"),
    )
    answer = create_retrieval_chain(retriever, combine).invoke({"input": QUESTION})
    context = "\n\n".join(f"[{d.metadata['source']}] {d.page_content}" for d in answer["context"])
    assert model.prompts[0][0].content == f"{context}\n{QUESTION}"
    assert "boildown" not in context


async def test_a_pipeline_with_a_filter_before_and_a_reorder_after(documents: list[Document], embeddings: Any) -> None:
    doubled = [*documents, *[Document(d.page_content, metadata={"copy": True}) for d in documents[:2]]]
    redundant = EmbeddingsRedundantFilter(embeddings=embeddings)
    compressor = BoildownCompressor(method="bm25", rate=0.6, order="score")
    reorder = LongContextReorder()
    pipeline = DocumentCompressorPipeline(transformers=[redundant, compressor, reorder])
    kept = pipeline.compress_documents(doubled, QUESTION)

    # With LongContextReorder after it, the compressor has to hand on the best first.
    unique = list(redundant.transform_documents(doubled))
    assert len(unique) == len(documents)
    best_first = compressor.compress_documents(unique, QUESTION)
    assert kept == reorder.transform_documents(best_first)
    assert all(type(d) is Document for d in kept)
    assert await pipeline.acompress_documents(doubled, QUESTION) == kept


def test_before_another_transformer_no_stale_embedding_is_handed_on(documents: list[Document], embeddings: Any) -> None:
    compressor = BoildownCompressor(method="bm25", rate=0.3)
    redundant = EmbeddingsRedundantFilter(embeddings=embeddings)
    kept = DocumentCompressorPipeline(transformers=[redundant, compressor, redundant]).compress_documents(
        documents, QUESTION
    )
    assert kept
    for document in kept:
        assert document.state["embedded_doc"] == embeddings.embed_query(document.page_content)


def test_an_empty_retrieval(embeddings: Any) -> None:
    empty = InMemoryVectorStore(embeddings).as_retriever()
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", tokens=5), base_retriever=empty
    )
    assert retriever.invoke(QUESTION) == []


def test_a_budget_of_nothing_leaves_nothing(store: InMemoryVectorStore) -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", tokens=0), base_retriever=store.as_retriever()
    )
    assert retriever.invoke(QUESTION) == []


async def test_a_retriever_tool_with_an_artifact(store: InMemoryVectorStore) -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="bm25", tokens=60), base_retriever=store.as_retriever()
    )
    tool = create_retriever_tool(retriever, "search", "Search.", response_format="content_and_artifact")
    call: Any = {"type": "tool_call", "id": "1", "name": "search", "args": {"query": QUESTION}}
    message = tool.invoke(call)
    assert message.content == "\n\n".join(d.page_content for d in message.artifact)
    assert resolve_counter(None).count(message.content) <= 60
    assert {d.id for d in message.artifact} <= {"bell", "tea", "bridge", "code", "harbour", "bees"}
    assert (await tool.ainvoke(call)).content == message.content


def test_compressed_documents_go_into_a_store_again(documents: list[Document], embeddings: Any) -> None:
    kept = BoildownCompressor(method="bm25", rate=0.5).compress_documents(
        [Document(d.page_content, id=d.id, metadata={"source": d.metadata["source"]}) for d in documents],
        QUESTION,
    )
    assert all(isinstance(v, (str, int, float, bool)) for d in kept for v in d.metadata.values())
    store = InMemoryVectorStore(embeddings)
    assert store.add_documents(kept) == [d.id for d in kept]
    assert store.get_by_ids(["bell"])[0].metadata["boildown_index"] == 0
