"""The postprocessor inside real engines; what is asserted is the prompt that reaches the LLM."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core import PromptTemplate, SummaryIndex, VectorStoreIndex, get_response_synthesizer
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import LongContextReorder
from llama_index.core.prompts.default_prompts import DEFAULT_TEXT_QA_PROMPT
from llama_index.core.query_engine import (
    CitationQueryEngine,
    RetrieverQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import ResponseMode
from llama_index.core.schema import MetadataMode, NodeWithScore
from llama_index.core.tools import QueryEngineTool, RetrieverTool, ToolMetadata

from boildown.counters import resolve_counter
from llama_index.postprocessor.boildown import BoildownPostprocessor

TOKENS = 45
WANTED = "The lighthouse of Harrow Point was lit for the first time in 1874."
UNWANTED = ("Rye loaves", "A market is held", "bricks of the old brewery")


@pytest.fixture
def postprocessor() -> BoildownPostprocessor:
    return BoildownPostprocessor(tokens=TOKENS, method="bm25")


def context_of(nodes: list[NodeWithScore]) -> str:
    """The context as response synthesizers write it for nodes that show the LLM their source alone."""
    return "\n\n".join(f"source: {n.node.metadata['source']}\n\n{n.node.get_content()}" for n in nodes)


def originals(index: VectorStoreIndex) -> dict[str, str]:
    return {key: node.get_content() for key, node in index.docstore.docs.items()}


def check_sources(nodes: list[NodeWithScore], index: VectorStoreIndex) -> None:
    """Every source node can be traced to the characters of a stored one, and together they fit the budget."""
    stored = originals(index)
    assert nodes
    for node in nodes:
        text = stored[node.node.metadata["boildown_node_id"]]
        spans = json.loads(node.node.metadata["boildown_spans"])
        assert "".join(text[s:e] for s, e in spans) in node.node.get_content()
    joined = "\n\n".join(node.node.get_content() for node in nodes)
    assert resolve_counter(None).count(joined) <= TOKENS


def check_prompts(prompts: list[str]) -> None:
    said = "\n".join(prompts)
    assert WANTED in said
    assert not [text for text in UNWANTED if text in said]
    assert "boildown" not in said


def test_the_exact_prompt(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=[postprocessor])
    response = engine.query(query)
    check_sources(response.source_nodes, index)
    expected = DEFAULT_TEXT_QA_PROMPT.format(context_str=context_of(response.source_nodes), query_str=query)
    assert llm.prompts == [expected]
    check_prompts(llm.prompts)
    assert str(response) == "It was lit in 1874."


def test_the_default_method_keeps_the_answer(index: VectorStoreIndex, llm: Any, query: str) -> None:
    engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=[BoildownPostprocessor(tokens=TOKENS)])
    check_sources(engine.query(query).source_nodes, index)
    assert WANTED in llm.prompts[0]


def test_the_context_keeps_the_budget_where_no_metadata_are_shown(
    index: VectorStoreIndex, llm: Any, query: str
) -> None:
    for node in index.docstore.docs.values():
        node.excluded_llm_metadata_keys = list(node.metadata)
        index.docstore.add_documents([node])
    engine = RetrieverQueryEngine(
        SummaryIndex(nodes=list(index.docstore.docs.values())).as_retriever(),
        get_response_synthesizer(text_qa_template=PromptTemplate("{context_str}")),
        node_postprocessors=[BoildownPostprocessor(tokens=TOKENS, method="bm25")],
    )
    engine.query(query)
    (prompt,) = llm.prompts
    assert 0.6 * TOKENS < resolve_counter(None).count(prompt) <= TOKENS


def test_the_store_keeps_the_whole_text(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    before = {key: node.model_dump() for key, node in index.docstore.docs.items()}
    engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=[postprocessor])
    first, second = engine.query(query), engine.query(query)
    assert {key: node.model_dump() for key, node in index.docstore.docs.items()} == before
    assert llm.prompts[0] == llm.prompts[1]
    assert [n.node.metadata for n in first.source_nodes] == [n.node.metadata for n in second.source_nodes]


async def test_async_gives_the_same_prompt(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=[postprocessor])
    engine.query(query)
    response = await engine.aquery(query)
    check_sources(response.source_nodes, index)
    assert llm.prompts[0] == llm.prompts[1]


def test_streaming(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=[postprocessor], streaming=True)
    response = engine.query(query)
    assert list(response.response_gen) == ["It", " was", " lit", " in", " 1874."]
    check_sources(response.source_nodes, index)
    check_prompts(llm.prompts)


_NO_LLM = {ResponseMode.NO_TEXT, ResponseMode.CONTEXT_ONLY}


@pytest.mark.parametrize("mode", list(ResponseMode))
def test_every_response_mode(
    index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str, mode: ResponseMode
) -> None:
    engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=[postprocessor], response_mode=mode)
    response = engine.query(query)
    check_sources(response.source_nodes, index)
    if mode is ResponseMode.GENERATION:
        assert llm.prompts == [query]
    elif mode in _NO_LLM:
        assert llm.prompts == []
    else:
        check_prompts(llm.prompts)
    if mode is ResponseMode.CONTEXT_ONLY:
        check_prompts([str(response)])


def test_a_summary_index_and_a_retriever_query_engine(
    index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str
) -> None:
    nodes = list(index.docstore.docs.values())
    retriever = SummaryIndex(nodes=nodes).as_retriever()
    engine = RetrieverQueryEngine.from_args(retriever, node_postprocessors=[postprocessor])
    check_sources(engine.query(query).source_nodes, index)
    check_sources(engine.retrieve(_bundle(query)), index)
    check_prompts(llm.prompts)


def test_other_postprocessors_before_and_after(index: VectorStoreIndex, llm: Any, query: str) -> None:
    boil = BoildownPostprocessor(tokens=TOKENS, order="score", method="bm25")
    for stages in ([LongContextReorder(), boil], [boil, LongContextReorder()]):
        engine = index.as_query_engine(similarity_top_k=3, node_postprocessors=stages)
        check_sources(engine.query(query).source_nodes, index)
    check_prompts(llm.prompts)


def test_citations_point_to_the_source_node_and_its_characters(
    index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str
) -> None:
    engine = CitationQueryEngine.from_args(index, similarity_top_k=3, node_postprocessors=[postprocessor])
    response = engine.query(query)
    stored = originals(index)
    assert response.source_nodes
    for number, node in enumerate(response.source_nodes, 1):
        text = stored[node.node.metadata["boildown_node_id"]]
        cited = "".join(text[s:e] for s, e in json.loads(node.node.metadata["boildown_spans"]))
        assert node.node.get_content() == f"Source {number}:\n{cited}\n"
        assert node.node.get_content(MetadataMode.LLM) in llm.prompts[0]
    check_prompts(llm.prompts)


async def test_citations_with_async(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    engine = CitationQueryEngine.from_args(index, similarity_top_k=3, node_postprocessors=[postprocessor])
    engine.query(query)
    await engine.aquery(query)
    assert llm.prompts[0] == llm.prompts[1]


def _chat(kind: type[Any], index: VectorStoreIndex, llm: Any, postprocessor: Any) -> Any:
    return kind.from_defaults(
        retriever=index.as_retriever(similarity_top_k=3),
        llm=llm,
        memory=ChatMemoryBuffer.from_defaults(token_limit=4000),
        node_postprocessors=[postprocessor],
    )


_CHATS = [ContextChatEngine, CondensePlusContextChatEngine]


@pytest.mark.parametrize("kind", _CHATS)
def test_chat_engines(kind: Any, index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    chat = _chat(kind, index, llm, postprocessor)
    response = chat.chat(query)
    check_sources(response.source_nodes, index)
    check_prompts(llm.prompts)
    assert context_of(response.source_nodes) in llm.prompts[0]

    chat.reset()
    llm.prompts.clear()
    stream = chat.stream_chat(query)
    assert "".join(stream.response_gen) == "It was lit in 1874."
    check_prompts(llm.prompts)


@pytest.mark.parametrize("kind", _CHATS)
async def test_chat_engines_with_async(
    kind: Any, index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str
) -> None:
    chat = _chat(kind, index, llm, postprocessor)
    check_sources((await chat.achat(query)).source_nodes, index)
    check_prompts(llm.prompts)

    chat.reset()
    llm.prompts.clear()
    stream = await chat.astream_chat(query)
    assert "".join([token async for token in stream.async_response_gen()]) == "It was lit in 1874."
    check_prompts(llm.prompts)


@pytest.mark.parametrize("use_async", [False, True])
def test_sub_questions_are_each_compressed_for_their_own_question(
    index: VectorStoreIndex, llm: Any, use_async: bool
) -> None:
    asked = ["When was the lighthouse of Harrow Point lit for the first time?", "Whose grandfather built the oven?"]
    questions = json.dumps([{"sub_question": question, "tool_name": "almanac"} for question in asked])
    llm.answer = lambda prompt: f"```json\n{questions}\n```" if "almanac" in prompt else "An answer."
    tool = QueryEngineTool(
        index.as_query_engine(
            similarity_top_k=3, node_postprocessors=[BoildownPostprocessor(tokens=25, method="bm25")]
        ),
        metadata=ToolMetadata(name="almanac", description="What is known about the coast."),
    )
    engine = SubQuestionQueryEngine.from_defaults(
        [tool], question_gen=LLMQuestionGenerator.from_defaults(llm), use_async=use_async, verbose=False
    )
    engine.query("When was the lighthouse lit, and who built the oven?")
    about = {question: [p for p in llm.prompts if p.endswith(f"Query: {question}\nAnswer: ")] for question in asked}
    (lighthouse,), (oven,) = about.values()
    built = "The oven was built by her grandfather"
    assert (WANTED in lighthouse, built in lighthouse) == (True, False)
    assert (WANTED in oven, built in oven) == (False, True)


def test_a_retriever_tool(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    tool = RetrieverTool.from_defaults(index.as_retriever(similarity_top_k=3), [postprocessor])
    output = tool.call(query)
    check_sources(output.raw_output, index)
    check_prompts([output.content])
    assert output.content == "".join(
        f"source: {n.node.metadata['source']}\n\n{n.node.get_content()}\n\n" for n in output.raw_output
    )


async def test_a_retriever_tool_with_async(index: VectorStoreIndex, llm: Any, postprocessor: Any, query: str) -> None:
    tool = RetrieverTool.from_defaults(index.as_retriever(similarity_top_k=3), [postprocessor])
    assert (await tool.acall(query)).content == tool.call(query).content


def _bundle(query: str) -> Any:
    from llama_index.core.schema import QueryBundle

    return QueryBundle(query)
