"""Questions with the documents that were retrieved for them, read from JSONL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from boildown.checks import check_documents, series
from boildown.errors import InputError
from boildown.json_lines import parse_line, read_lines
from boildown.types import Document

__all__ = ["DataSet", "Record", "all_of", "data_set_name", "parse_record", "read_data_set"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """One question.

    Attributes:
        id: unique in its file.
        lang: language code, or an empty string.
        question: the query.
        answers: gold answers, any of which will do; empty where the set has none or the question cannot be answered.
        documents: what was retrieved; a string is a document without a title.
        gold: indices of the documents that hold the answer or the evidence.
        source: where the question is from.

    Raises:
        InputError: the question, an answer or a document is no text, or no document has an index of `gold`.
    """

    id: str
    lang: str
    question: str
    answers: tuple[str, ...]
    documents: tuple[Document, ...]
    gold: tuple[int, ...]
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.question, str):
            raise InputError(f"question must be text, not {type(self.question).__name__}.")
        answers = tuple(series(self.answers, str, "answers must be a list of strings"))
        documents = check_documents(self.documents)
        gold = tuple(series(self.gold, int, "gold must be a list of indices of documents"))
        for answer in answers:
            if not isinstance(answer, str):
                raise InputError(f"answers must be strings, not {type(answer).__name__}.")
        for index in gold:
            if index not in range(len(documents)):
                raise InputError(f"gold must hold indices of the {len(documents)} documents, from 0 on, not {index!r}.")
        for name, value in (("answers", answers), ("documents", documents), ("gold", gold)):
            object.__setattr__(self, name, value)

    @property
    def digest(self) -> str:
        """Hash of all that a result depends on: question, answers, documents and which of them are gold."""
        documents = [(document.title, document.text) for document in self.documents]
        known = json.dumps([self.question, self.answers, documents, self.gold])
        return hashlib.blake2b(known.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class DataSet:
    """Questions under one name.

    Raises:
        InputError: a record is no `Record`.
    """

    name: str
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", tuple(all_of("records", self.records, Record)))


def all_of(name: str, given: Iterable[T], kind: type[T]) -> list[T]:
    """An argument's values as a list.

    Raises:
        InputError: it is no series, or one value is of another kind.
    """
    rule = f"{name} must be a list of {kind.__name__}s"
    values = series(given, kind, rule)
    for value in values:
        if not isinstance(value, kind):
            raise InputError(f"{rule}; one is of the type {type(value).__name__}.")
    return values


def read_data_set(path: str | Path, limit: int | None = None) -> DataSet:
    """Reads a .jsonl or .jsonl.gz file of questions; see `parse_record` for the two forms of a record.

    Args:
        path: the file.
        limit: read at most the first so many questions.

    Raises:
        InputError: the file cannot be read or holds no question, or a line is not a record (with its number), or an
            id is used twice.
    """
    path = Path(path)
    records = []
    lines: dict[str, int] = {}
    for number, line in islice(read_lines(path), limit):
        try:
            record = parse_record(parse_line(line), default_id=str(number))
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        if record.id in lines:
            raise InputError(
                f"{path}, line {number}: the id {record.id!r} was used before, in line {lines[record.id]}."
            )
        lines[record.id] = number
        records.append(record)
    if not records:
        raise InputError(f"{path} holds no questions.")
    return DataSet(data_set_name(path), tuple(records))


def data_set_name(path: str | Path) -> str:
    """The file's name without .jsonl, .json and .gz."""
    name = Path(path).name
    for ending in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(ending)
    return name


def parse_record(value: Any, default_id: str = "") -> Record:
    """Builds a record from parsed JSON.

    Either `{"id", "lang", "question", "answers": [...], "documents": [{"title", "text", "gold"}], "source"}`, or a
    pair of a question and one passage, as reading-comprehension sets have it: `{"id", "lang", "question", "title",
    "passage", "answers": [{"text", "start"}], "relevant", "source"}`. Only the question and the documents (or the
    passage) are required; other fields are ignored.

    Raises:
        InputError: a field is missing or of another type.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"a record must be a JSON object, not {type(value).__name__}.")
    if "documents" in value:
        given = _field(value, "documents", list)
    else:
        passage = _field(value, "passage", str, 'It needs "documents", or a "passage".')
        gold = _field(value, "relevant", bool, default=True)
        given = [{"title": value.get("title"), "text": passage, "gold": gold}]
    documents, gold_places = [], []
    for place, item in enumerate(given):
        if isinstance(item, str):
            item = {"text": item}
        if not isinstance(item, Mapping) or not isinstance(item.get("text"), str):
            raise InputError(f'"documents"[{place}] must be an object with a "text".')
        documents.append(Document(item["text"], id=str(place), title=str(item.get("title") or "")))
        if item.get("gold"):
            gold_places.append(place)
    answers = []
    for answer in _field(value, "answers", list, default=[]):
        text = answer.get("text") if isinstance(answer, Mapping) else answer
        if not isinstance(text, str):
            raise InputError('"answers" must be a list of strings, or of objects with a "text".')
        answers.append(text)
    given_id = value.get("id")
    return Record(
        # An id of 0 is one.
        id=default_id if given_id in (None, "") else str(given_id),
        lang=str(value.get("lang") or ""),
        question=_field(value, "question", str),
        answers=tuple(answers),
        documents=tuple(documents),
        gold=tuple(gold_places),
        source=str(value.get("source") or ""),
    )


def _field(value: Mapping[str, Any], name: str, kind: type, hint: str = "", default: Any = None) -> Any:
    found = value.get(name, default)
    if found is None and default is not None:
        found = default
    if not isinstance(found, kind):
        wrong = "is missing" if found is None else f"must be a {kind.__name__}, not {type(found).__name__}"
        raise InputError(f'"{name}" {wrong}. {hint}'.rstrip())
    return found
