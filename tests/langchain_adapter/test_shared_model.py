"""Ten of everything, of both frameworks, in threads and event loops: one model in the process."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents.middleware import ModelRequest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from boildown import Compressor
from boildown.runtime.models import release
from boildown.runtime.token_classifier import TokenClassifier
from langchain_boildown import BoildownCompressor, BoildownToolMiddleware, BoildownTransformer

with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    import llama_index.core.bridge.langchain  # noqa: F401

QUESTION = "How high is the tower of the Carrick Bell lighthouse?"


def loaded() -> int:
    gc.collect()
    return sum(type(thing) is TokenClassifier for thing in gc.get_objects())


def viewed(middleware: BoildownToolMiddleware, text: str) -> Any:
    call = {"name": "t", "args": {}, "id": "1", "type": "tool_call"}
    messages = [HumanMessage(QUESTION), AIMessage("", tool_calls=[call]), ToolMessage(text, tool_call_id="1")]
    seen: list[Any] = []
    request: Any = ModelRequest(model=None, messages=messages)  # type: ignore[arg-type]
    middleware.wrap_model_call(request, lambda r: seen.extend(r.messages))  # type: ignore[arg-type, return-value]
    return seen[-1].content


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_ten_of_each_share_one_model(bert: Path, documents: list[Document], clone: Any) -> None:
    pytest.importorskip("llama_index.core")
    from llama_index.core.schema import NodeWithScore, TextNode

    from llama_index.postprocessor.boildown import BoildownPostprocessor

    release()
    settings: Any = {"method": "llmlingua2", "model": str(bert), "device": "cpu", "dtype": "float32"}
    nodes = [NodeWithScore(node=TextNode(id_=str(d.id), text=d.page_content)) for d in documents]
    text = "\n\n".join(d.page_content for d in documents)

    def compressed(i: int) -> list[str]:
        compressor = clone(BoildownCompressor(rate=0.5, **settings))  # built in the worker
        kept = [d.page_content for d in compressor.compress_documents(documents, QUESTION)]
        again = asyncio.run(compressor.acompress_documents(documents, QUESTION))
        assert [d.page_content for d in again] == kept
        return kept

    def postprocessed(i: int) -> list[str]:
        postprocessor = clone(BoildownPostprocessor(rate=0.5, **settings))
        kept = postprocessor.postprocess_nodes(nodes, query_str=QUESTION)
        again = asyncio.run(postprocessor.apostprocess_nodes(nodes, query_str=QUESTION))
        assert [n.node.get_content() for n in again] == [n.node.get_content() for n in kept]
        return [n.node.get_content() for n in kept]

    def shown(i: int) -> list[str]:
        engine = Compressor(**settings)
        return [viewed(clone(BoildownToolMiddleware(tokens=90, trigger_tokens=90, mode="view", engine=engine)), text)]

    def stamped(i: int) -> list[str]:
        transformer = clone(BoildownTransformer(model=str(bert), device="cpu", dtype="float32"))
        # Up to the scores themselves, which depend in their last digits on what shared a forward.
        return [d.metadata["boildown_scores"].rpartition(".")[0] for d in transformer.transform_documents(documents)]

    jobs = [compressed, postprocessed, shown, stamped] * 10
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda job: job(0), jobs))
    assert loaded() == 1
    for first in range(4):
        assert all(result == results[first] for result in results[first::4])
    assert results[0] == results[1], "both frameworks keep the same text"
    release()
    assert loaded() == 0
