"""What a threshold keeps: of documents that answer the question, and of documents that do not.

    python examples/benchmarks/adaptive.py FILE ...        # JSONL or JSONL.GZ as `boildown eval` reads it

Every question is asked twice: with its documents, and without those that hold an answer. In a file of pairs of a
question and one passage, passages that are marked as not relevant stand for the second kind. Shares are of characters.
Results go to results/adaptive.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from boildown import Budget, Compressor, Document
from boildown.evaluation.metrics import holds_answer
from boildown.evaluation.records import Record, read_data_set

RESULTS = Path(__file__).parent / "results" / "adaptive.json"
THRESHOLDS = (0.01, 0.02, 0.05, 0.07, 0.1, 0.2, 0.5)
MINIMUM_RETENTION = 0.95
MINIMUM_GONE = 0.9


def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description="What a threshold keeps.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="questions, as for `boildown eval`")
    parser.add_argument("--limit", type=int, help="at most so many questions of each file")
    parser.add_argument("--model", help="a checkpoint instead of the bundled one")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the JSON goes")
    args = parser.parse_args()
    compressor = Compressor(model=args.model) if args.model else Compressor()
    rows = []
    for file in args.files:
        data = read_data_set(file, args.limit)
        rows += measure(compressor, data.name, data.records)
    goals = {"retention": MINIMUM_RETENTION, "gone_without_answer": MINIMUM_GONE}
    args.out.write_text(json.dumps({"rows": rows, "goals": goals}, indent=1) + "\n", encoding="utf-8")


def measure(compressor: Compressor, name: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    """One row for each threshold."""
    answered: list[list[tuple[bool, float]]] = []
    unanswered: list[list[float]] = []
    for record in tqdm(records, desc=name, unit="question"):
        with_answer = [d for d in record.documents if holds_answer([d.text], record.answers)]
        pair = len(record.documents) == 1
        if with_answer and (record.gold or not pair):
            cuts = _cuts(compressor, record.question, record.documents)
            answered.append([(holds_answer(kept, record.answers), share) for kept, share in cuts])
        rest = [d for d in record.documents if d not in with_answer] if not pair else list(record.documents)
        if rest and not (pair and record.gold):
            unanswered.append([share for _, share in _cuts(compressor, record.question, rest)])
    rows = []
    for place, threshold in enumerate(THRESHOLDS):
        row = {
            "set": name,
            "threshold": threshold,
            "answered": len(answered),
            "unanswered": len(unanswered),
            "retention": _mean([cuts[place][0] for cuts in answered]),
            "kept_with_answer": _mean([cuts[place][1] for cuts in answered]),
            "gone_without_answer": _mean([1 - shares[place] for shares in unanswered]),
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def _cuts(compressor: Compressor, question: str, documents: Sequence[Document]) -> list[tuple[list[str], float]]:
    """At each threshold the kept texts, and the share of the characters that they are."""
    result = compressor.compress(question, list(documents), budget=Budget(threshold=THRESHOLDS[0]))
    whole = sum(len(d.text) for d in documents)
    cuts = []
    for threshold in THRESHOLDS:
        kept = [d.text for d in result.rebudget(Budget(threshold=threshold)).documents]
        cuts.append((kept, sum(map(len, kept)) / whole))
    return cuts


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


if __name__ == "__main__":
    main()
