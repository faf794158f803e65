"""Each runs on models and texts that are too small to say anything about speed."""

import pytest

from boildown.benchmark.processes import work
from boildown.benchmark.report import row_report
from boildown.benchmark.rows import ROWS, Task
from boildown.runtime import scheduler


@pytest.mark.parametrize("name", ["bundled", "bundled-int8", "gemm-bert", "linear", "cold"])
def test_a_row_measures_what_its_goals_name(name, tmp_path):
    task = Task(name, str(tmp_path), "cpu", tiny=True)
    if task.row.model:
        work(Task(name, str(tmp_path), "cpu", tiny=True, mode="make"))
    found = work(task)
    assert found["machine"]["device"] == "cpu"
    assert set(ROWS[name].goals) <= set(found)
    shown = row_report(name, found)
    assert all(f"{key} " in shown for key in ROWS[name].goals)
    assert "goal" in shown


def test_requests_at_once_get_the_answers_they_get_alone():
    try:
        found = work(Task("concurrency", "", "cpu", tiny=True))
    finally:
        scheduler.reset()
    assert [row["documents"] for row in found["rows"]] == [2, 1]
    for row in found["rows"]:
        assert set(row["ways"]) == {"one at a time, one core", "one at a time", "threads", "asyncio"}
        assert all(way["answers_that_differ"] == 0 for way in row["ways"].values())
    assert found["event_loop"]["requests"] == found["requests"] == 4
    assert found["measured_on"]["threads"] >= 1
    shown = row_report("concurrency", found)
    assert "4 requests of 2 documents, asyncio" in shown
    assert "goal 50" in shown


def test_a_second_query_runs_no_model():
    found = work(Task("cached", "", "cpu", tiny=True))  # which would fail where a document was read again
    assert [(row["place"], row["unit"]) for row in found["rows"]] == [
        ("memory", "word"), ("memory", "sentence"), ("file", "word"), ("file", "sentence"),
    ]  # fmt: skip
    assert found["documents"] == 4
    assert "scores from the file, cut by words" in row_report("cached", found)
