from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from boildown import Budget, Compression, Compressor, ConfigurationError, Document
from boildown.settings import build_engine, copied, invalid_settings, report, statistics, title_of

TEXTS = ["The tower was built in 1889. It is tall.", "Cats sleep a lot. They sleep on mats.", ""]


def test_settings_of_both_kinds_become_an_engine_and_a_budget() -> None:
    engine, budget = build_engine({"tokens": 9, "documents": 2, "method": "bm25", "order": "edges", "min_sentence": 1})
    assert budget == Budget(tokens=9, documents=2)
    assert isinstance(engine, Compressor)
    assert (engine.plan.order, engine.min_sentence, engine.method.name) == ("edges", 1, "bm25")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "exactly one of"),
        ({"tokens": 1, "sperator": ""}, "Did you mean 'separator'"),
        ({"tokens": 1, "counter": 3}, "counter= cannot be"),
        ({"tokens": 1, "unit": "page"}, "Unknown unit"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        build_engine(settings)
    assert said in str(error.value)


def test_a_counter_that_is_named_is_not_looked_up() -> None:
    _, budget = build_engine({"tokens": 1, "counter": "nobody/has-this-tokenizer"})
    assert budget.counter == "nobody/has-this-tokenizer"


class Remote:
    """An engine that is no Compressor."""

    def compress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> Compression:
        return Compressor("bm25").compress(query, documents, budget)

    async def acompress(self, query: str, documents: Iterable[str | Document], budget: Budget) -> Compression:
        return self.compress(query, documents, budget)


def test_an_engine_that_is_given_is_used_and_excludes_settings_for_another() -> None:
    remote = Remote()
    defaults = {"tokens": 9, "patterns": [], "protect": None, "options": None, "spread": 0.25}
    assert build_engine(defaults, remote) == (remote, Budget(tokens=9))
    with pytest.raises(ConfigurationError, match="excludes patterns, spread"):
        build_engine({**defaults, "spread": 0.0, "patterns": ["a"]}, remote)
    with pytest.raises(ConfigurationError, match="compress and acompress"):
        build_engine({"tokens": 9}, object())
    with pytest.raises(ConfigurationError, match=r"boildown.Client\('http://gpu:8000'\)"):
        build_engine({"tokens": 9}, "http://gpu:8000")


@pytest.mark.parametrize(
    ("metadata", "title"),
    [
        ({"title": "A"}, "A"),
        ({"Title": "A", "document_title": "B"}, "A"),
        ({"document_title": "B", "title": " "}, "B"),
        ({"title": 5, 7: "title"}, ""),
        ({}, ""),
    ],
)
def test_titles(metadata: dict[Any, Any], title: str) -> None:
    assert title_of(metadata) == title


def test_reports_are_flat_and_statistics_are_json() -> None:
    result = Compressor("bm25").compress("When was the tower built?", TEXTS, Budget(tokens=8))
    (kept,) = result.documents
    said = report(kept, result)
    assert all(type(value) in (str, int) for value in said.values())
    spans = json.loads(str(said["boildown_spans"]))
    assert "".join(TEXTS[kept.index][s:e] for s, e in spans) == kept.text
    assert said["boildown_tokens_out"] == kept.tokens_out

    counts = json.loads(json.dumps(statistics(result)))
    assert (counts["documents_in"], counts["documents_out"]) == (3, 1)
    assert {(d["index"], d["reason"]) for d in counts["dropped"]} == {(1, "budget"), (2, "empty")}
    assert counts["tokens_in"] == result.tokens_in


def test_copies_share_no_container() -> None:
    thing = object()
    value = {"a": [1, {"b": [2]}], "c": thing}
    again = copied(value)
    assert again == value
    again["a"][1]["b"].append(3)
    again["a"].append(4)
    assert value == {"a": [1, {"b": [2]}], "c": thing}
    assert again["c"] is thing


def test_a_copy_of_what_holds_itself_or_is_nested_deeply() -> None:
    loop: dict[str, Any] = {"list": []}
    loop["list"].append(loop)
    again = copied(loop)
    assert again is not loop
    assert again["list"][0] is again
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    again, depth = copied(deep), 0
    while again:
        assert again is not deep
        again, deep, depth = again[0], deep[0], depth + 1
    assert depth == 100_000


def test_a_pydantic_error_is_put_into_words() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Thing(pydantic.BaseModel):  # type: ignore[name-defined, misc]
        model_config = pydantic.ConfigDict(extra="forbid")
        tokens: int = 0
        cache: bool | str = True
        patterns: tuple[str, ...] = ()

    with pytest.raises(pydantic.ValidationError) as unknown:
        Thing(tokns=1)
    assert "Did you mean 'tokens'" in str(invalid_settings(unknown.value, "Thing", ["tokens"]))
    with pytest.raises(pydantic.ValidationError) as wrong:
        Thing(tokens="x")
    assert "tokens= is 'x'" in str(invalid_settings(wrong.value, "Thing", ["tokens"]))
    with pytest.raises(pydantic.ValidationError) as kinds:
        Thing(cache=[5], patterns=["a", 5])
    said = "cache= is [5]: Input should be a valid boolean, or Input should be a valid string; patterns.1= is 5: "
    assert said in str(invalid_settings(kinds.value, "Thing", ["cache"]))
