"""What of a tool result may be shortened, and that all the rest comes out as it went in."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.tools.content import Content

PROSE = "The lamp first burned colza oil. It was changed to paraffin in 1907, and keepers lived in two cottages. " * 2
IMAGE = {"type": "image", "base64": "aGVsbG8=", "mime_type": "image/png"}
NOTE = "[note]"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=120), inner, max_size=4),
    max_leaves=12,
)


def strings(value: Any) -> list[str]:
    """The string values, keys apart, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_a_string_is_one_text() -> None:
    content = Content(PROSE)
    assert content.texts == [PROSE]
    assert content.text == PROSE
    assert content.replaced(["Short."], NOTE) == "Short.\n\n[note]"


def test_of_json_only_the_longer_string_values_may_be_shortened() -> None:
    data = {"id": 7, "url": "https://example.org/a?b=1.50", PROSE: True, "body": PROSE, "rows": [1.50, None, PROSE]}
    text = json.dumps(data, indent=2)
    content = Content(text)
    assert content.texts == [PROSE, PROSE]
    body, _, note = str(content.replaced(['A "quoted" line.\n', ""], NOTE)).rpartition("\n\n")
    assert note == NOTE
    assert json.loads(body) == {**data, "body": 'A "quoted" line.\n', "rows": [1.50, None, "…"]}
    assert "1.50" in body or "1.5," in body


def test_what_stands_around_the_strings_keeps_its_writing() -> None:
    text = f'[ 1.50 ,\t{{"a":1e3, "b" : "{PROSE}"}} ]'
    assert Content(text).text_with(["x"], NOTE) == f'[ 1.50 ,\t{{"a":1e3, "b" : "x"}} ]\n\n{NOTE}'


@pytest.mark.parametrize(
    "text", ["{not json, " + PROSE, "[" * 100_000, '{"a": ' * 5000, f'"{PROSE}"', "{" + PROSE + "}"]
)
def test_what_only_looks_like_json_is_text(text: str) -> None:
    assert Content(text).texts == [text]


@pytest.mark.parametrize("content", ["", " \n", [], [IMAGE], ["", {"type": "text", "text": " "}], [{"type": "text"}]])
def test_nothing_to_shorten(content: Any) -> None:
    assert Content(content).texts == []


def test_blocks_that_are_no_text_stay_in_their_places() -> None:
    blocks: list[Any] = [
        {"type": "text", "text": PROSE, "extras": {"page": 3}},
        IMAGE,
        PROSE,
        {"type": "text", "text": None},
        {"type": "json", "json": {"text": PROSE}},
    ]
    before = copy.deepcopy(blocks)
    content = Content(blocks)
    assert content.texts == [PROSE, PROSE]
    first, image, second, *rest, note = content.replaced(["One.", ""], NOTE)
    assert first == {"type": "text", "text": "One.", "extras": {"page": 3}}
    assert image == IMAGE
    assert second == "…"
    assert rest == before[3:]
    assert note == {"type": "text", "text": NOTE}
    assert blocks == before


def test_a_lone_surrogate_in_json_is_written_as_an_escape() -> None:
    text = json.dumps({"body": f"\ud83d {PROSE}"})
    content = Content(text)
    (piece,) = content.texts
    content.text_with([piece], NOTE).encode()


def test_the_reference_is_the_texts_own() -> None:
    assert Content(PROSE).reference == Content([{"type": "text", "text": PROSE}, IMAGE]).reference
    assert Content(PROSE).reference != Content(PROSE + ".").reference
    assert Content(["a", "b"]).reference != Content(["ab"]).reference
    assert len(Content("\ud800").reference) == 12


@given(JSON, st.booleans())
def test_any_json_comes_back_and_stays_json(data: Any, ascii_only: bool) -> None:
    text = json.dumps(data, ensure_ascii=ascii_only)
    content = Content(text)
    if not isinstance(data, (dict, list)):
        assert content.texts == ([text] if text.strip() else [])
        return
    written = {part for part in strings(data) if len(part) > 100}
    assert set(content.texts) == written
    same, _, _ = content.text_with(content.texts, NOTE).rpartition("\n\n")
    assert json.loads(same) == data
    short, _, _ = content.text_with(["s"] * len(content.texts), NOTE).rpartition("\n\n")
    assert strings(json.loads(short)) == ["s" if part in written else part for part in strings(data)]
