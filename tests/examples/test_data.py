"""The data that were written for the project are what their page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from boildown.evaluation.metrics import holds_answer
from boildown.evaluation.records import Record, read_data_set
from boildown.training.data import Question, read_questions

DATA = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture(scope="module")
def measured() -> list[Record]:
    return list(read_data_set(DATA / "written.jsonl.gz").records)


@pytest.fixture(scope="module")
def trained_on() -> list[Question]:
    questions, broken = read_questions([DATA / "written_train.jsonl.gz"])
    assert not broken
    return questions


def test_gold_documents_hold_the_answers(measured: list[Record]) -> None:
    assert len(measured) > 500
    for record in measured:
        gold = [record.documents[index].text for index in record.gold]
        assert holds_answer(gold, record.answers), record.question
        assert len(record.documents) > len(gold)


def test_training_marks_what_is_needed(trained_on: list[Question]) -> None:
    assert len(trained_on) > 5000
    assert sum(not question.positives for question in trained_on) > 500
    assert all(question.has_spans for question in trained_on if question.positives)
    assert all(question.negatives for question in trained_on)


def test_nothing_that_is_measured_with_was_trained_on(measured: list[Record], trained_on: list[Question]) -> None:
    seen = {passage.text for question in trained_on for passage in (*question.positives, *question.negatives)}
    assert not seen & {document.text for record in measured for document in record.documents}
    assert not {question.text for question in trained_on} & {record.question for record in measured}
