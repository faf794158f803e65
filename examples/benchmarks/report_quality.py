"""The report's section about quality."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from report_tables import Results, missing, share, table

__all__ = ["means", "quality"]

RATES = ("rate=0.5", "rate=0.25", "rate=0.1")
COLUMNS = [f".{rate[7:]:0<2}" for rate in RATES]
DEFAULT, BASELINE = "prune", "bm25"
WRITTEN = "written"
"""The set of examples/data, whose like the bundled model was trained on; it is in no mean with the public ones."""
OTHER_LANGUAGES = re.compile(r"_(\d+langs|ar|de|es|fr|hi|ja|ko|ru|th|tr|vi|zh)(_|$)")
Rows = dict[tuple[str, str, str], dict[str, Any]]  # by method, set and budget


def quality(results: Results) -> list[str]:
    """Retention over rate for all methods, by group of sets and by set, and where the default one loses."""
    rows = read(results)
    lines = ["## Quality", ""]
    if not rows:
        return [*lines, *missing("boildown eval FILE ... --json > examples/benchmarks/results/quality_NAME.json")]
    counter = next(iter(results.matching("quality_*")))["counter"]
    lines += [
        "Answer retention: of the questions of which an answer stands in the retrieved documents, the share where one "
        f"still stands in the compressed text. Budgets are shares of the tokens, counted by `{counter}`. "
        "`boildown eval` makes these numbers, on any file of questions. All sets served in development, so expect a "
        "little less on others; of the one written for this project, which lies in [examples/data](../data/README.md), "
        "other questions by the same hand were trained on.",
        "",
        "Not every method was run on every set or on every question, so beside each stands the default one on the same "
        "sets.",
        "",
    ]
    if (results.folder / "quality.png").is_file():
        lines += ["![Answer retention over rate, by set and method](results/quality.png)", ""]
    for title, sets in groups(rows):
        lines += [f"### {title}", "", *by_method(rows, sets), *by_set(rows, sets, "answer_retention")]
    gold = [name for name in sets_of(rows) if rows_with(rows, name, "gold_retention", without="answer_retention")]
    if gold:
        lines += [
            "### Broad requests, without an answer to look for",
            "",
            "The share of the gold passages of which a sentence is kept.",
            "",
            *by_set(rows, gold, "gold_retention"),
        ]
    lost = [*losses(rows, "answer_retention"), *losses(rows, "gold_retention", gold)]
    if lost:
        results.missed.append(f"`{DEFAULT}` keeps less than another method in {len(lost)} places; see Quality.")
        lines += [f"### Where `{DEFAULT}` loses", "", *[f"- {entry}" for entry in lost], ""]
    return lines


def means(results: Results) -> list[str]:
    """The short table of the README: the default method beside the baseline, over the sets that both were run on."""
    rows = read(results)
    body = []
    for title, sets in groups(rows):
        for method in (DEFAULT, BASELINE):
            common = [s for s in sets if all((m, s, RATES[0]) in rows for m in (DEFAULT, BASELINE))]
            number = f"{len(common)} set{'s' if len(common) != 1 else ''}"
            body.append([f"{title}, {number}", f"`{method}`", *mean(rows, method, common)])
    return table(["", "method", *COLUMNS], body)


def read(results: Results) -> Rows:
    rows: Rows = {}
    for report in results.matching("quality_*"):
        for row in report["rows"]:
            if not row["file"].startswith("mean"):
                rows[row["method"], row["file"], row["asked"]] = row
    return rows


def sets_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for _, name, _ in rows))


def methods_of(rows: Rows) -> list[str]:
    """The default method, the baseline, and the others."""
    found = dict.fromkeys(method for method, _, _ in rows)
    return [m for m in (DEFAULT, BASELINE) if m in found] + [m for m in found if m not in (DEFAULT, BASELINE)]


def rows_with(rows: Rows, name: str, value: str, without: str) -> bool:
    some = [row for (_, file, _), row in rows.items() if file == name]
    return any(row[value] is not None for row in some) and all(row[without] is None for row in some)


def groups(rows: Rows) -> list[tuple[str, list[str]]]:
    answered = [s for s in sets_of(rows) if not rows_with(rows, s, "gold_retention", without="answer_retention")]
    public = [name for name in answered if name != WRITTEN]
    other = [name for name in public if OTHER_LANGUAGES.search(name)]
    found = [("English", [name for name in public if name not in other]), ("Other languages", other)]
    return [*found, ("Written for this project", [WRITTEN])] if WRITTEN in answered else found


def mean(rows: Rows, method: str, sets: Sequence[str]) -> list[str]:
    """Means over sets, each with the same weight, for each rate."""
    cells = []
    for rate in RATES:
        found = [rows[method, name, rate]["answer_retention"] for name in sets if (method, name, rate) in rows]
        known = [value for value in found if value is not None]
        cells.append(share(sum(known) / len(known)) if known else "–")
    return cells


def by_method(rows: Rows, sets: Sequence[str]) -> list[str]:
    """A line for each method; its neighbour is the default method on the same sets, as not all were run on all."""
    body = []
    for method in methods_of(rows):
        own = [name for name in sets if (method, name, RATES[0]) in rows]
        if own:
            questions = sum(rows[method, name, RATES[0]]["questions"] for name in own)
            line = [f"`{method}`", f"{len(own)}", f"{questions:,}", *mean(rows, method, own)]
            body.append([*line, *mean(rows, DEFAULT, own)])
    head = ["mean over sets", "sets", "questions", *COLUMNS, *[f"`{DEFAULT}` {column}" for column in COLUMNS]]
    return table(head, body)


def by_set(rows: Rows, sets: Sequence[str], value: str) -> list[str]:
    """A line for each set: the default method and the baseline."""
    methods = [m for m in (DEFAULT, BASELINE) if m in methods_of(rows)]
    body = []
    for name in sets:
        found = [[rows.get((method, name, rate), {}).get(value) for rate in RATES] for method in methods]
        questions = next((rows[m, name, RATES[0]]["questions"] for m in methods if (m, name, RATES[0]) in rows), None)
        if questions is not None:
            body.append([name, f"{questions:,}", *(share(cell) for cells in found for cell in cells)])
    return table(["set", "questions", *(f"`{method}` {c}" for method in methods for c in COLUMNS)], body)


def losses(rows: Rows, value: str, sets: Iterable[str] | None = None) -> list[str]:
    """Where another method keeps more on the same questions."""
    found = []
    for (method, name, rate), row in rows.items():
        ours = rows.get((DEFAULT, name, rate))
        if method == DEFAULT or ours is None or row["questions"] != ours["questions"]:
            continue
        if (sets is None or name in sets) and None not in (row[value], ours[value]) and row[value] > ours[value]:
            found.append(f"{name} at {rate[5:]}: {share(ours[value])}, `{method}` {share(row[value])}")
    return found
