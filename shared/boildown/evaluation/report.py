"""Results in numbers: one row for each file, method and budget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from boildown import __version__
from boildown.evaluation.runner import QuestionResult
from boildown.tables import table

__all__ = ["Row", "count_notes", "format_table", "mean_rows", "report", "summarise"]

_OWN = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*"|\d+(?:[.,]\d+)*)(?!\w)""")
"""What a note says of its own question: quoted words and numbers."""


@dataclass(frozen=True, slots=True)
class Row:
    """Means over the questions of one file.

    Attributes:
        file, method: what was measured.
        asked: the budget, such as "rate=0.25".
        questions: how many there are.
        unanswerable: of these, without an answer in the original documents; left out of answer retention.
        rate: tokens kept / tokens in.
        rate_unanswerable: the same over the unanswerable questions only; None if there are none.
        answer_retention: share of the answerable questions that keep an answer; None if there are none.
        gold_retention: share of the gold documents that keep a sentence; None where no document is gold or a method
            gives no spans.
        sentences_kept: share of the sentences.
        tokens_per_second: input tokens by the budget's counter, one question after the other.
        p50, p95: latency per question, seconds.
        model_share: share of the time inside model forwards; None where unknown.
    """

    file: str
    method: str
    asked: str
    questions: int
    unanswerable: int
    rate: float | None
    rate_unanswerable: float | None
    answer_retention: float | None
    gold_retention: float | None
    sentences_kept: float | None
    tokens_per_second: float | None
    p50: float | None
    p95: float | None
    model_share: float | None


def summarise(results: Iterable[QuestionResult]) -> list[Row]:
    """One row for each file, method and budget, in the order in which they come."""
    groups: dict[tuple[str, str, str], list[tuple[QuestionResult, int]]] = {}
    for result in results:
        for place, cut in enumerate(result.cuts):
            groups.setdefault((result.file, result.method, cut.asked), []).append((result, place))
    return [_row(*key, found) for key, found in groups.items()]


def _row(file: str, method: str, asked: str, found: list[tuple[QuestionResult, int]]) -> Row:
    cuts = [result.cuts[place] for result, place in found]
    unanswerable = [cut for cut in cuts if cut.answer is None]
    seconds = np.array([cut.seconds for cut in cuts])
    total = float(seconds.sum())
    return Row(
        file=file,
        method=method,
        asked=asked,
        questions=len(cuts),
        unanswerable=len(unanswerable),
        rate=_mean(cut.rate for cut in cuts),
        rate_unanswerable=_mean(cut.rate for cut in unanswerable),
        answer_retention=_mean(cut.answer for cut in cuts),
        gold_retention=_mean(cut.gold for cut in cuts),
        sentences_kept=_mean(cut.sentences for cut in cuts),
        tokens_per_second=sum(result.tokens_in for result, _ in found) / total if total else None,
        p50=float(np.percentile(seconds, 50)),
        p95=float(np.percentile(seconds, 95)),
        model_share=None
        if any(cut.model_seconds is None for cut in cuts) or not total
        else sum(cut.model_seconds or 0.0 for cut in cuts) / total,
    )


def mean_rows(rows: Sequence[Row]) -> list[Row]:
    """The unweighted means over files, one row for each method and budget; empty for a single file."""
    files = dict.fromkeys(row.file for row in rows)
    if len(files) < 2:
        return []
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.method, row.asked), []).append(row)
    means = []
    for group in groups.values():
        fields = [name for name in Row.__dataclass_fields__ if name not in ("file", "method", "asked")]
        values: dict[str, Any] = {name: _mean(getattr(row, name) for row in group) for name in fields}
        for name in ("questions", "unanswerable"):
            values[name] = sum(getattr(row, name) for row in group)
        means.append(replace(group[0], file=f"mean of {len(group)}", **values))
    return means


def count_notes(results: Iterable[QuestionResult]) -> list[dict[str, Any]]:
    """How many questions of each file and method have which note, in the order in which they come.

    Notes that differ in a number or a quoted word are one, with an ellipsis there.
    """
    groups: dict[tuple[str, str, str], list[str]] = {}
    for result in results:
        kinds = {_OWN.sub("…", note): note for note in result.notes}
        for kind, note in kinds.items():
            groups.setdefault((result.file, result.method, kind), []).append(note)
    return [
        {"file": file, "method": method, "note": kind if len({*notes}) > 1 else notes[0], "questions": len(notes)}
        for (file, method, kind), notes in groups.items()
    ]


def report(
    rows: Sequence[Row],
    *,
    counter: str,
    methods: Sequence[dict[str, Any]],
    notes: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Everything as plain Python values, ready for JSON.

    Args:
        rows: of `summarise`.
        counter: the name of the counter that counted tokens.
        methods: the settings of each entrant.
        notes: of `count_notes`.
    """
    return {
        "boildown": __version__,
        "counter": counter,
        "methods": list(methods),
        "rows": [_plain(row) for row in rows],
        "means": [_plain(row) for row in mean_rows(rows)],
        "notes": list(notes),
    }


def format_table(rows: Sequence[Row]) -> str:
    """A plain table of the rows and of their means over files."""
    header = (
        "file", "method", "asked", "questions", "no answer", "rate", "answer", "gold", "sentences", "tokens/s",
        "p50 ms", "p95 ms", "model",
    )  # fmt: skip
    lines = [header]
    for row in [*rows, *mean_rows(rows)]:
        lines.append(
            (
                row.file,
                row.method,
                row.asked,
                str(row.questions),
                str(row.unanswerable),
                _number(row.rate),
                _number(row.answer_retention),
                _number(row.gold_retention),
                _number(row.sentences_kept),
                _number(row.tokens_per_second, ",.0f"),
                _number(None if row.p50 is None else 1000 * row.p50, ".1f"),
                _number(None if row.p95 is None else 1000 * row.p95, ".1f"),
                _number(row.model_share, ".0%"),
            )
        )
    return table(lines, left=3)


def _mean(values: Iterable[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)


def _plain(row: Row) -> dict[str, Any]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in asdict(row).items()}
