"""Scores made at ingest: what nodes gain by them, and when they are used."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from ingested_nodes import KEY, Loads, compressed, postprocessor, transform
from llama_index.core.schema import (
    Document,
    ImageNode,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
    TextNode,
)

from boildown import ConfigurationError, InputError, ModelError
from boildown.runtime.models import release
from boildown.stored_scores import unpack_scores
from llama_index.postprocessor.boildown import BoildownTransform

pytestmark = pytest.mark.usefixtures("nothing_loaded")


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
    unscored = made[0].model_copy(update={"metadata": text_nodes[0].metadata})
    assert compressed(model, made) == compressed(model, [unscored, *text_nodes[1:]])
    assert loads.count == 2


def test_fitting_scores_pass_through(model: Path, text_nodes: list[TextNode], loads: Loads) -> None:
    once = transform(model)(text_nodes)
    twice = transform(model)(once)
    assert twice == once
    assert loads.forwards == 1


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


def test_a_path_will_do_for_the_model(tmp_path: Path) -> None:
    given: Any = tmp_path / "model"
    made = BoildownTransform(model=given)
    assert made == BoildownTransform(model=str(given))
    assert BoildownTransform.from_dict(made.to_dict()) == made


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


@pytest.mark.parametrize("wrong", [["A."], [NodeWithScore(node=TextNode(text="A."))], TextNode(text="A."), None])
def test_what_is_no_node_is_said_so(model: Path, wrong: Any) -> None:
    with pytest.raises(InputError, match=r"^nodes.* BaseNode"):
        transform(model)(wrong)


def test_wrong_arguments(model: Path) -> None:
    with pytest.raises(ConfigurationError, match="reads the query"):
        BoildownTransform(method="prune")
    with pytest.raises(ConfigurationError, match="needs model="):
        BoildownTransform()
    with pytest.raises(ConfigurationError, match="Did you mean 'method'"):
        BoildownTransform(metod="llmlingua2")
    with pytest.raises(ConfigurationError, match="takes no 'speed'"):
        transform(model, options={"speed": 3})
    with pytest.raises(ConfigurationError, match="names a model too"):
        transform(model, options={"model": "another"})


def test_class_name_tells_the_base() -> None:
    assert "TransformComponent" in [base.__name__ for base in BoildownTransform.__mro__]
    assert BoildownTransform.class_name() == "BoildownTransform"
