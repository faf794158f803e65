"""`boildown bench`: how fast the methods are on this machine, and the tables that compare boildown with others."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  boildown bench
  boildown bench --method prune --method bm25 --documents 100
  boildown bench --method llmlingua2=path/to/model --llmlingua
  boildown bench --list
  boildown bench llmlingua2-bert bundled
  boildown bench --all --out results

Without a row it prints the time of a new process to its first result, and a table of the methods' times. Documents are
made-up English, and no two are alike. Each run scores them anew, one request at a time; the first, which loads the
model, is not counted.

A row is a part of the page that compares boildown. It has processes of its own, in which boildown and the package that
it is compared with (llmlingua, or sentence-transformers) take turns on the same weights; where that package is not
installed, boildown is measured alone. Models have random weights in the sizes of published ones and are made on the
spot. Seconds are medians over the rounds, and a ratio stands with the least and the greatest. Peak memory is what a
call had in use at most, beyond what was there after loading.

All rows take an hour or two on a small machine, and 6 GB of disk for the models. Whether everything runs is seen in
minutes with --all --tiny --repeat 1. For steady numbers, let nothing else run.
"""
_OF_METHODS: dict[str, Any] = {
    "method": None,
    "documents": 20,
    "tokens": 150,
    "runs": 30,
    "starts": 3,
    "dtype": "auto",
    "llmlingua": False,
}
_OF_ROWS: dict[str, Any] = {"repeat": 5, "no_memory": False, "tiny": False, "models": None, "out": None}
_LEAST = {"documents": 1, "tokens": 20, "runs": 1, "starts": 0, "repeat": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown bench`."""
    parser.description = "Measures how fast boildown is on this machine, by itself and beside other packages."
    parser.epilog = _EXAMPLES
    parser.add_argument("rows", nargs="*", metavar="ROW", help="a row of the comparison to measure; see --list")
    parser.add_argument("--all", action="store_true", help="measure all rows that the device can do")
    parser.add_argument("--list", action="store_true", help="print the rows and what each is to reach")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    # What is not given is no attribute, so that `run` sees what does not go together.
    group = parser.add_argument_group("methods, without a row", argument_default=argparse.SUPPRESS)
    group.add_argument(
        "--method",
        action="append",
        metavar="NAME[=MODEL]",
        help="a method, with the path or hub id of its model if it needs one; may be repeated (default: prune)",
    )
    group.add_argument("--documents", type=int, metavar="N", help="documents of a request (default: 20)")
    group.add_argument("--tokens", type=int, metavar="N", help="tokens of a document, about (default: 150)")
    group.add_argument("--runs", type=int, metavar="N", help="requests that are measured (default: 30)")
    group.add_argument("--starts", type=int, metavar="N", help="processes started for the first result (default: 3)")
    group.add_argument("--dtype", help="auto, float32, bfloat16, float16, int8 (default: auto)")
    group.add_argument(
        "--llmlingua",
        action="store_true",
        help="also run the llmlingua package on the weights of llmlingua2 methods",
    )
    group = parser.add_argument_group("rows", argument_default=argparse.SUPPRESS)
    group.add_argument("--repeat", type=int, metavar="N", help="rounds (default: 5)")
    group.add_argument(
        "--no-memory",
        action="store_true",
        help="leave out the processes that measure memory",
    )
    group.add_argument("--tiny", action="store_true", help="small models and texts, to try it out")
    group.add_argument("--models", type=Path, metavar="DIR", help="keep the models here (default: none is kept)")
    group.add_argument("--out", type=Path, metavar="DIR", help="write one JSON file for each row")


def run(args: argparse.Namespace) -> int:
    """Measures, and prints what was found.

    Raises:
        BoildownError: an argument is out of range, or does not go with another; a model cannot be loaded; or a row's
            process failed.
    """
    from boildown.benchmark.rows import listing
    from boildown.errors import ConfigurationError

    if args.list:
        print(listing())
        return 0
    rows = bool(args.rows or args.all)
    if args.rows and args.all:
        raise ConfigurationError("--all measures every row: name some, or give --all.")
    for name in _OF_METHODS if rows else _OF_ROWS:
        if hasattr(args, name):
            partner = "methods, not with rows" if rows else "rows, or with --all; see boildown bench --list"
            raise ConfigurationError(f"--{name.replace('_', '-')} goes with {partner}.")
    args = argparse.Namespace(**{**_OF_METHODS, **_OF_ROWS, **vars(args)})
    for name, least in _LEAST.items():
        if getattr(args, name) < least:
            raise ConfigurationError(f"--{name} must be at least {least}, not {getattr(args, name)}.")
    return _rows(args) if rows else _methods(args)


def _methods(args: argparse.Namespace) -> int:
    from boildown.benchmark.methods import methods_report, time_methods
    from boildown.errors import ConfigurationError
    from boildown.methods.registry import DEFAULT_METHOD

    if args.llmlingua and not any(entry.startswith("llmlingua2=") for entry in args.method or ()):
        raise ConfigurationError(
            "--llmlingua goes with --method llmlingua2=MODEL: the package is timed beside no other."
        )
    found = time_methods(
        args.method or [DEFAULT_METHOD],
        documents=args.documents,
        tokens=args.tokens,
        runs=args.runs,
        starts=args.starts,
        device=args.device,
        dtype=args.dtype,
        llmlingua=args.llmlingua,
    )
    print(json.dumps(found, indent=1) if args.json else methods_report(found))
    return 0


def _rows(args: argparse.Namespace) -> int:
    from boildown.benchmark.machine import in_words, machine
    from boildown.benchmark.processes import measure
    from boildown.benchmark.report import row_report
    from boildown.benchmark.rows import Task, choose_rows, file_name
    from boildown.cli.terminal import status
    from boildown.errors import ConfigurationError

    here = machine(args.device)
    device = here["device"]
    names = choose_rows(args.rows, device)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    if not args.json:
        print(in_words(here), flush=True)
    found: dict[str, Any] = {}
    failed = []
    with tempfile.TemporaryDirectory(prefix="boildown-bench-") as folder:
        for name in names:
            task = Task(name, str(args.models or folder), device, args.repeat, args.tiny)
            try:
                with status(f"Measuring {name}..."):
                    found[name] = measure(task, memory=not args.no_memory)
            except ConfigurationError as error:  # the other rows may still run
                print(f"boildown: {error}", file=sys.stderr, flush=True)
                failed.append(name)
                continue
            if args.out:
                text = json.dumps(found[name], indent=1) + "\n"
                (args.out / file_name(name)).write_text(text, encoding="utf-8")
            if not args.json:
                print(f"\n{row_report(name, found[name])}", flush=True)
    if args.json:
        print(json.dumps({"machine": here, "rows": found}, indent=1))
    if failed:
        raise ConfigurationError(f"Not measured: {', '.join(failed)}; the messages are above.")
    return 0
