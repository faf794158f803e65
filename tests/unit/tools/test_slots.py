"""Data among the text of tools: found whatever writes them, and never cut but in their longer strings."""

from __future__ import annotations

import ast
import datetime
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from boildown.tools.slots import slots_of

PROSE = 'The lamp first burned colza oil; it wasn\'t changed to "paraffin" before 1907.\n' * 2
ROWS = [(i, f"Station {i}", i * 1.5, i % 7) for i in range(150)]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=200) | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner) | st.dictionaries(st.text(max_size=120), inner),
    max_leaves=12,
)


class Row(BaseModel):
    number: int
    name: str = "North"
    when: datetime.date = datetime.date(2024, 1, 1)
    text: str = ""


class Table(BaseModel):
    rows: list[Row]
    note: str = "it's"
    total: float | None = None


@dataclass
class Answer:
    rows: list[Any]
    text: str = ""


def rewritten(text: str, write: Any = lambda piece: piece) -> str:
    parts, place = [], 0
    for slot in slots_of(text):
        parts += [text[place : slot.start], slot.write(write(slot.text))]
        place = slot.end
    return "".join([*parts, text[place:]])


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        tuple(ROWS),
        {i: row for i, *row in ROWS},
        [(datetime.date(2024, 1, i), Decimal("1.50"), UUID(int=i), datetime.timedelta(i)) for i in range(1, 20)],
        [{"tags": {"a", "b"}, "none": set(), "raw": b"\x00'", "nan": float("nan"), "other": object()}] * 9,
        [-1.5e-7, 1 + 2j, True, None, ..., "", (), (1,), [], {}],
        {PROSE: 1},
        np.arange(900),
        -1.1 * np.arange(900.0).reshape(30, 10, 3),
        np.array([[np.nan, np.inf, 1e-9]] * 200),
        np.arange(200) > 100,
        {"depths": np.arange(900).reshape(90, 10)},
    ],
)
def test_data_as_python_writes_them_stay(data: Any) -> None:
    assert slots_of(str(data)) == []


@pytest.mark.parametrize(
    "data",
    [
        Row(number=1),
        Table(rows=[Row(number=i) for i in range(50)]),
        Answer(ROWS),
        Answer([Row(number=1), Answer([])], "short"),
        [Answer([1])],
    ],
)
def test_objects_as_python_writes_them_stay(data: Any) -> None:
    assert slots_of(f"{data}\n") == slots_of(repr(data)) == []


def test_of_objects_only_the_longer_strings_may_be_shortened() -> None:
    data = Table(rows=[Row(number=1, text=PROSE), Row(number=2)], note=PROSE)
    for text in (str(data), repr(data), str(Answer([data], PROSE))):
        assert {slot.text for slot in slots_of(text)} == {PROSE}
        assert rewritten(text) == text
    assert rewritten(str(data), lambda _: "…") == str(Table(rows=[Row(number=1, text="…"), Row(number=2)], note="…"))


@pytest.mark.parametrize("outer", [json.dumps, str, lambda data: json.dumps(data, ensure_ascii=False)])
@pytest.mark.parametrize("inner", [json.dumps, str, lambda data: json.dumps(data, ensure_ascii=False, indent=1)])
@pytest.mark.parametrize("name", ["it's", 'a "b"', "both: '\"", "\\'\\\"\\", "𝄞 é \x00 \u2028"])
def test_data_in_strings_of_data_stay_data(outer: Any, inner: Any, name: str) -> None:
    data = [{"id": i, "name": name, "text": f"{name} {PROSE}"} for i in range(9)]
    text = outer({"type": "text", "text": inner(data), name: "x"})
    assert [slot.text for slot in slots_of(text)] == [f"{name} {PROSE}"] * 9
    read = {str: ast.literal_eval}
    for short in (f"{name} {PROSE}", f"{name}…\n\t'"):
        again = read.get(outer, json.loads)(rewritten(text, lambda _, short=short: short))
        assert again == {"type": "text", "text": again["text"], name: "x"}
        assert read.get(inner, json.loads)(again["text"]) == [{**row, "text": short} for row in data]


@pytest.mark.parametrize("write", [str, json.dumps, lambda data: json.dumps(data, indent=2)])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        (" \n", "\n"),
        ("Found 2 rows:\n", ""),
        ("Rows: ", ""),
        ("```json\n", "\n```\n"),
        ("Query: (pH or sensor)\n", ""),
        ("[search] Filter: {kind=note}, see: [1]\nRows: ", "\n"),
        ("Note: [draft\n", ""),
        ("```json\n", "\n```\n\nShowing 60 of 60 rows."),
        ("Orders:\n\n  ``` json\n", "```  \n(as of today)\n"),
        ("", " \r\nTotal: 120 rows."),
        ("Orders: [[1, 2], [3, 4]]\nStock: ", "\n\nErrors: []"),
        ("```\n[{}]\n```\n\n```\n", "\n```\n"),
        ("### Table a\n['x']\n\n### Table b\n", "\n### Table c\n['y']"),
    ],
)
def test_of_data_only_the_longer_strings_may_be_shortened(write: Any, before: str, after: str) -> None:
    data = {"id": 7, "name": "it's", "body": PROSE, PROSE: [1.5, PROSE]}
    text = f"{before}{write(data)}{after}"
    assert [slot.text for slot in slots_of(text)] == [PROSE, PROSE]
    assert rewritten(text) == text
    short = rewritten(text, lambda piece: 'it\'s "short"\n')
    assert short.startswith(before)
    read = ast.literal_eval if write is str else json.loads
    inner = short[len(before) : len(short) - len(after)]
    assert read(inner) == {**data, "body": 'it\'s "short"\n', PROSE: [1.5, 'it\'s "short"\n']}


class Inner(BaseModel):
    id: int
    note: str


class Model(BaseModel):
    query: str
    rows: list[Inner]
    by_name: dict[str, Inner]
    when: datetime.datetime
    price: Decimal
    none: None = None
    text: str


@dataclass
class Plain:
    id: int
    note: str
    model: Model


INNER = Inner(id=7, note=PROSE)
WHEN = datetime.datetime(2024, 1, 1)
MODEL = Model(query="a=b (c=1", rows=[INNER] * 2, by_name={"x": INNER}, when=WHEN, price="1.5", text=PROSE)


@pytest.mark.parametrize(("value", "slots"), [(INNER, 1), (MODEL, 4), (Plain(1, PROSE, MODEL), 5), ([MODEL] * 2, 8)])
@pytest.mark.parametrize("write", [str, repr])
def test_of_an_object_only_the_longer_strings_may_be_shortened(write: Any, value: Any, slots: int) -> None:
    text = write(value)
    assert [slot.text for slot in slots_of(text)] == [PROSE] * slots
    assert rewritten(text) == text
    assert rewritten(text, lambda _: "it's short") == text.replace(repr(PROSE), repr("it's short"))


@pytest.mark.parametrize("label", ["", "Orders: ", "```json\n", "Orders:\n ```json\n\n"])
def test_long_prose_around_data_may_be_shortened_too(label: str) -> None:
    end = "\n```" if "```" in label else ""
    text = f"{PROSE}\n{label}{ROWS}{end}\n\n{PROSE}\n{label}{ROWS[:1]}{end}\n\n{PROSE}"
    assert [slot.text for slot in slots_of(text)] == [PROSE.strip()] * 3
    assert rewritten(text, lambda _: "…") == f"…\n\n{label}{ROWS}{end}\n\n…\n\n{label}{ROWS[:1]}{end}\n\n…\n"


@pytest.mark.parametrize("write", [str, json.dumps, ascii])
@pytest.mark.parametrize(("length", "slots"), [(17, 0), (100, 0), (101, 1)])
def test_a_string_is_as_long_as_what_it_says(write: Any, length: int, slots: int) -> None:
    assert len(slots_of(write(["港" * length, "\n" * length]))) == 2 * slots


@pytest.mark.parametrize(
    "text",
    [
        f"[note] {PROSE}",
        f"(1) {PROSE}",
        f"({PROSE})",
        f"{{{PROSE}}}",
        "[INFO] started\n[INFO] stopped\n",
        '{"a": 1}\n{"a": 2}\n',
        'Rows: {"a": 1}\n\n{"a": 2}\n',
        '{"a": 1}\n{"a": 2}\nShown: 2',
        '12:00:03 INFO got: {"a": 1}\n12:00:04 INFO got: {"a": 2}\n',
        "[1, 2][3]",
        f"[2024 05 was dry] {PROSE}",
        "[7 'a' 8]",
        "[7] [8]\n[9] [10]\n",
        f"See:\n[3]\n{PROSE}\nSources: [1, 2]\n(see above)\n{PROSE}\nKind: {{kind=note}}\n{PROSE}",
        f"[a link](https://example.org)\n[1]: https://example.org\n(not now)\n{PROSE}",
        "def read(rows: [int]):\n    (first, *rest) = rows\n    return [\n        row for row in rest\n    ]\n" * 3,
        f"{ROWS[:2]} and more",
        "for (i = 0; i < 9; i++) { x[i] = 1; }",
        "x = f(1)\ny = g(2)\n" * 50,
        "print(1)\nprint(2)",
        "level=info took=3\nlevel=warn took=9\n",
        f"id=1 {PROSE}",
        f"Row(id=1) {PROSE}",
        "a=[" * 50_000,
        "a=1 " * 50_000 + "b",
        "f(" * 50_000,
        f"print({PROSE!r})\nprint({PROSE!r})\n",
        f"read(the log) {PROSE}",
        f"Read (the log)\n{PROSE}",
        f"height=41.5 m {PROSE}",
        f"level=info msg={PROSE!r}\nlevel=info msg={PROSE!r}",
        f"NAME={PROSE!r}\nOTHER=1",
        "a=" * 50_000,
        "a=[ " * 50_000,
        "a((((" * 50_000,
        "[" * 100_000,
        "[\n" * 50_000,
        "['" * 50_000,
        "[1, (2\n3\n" * 50_000,
        "[1]\n\n```\n" * 50_000 + PROSE,
    ],
)
def test_what_only_looks_like_data_is_prose(text: str) -> None:
    assert [slot.text for slot in slots_of(text)] == [text]


@given(st.lists(VALUES, min_size=1))
def test_any_data_come_back(data: list[Any]) -> None:
    assert rewritten(str(data)) == str(data)


def test_a_string_is_known_by_its_key() -> None:
    long = "The pump is serviced every spring. " * 4
    slots = slots_of(json.dumps({"service notes": long, "all": [long]}) + "\n" + long)
    assert [slot.key for slot in slots] == ["service notes", "", ""]
