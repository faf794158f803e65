import sys

import pytest

from boildown.errors import ConfigurationError, InputError, MissingExtraError
from boildown.evaluation.public import load_public_set, map_rows


def test_hotpotqa_rows():
    row = {
        "id": "h1",
        "question": "Which sea does the river of Orlen reach?",
        "answer": "the Grey Sea",
        "supporting_facts": {"title": ["Orlen", "River Tam"], "sent_id": [0, 1]},
        "context": {
            "title": ["Orlen", "Bread", "River Tam"],
            "sentences": [
                ["Orlen lies on the Tam.", " It is old."],
                ["Bread is food."],
                ["The Tam is long.", " It reaches the Grey Sea."],
            ],
        },
    }
    data_set = map_rows("hotpotqa", [row])
    (record,) = data_set.records
    assert data_set.name == "hotpotqa"
    assert [d.text for d in record.documents] == [
        "Orlen lies on the Tam. It is old.",
        "Bread is food.",
        "The Tam is long. It reaches the Grey Sea.",
    ]
    assert record.gold == (0, 2)
    assert record.answers == ("the Grey Sea",)


def test_squad_rows_with_and_without_an_answer():
    row = {"id": "s", "title": "T", "context": "C.", "question": "Q?"}
    answered = {**row, "answers": {"text": ["C", "C", "c"], "answer_start": [0, 0, 0]}}
    unanswered = {**row, "id": "u", "answers": {"text": [], "answer_start": []}}
    first, second = map_rows("squad_v2", [answered, unanswered]).records
    assert (first.answers, first.gold, first.documents[0].title) == (("C", "c"), (0,), "T")
    assert (second.answers, second.gold) == ((), ())


def test_musique_rows():
    row = {
        "id": "m",
        "question": "Q?",
        "answer": "A",
        "answer_aliases": ["B", "A"],
        "paragraphs": [
            {"title": "x", "paragraph_text": "X.", "is_supporting": False},
            {"title": "y", "paragraph_text": "Y A.", "is_supporting": True},
        ],
    }
    (record,) = map_rows("musique", [row]).records
    assert (record.answers, record.gold) == (("A", "B"), (1,))
    assert [d.text for d in record.documents] == ["X.", "Y A."]


def test_other_columns_are_named():
    with pytest.raises(
        InputError, match=r"Row 0 of the data set 'squad' is not as expected .*'answers'.*; it has id, text"
    ):
        map_rows("squad", [{"id": "1", "text": "x"}])


def test_an_unknown_name_and_a_missing_library(monkeypatch):
    with pytest.raises(ConfigurationError, match="Did you mean 'hotpotqa'"):
        load_public_set("hotpotq")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'boildown\[evaluation\]'"):
        load_public_set("squad")


def test_columns_that_do_not_fit_together_are_named():
    context = {"title": ["a", "b"], "sentences": [["A."]]}
    row = {"id": "1", "question": "q", "answer": "a", "context": context, "supporting_facts": {"title": []}}
    with pytest.raises(InputError, match="Row 0 of the data set 'hotpotqa' is not as expected"):
        map_rows("hotpotqa", [row])
