"""Parquet: what metadata may be, and that every other column passes through as it is."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from boildown.corpus.job import score_corpus
from boildown.corpus.scoring import Scoring
from boildown.stored_scores import STORED_KEY

pa = pytest.importorskip("pyarrow", exc_type=ImportError)
pq = pytest.importorskip("pyarrow.parquet", exc_type=ImportError)

TEXTS = ["Swifts sleep on the wing.", None, "Bread needs a starter. Feed it twice a day.", ""]


def scored(scoring: Scoring, tmp_path: Path, **columns: Any) -> Any:
    pq.write_table(pa.table({"text": TEXTS, **columns}), tmp_path / "in.parquet")
    summary = score_corpus([tmp_path / "in.parquet"], tmp_path / "out", scoring)
    assert (summary.documents_written, summary.documents_failed) == (3, 1)
    (failure,) = map(json.loads, (tmp_path / "out" / "_boildown" / "failed.jsonl").read_text().splitlines())
    assert (failure["line"], failure["error"]) == (2, '"text" is missing')
    return pq.read_table(tmp_path / "out" / "in-00000.parquet")


def test_a_struct_gets_a_field_and_keeps_its_nulls(scoring: Scoring, tmp_path: Path) -> None:
    kind = pa.struct([("page", pa.int16()), ("seen", pa.timestamp("ms"))])
    when = datetime.datetime(2024, 5, 6, 7, 8)
    given = [{"page": 1, "seen": when}, {"page": 2, "seen": when}, None, {"page": None, "seen": when}]
    table = scored(scoring, tmp_path, metadata=pa.array(given, kind))
    assert [(field.name, field.type) for field in table.schema.field("metadata").type] == [
        ("page", pa.int16()),
        ("seen", pa.timestamp("ms")),
        (STORED_KEY, pa.string()),
    ]
    found = table.column("metadata").to_pylist()
    assert [one["page"] for one in found] == [1, None, None]
    assert [one["seen"] for one in found] == [when, None, when]
    assert all(one[STORED_KEY].startswith("1.float32.") for one in found)


def test_a_map_gets_an_entry(scoring: Scoring, tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.string())
    table = scored(scoring, tmp_path, metadata=pa.array([[("page", "1")], [], None, [("page", "4")]], kind))
    assert table.schema.field("metadata").type == kind
    found = [dict(one) for one in table.column("metadata").to_pylist()]
    assert [one.get("page") for one in found] == ["1", None, "4"]
    assert all(STORED_KEY in one for one in found)


def test_a_key_that_a_map_holds_twice_is_there_twice(scoring: Scoring, tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.string())
    pairs = [("tag", "a"), (STORED_KEY, "old"), ("page", "1"), ("tag", "b")]
    table = scored(scoring, tmp_path, metadata=pa.array([pairs, None, [], None], kind))
    first, *others = table.column("metadata").to_pylist()
    assert first[:-1] == [("tag", "a"), ("page", "1"), ("tag", "b")]
    assert [one[-1][0] for one in (first, *others)] == [STORED_KEY] * 3
    assert first[-1][1] != "old"


def test_json_in_a_string_gets_a_key(scoring: Scoring, tmp_path: Path) -> None:
    table = scored(scoring, tmp_path, metadata=['{"page": {"n": 1}}', None, None, "{}"])
    found = [json.loads(one) for one in table.column("metadata").to_pylist()]
    assert [one.get("page") for one in found] == [{"n": 1}, None, None]
    assert all(STORED_KEY in one for one in found)


@pytest.mark.parametrize("metadata", [{}, {"metadata": pa.nulls(4)}])
def test_without_metadata_there_is_a_column_for_it(metadata: dict[str, Any], scoring: Scoring, tmp_path: Path) -> None:
    vectors = pa.array([[0.5, 1], None, [2], []], pa.list_(pa.float32()))
    table = scored(scoring, tmp_path, vector=vectors, number=pa.array([1, 2, 3, 4], pa.uint8()), **metadata)
    assert table.schema.field("vector").type == pa.list_(pa.float32())
    assert table.column("number").to_pylist() == [1, 3, 4]
    assert [set(one) for one in table.column("metadata").to_pylist()] == [{STORED_KEY}] * 3


def test_scores_that_still_fit_are_kept(scoring: Scoring, tmp_path: Path) -> None:
    table = scored(scoring, tmp_path, number=[1, 2, 3, 4])
    pq.write_table(table, tmp_path / "again.parquet")
    score_corpus([tmp_path / "again.parquet"], tmp_path / "out", scoring)
    assert pq.read_table(tmp_path / "out" / "again-00000.parquet").equals(table)


def test_columns_that_cannot_be_used_fail_the_file(scoring: Scoring, tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["a"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["a"], "metadata": [1.5]}), tmp_path / "b.parquet")
    summary = score_corpus([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out", scoring)
    assert (summary.documents_read, summary.documents_failed) == (2, 2)
    first, second = map(json.loads, (tmp_path / "out" / "_boildown" / "failed.jsonl").read_text().splitlines())
    assert first["error"] == 'It has no column "text" but content.'
    assert second["error"].startswith('Its column "metadata" is double')


def test_metadata_that_is_no_object_fails_its_row_alone(scoring: Scoring, tmp_path: Path) -> None:
    metadata = ["[1, 2]", '["ab"]', '{"a": "\\ud800"}', "1" + "0" * 5000, '{"page": 1}', '{"n": 1e400}']
    pq.write_table(pa.table({"text": ["One."] * 6, "metadata": metadata}), tmp_path / "in.parquet")
    summary = score_corpus([tmp_path / "in.parquet"], tmp_path / "out", scoring)
    assert (summary.documents_written, summary.documents_failed) == (2, 4)
    failures = [json.loads(line) for line in Path(summary.failed).read_text().splitlines()]
    assert [failure["line"] for failure in failures] == [1, 2, 4, 6]
    assert failures[1]["error"] == '"metadata" must be an object, not list'
    assert failures[3]["error"] == '"metadata" is not JSON: the number 1e400 is too large'
    found = pq.read_table(tmp_path / "out" / "in-00000.parquet").column("metadata").to_pylist()
    assert json.loads(found[0])["a"] == "\ud800"
    assert json.loads(found[1])["page"] == 1


@pytest.mark.parametrize("kind", [None, pa.string(), pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.string())])
def test_a_block_of_which_nothing_can_be_scored_is_written_empty(kind: Any, scoring: Scoring, tmp_path: Path) -> None:
    columns = {} if kind is None else {"metadata": pa.nulls(2, kind)}
    table = pa.table({"text": pa.nulls(2, pa.string()), "number": [1, 2], **columns})
    pq.write_table(table, tmp_path / "in.parquet")
    summary = score_corpus([tmp_path / "in.parquet"], tmp_path / "out", scoring)
    assert (summary.documents_read, summary.documents_failed) == (2, 2)
    assert pq.read_table(tmp_path / "out" / "in-00000.parquet").num_rows == 0


def test_two_columns_of_one_name_fail_the_file(scoring: Scoring, tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "in.parquet")
    summary = score_corpus([tmp_path / "in.parquet"], tmp_path / "out", scoring)
    (failure,) = map(json.loads, Path(summary.failed).read_text().splitlines())
    assert failure["error"] == 'It has 2 columns "text", and one is expected.'
