from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boildown.errors import InputError
from boildown.training.data import held_out, parse, read_questions

Write = Callable[..., Path]


def test_records_are_grouped_by_question(write: Write, records: list[dict[str, Any]]) -> None:
    questions, broken = read_questions([write(records)])
    assert not broken
    assert len(questions) == len(records) // 3
    first = questions[0]
    assert (len(first.positives), len(first.negatives)) == (1, 2)
    start, end = first.positives[0].answers[0]
    assert first.positives[0].text[start:end] == records[0]["answers"][0]["text"]
    assert first.answer_texts() == {records[0]["answers"][0]["text"].casefold()}


def test_a_passage_that_comes_twice_counts_once_with_all_that_is_marked(
    write: Write, records: list[dict[str, Any]]
) -> None:
    first, other, *_ = records
    word = {"text": first["passage"].split()[0], "start": 0}
    again = {**first, "answers": [*first["answers"], word], "evidence": [word]}
    elsewhere = {**first, "title": "Another island"}
    questions, _ = read_questions([write([first, other, again, elsewhere, {**first, "answers": []}, other])])
    (question,) = questions
    (start,) = (answer["start"] for answer in first["answers"])
    marked, apart = question.positives
    assert marked.answers == ((start, start + len(first["answers"][0]["text"])), (0, len(word["text"])))
    assert marked.evidence == ((0, len(word["text"])),)
    assert (apart.title, len(apart.answers)) == ("Another island", 1)
    assert len(question.negatives) == 1


def test_reads_gzip(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    path = tmp_path / "train.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as handle:
        handle.writelines(json.dumps(r) + "\n" for r in records)
    assert len(read_questions([path])[0]) == len(records) // 3


def test_sources_and_languages_are_filtered(write: Write, records: list[dict[str, Any]]) -> None:
    records[0]["lang"] = "fr"
    path = write(records)
    assert {q.source for q in read_questions([path], exclude_sources=["dairies"])[0]} == {"islands"}
    french, _ = read_questions([path], languages=["fr"])
    assert [q.qid for q in french] == [records[0]["qid"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ({"passage": None}, "'passage'"),
        ({"relevant": "yes"}, "'relevant'"),
        ({"question": "  "}, "empty"),
        ({"answers": [{"text": "elsewhere", "start": 0}]}, "is not at character 0"),
        ({"answers": [{"text": ""}]}, "'start'"),
        ({"passage": "It is so.", "answers": [{"text": "is", "start": -6}]}, "is not at character -6"),
        ({"evidence": ["a sentence"]}, "evidence"),
    ],
)
def test_a_broken_line_is_named_or_skipped(
    write: Write, records: list[dict[str, Any]], change: Any, reason: str
) -> None:
    broken_line = change if isinstance(change, str) else {**records[3], **change}
    path = write([*records[:3], "", broken_line, *records[3:]])
    with pytest.raises(InputError, match=reason) as caught:
        read_questions([path])
    assert f"{path}:5:" in str(caught.value)
    questions, broken = read_questions([path], on_error="skip")
    assert len(questions) == len(records) // 3
    assert [(b.path, b.line) for b in broken] == [(str(path), 5)]
    assert reason.strip("'") in broken[0].reason


def test_a_qid_of_two_questions_is_a_broken_line(write: Write, records: list[dict[str, Any]]) -> None:
    """As where two files number their questions from 1: the passages of one would be taught for the other."""
    first = {"qid": "1", "question": "Who wrote Emma?", "passage": "Jane Austen wrote Emma.", "relevant": True}
    second = {"qid": "1", "question": "How deep is the lake?", "passage": "The lake is 90 m deep.", "relevant": True}
    paths = [write([first, {**first, "question": "who wrote  Emma?"}], "a.jsonl"), write([second], "b.jsonl")]
    with pytest.raises(InputError, match=r"b\.jsonl:1: the qid '1' is of another question, 'Who wrote Emma\?'"):
        read_questions(paths)
    (question,), broken = read_questions(paths, on_error="skip")
    assert [passage.text for passage in question.positives] == [first["passage"]]
    assert len(broken) == 1
    for apart in ({"source": "lakes"}, {"qid": "2"}):
        assert len(read_questions([paths[0], write([{**second, **apart}], "c.jsonl")])[0]) == 2
    french = write([{**second, "lang": "fr"}], "d.jsonl")
    assert len(read_questions([paths[0], french], languages=["fr"])[0]) == 1


def test_bytes_that_are_no_text_are_a_broken_line(write: Write, records: list[dict[str, Any]]) -> None:
    path = write(records)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b'{"question": "caf\xe9"}\n')
    with pytest.raises(InputError, match=r"not UTF-8.* --on-error skip"):
        read_questions([path])
    _, broken = read_questions([path], on_error="skip")
    assert [b.line for b in broken] == [len(records) + 1]


def test_a_record_needs_only_question_passage_and_relevant() -> None:
    question, passage = parse(b'{"question": "Why?", "passage": "Because.", "relevant": false}')
    assert (question.qid, question.source, passage.gold) == ("Why?", "data", ())


def test_half_a_surrogate_pair_is_replaced_and_offsets_stay() -> None:
    record = {"qid": "\ud800", "question": "Why \ud83d?", "title": "\udfff", "passage": "\ud83d Because."}
    answers = [{"text": "\ud83d Because", "start": 0}]
    question, passage = parse(json.dumps({**record, "relevant": True, "answers": answers}).encode())
    for text in (question.qid, question.text, passage.title, passage.text):
        text.encode()
    assert passage.answers == ((0, 9),)


def test_about_one_question_in_fifty_is_held_out() -> None:
    share = sum(held_out(f"question-{i}") for i in range(5000)) / 5000
    assert 0.015 < share < 0.025
    assert held_out("question-7") == held_out("question-7")
