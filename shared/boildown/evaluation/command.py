"""`boildown eval`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boildown.evaluation.records import DataSet

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  boildown eval questions.jsonl.gz --method bm25 --method truncate --rate .5 .25 .1
  boildown eval hotpotqa --limit 500 --method embedding=sentence-transformers/all-MiniLM-L6-v2 --counter gpt-4o
  boildown eval a.jsonl b.jsonl --method bm25 --json --plot retention.png --resume results.jsonl

A record: {"id", "lang", "question", "answers": [...], "documents": [{"title", "text", "gold"}], "source"}

What results note, such as that BM25 scored what the model cannot read, goes to standard error with the number of
questions, and into the JSON.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown eval`."""
    parser.description = "Measures how much of the answers is left after compression."
    parser.epilog = _EXAMPLES
    parser.add_argument("data", nargs="+", metavar="DATA", help="JSONL or JSONL.GZ file, or the name of a public set")
    parser.add_argument(
        "--method", action="append", metavar="NAME[=MODEL]", help="what to measure; repeatable (default: prune)"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="[NAME.]KEY=VALUE", help="argument of a method; repeatable"
    )
    parser.add_argument("--rank", metavar="NAME[=MODEL]", help="rank documents by this method")
    parser.add_argument("--unit", choices=("sentence", "word", "token"), help="what is kept or dropped as one piece")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    numbers: dict[str, Any] = {"nargs": "+", "action": "extend", "type": float, "default": []}
    parser.add_argument("--rate", **numbers, metavar="R", help="shares to keep (default: .5 .25 .1)")
    parser.add_argument("--threshold", **numbers, metavar="T", help="keep what scores this much")
    parser.add_argument("--counter", help="who counts tokens: a tiktoken encoding, an LLM's name, a tokenizer's path")
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N questions of each set")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--plot", metavar="FILE", help="write retention over rate as PNG and SVG")
    parser.add_argument("--resume", metavar="FILE", help="keep results by question in FILE, and go on from there")
    parser.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="a progress bar on stderr (default: if that is a terminal)",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the evaluation and prints its report.

    Raises:
        BoildownError: an argument or a file cannot be used.
    """
    from boildown.budget import Budget
    from boildown.cli.terminal import print_json
    from boildown.counters import resolve_counter
    from boildown.evaluation.entrants import build_entrants
    from boildown.evaluation.journal import Journal
    from boildown.evaluation.plot import check_plot, save_plot
    from boildown.evaluation.report import count_notes, format_table, report, summarise
    from boildown.evaluation.runner import evaluate
    from boildown.methods.registry import DEFAULT_METHOD

    if args.plot:
        check_plot(args.plot)
    rates = args.rate or ([] if args.threshold else [0.5, 0.25, 0.1])
    budgets = [Budget(rate=rate, counter=args.counter) for rate in dict.fromkeys(rates)]
    budgets += [Budget(threshold=value, counter=args.counter) for value in dict.fromkeys(args.threshold)]
    counter = resolve_counter(args.counter)
    entrants = build_entrants(
        args.method or [DEFAULT_METHOD], args.option, rank=args.rank, unit=args.unit, device=args.device
    )
    data_sets = [_read(name, args.limit) for name in args.data]
    total = len(entrants) * sum(len(data_set.records) for data_set in data_sets)
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(args.resume)) if args.resume else None
        progress = stack.enter_context(_progress(total, args.progress))
        results = evaluate(data_sets, entrants, budgets, journal=journal, progress=progress)
    asked = any(record.answers for data_set in data_sets for record in data_set.records)
    if asked and not any(result.answerable for result in results):
        print("boildown: no answer stands in the documents of any question, so none can be lost.", file=sys.stderr)
    notes = count_notes(results)
    for note in notes:
        print("boildown: {file}, {method}: {note} (questions: {questions})".format_map(note), file=sys.stderr)
    rows = summarise(results)
    if args.json:
        methods = [{"label": entrant.label, **entrant.settings} for entrant in entrants]
        print_json(report(rows, counter=counter.name, methods=methods, notes=notes))
    else:
        print(f"tokens by {counter.name}")
        print(format_table(rows))
    if args.plot:
        written = save_plot(rows, args.plot)
        print(f"Wrote {' and '.join(map(str, written))}.", file=sys.stderr)
    return 0


def _read(name: str, limit: int | None) -> DataSet:
    from boildown.evaluation.public import PUBLIC_SETS, load_public_set
    from boildown.evaluation.records import read_data_set

    looks_like_file = Path(name).exists() or name.endswith((".jsonl", ".json", ".gz")) or "/" in name
    return read_data_set(name, limit) if looks_like_file and name not in PUBLIC_SETS else load_public_set(name, limit)


@contextmanager
def _progress(total: int, wanted: bool | None) -> Iterator[Callable[[str], None] | None]:
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="question", file=sys.stderr, dynamic_ncols=True) as bar:

        def step(what: str) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update()

        yield step


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)
