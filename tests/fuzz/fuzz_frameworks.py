"""Tools and frameworks."""

from __future__ import annotations

import copy
import json
from typing import Any

from fuzz_checks import target
from fuzz_inputs import DOCUMENTS, JSON, LINES, QUERY, TEXT, as_json
from hypothesis import strategies as st

from boildown import Compressor, Document
from boildown.counters import resolve_counter
from boildown.tools.content import Content
from boildown.tools.shorten import ToolRule, shorten

RULE = st.tuples(st.integers(0, 80), st.integers(0, 80)).map(lambda pair: ToolRule(min(pair), max(pair)))
BLOCK = st.one_of(
    LINES,
    LINES.map(lambda text: {"type": "text", "text": text}),
    st.just({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}),
    st.dictionaries(TEXT, TEXT, max_size=2),
)
CONTENT = st.one_of(LINES, JSON.map(as_json), st.lists(BLOCK, max_size=4))


@target("tools and frameworks", share=1.5, content=CONTENT, query=QUERY, rule=RULE)
def tool_results(content: Any, query: str, rule: ToolRule) -> None:
    """A tool's result is shortened within its limit; JSON stays JSON, and what is no text stays."""
    before = copy.deepcopy(content)
    parsed = Content(content)
    short = shorten(parsed, query, rule, "[note]", Compressor("bm25"), None)
    assert content == before
    if short is None:
        return
    count = resolve_counter(None).count
    text = parsed.text_with(short.texts, "[note]")
    assert short.tokens_out == count(text) < short.tokens_in
    # What must stay may be more than the limit; half of what the note leaves is for text then.
    least = count(parsed.text_with([""] * len(parsed.texts), "[note]"))
    assert short.tokens_out <= max(rule.tokens, least + rule.tokens // 2)
    replaced = parsed.replaced(short.texts, "[note]")
    assert isinstance(replaced, type(content))
    if isinstance(content, list):
        assert [b for b in replaced if not isinstance(b, str) and b.get("type") == "image_url"] == [
            b for b in content if not isinstance(b, str) and b.get("type") == "image_url"
        ]


@target(
    "tools and frameworks",
    share=0.5,
    documents=DOCUMENTS,
    query=QUERY,
    tokens=st.integers(0, 60),
    unit=st.sampled_from(["sentence", "word"]),
)
def langchain(documents: list[Document], query: str, tokens: int, unit: Any) -> None:
    """LangChain's documents come out as themselves, shorter, and those that went in are as they were."""
    from langchain_core.documents import Document as LangChainDocument

    from langchain_boildown import BoildownCompressor, source_spans

    given_ = [LangChainDocument(page_content=d.text, id=d.id, metadata=dict(d.metadata)) for d in documents]
    before = copy.deepcopy(given_)
    kept = BoildownCompressor(method="bm25", tokens=tokens, unit=unit).compress_documents(given_, query)
    assert given_ == before
    for document in kept:
        source = given_[document.metadata["boildown_index"]]
        assert document.page_content == "".join(source.page_content[s:e] for s, e in source_spans(document))
        assert document.id == source.id
    assert resolve_counter(None).count("\n\n".join(d.page_content for d in kept)) <= tokens


@target(
    "tools and frameworks",
    share=0.4,
    documents=DOCUMENTS,
    query=st.none() | QUERY,
    tokens=st.integers(0, 60),
    unit=st.sampled_from(["sentence", "word"]),
)
def llamaindex(documents: list[Document], query: str | None, tokens: int, unit: Any) -> None:
    """LlamaIndex's nodes come out as themselves, shorter, and those that went in are as they were."""
    from llama_index.core.schema import NodeWithScore, TextNode

    from llama_index.postprocessor.boildown import BoildownPostprocessor

    nodes = [
        NodeWithScore(node=TextNode(id_=f"n{i}", text=d.text, metadata=dict(d.metadata)), score=float(i))
        for i, d in enumerate(documents)
    ]
    before = copy.deepcopy(nodes)
    kept = BoildownPostprocessor(method="bm25", tokens=tokens, unit=unit).postprocess_nodes(nodes, query_str=query)
    assert nodes == before
    by_id = {node.node_id: node for node in nodes}
    assert len({node.node_id for node in kept}) == len(kept)
    for node in kept:
        source = by_id[node.node_id].node.get_content()
        spans = json.loads(node.metadata["boildown_spans"])
        assert node.node.get_content() == "".join(source[s:e] for s, e in spans)
    assert resolve_counter(None).count("\n\n".join(node.node.get_content() for node in kept)) <= tokens
