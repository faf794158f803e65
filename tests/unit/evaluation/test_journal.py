import pytest

from boildown.errors import InputError
from boildown.evaluation.journal import Journal

RESULT = {"file": "f", "id": "1", "method": "bm25"}


def test_settings_file_and_id_make_the_key(tmp_path):
    path = tmp_path / "results.jsonl"
    with Journal(path) as journal:
        journal.add({"rates": [0.5], "model": None}, RESULT)
        assert journal.get("f", "1", {"model": None, "rates": [0.5]})["method"] == "bm25"
    with Journal(path) as journal:
        assert journal.get("f", "1", {"model": None, "rates": [0.5]}) is not None
        assert journal.get("f", "2", {"model": None, "rates": [0.5]}) is None
        assert journal.get("g", "1", {"model": None, "rates": [0.5]}) is None
        assert journal.get("f", "1", {"model": None, "rates": [0.5, 0.1]}) is None


def test_a_line_of_another_kind_is_an_error_and_stays(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(InputError, match="line 1: not a result"):
        Journal(path)
    assert path.read_text() == "my notes\n"
    with pytest.raises(InputError, match="cannot be used"):
        Journal(tmp_path / "no" / "folder.jsonl")
