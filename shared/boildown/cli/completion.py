"""`boildown completion`."""

from __future__ import annotations

import argparse
import re

from boildown.errors import MissingExtraError

__all__ = ["add_arguments", "run"]

_INPUTS = ("files", "inputs", "data", "model", "base", "teacher", "counter", "token_file")
_OUTPUTS = ("html", "plot", "resume", "cache")
_FOLDERS = ("output", "out", "models")
_EXAMPLES = """\
examples:
  eval "$(boildown completion bash)"                                        # in ~/.bashrc
  boildown completion zsh > ~/.zfunc/_boildown                              # with ~/.zfunc in fpath
  boildown completion fish > ~/.config/fish/completions/boildown.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown completion`."""
    parser.description = "Prints a script that completes boildown's commands, options, values and files in a shell."
    parser.epilog = _EXAMPLES
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(args: argparse.Namespace) -> int:
    """Prints the script.

    Raises:
        MissingExtraError: shtab is not installed.
    """
    try:
        import shtab
    except ImportError:
        raise MissingExtraError("shtab", "completion", "A completion script") from None
    from boildown.cli import build_parser

    parser = build_parser()
    _offer_values(parser)
    script = shtab.complete(parser, args.shell)
    if args.shell == "zsh":  # where what shtab writes for a list of arguments is one argument
        script = re.sub(r'^  "\(\*\)::?', '  "*:', script, flags=re.MULTILINE)
    print(script)
    return 0


def _offer_values(parser: argparse.ArgumentParser) -> None:
    """Lets the shell complete files, and names that the commands themselves check later, as looking them up takes time.

    A shell offers no files of its own accord where a script completes the command.
    """
    import shtab

    from boildown.benchmark.rows import ROWS
    from boildown.evaluation.entrants import entrant_names
    from boildown.methods.registry import method_names
    from boildown.text.protected import PROTECTED_KINDS

    names = {
        "method": entrant_names() if parser.prog.endswith(" eval") else method_names(),
        "rank": method_names(),
        "rows": [*ROWS],
        "protect": sorted(PROTECTED_KINDS),
        "device": ["auto", "cpu", "cuda", "mps"],
        "dtype": ["auto", "float32", "bfloat16", "float16", "int8"],
    }
    paths = dict.fromkeys((*_INPUTS, *_OUTPUTS), shtab.FILE) | dict.fromkeys(_FOLDERS, shtab.DIRECTORY)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _offer_values(command)
        elif action.dest in names:
            action.choices = names[action.dest]
        elif action.dest in paths and "=" not in str(action.metavar):  # NAME=PATH does not begin with a path
            action.complete = paths[action.dest]  # type: ignore[attr-defined]
