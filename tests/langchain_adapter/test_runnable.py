from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

from boildown import Budget, Compression, Compressor, InputError, Scores
from boildown.sources import Sources
from langchain_boildown import BoildownCompressor

QUESTIONS = [
    "How high is the tower of the Carrick Bell lighthouse?",
    "How hot is water for green tea?",
    "How long is the main span of the bridge?",
]


@pytest.mark.parametrize("documents_key", ["documents", "context"])
@pytest.mark.parametrize("query_key", ["query", "question", "input"])
def test_input_keys(documents: list[Document], documents_key: str, query_key: str) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=60)
    inputs = {documents_key: documents, query_key: QUESTIONS[0], "chat_history": []}
    assert compressor.as_runnable().invoke(inputs) == compressor.compress_documents(documents, QUESTIONS[0])


def test_the_first_query_key_counts(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=60)
    inputs = {"input": QUESTIONS[1], "query": QUESTIONS[0], "documents": documents}
    assert compressor.as_runnable().invoke(inputs) == compressor.compress_documents(documents, QUESTIONS[0])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"query": "a"}, "one of the keys documents, context; it has query"),
        ({"documents": []}, "one of the keys query, question, input; it has documents"),
        ({"documents": "text", "query": "a"}, "list of LangChain Documents, not str"),
        ([], "list without one"),
    ],
)
def test_missing_input_says_what_is_expected(inputs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        BoildownCompressor(method="bm25", tokens=60).as_runnable().invoke(inputs)


def test_the_documented_chain(store: InMemoryVectorStore) -> None:
    retriever = store.as_retriever()
    compressor = BoildownCompressor(method="bm25", tokens=60)
    chain = {"documents": retriever, "query": RunnablePassthrough()} | compressor.as_runnable()
    expected = compressor.compress_documents(retriever.invoke(QUESTIONS[0]), QUESTIONS[0])
    assert chain.invoke(QUESTIONS[0]) == expected


async def test_batch_abatch_and_stream_equal_single_calls(store: InMemoryVectorStore) -> None:
    chain = {
        "documents": store.as_retriever(),
        "query": RunnablePassthrough(),
    } | BoildownCompressor(method="bm25", tokens=60).as_runnable()
    single = [chain.invoke(question) for question in QUESTIONS]
    assert chain.batch(QUESTIONS, {"max_concurrency": 2}) == single
    assert await chain.abatch(QUESTIONS) == single
    assert [await chain.ainvoke(question) for question in QUESTIONS] == single
    assert list(chain.stream(QUESTIONS[0])) == [single[0]]
    assert [piece async for piece in chain.astream(QUESTIONS[0])] == [single[0]]
    assert len({str(kept) for kept in single}) == 3


async def test_the_exact_prompt_of_an_lcel_chain(store: InMemoryVectorStore, chat_model: Any) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=60)
    model = chat_model(answers=[{"type": "ai", "content": "41.5 m"}])
    prompt = ChatPromptTemplate.from_template("{context}\n\nQuestion: {question}")

    def join(inputs: dict[str, Any]) -> str:
        return "\n\n".join(document.page_content for document in inputs["context"])

    chain = (
        {"context": store.as_retriever(), "question": RunnablePassthrough()}
        | RunnablePassthrough.assign(context=compressor.as_runnable())
        | RunnablePassthrough.assign(context=join)
        | prompt
        | model
        | StrOutputParser()
    )
    assert chain.invoke(QUESTIONS[0]) == "41.5 m"
    kept = compressor.compress_documents(store.as_retriever().invoke(QUESTIONS[0]), QUESTIONS[0])
    context = "\n\n".join(document.page_content for document in kept)
    [[message]] = model.prompts
    assert message.content == f"{context}\n\nQuestion: {QUESTIONS[0]}"
    assert "41.5 m" in context


def test_schemas(store: InMemoryVectorStore) -> None:
    step = BoildownCompressor(method="bm25", tokens=60).as_runnable()
    (shown,) = [s for name, s in step.get_input_jsonschema()["$defs"].items() if name != "Document"]
    assert {name: s["type"] for name, s in shown["properties"].items()} == {"documents": "array", "query": "string"}
    assert step.get_output_jsonschema()["type"] == "array"
    chain = {"context": store.as_retriever(), "question": RunnablePassthrough()} | RunnablePassthrough.assign(
        context=step
    )
    assert chain.get_input_jsonschema()
    assert chain.get_output_jsonschema()["properties"]["context"]["type"] == "array"


@pytest.mark.filterwarnings("ignore:This API is in beta")
def test_as_a_tool(documents: list[Document]) -> None:
    compressor = BoildownCompressor(method="bm25", tokens=60)
    tool = compressor.as_runnable().as_tool(description="Keeps what the query needs.")
    assert set(tool.args) == {"documents", "query"}
    given = {"documents": [document.model_dump() for document in documents], "query": QUESTIONS[0]}
    assert tool.invoke(given) == compressor.compress_documents(documents, QUESTIONS[0])


class _Lengths:
    """A method that reads no query: longer sentences are better."""

    name = "lengths"
    uses_query = False

    def score(self, query: str, sources: Sources) -> Scores:
        lengths = sources.sentences.lengths.astype(float)
        relevance = [float(len(text)) for text in sources.texts]
        import numpy as np

        return Scores(relevance=np.array(relevance), sentences=lengths)


def test_a_bare_list_will_do_where_no_query_is_read(store: InMemoryVectorStore) -> None:
    engine = Compressor(method=_Lengths())
    chain = store.as_retriever() | BoildownCompressor(rate=0.5, engine=engine).as_runnable()
    kept = chain.invoke(QUESTIONS[0])
    documents = store.as_retriever().invoke(QUESTIONS[0])
    expected = engine.compress("", [d.page_content for d in documents], Budget(rate=0.5))
    assert [d.page_content for d in kept] == [d.text for d in expected.documents]
    with pytest.raises(InputError, match="reads the query"):
        BoildownCompressor(engine=Compressor(method=_Lengths(), rank="bm25"), rate=0.5).as_runnable().invoke(documents)


class _Remote:
    """An engine that is no Compressor: it hands on to one and counts its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def compress(self, query: str, documents: Any, budget: Budget) -> Compression:
        self.calls.append("compress")
        return Compressor("bm25").compress(query, documents, budget)

    async def acompress(self, query: str, documents: Any, budget: Budget) -> Compression:
        self.calls.append("acompress")
        await asyncio.sleep(0)
        return Compressor("bm25").compress(query, documents, budget)


async def test_an_engine_is_called_by_the_face_that_was_asked(documents: list[Document]) -> None:
    engine = _Remote()
    compressor = BoildownCompressor(tokens=60, engine=engine)
    kept = compressor.compress_documents(documents, QUESTIONS[0])
    assert await compressor.acompress_documents(documents, QUESTIONS[0]) == kept
    assert kept == BoildownCompressor(method="bm25", tokens=60).compress_documents(documents, QUESTIONS[0])
    assert engine.calls == ["compress", "acompress"]
