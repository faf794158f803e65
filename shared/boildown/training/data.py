"""Reads training records and groups them by question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from boildown.counters import well_formed
from boildown.errors import InputError, unknown_name
from boildown.json_lines import parse_line, read_lines

HELD_OUT_MODULUS = 50


@dataclass(frozen=True)
class Passage:
    """One passage of a question; ``answers`` and ``evidence`` are (start, end) character spans."""

    title: str
    text: str
    answers: tuple[tuple[int, int], ...]
    evidence: tuple[tuple[int, int], ...]
    relevant: bool

    @property
    def gold(self) -> tuple[tuple[int, int], ...]:
        return self.evidence + self.answers


@dataclass
class Question:
    """A question with the passages that hold its answer and those that do not."""

    qid: str
    text: str
    source: str
    lang: str
    positives: list[Passage] = field(default_factory=list)
    negatives: list[Passage] = field(default_factory=list)

    @property
    def has_spans(self) -> bool:
        """Whether it is known which part of its relevant passages is needed."""
        return bool(self.positives) and all(p.gold for p in self.positives)

    def answer_texts(self) -> set[str]:
        return {p.text[a:b].casefold() for p in self.positives for a, b in p.answers}


@dataclass
class BrokenLine:
    """A line of a training file that could not be used, and why."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


def held_out(qid: str) -> bool:
    """Whether a question is kept out of training, for calibration: ``sha1(qid) % 50 == 0``."""
    return int(hashlib.sha1(qid.encode()).hexdigest(), 16) % HELD_OUT_MODULUS == 0


def _spans(record: dict[str, Any], key: str) -> tuple[tuple[int, int], ...]:
    passage = record["passage"]
    found = []
    for item in record.get(key) or ():
        text, start = item["text"], item["start"]
        if start < 0 or passage[start : start + len(text)] != text or not text:
            raise ValueError(f"{key}: {text[:40]!r} is not at character {start} of the passage")
        found.append((start, start + len(text)))
    return tuple(found)


def parse(line: bytes) -> tuple[Question, Passage]:
    """Parses one record; raises ``ValueError`` that says what is wrong with it."""
    record = parse_line(line)
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    for key, kind in (("question", str), ("passage", str), ("relevant", bool)):
        if not isinstance(record.get(key), kind):
            raise ValueError(f"needs {key!r} as {kind.__name__}")
    if not record["question"].strip() or not record["passage"].strip():
        raise ValueError("question or passage is empty")
    try:
        answers, evidence = _spans(record, "answers"), _spans(record, "evidence")
    except (KeyError, TypeError) as error:
        raise ValueError(f"answers and evidence need {{'text', 'start'}}: {error!r}") from None
    # Half a surrogate pair, as a cut leaves it of an emoji, is replaced as at inference: no tokenizer takes it.
    question = Question(
        qid=well_formed(str(record.get("qid") or record["question"])),
        text=well_formed(record["question"].strip()),
        source=well_formed(str(record.get("source") or "data")),
        lang=well_formed(str(record.get("lang") or "")),
    )
    title, text = well_formed(str(record.get("title") or "")), well_formed(record["passage"])
    return question, Passage(title, text, answers, evidence, record["relevant"])


def read_questions(
    paths: Sequence[Path],
    on_error: str = "raise",
    exclude_sources: Sequence[str] = (),
    languages: Sequence[str] = (),
) -> tuple[list[Question], list[BrokenLine]]:
    """Reads JSONL files and groups their records by question; a passage that comes twice under it counts once.

    Returns:
        The questions in order of first appearance, and the lines that were skipped.

    Raises:
        InputError: a file cannot be read; or a line is broken and ``on_error`` is ``"raise"``; names file and line.
        ConfigurationError: a source to exclude is in none of the files.
    """
    questions: dict[tuple[str, str], Question] = {}
    broken: list[BrokenLine] = []
    sources: set[str] = set()
    for path in paths:
        for number, line in read_lines(path):
            try:
                question, passage = parse(line)
                sources.add(question.source)
                if question.source in exclude_sources or (languages and question.lang not in languages):
                    continue
                known = questions.setdefault((question.source, question.qid), question)
                if known.text.casefold().split() != question.text.casefold().split():
                    raise ValueError(f"the qid {question.qid!r} is of another question, {known.text[:80]!r}")
            except ValueError as error:
                fault = BrokenLine(str(path), number, str(error))
                if on_error != "skip":
                    hint = "Mend the line, or skip broken ones: --on-error skip, or on_error='skip' in Python."
                    raise InputError(f"{fault}. {hint}") from None
                broken.append(fault)
                continue
            (known.positives if passage.relevant else known.negatives).append(passage)
    for source in exclude_sources:
        if source not in sources:
            raise unknown_name("source to exclude", source, sources)
    for question in questions.values():
        question.positives, question.negatives = _merged(question.positives), _merged(question.negatives)
    return list(questions.values()), broken


def _merged(passages: Sequence[Passage]) -> list[Passage]:
    """Each passage once, with all that its records mark; read as two, it would make a question of two steps."""
    found: dict[tuple[str, str], Passage] = {}
    for passage in passages:
        known = found.setdefault((passage.title, passage.text), passage)
        if known is not passage:
            answers = tuple(dict.fromkeys(known.answers + passage.answers))
            evidence = tuple(dict.fromkeys(known.evidence + passage.evidence))
            found[passage.title, passage.text] = replace(known, answers=answers, evidence=evidence)
    return list(found.values())
