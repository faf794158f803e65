"""Arguments, serialisation, pickling and copying of the postprocessor."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore

from boildown import BoildownError, Budget, Compressor, ConfigurationError, InputError
from llama_index.postprocessor.boildown import BoildownPostprocessor

EVERY_SETTING: dict[str, Any] = {
    "tokens": 60,
    "documents": 2,
    "counter": "estimate",
    "method": "bm25",
    "rank": "bm25",
    "device": "cpu",
    "dtype": "float32",
    "options": {},
    "unit": "word",
    "order": "edges",
    "allocation": "linear",
    "spread": 0.1,
    "protect": ["number"],
    "patterns": [r"\bHarrow \w+"],
    "dedupe": 0.9,
    "min_sentence": 2,
    "on_empty_query": "raise",
    "cache": False,
}


def words(text: str) -> int:
    return len(text.split())


def test_it_is_a_node_postprocessor() -> None:
    names = [base.__name__ for base in BoildownPostprocessor.__mro__]
    assert BaseNodePostprocessor.__name__ in names


def test_arguments_are_those_of_compressor_and_budget() -> None:
    wanted = {*inspect.signature(Budget).parameters, *inspect.signature(Compressor).parameters}
    fields = set(BoildownPostprocessor.model_fields) - {"callback_manager", "engine"}
    assert fields == wanted - {"separator"}  # response synthesizers join nodes by blank lines, and take no other


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "exactly one of tokens=, rate= and threshold=; got none"),
        ({"tokens": 5, "rate": 0.5}, "got tokens and rate"),
        ({"tokens": -1}, "at least 0"),
        ({"tokens": True}, "tokens= is True"),
        ({"tokens": "many"}, "tokens= is 'many'"),
        ({"rate": 3.0}, "For a number of tokens, use tokens="),
        ({"tokens": 5, "odrer": "score"}, "Did you mean 'order'"),
        ({"tokens": 5, "order": "scor"}, "'original', 'score' or 'edges'"),
        ({"tokens": 5, "method": "bm52"}, "Did you mean 'bm25'"),
        ({"tokens": 5, "protect": ["nmuber"]}, "Did you mean 'number'"),
        ({"tokens": 5, "protect": "number"}, "protect="),
        ({"tokens": 5, "options": {"depth": 3}}, "takes no 'depth'"),
        ({"tokens": 5, "counter": 17}, "counter= cannot be a int"),
        ({"tokens": 5, "engine": "gpu"}, "compress and acompress"),
        ({"tokens": 5, "engine": Compressor(), "order": "score"}, "excludes order"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        BoildownPostprocessor(**settings)
    assert said in str(error.value)
    assert isinstance(error.value, BoildownError)
    assert isinstance(error.value, ValueError)


def test_dict_and_json_round_trip_keep_every_setting() -> None:
    postprocessor = BoildownPostprocessor(**EVERY_SETTING)
    data = postprocessor.to_dict()
    assert data.pop("class_name") == "BoildownPostprocessor"
    assert {name: value for name, value in data.items() if value is not None} == EVERY_SETTING
    assert BoildownPostprocessor.from_dict(postprocessor.to_dict()).to_dict() == postprocessor.to_dict()
    assert BoildownPostprocessor.from_json(postprocessor.to_json()).to_dict() == postprocessor.to_dict()
    assert json.loads(postprocessor.model_dump_json())["tokens"] == 60


def test_the_round_trip_compresses_alike(nodes: list[NodeWithScore], query: str) -> None:
    postprocessor = BoildownPostprocessor(**EVERY_SETTING)
    again = BoildownPostprocessor.from_dict(postprocessor.to_dict())
    first, second = (p.postprocess_nodes(nodes, query_str=query) for p in (postprocessor, again))
    assert first
    assert [n.node.get_content() for n in first] == [n.node.get_content() for n in second]


def test_a_callable_counter_survives_the_dict_and_the_pickle(nodes: list[NodeWithScore], query: str) -> None:
    postprocessor = BoildownPostprocessor(tokens=20, counter=words)
    for again in (
        BoildownPostprocessor.from_dict(postprocessor.to_dict()),
        copy.deepcopy(postprocessor),
        pickle.loads(pickle.dumps(postprocessor)),
    ):
        kept = again.postprocess_nodes(nodes, query_str=query)
        assert 0 < sum(words(node.node.get_content()) for node in kept) <= 20


@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_pickled_is_not_lost_silently() -> None:
    with pytest.raises(ConfigurationError, match="counter= cannot be pickled"):
        pickle.dumps(BoildownPostprocessor(tokens=20, counter=lambda text: len(text)))


def test_pickles_and_copies_are_small_and_equal() -> None:
    postprocessor = BoildownPostprocessor(**EVERY_SETTING)
    assert len(pickle.dumps(postprocessor)) < 4000
    for again in (pickle.loads(pickle.dumps(postprocessor)), copy.deepcopy(postprocessor)):
        assert again.to_dict() == postprocessor.to_dict()


def test_a_model_is_not_looked_for_before_it_is_needed(tmp_path: Path) -> None:
    postprocessor = BoildownPostprocessor(tokens=5, method="llmlingua2", model=str(tmp_path / "nowhere"), device="cpu")
    again = BoildownPostprocessor.from_dict(postprocessor.to_dict())
    assert (again.model, again.device) == (str(tmp_path / "nowhere"), "cpu")
    pickle.loads(pickle.dumps(copy.deepcopy(again)))


def test_the_engine_is_used_and_survives_the_dict_and_the_pickle(nodes: list[NodeWithScore], query: str) -> None:
    engine = Compressor("bm25", order="score")
    postprocessor = BoildownPostprocessor(rate=0.5, engine=engine)
    kept = postprocessor.postprocess_nodes(list(reversed(nodes)), query_str=query)
    assert kept[0].node.node_id == "lighthouse"
    assert BoildownPostprocessor.from_dict(postprocessor.to_dict()).engine is engine
    assert BoildownPostprocessor.from_dict(postprocessor.to_dict(), engine=None).engine is None
    assert pickle.loads(pickle.dumps(postprocessor)).engine.plan == engine.plan


@pytest.mark.parametrize("objects", [{"counter": words}, {"engine": Compressor("bm25")}])
def test_json_is_refused_where_an_object_would_be_lost(objects: dict[str, Any]) -> None:
    postprocessor = BoildownPostprocessor(tokens=20, **objects)
    (name,) = objects
    for write in (
        postprocessor.to_json,
        postprocessor.model_dump_json,
        lambda: postprocessor.model_dump(mode="json"),
        lambda: postprocessor.to_dict(mode="json"),
    ):
        with pytest.raises(ConfigurationError, match=rf"^{name}= cannot be written to JSON\. Give .*exclude="):
            write()
    rest = postprocessor.to_json(exclude={name})
    assert BoildownPostprocessor.from_json(rest, **objects).to_dict() == postprocessor.to_dict()


def test_fields_may_be_assigned(nodes: list[NodeWithScore], query: str) -> None:
    postprocessor = BoildownPostprocessor(tokens=20)
    short = postprocessor.postprocess_nodes(nodes, query_str=query)
    postprocessor.tokens = 60
    long = postprocessor.postprocess_nodes(nodes, query_str=query)
    assert sum(len(n.node.get_content()) for n in short) < sum(len(n.node.get_content()) for n in long)


def test_a_callback_manager_may_be_given_and_assigned() -> None:
    manager = CallbackManager()
    assert BoildownPostprocessor(tokens=5, callback_manager=manager).callback_manager is manager
    postprocessor = BoildownPostprocessor(tokens=5)
    postprocessor.callback_manager = manager
    assert postprocessor.callback_manager is manager


def test_no_callback_manager_is_fine(nodes: list[NodeWithScore], query: str) -> None:
    postprocessor = BoildownPostprocessor(tokens=20, callback_manager=None)  # as LlamaIndex's own take it
    assert postprocessor.postprocess_nodes(nodes, query_str=query)


def test_both_kinds_of_query_at_once_are_refused(nodes: list[NodeWithScore]) -> None:
    from llama_index.core.schema import QueryBundle

    with pytest.raises(ValueError, match="both"):
        BoildownPostprocessor(tokens=5).postprocess_nodes(nodes, QueryBundle("a"), "b")


@pytest.mark.parametrize("blank", [None, "", " \n\t"])
def test_a_blank_query_keeps_nodes_in_order_with_their_scores(nodes: list[NodeWithScore], blank: str | None) -> None:
    postprocessor = BoildownPostprocessor(rate=0.6, order="score")
    kept = postprocessor.postprocess_nodes(nodes, query_str=blank)
    assert [n.node_id for n in kept] == [n.node_id for n in nodes][: len(kept)]
    assert [n.score for n in kept] == [n.score for n in nodes][: len(kept)]
    with pytest.raises(InputError, match="blank"):
        BoildownPostprocessor(rate=0.6, on_empty_query="raise").postprocess_nodes(nodes, query_str=blank)
