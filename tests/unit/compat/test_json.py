"""Data whose strings are compressed stay the same data otherwise."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from compat_texts import DATA, LONG, MODELS, Make, is_subsequence, skeleton

from boildown.errors import ConfigurationError, InputError


@pytest.mark.parametrize("model", MODELS)
def test_json_stays_json(make: Make, model: str) -> None:
    before = copy.deepcopy(DATA)
    result = make(model).compress_json(DATA, rate=0.5)
    assert before == DATA
    assert skeleton(result["compressed_prompt"]) == skeleton(DATA)
    assert 0.9 * 0.5 * result["origin_tokens"] <= result["compressed_tokens"] <= 0.5 * result["origin_tokens"]
    assert is_subsequence(result["compressed_prompt"]["nested"]["list"][1]["deep"], LONG[1])


def test_json_rules(make: Make) -> None:
    rules = {
        "notes": {"rate": 0.1, "pair_remove": True},
        "nested.list.deep": {"compress": False},
        "tags": {"compress": False},
    }
    result = make("bert").compress_json(DATA, rules, rate=0.9)["compressed_prompt"]
    assert result["nested"]["list"][1]["deep"] == LONG[1]
    assert result["tags"] == list(DATA["tags"])
    assert len(result["notes"]) < 0.2 * len(DATA["notes"])
    few = make("bert").compress_json(DATA, rules, target_token=150, context_budget="+0", use_keyvalue_level_filter=True)
    assert "nested" in few["compressed_prompt"]
    for name in ("no_such", "nested.list.deeper", "deep", "nested.0"):
        for data in (DATA, [DATA]):
            with pytest.raises(ConfigurationError, match=f"{name}.*Known: id, .*nested.list.deep"):
                make("bert").compress_json(data, {name: {"rate": 0.5}})
    assert (
        make("bert").compress_json([DATA], {"notes": {"rate": 1.0}})["compressed_prompt"][0]["notes"] == DATA["notes"]
    )
    with pytest.raises(ConfigurationError, match="speed"):
        make("bert").compress_json(DATA, {"notes": {"speed": 0.5}})


def test_json_rules_from_a_file(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    file = tmp_path / "rules.yaml"
    file.write_text("notes:\n  compress: false\n", encoding="utf-8")
    assert make("bert").compress_json(DATA, str(file), rate=0.8)["compressed_prompt"]["notes"] == DATA["notes"]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make("bert").compress_json(DATA, str(tmp_path / "none.yaml"))
    file.write_text("notes: {}  # über alles\n", encoding="latin-1")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make("bert").compress_json(DATA, str(file))


def test_malformed_json(make: Make) -> None:
    with pytest.raises(InputError, match="line 2, character 3"):
        make("gpt2").compress_json('{"a": 1,\n  b}')
    with pytest.raises(InputError, match=r"\['a'\]\[0\] holds a set"):
        make("gpt2").compress_json({"a": [{1}]})
    for text in ('{"a": NaN}', '{"a": 1e999}'):
        with pytest.raises(InputError, match="JSON cannot"):
            make("gpt2").compress_json(text)
    assert make("gpt2").compress_json('{"a": ["x", 1]}', rate=1.0)["compressed_prompt"] == {"a": ["x", 1]}
