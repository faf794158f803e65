from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.errors import InputError
from boildown.text.json_text import json_strings, map_strings, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(VALUES)
def test_only_strings_change(data: Any) -> None:
    strings = list(json_strings(data))
    assert map_strings(data, lambda path, text: text) == data
    emptied = map_strings(data, lambda path, text: "")
    assert len(list(json_strings(emptied))) == len(strings)
    assert json.loads(json.dumps(emptied)) == emptied


def test_paths_lead_to_strings() -> None:
    data = {"a": ["x", {"b": "y"}], "c": 1}
    assert list(json_strings(data)) == [(("a", 0), "x"), (("a", 1, "b"), "y")]


def test_what_is_no_json() -> None:
    with pytest.raises(InputError, match=r"\$\['a'\]\[1\] holds a bytes"):
        list(json_strings({"a": ["", b""]}))
    with pytest.raises(InputError, match="key 1"):
        list(json_strings({1: "a"}))
    with pytest.raises(InputError, match="line 1, character 2"):
        read_json("[}")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 5_000, "[" * 100_000 + "]" * 100_000])
def test_what_is_nested_beyond_reading(text: str) -> None:
    with pytest.raises(InputError, match=r"nested too deeply|not JSON"):
        read_json(text)


def test_a_number_of_thousands_of_digits() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_json("1" * 5_000)


def test_data_nested_beyond_writing() -> None:
    data: Any = "text"
    for _ in range(5_000):
        data = [data]
    with pytest.raises(InputError, match=r"more than 200 levels at \$\[0\]\[0\]"):
        list(json_strings(data))
