"""`boildown compress`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from boildown.errors import ConfigurationError

if TYPE_CHECKING:
    from boildown.result import Compression

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  boildown compress --query "Who wrote Emma?" --tokens 500 notes.txt 'chapters/*.md'
  curl -s https://example.com/a.txt | boildown compress --query "Who wrote Emma?" --rate 0.25
  boildown compress --query "Who wrote Emma?" --tokens 500 --counter gpt-4o --json passages.jsonl
  zcat passages.jsonl.gz | boildown compress --query "Who wrote Emma?" --tokens 500 --jsonl

A .jsonl (or .jsonl.gz) file holds one document a line: {"text", "id", "title", "metadata"}, of which the text is
required; scores that `boildown score` has put into the metadata are read. Any other file, and standard input, is
one document; the title of a Markdown or HTML file (its first heading or <title>) helps to score it.

The text goes to standard output, and notes and errors to standard error.
Exit codes: 0, or 2 for an argument or a file that cannot be used.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown compress`."""
    parser.description = "Compresses documents to what a query needs, and prints the text."
    parser.epilog = _EXAMPLES
    parser.add_argument("files", nargs="*", metavar="FILE", help="files or patterns; - or none reads standard input")
    parser.add_argument("--query", "-q", default="", help="the question")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--tokens", type=int, metavar="N", help="keep at most N tokens")
    budget.add_argument("--rate", type=float, metavar="R", help="keep at most this share of the tokens")
    budget.add_argument("--threshold", type=float, metavar="T", help="keep everything that scores at least T")
    parser.add_argument("--documents", type=int, metavar="N", help="keep text of at most N documents")
    parser.add_argument("--counter", help="who counts tokens: a tiktoken encoding, an LLM's name, a tokenizer's path")
    parser.add_argument("--method", metavar="NAME", help="how text is scored (default: prune)")
    parser.add_argument("--model", help="path or hub id of the method's model")
    parser.add_argument("--rank", metavar="NAME[=MODEL]", help="rank documents by this method")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps (default: auto)")
    parser.add_argument(
        "--order",
        choices=("original", "score", "edges"),
        default="original",
        help="of the documents in the result",
    )
    parser.add_argument("--unit", choices=("sentence", "word", "token"), help="what is kept or dropped as one piece")
    parser.add_argument(
        "--protect",
        nargs="*",
        action="extend",
        metavar="KIND",
        help="kinds of spans that stay whole (default: all; none given: none); -- ends them before a FILE",
    )
    parser.add_argument(
        "--jsonl", action="store_true", help="every FILE, and standard input, holds documents as JSON lines"
    )
    parser.add_argument("--json", action="store_true", help="print documents, spans and counts as JSON")
    parser.add_argument("--html", metavar="PAGE", help="also write a page that shows what was kept")


def run(args: argparse.Namespace) -> int:
    """Compresses what the files hold, and prints it.

    Raises:
        BoildownError: an argument or a file cannot be used.
    """
    from boildown.budget import Budget
    from boildown.cli.files import read_documents
    from boildown.cli.terminal import model_progress, print_json
    from boildown.compressor import Compressor
    from boildown.methods.registry import DEFAULT_METHOD
    from boildown.pairs import read_method
    from boildown.text.protected import PROTECTED_KINDS

    budget = Budget(
        tokens=args.tokens,
        rate=args.rate,
        threshold=args.threshold,
        documents=args.documents,
        counter=args.counter,
    )
    for kind in args.protect or ():
        if kind not in PROTECTED_KINDS and Path(kind).exists():
            raise ConfigurationError(f"--protect took the file {kind!r} for a kind of span. Write -- before the files.")
    rank, rank_model = read_method(args.rank) if args.rank else (None, None)
    compressor = Compressor(
        args.method or DEFAULT_METHOD,
        model=args.model,
        rank=rank,
        rank_model=rank_model,
        device=args.device,
        order=args.order,
        unit=args.unit,
        protect=args.protect,
    )
    documents = read_documents(args.files or ["-"], jsonl=args.jsonl)
    with model_progress(f"Scoring {len(documents):,} documents"):
        result = compressor.compress(args.query, documents, budget)
    for note in (*result.notes, *_why_nothing(result)):
        print(f"boildown: {note}", file=sys.stderr)
    if args.html:
        _write_page(args.html, result)
    if args.json:
        print_json(result.to_dict())
    else:
        print(result.text)
    return 0


def _why_nothing(result: Compression) -> Iterator[str]:
    """What a reader of an empty output asks, where the result's notes do not say it."""
    if not result.tokens_in:
        yield "There is no text in what was given."
    elif not result.text and result.budget.threshold is not None:
        yield f"Nothing was kept: nothing scores {result.budget.threshold:g} or more. Give a lower threshold."


def _write_page(path: str, result: Compression) -> None:
    page = f'<!doctype html>\n<meta charset="utf-8">\n<title>boildown</title>\n{result.to_html()}\n'
    try:
        Path(path).write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise ConfigurationError(f"The page {path} cannot be written: {error}.") from error
