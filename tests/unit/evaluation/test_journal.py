import json

import pytest

from boildown.errors import InputError
from boildown.evaluation.journal import Journal
from boildown.evaluation.records import parse_record

RESULT = {"file": "f", "id": "1", "method": "bm25"}
GIVEN = {"id": "1", "question": "Who?", "answers": ["Ada"], "documents": [{"text": "Ada. \ud800", "gold": True}]}
RECORD = parse_record(GIVEN)
SETTINGS = {"model": None, "rates": [0.5]}


def test_settings_file_and_record_make_the_key(tmp_path):
    path = tmp_path / "results.jsonl"
    with Journal(path) as journal:
        journal.add(RECORD, {"rates": [0.5], "model": None}, RESULT)
        assert journal.get("f", RECORD, SETTINGS)["method"] == "bm25"
    with Journal(path) as journal:
        assert journal.get("f", parse_record({**GIVEN, "source": "elsewhere"}), SETTINGS) is not None
        assert journal.get("g", RECORD, SETTINGS) is None
        assert journal.get("f", RECORD, {"model": None, "rates": [0.5, 0.1]}) is None
        for change in (
            {"id": "2"},
            {"question": "Who else?"},
            {"answers": []},
            {"documents": [{"text": "Ada. \ud800", "gold": False}]},
            {"documents": [{"text": "Ada.", "gold": True}]},
        ):
            assert journal.get("f", parse_record({**GIVEN, **change}), SETTINGS) is None


def test_a_line_that_tells_of_no_record_fits_none(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps({**RESULT, "settings": SETTINGS}) + "\n")
    with Journal(path) as journal:
        assert journal.get("f", RECORD, SETTINGS) is None


@pytest.mark.parametrize("torn", ["{", '{"file": "f", "id', '{"file": "f"}'])
def test_a_result_that_was_interrupted_is_taken_away(tmp_path, torn):
    path = tmp_path / "results.jsonl"
    path.write_text(torn)
    with Journal(path) as journal:
        journal.add(RECORD, SETTINGS, RESULT)
    whole = path.read_text()
    path.write_text(whole + torn)
    with Journal(path) as journal:
        assert journal.get("f", RECORD, SETTINGS) is not None
    assert path.read_text() == whole


@pytest.mark.parametrize("content", ["my precious notes", '{"a": 1}\n{"b": 2}', "\n", "[1]\n", '{"file": 1}\n{"file'])
def test_what_is_no_journal_stays_as_it_is(tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(InputError, match="line 1: not a result"):
        Journal(path)
    assert path.read_text() == content


def test_a_line_of_another_kind_is_an_error_and_stays(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(InputError, match="line 1: not a result"):
        Journal(path)
    assert path.read_text() == "my notes\n"
    with pytest.raises(InputError, match="cannot be used"):
        Journal(tmp_path / "no" / "folder.jsonl")
