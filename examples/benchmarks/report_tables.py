"""What the sections of the report are made of: results by name, Markdown tables, and the list of missed goals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Results", "missing", "share", "table"]


@dataclass
class Results:
    """The JSON files of a folder, and what is to be said of all of them.

    Attributes:
        folder: where they are.
        missed: goals that were not reached, and comparisons that were lost, in words.
    """

    folder: Path
    missed: list[str] = field(default_factory=list)

    def read(self, name: str) -> dict[str, Any] | None:
        """One file, by its name without the ending; None where it was not measured."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def matching(self, pattern: str) -> list[dict[str, Any]]:
        """All files whose name fits, in order."""
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob(f"{pattern}.json"))]

    def judge(self, what: str, value: float, goal: float, *, most: bool = False, unit: str = "") -> str:
        """The goal's cell, and an entry among the missed ones where `value` is below it, or above it if `most`."""
        cell = f"{'at most' if most else 'at least'} {goal:,g}{unit}"
        if value > goal if most else value < goal:
            self.missed.append(f"{what}: {value:,.3g}{unit}, and the goal is {cell}.")
            return f"{cell} (**missed**)"
        return cell


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; the first column is text and the others are numbers."""
    line = "|".join(["---"] + ["---:"] * (len(head) - 1))
    return [f"| {' | '.join(head)} |", f"|{line}|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def missing(command: str) -> list[str]:
    """What stands where a result is not there."""
    return [f"Not measured yet: `{command}`", ""]


def share(value: float | None) -> str:
    """A share with three digits, or a dash."""
    return "–" if value is None else f"{value:.3f}"
