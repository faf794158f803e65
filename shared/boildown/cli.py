"""The command line. Each subcommand declares its arguments and runs; heavy packages are imported when it runs."""

from __future__ import annotations

import argparse
import glob
import gzip
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from boildown import __version__
from boildown.errors import BoildownError, ConfigurationError, InputError

if TYPE_CHECKING:
    from boildown.result import Compression
    from boildown.types import Document

__all__ = ["main"]

_COMPRESS_EXAMPLES = """\
examples:
  boildown compress --query "Who wrote Emma?" --tokens 500 notes.txt 'chapters/*.md'
  curl -s https://example.com/a.txt | boildown compress --query "Who wrote Emma?" --rate 0.25
  boildown compress --query "Who wrote Emma?" --tokens 500 --counter gpt-4o --json passages.jsonl

A .jsonl (or .jsonl.gz) file holds one document a line: {"text", "id", "title"}, of which the text is required.
Any other file, and standard input, is one document.
"""


class _Command(NamedTuple):
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: arguments without the program's name; None takes `sys.argv`.

    Returns:
        The exit code: 0, or 2 after an error, which is printed as one line to stderr.
    """
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()  # a closed pipe must show here, where it is handled
        return code
    except BoildownError as error:
        print(f"boildown: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("boildown: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="boildown", description="Boils documents down to what a question needs, within a token budget."
    )
    parser.add_argument("--version", action="version", version=f"boildown {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command in _COMMANDS.items():
        sub = commands.add_parser(name, help=command.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def _elsewhere(module: str, help: str) -> _Command:
    """A subcommand that lives in a module with `add_arguments` and `run`, which must be light to import."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        import_module(module).add_arguments(parser)

    def run(args: argparse.Namespace) -> int:
        code: int = import_module(module).run(args)
        return code

    return _Command(help, add_arguments, run)


def _add_compress_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Compresses documents to what a query needs, and prints the text."
    parser.epilog = _COMPRESS_EXAMPLES
    parser.add_argument("files", nargs="*", metavar="FILE", help="files or patterns; - or none reads standard input")
    parser.add_argument("--query", "-q", default="", help="the question")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--tokens", type=int, metavar="N", help="keep at most N tokens")
    budget.add_argument("--rate", type=float, metavar="R", help="keep at most this share of the tokens")
    budget.add_argument("--threshold", type=float, metavar="T", help="keep everything that scores at least T")
    parser.add_argument("--documents", type=int, metavar="N", help="keep text of at most N documents")
    parser.add_argument("--counter", help="who counts tokens: a tiktoken encoding, an LLM's name, a tokenizer's path")
    parser.add_argument("--method", metavar="NAME", help="how text is scored")
    parser.add_argument("--model", help="path or hub id of the method's model")
    parser.add_argument("--rank", metavar="NAME", help="rank documents by this method")
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
        metavar="KIND",
        help="kinds of spans that stay whole (default: all; none given: none)",
    )
    parser.add_argument("--json", action="store_true", help="print documents, spans and counts as JSON")
    parser.add_argument("--html", metavar="PAGE", help="also write a page that shows what was kept")


def _compress(args: argparse.Namespace) -> int:
    from boildown.budget import Budget
    from boildown.compressor import Compressor
    from boildown.methods.registry import DEFAULT_METHOD

    budget = Budget(
        tokens=args.tokens,
        rate=args.rate,
        threshold=args.threshold,
        documents=args.documents,
        counter=args.counter,
    )
    compressor = Compressor(
        args.method or DEFAULT_METHOD,
        model=args.model,
        rank=args.rank,
        device=args.device,
        order=args.order,
        unit=args.unit,
        protect=args.protect,
    )
    result = compressor.compress(args.query, list(_documents(args.files or ["-"])), budget)
    for note in result.notes:
        print(f"boildown: {note}", file=sys.stderr)
    if args.html:
        _write_page(args.html, result)
    print(json.dumps(result.to_dict(), ensure_ascii=False, indent=1) if args.json else result.text)
    return 0


def _documents(files: Iterable[str]) -> Iterator[Document]:
    from boildown.types import Document

    for name in _expanded(files):
        if name == "-":
            yield Document(_decoded(sys.stdin.buffer.read(), "standard input"), id="-")
        elif name.endswith((".jsonl", ".jsonl.gz")):
            yield from _json_documents(name)
        else:
            yield Document(_decoded(_content(name), name), id=name)


def _expanded(files: Iterable[str]) -> Iterator[str]:
    """File names, with the patterns that the shell has left alone replaced by what they match."""
    for name in files:
        if name == "-" or Path(name).exists() or not glob.has_magic(name):
            yield name
            continue
        found = [path for path in sorted(glob.glob(name, recursive=True)) if Path(path).is_file()]
        if not found:
            raise InputError(f"No file matches {name!r}.")
        yield from found


def _json_documents(name: str) -> Iterator[Document]:
    from boildown.types import Document

    for number, line in enumerate(_decoded(_content(name), name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{name}, line {number}: not JSON: {error}.") from None
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            raise InputError(f'{name}, line {number}: a document must be an object with a "text".')
        given = value.get("id")
        yield Document(
            value["text"],
            id=f"{name}:{number}" if given is None else str(given),
            title=str(value.get("title") or ""),
        )


def _content(name: str) -> bytes:
    try:
        content = Path(name).read_bytes()
        return gzip.decompress(content) if name.endswith(".gz") else content
    except (OSError, EOFError) as error:
        raise InputError(f"{name} cannot be read: {error}.") from error


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text ({error}). Convert it to text first.") from None


def _write_page(path: str, result: Compression) -> None:
    page = f'<!doctype html>\n<meta charset="utf-8">\n<title>boildown</title>\n{result.to_html()}\n'
    try:
        Path(path).write_text(page, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"The page {path} cannot be written: {error}.") from error


_COMMANDS = {
    "compress": _Command("compress documents", _add_compress_arguments, _compress),
    "eval": _elsewhere("boildown.evaluation.command", "measure how much of the answers is left"),
    "train": _elsewhere("boildown.training.command", "train a model on question and passage pairs"),
}


if __name__ == "__main__":
    raise SystemExit(main())
