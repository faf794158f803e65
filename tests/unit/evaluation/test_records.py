import gzip
import json

import pytest

from boildown import Document
from boildown.errors import InputError
from boildown.evaluation.records import DataSet, Record, data_set_name, parse_record, read_data_set


def test_reads_plain_and_compressed_files_alike(data_file, tmp_path):
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(data_file.read_bytes()))
    plain, again = read_data_set(data_file), read_data_set(packed)
    assert plain.records == again.records
    assert (plain.name, again.name) == ("made", "packed")
    first = plain.records[0]
    assert first.gold == (0,)
    assert first.answers == ("Ada Quill",)
    assert [document.title for document in first.documents] == ["Marrow Point", "Bread"]


def test_a_byte_order_mark_is_no_part_of_a_question(data_file):
    data_file.write_bytes(b"\xef\xbb\xbf" + data_file.read_bytes())
    assert len(read_data_set(data_file).records) == 2


def test_the_limit_stops_before_a_later_broken_line(data_file):
    with data_file.open("a") as file:
        file.write("{broken\n")
    assert len(read_data_set(data_file, limit=2).records) == 2
    with pytest.raises(InputError, match=r"made\.jsonl, line 3: not JSON"):
        read_data_set(data_file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": None}, '"question" is missing'),
        ({"question": 3}, '"question" must be a str, not int'),
        ({"documents": "text"}, '"documents" must be a list, not str'),
        ({"documents": [{"title": "x"}]}, r'"documents"\[0\] must be an object with a "text"'),
        ({"answers": [1]}, '"answers" must be a list of strings'),
    ],
)
def test_a_wrong_field_is_named_with_its_line(data_file, records, change, message):
    data_file.write_text("\n" + json.dumps({**records[0], **change}) + "\n")
    with pytest.raises(InputError, match=f"line 2: {message}"):
        read_data_set(data_file)


def test_an_id_stands_once(data_file, records):
    data_file.write_text("".join(json.dumps(r) + "\n" for r in [*records, records[0]]))
    with pytest.raises(InputError, match="line 3: the id 'lighthouse' was used before, in line 1"):
        read_data_set(data_file)


def test_ids_may_be_numbers_from_0_on(data_file, records):
    data_file.write_text("".join(json.dumps({**record, "id": i}) + "\n" for i, record in enumerate(records)))
    assert [record.id for record in read_data_set(data_file).records] == ["0", "1"]


def test_files_without_a_question_and_missing_files_are_errors(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    with pytest.raises(InputError, match="holds no questions"):
        read_data_set(empty)
    with pytest.raises(InputError, match="cannot be read"):
        read_data_set(tmp_path / "absent.jsonl")
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(gzip.compress(b'{"question": "q", "documents": ["d"]}\n' * 100)[:40])
    with pytest.raises(InputError, match="cannot be read"):
        read_data_set(torn)


def test_a_pair_is_a_record_of_one_document():
    pair = {"id": "p", "question": "Q?", "title": "T", "passage": "P.", "answers": [{"text": "P", "start": 0}]}
    record = parse_record({**pair, "relevant": False})
    assert (record.documents[0].text, record.documents[0].title) == ("P.", "T")
    assert record.answers == ("P",)
    assert record.gold == ()
    assert parse_record({**pair, "relevant": True}).gold == (0,)
    with pytest.raises(InputError, match='It needs "documents", or a "passage"'):
        parse_record({"question": "Q?"})


def test_what_is_not_needed_may_be_left_out():
    record = parse_record({"question": "Q?", "documents": ["one", {"text": "two", "gold": True}]}, default_id="7")
    assert (record.id, record.lang, record.answers, record.gold) == ("7", "", (), (1,))


@pytest.mark.parametrize("name", ["a/nq_20.jsonl.gz", "nq_20.jsonl", "nq_20"])
def test_a_data_set_is_called_by_its_file(name):
    assert data_set_name(name) == "nq_20"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"question": None}, "question must be text, not NoneType"),
        ({"answers": "Ada Quill"}, "answers must be a list of strings, not str"),
        ({"answers": [7]}, "answers must be strings, not int"),
        ({"documents": "one text"}, "documents must be a list"),
        ({"documents": [None]}, r"documents\[0\] must be text, not NoneType"),
        ({"gold": 0}, "gold must be a list"),
        ({"gold": [1]}, "gold must hold indices of the 1 documents, from 0 on, not 1"),
    ],
)
def test_a_record_of_wrong_values_is_refused(change, message):
    given = {"id": "1", "lang": "", "question": "Who?", "answers": ["Ada"], "documents": ["Ada did."], "gold": [0]}
    assert Record(**given).documents == (Document("Ada did."),)
    with pytest.raises(InputError, match=message):
        Record(**{**given, **change})


@pytest.mark.parametrize("records", [None, "made.jsonl", [{"question": "Who?"}]])
def test_a_data_set_holds_records(records):
    with pytest.raises(InputError, match="records must be"):
        DataSet("made", records)
