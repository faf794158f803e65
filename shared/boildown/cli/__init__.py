"""The command line. Each subcommand lives in a module of its own, which declares its arguments and runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from boildown import __version__
from boildown.cli.terminal import drop_output, open_output
from boildown.errors import BoildownError

__all__ = ["build_parser", "main"]


class _Command(NamedTuple):
    """A subcommand: a module with `add_arguments(parser)` and `run(args)`, which must be light to import."""

    module: str
    help: str


_COMMANDS = {
    "compress": _Command("boildown.cli.compress", "compress documents"),
    "demo": _Command("boildown.cli.demo", "see it work on a small bundled text"),
    "eval": _Command("boildown.evaluation.command", "measure how much of the answers is left"),
    "bench": _Command("boildown.cli.bench", "measure the speed of this machine"),
    "breakeven": _Command("boildown.cli.breakeven", "work out when compression pays"),
    "score": _Command("boildown.corpus.command", "score a corpus at ingest"),
    "serve": _Command("boildown.service.command", "serve the engine over HTTP"),
    "train": _Command("boildown.training.command", "train a model on question and passage pairs"),
    "completion": _Command("boildown.cli.completion", "print a script that completes commands in your shell"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: arguments without the program's name; None takes `sys.argv`.

    Returns:
        The exit code: 0, or 2 after an error, which is printed as one line to stderr.
    """
    # Spinning OpenMP threads cost a start more than they gain; the engine's workers compute on one thread each.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    open_output()
    parser = build_parser()
    args, more = parser.parse_known_args(argv)
    if args.run is None:
        parser.print_help(sys.stderr)
        return 2
    _take_later(args, more)
    try:
        code: int = args.run(args)
        sys.stdout.flush()  # a closed pipe or a full disk must show here, where it is handled
        return code
    except BoildownError as error:
        print(f"boildown: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("boildown: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader (head, less) has gone
        drop_output()
        return 0
    except OSError as error:
        print(f"boildown: {error}", file=sys.stderr)
        drop_output()
        return 2


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands; the chosen one's `run` is an attribute of what it parses."""
    parser = argparse.ArgumentParser(
        prog="boildown",
        description="Boils documents down to what a question needs, within a token budget.",
        epilog='try: boildown demo\n     boildown compress --query "Who wrote Emma?" --tokens 500 notes.txt',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"boildown {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command in _COMMANDS.items():
        module = import_module(command.module)
        sub = commands.add_parser(name, help=command.help, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run, parser=sub)
    return parser


def _take_later(args: argparse.Namespace, more: Sequence[str]) -> None:
    """Takes positional arguments that stand after an option; argparse takes those of a list in one run only."""
    end = more.index("--") if "--" in more else len(more)
    listed = [action for action in args.parser._actions if action.nargs in ("*", "+") and not action.option_strings]
    if more and (not listed or any(item.startswith("-") and item != "-" for item in more[:end])):
        args.parser.error(f"unrecognized arguments: {' '.join(more)}")
    for action in listed:
        later = (*more[:end], *more[end + 1 :])
        getattr(args, action.dest).extend(action.type(item) if callable(action.type) else item for item in later)
