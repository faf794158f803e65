import json

import pytest

from boildown.evaluation.report import format_table, mean_rows, report, summarise
from boildown.evaluation.runner import CutResult, QuestionResult


def result(id: str, answer: bool | None, seconds: float, file: str = "one", model: float | None = 0.5, **more):
    cut = CutResult("rate=0.5", 50, more.get("rate", 0.5), answer, more.get("gold", 1.0), 0.25, seconds, model)
    return QuestionResult(file, id, "bm25", 100, answer is not None, (cut,))


def test_means_over_questions_leave_out_those_without_an_answer():
    results = [result("a", True, 1.0), result("b", False, 1.0, gold=0.0), result("c", None, 2.0, gold=None, rate=0.2)]
    (row,) = summarise(results)
    assert (row.questions, row.unanswerable) == (3, 1)
    assert row.answer_retention == 0.5
    assert row.gold_retention == 0.5
    assert row.rate == pytest.approx(0.4)
    assert row.rate_unanswerable == pytest.approx(0.2)
    assert row.tokens_per_second == pytest.approx(300 / 4)
    assert (row.p50, row.model_share) == (1.0, pytest.approx(1.5 / 4))
    assert row.p95 == pytest.approx(1.9)


def test_what_is_unknown_is_not_a_number():
    (row,) = summarise([result("a", None, 1.0, gold=None, model=None)])
    assert row.answer_retention is None
    assert row.gold_retention is None
    assert row.model_share is None
    assert " - " in format_table([row])


def test_files_weigh_the_same_in_the_mean():
    results = [result("a", True, 1.0), result("b", True, 1.0), result("c", False, 1.0, file="two")]
    rows = summarise(results)
    assert [(row.file, row.answer_retention) for row in rows] == [("one", 1.0), ("two", 0.0)]
    (mean,) = mean_rows(rows)
    assert (mean.file, mean.answer_retention, mean.questions) == ("mean of 2", 0.5, 3)
    assert mean_rows(rows[:1]) == []


def test_the_table_is_aligned_and_the_report_is_json():
    rows = summarise([result("a", True, 0.0125), result("c", False, 1.0, file="a longer name")])
    lines = format_table(rows).splitlines()
    assert len(lines) == 1 + 2 + 1
    columns = [line.index("rate=0.5") for line in lines[1:]]
    assert len(set(columns)) == 1
    assert "12.5" in lines[1]
    made = json.loads(json.dumps(report(rows, counter="estimate", methods=[{"label": "bm25"}])))
    assert [row["file"] for row in made["rows"]] == ["one", "a longer name"]
    assert made["means"][0]["answer_retention"] == 0.5
    assert made["counter"] == "estimate"
