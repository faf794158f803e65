"""Scores made at ingest: through the real pipeline, its cache, its workers and its stores, to the query engine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from ingested_nodes import KEY, Loads, compressed, documents, postprocessor, transform
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode, NodeWithScore, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from boildown.runtime.models import release

pytestmark = pytest.mark.usefixtures("nothing_loaded")


def test_from_pipeline_through_stores_to_the_prompt(
    model: Path, text_nodes: list[TextNode], llm: Any, loads: Loads, tmp_path: Path
) -> None:
    store = SimpleVectorStore()
    pipeline = IngestionPipeline(
        transformations=[SentenceSplitter(chunk_size=120, chunk_overlap=0), transform(model), Settings.embed_model],
        vector_store=store,
        docstore=SimpleDocumentStore(),
    )
    nodes = pipeline.run(documents=documents(text_nodes))
    assert loads.count == 1
    index = VectorStoreIndex(list(nodes), embed_model=MockEmbedding(embed_dim=4))
    index.storage_context.persist(str(tmp_path))
    release()
    engine = index.as_query_engine(llm=llm, similarity_top_k=9, node_postprocessors=[postprocessor(model)])
    answer = engine.query("When?")
    assert loads.count == 1
    assert answer.source_nodes
    assert all(node.get_content() in llm.prompts[0] for node in answer.source_nodes)
    assert KEY not in llm.prompts[0]
    assert "source: " in llm.prompts[0]
    saved = json.loads((tmp_path / "docstore.json").read_text())["docstore/data"]
    assert all(isinstance(entry["__data__"]["metadata"][KEY], str) for entry in saved.values())


def test_the_cache_is_used_until_the_model_changes(
    model: Path, text_nodes: list[TextNode], loads: Loads, tmp_path: Path
) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    cache = IngestionCache()

    def ingest(**settings: Any) -> list[BaseNode]:
        release()  # as in another process
        pipeline = IngestionPipeline(transformations=[transform(folder, **settings)], cache=cache)
        return list(pipeline.run(documents=documents(text_nodes)))

    first = ingest()
    assert [n.metadata[KEY] for n in ingest()] == [n.metadata[KEY] for n in first]
    assert loads.count == 1
    ingest(options={"force_tokens": ["?"]})
    assert loads.count == 2
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 0.01}))
    changed = ingest()
    assert loads.count == 3
    assert {n.metadata[KEY] for n in changed}.isdisjoint(n.metadata[KEY] for n in first)


def test_stores_of_flat_metadata_alone_take_the_scores_and_give_them_back(
    model: Path, text_nodes: list[TextNode], loads: Loads
) -> None:
    """By the two functions through which such stores (Chroma, Pinecone and others) write and read nodes."""
    made = transform(model)(text_nodes)
    with pytest.raises(ValueError, match="must be one of"):
        node_to_metadata_dict(made[0], flat_metadata=True)  # The nested "tags" are the user's own.
    for node in made:
        node.metadata.pop("tags")
    rows = [(node.get_content(), node_to_metadata_dict(node, remove_text=True, flat_metadata=True)) for node in made]
    assert all(type(value) in (str, int, float, type(None)) for _, row in rows for value in row.values())
    again: list[BaseNode] = []
    for text, row in rows:
        node = metadata_dict_to_node(json.loads(json.dumps(row)))
        node.set_content(text)
        again.append(node)
    forwards = loads.forwards
    kept = compressed(model, again)
    assert kept == compressed(model, made)
    assert loads.forwards == forwards
    for result in postprocessor(model).postprocess_nodes([NodeWithScore(node=n) for n in again], query_str="When?"):
        node_to_metadata_dict(result.node, flat_metadata=True)  # What was kept goes into such a store again.


async def test_async_does_not_block_the_loop(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boildown.runtime.token_classifier import TokenClassifier

    ticks = 0
    started, let_go = asyncio.Event(), False
    loop = asyncio.get_running_loop()
    probabilities = TokenClassifier.probabilities

    def slow(self: Any, ids: Any) -> Any:
        loop.call_soon_threadsafe(started.set)
        deadline = time.monotonic() + 30
        while not let_go and time.monotonic() < deadline:
            time.sleep(0.001)
        assert let_go
        return probabilities(self, ids)

    monkeypatch.setattr(TokenClassifier, "probabilities", slow)
    nodes = [TextNode(id_=str(i), text=f"The year {i} was a good one for apples.") for i in range(4)]
    task = asyncio.create_task(IngestionPipeline(transformations=[transform(model)]).arun(nodes=nodes))
    await started.wait()
    for _ in range(5):
        await asyncio.sleep(0)
        ticks += 1
    assert not task.done()
    let_go = True
    made = await task
    assert ticks == 5
    monkeypatch.setattr(TokenClassifier, "probabilities", probabilities)
    assert [n.metadata[KEY] for n in made] == [n.metadata[KEY] for n in transform(model)(nodes)]


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="LlamaIndex takes as many workers as there are processors")
def test_worker_processes(model: Path, text_nodes: list[TextNode], loads: Loads) -> None:
    here = {node.node_id: node.metadata[KEY] for node in transform(model)(documents(text_nodes))}
    release()
    loads.count = 0
    pipeline = IngestionPipeline(transformations=[transform(model)])
    made = pipeline.run(documents=documents(text_nodes), num_workers=2)
    assert loads.count == 0
    assert {node.node_id for node in made} == set(here)
    assert [n.metadata[KEY].split(".")[:4] for n in made] == [here[n.node_id].split(".")[:4] for n in made]
    compressed(model, list(made))
    assert loads.count == 0


def test_scores_of_a_whole_document_do_not_fit_its_chunks(
    model: Path, text_nodes: list[TextNode], loads: Loads
) -> None:
    """The transform in front of the splitter is of no use, and of no harm."""
    whole = transform(model)(documents(text_nodes))
    chunks = SentenceSplitter(chunk_size=60, chunk_overlap=0).get_nodes_from_documents(whole)
    assert len(chunks) > len(whole)
    before = loads.forwards
    bare = [chunk.model_copy(update={"metadata": {"source": chunk.metadata["source"]}}) for chunk in chunks]
    kept = compressed(model, chunks)
    assert loads.forwards == before + 1
    assert kept == compressed(model, bare)
