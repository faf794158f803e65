"""`boildown score`."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import nullcontext, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from boildown.corpus.job import Summary

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  boildown score chunks.jsonl --output scored --model microsoft/llmlingua-2-xlm-roberta-large-meetingbank
  boildown score corpus/ --output scored --model my-model --ray --workers 8 --cores 4
  RAY_ADDRESS=head:6379 boildown score /data/corpus --output /data/scored --model /data/model --ray --json

A document: {"text", "id", "title", "metadata": {...}}, a line of JSON (.jsonl, .jsonl.gz) or a row of Parquet; only the
text is required. It comes out with metadata["boildown_scores"], which boildown and its wrappers read at query time
instead of running the model. The same command again goes on where it stopped.

exit codes: 0 all documents were scored, 1 some failed (see failed.jsonl), 2 the job could not run
"""
_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown score`."""
    parser.description = "Scores a corpus at ingest with a method that does not read the query."
    parser.epilog = _EXAMPLES
    parser.add_argument("inputs", nargs="+", metavar="FILE", help="files, or folders of files")
    parser.add_argument("--output", "-o", required=True, metavar="FOLDER", help="where the scored files go")
    parser.add_argument(
        "--method", default="llmlingua2", metavar="NAME", help="how text is scored (default: llmlingua2)"
    )
    parser.add_argument("--model", help="path or hub id of the method's model")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="argument of the method; repeatable"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16, float16, int8 (default: auto)")
    parser.add_argument(
        "--block", type=int, default=5_000, metavar="N", help="documents in one file of the output (default: 5000)"
    )
    parser.add_argument("--ray", action="store_true", help="work on a Ray cluster (RAY_ADDRESS, or one started here)")
    parser.add_argument("--workers", type=int, metavar="N", help="with --ray: models (default: as many as fit)")
    parser.add_argument("--cores", type=float, metavar="N", help="with --ray: CPU cores for each (default: 2)")
    parser.add_argument("--gpus", type=float, metavar="N", help="with --ray: GPUs for each (default: 1 if there are)")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")


def run(args: argparse.Namespace) -> int:
    """Scores the corpus and prints the counts.

    Raises:
        BoildownError: an argument or the output folder cannot be used, or the model cannot be loaded.
    """
    from boildown.cli.terminal import progress
    from boildown.corpus.job import InProcess, score_corpus
    from boildown.corpus.ray_pool import RayPool
    from boildown.corpus.scoring import Scoring
    from boildown.errors import ConfigurationError
    from boildown.pairs import read_options

    scoring = Scoring(args.method, args.model, args.device, args.dtype, read_options(args.option))
    given = [f"--{name}" for name in ("workers", "cores", "gpus") if getattr(args, name) is not None]
    if given and not args.ray:
        raise ConfigurationError(f"{', '.join(given)}: these go with --ray.")
    # Ray tells of lost workers on standard output, which is for the counts.
    pool = RayPool(args.workers, args.cores, args.gpus) if args.ray else nullcontext(InProcess())
    with redirect_stdout(sys.stderr), pool as workers:
        summary = score_corpus(
            args.inputs,
            args.output,
            scoring,
            workers=workers,
            block_documents=args.block,
            progress=lambda total: progress(total, "document"),
        )
    if summary.failed:
        _show_failures(summary.failed)
    print(json.dumps(summary.to_dict(), indent=1) if args.json else _sentence(summary))
    return 0 if summary.complete else 1


def _sentence(summary: Summary) -> str:
    earlier = summary.documents_written - summary.documents_scored
    lines = [
        f"{summary.documents_read} documents read = {summary.documents_written} written + "
        f"{summary.documents_failed} failed" + (f"; {earlier} of those written by an earlier run" if earlier else "")
    ]
    if summary.files_failed:
        lines.append(f"{summary.files_failed} of {summary.files} files could not be read, and are not counted")
    if summary.others:
        more = f" and {len(summary.others) - _SHOWN} more" if len(summary.others) > _SHOWN else ""
        lines.append(f"also in the output, of inputs not given now: {', '.join(summary.others[:_SHOWN])}{more}")
    if summary.failed:
        lines.append(f"what failed, and why: {summary.failed}")
    return "\n".join(lines)


def _show_failures(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        for line in islice(file, _SHOWN):
            failure = json.loads(line)
            where = "" if failure["line"] is None else f", {_unit(failure['file'])} {failure['line']}"
            more = "" if failure["documents"] in (None, 1) else f" and following ({failure['documents']} documents)"
            print(f"boildown: {failure['file']}{where}{more}: {failure['error']}", file=sys.stderr)
        rest = sum(1 for _ in file)
    if rest:
        print(f"boildown: and {rest} more", file=sys.stderr)


def _unit(file: str) -> str:
    return "row" if Path(file).suffix == ".parquet" else "line"
