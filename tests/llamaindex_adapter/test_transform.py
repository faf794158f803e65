"""Scores made at ingest: through the real pipeline, its cache, its workers and its stores, to the query engine."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.ingestion import IngestionCache, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageNode,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from boildown import ConfigurationError, ModelError
from boildown.runtime.models import release
from boildown.stored_scores import unpack_scores
from llama_index.postprocessor.boildown import BoildownPostprocessor, BoildownTransform

KEY = "boildown_scores"
SETTINGS: dict[str, Any] = {"method": "llmlingua2", "device": "cpu", "dtype": "float32"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tests = str(Path(__file__).resolve().parents[1])
    sys.path.insert(0, tests)
    try:
        from tiny_models import tiny_bert
    finally:
        sys.path.remove(tests)
    return tiny_bert(tmp_path_factory.mktemp("transform") / "model")


@pytest.fixture(autouse=True)
def _nothing_loaded() -> Iterator[None]:
    release()
    yield
    release()


class Loads:
    def __init__(self) -> None:
        self.count = self.forwards = 0


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Counts models loaded and forwards run in this process."""
    from boildown.runtime.token_classifier import TokenClassifier

    seen = Loads()
    load, probabilities = TokenClassifier.load, TokenClassifier.probabilities

    def counted_load(*arguments: Any) -> Any:
        seen.count += 1
        return load(*arguments)

    def counted_probabilities(self: Any, ids: Any) -> Any:
        seen.forwards += 1
        return probabilities(self, ids)

    monkeypatch.setattr(TokenClassifier, "load", counted_load)
    monkeypatch.setattr(TokenClassifier, "probabilities", counted_probabilities)
    return seen


def transform(model: Path, **settings: Any) -> BoildownTransform:
    return BoildownTransform(**{**SETTINGS, "model": str(model), **settings})


def postprocessor(model: Path, **settings: Any) -> BoildownPostprocessor:
    return BoildownPostprocessor(**{**SETTINGS, "model": str(model), "rate": 0.5, "cache": False, **settings})


def compressed(model: Path, nodes: list[Any], **settings: Any) -> list[str]:
    scored = [NodeWithScore(node=node, score=0.5) for node in nodes]
    return [n.node.get_content() for n in postprocessor(model, **settings).postprocess_nodes(scored, query_str="When?")]


def documents(texts: list[TextNode]) -> list[Document]:
    return [Document(id_=node.node_id, text=node.text, metadata={"source": node.node_id}) for node in texts]


def test_nodes_gain_a_flat_hidden_value_and_nothing_else(model: Path, text_nodes: list[TextNode]) -> None:
    before = [pickle.dumps(node) for node in text_nodes]
    made = transform(model)(text_nodes)
    assert [pickle.dumps(node) for node in text_nodes] == before
    for old, new in zip(text_nodes, made, strict=True):
        assert type(new) is type(old)
        value = new.metadata.pop(KEY)
        assert isinstance(value, str)
        assert value.isascii()
        for mode in (MetadataMode.LLM, MetadataMode.EMBED):
            assert KEY not in new.get_content(mode)
        for keys in (new.excluded_llm_metadata_keys, new.excluded_embed_metadata_keys):
            assert keys.count(KEY) == 1
            keys.remove(KEY)
        assert new == old
        assert new.metadata["tags"] is not old.metadata["tags"]


def test_at_query_time_no_model_is_loaded(model: Path, text_nodes: list[TextNode], loads: Loads) -> None:
    expected = compressed(model, text_nodes)
    release()
    made = transform(model)(text_nodes)
    release()
    seen = loads.count, loads.forwards
    assert compressed(model, made) == expected
    assert (loads.count, loads.forwards) == seen


def test_what_comes_out_at_query_time_carries_no_scores(model: Path, text_nodes: list[TextNode]) -> None:
    scored = [NodeWithScore(node=node) for node in transform(model)(text_nodes)]
    for node in postprocessor(model).postprocess_nodes(scored, query_str="When?"):
        assert KEY not in node.node.metadata
    assert all(KEY in node.node.metadata for node in scored)


def test_changed_text_is_scored_again(model: Path, text_nodes: list[TextNode], loads: Loads) -> None:
    made = transform(model)(text_nodes)
    made[0].set_content(text_nodes[0].text.replace("1874", "1901"))
    release()
    assert compressed(model, made) == compressed(model, [made[0].model_copy(update={"metadata": {}}), *text_nodes[1:]])
    assert loads.count == 2


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


def test_fitting_scores_pass_through(model: Path, text_nodes: list[TextNode], loads: Loads) -> None:
    once = transform(model)(text_nodes)
    twice = transform(model)(once)
    assert twice == once
    assert loads.forwards == 1


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


def test_pickles_and_copies_are_the_settings_alone(model: Path, text_nodes: list[TextNode]) -> None:
    made = transform(model, options={"force_tokens": ["?"]})
    made(text_nodes)
    pickled = pickle.dumps(made)
    assert len(pickled) < 1000
    for again in (pickle.loads(pickled), BoildownTransform.from_dict(made.to_dict())):
        assert again == made
        assert again.to_dict() == made.to_dict()
    assert BoildownTransform.from_json(made.to_json()) == made
    assert made.to_dict()["class_name"] == "BoildownTransform"


def test_without_the_model_it_can_be_written_and_read_but_not_run(tmp_path: Path) -> None:
    made = transform(tmp_path / "gone")
    assert made.to_dict()["fingerprint"] is None
    assert BoildownTransform.from_dict(made.to_dict()) == made
    with pytest.raises(ModelError, match="no folder"):
        made([TextNode(text="Some text.")])


def test_any_node_is_fine(model: Path) -> None:
    nodes = [
        TextNode(text="No source document, and nested metadata.", metadata={"a": {"b": [1]}, "huge": "x" * 100_000}),
        TextNode(text=""),
        TextNode(text=" \n "),
        ImageNode(image_path="a.png"),
        Document(text="A document. Not split."),
        TextNode(text="Same text."),
        TextNode(
            text="Same text.",
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id="doc", metadata={"k": "v"})},
        ),
        TextNode(text="A lone \ud83d surrogate, 灯塔守护人记录了船只。"),
    ]
    made = transform(model)([*nodes, nodes[0]])
    assert [type(node) for node in made] == [type(node) for node in [*nodes, nodes[0]]]
    assert [node.node_id for node in made] == [node.node_id for node in [*nodes, nodes[0]]]
    # The same text has the same scores but for rounding, which depends on what it shares a forward with.
    for one, other in ((made[0], made[-1]), (made[5], made[6])):
        first, second = (unpack_scores(n.metadata[KEY].rsplit(".", 1)[-1], len(n.text)) for n in (one, other))
        assert first.tokens.score == pytest.approx(second.tokens.score, abs=1e-4)
    assert transform(model)([]) == []


def test_scores_of_a_whole_document_do_not_fit_its_chunks(
    model: Path, text_nodes: list[TextNode], loads: Loads
) -> None:
    """The transform in front of the splitter is of no use, and of no harm."""
    whole = transform(model)(documents(text_nodes))
    chunks = SentenceSplitter(chunk_size=60, chunk_overlap=0).get_nodes_from_documents(whole)
    assert len(chunks) > len(whole)
    before = loads.forwards
    bare = [chunk.model_copy(update={"metadata": {}}) for chunk in chunks]
    kept = compressed(model, chunks)
    assert loads.forwards == before + 1
    assert kept == compressed(model, bare)


def test_wrong_arguments(model: Path) -> None:
    with pytest.raises(ConfigurationError, match="reads the query"):
        BoildownTransform(method="prune")
    with pytest.raises(ConfigurationError, match="needs model="):
        BoildownTransform()
    with pytest.raises(ConfigurationError, match="Did you mean 'method'"):
        BoildownTransform(metod="llmlingua2")
    with pytest.raises(ConfigurationError, match="takes no 'speed'"):
        transform(model, options={"speed": 3})


def test_class_name_tells_the_base() -> None:
    assert "TransformComponent" in [base.__name__ for base in BoildownTransform.__mro__]
    assert BoildownTransform.class_name() == "BoildownTransform"
