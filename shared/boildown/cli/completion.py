"""`boildown completion`."""

from __future__ import annotations

import argparse

from boildown.errors import MissingExtraError

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  eval "$(boildown completion bash)"                                        # in ~/.bashrc
  boildown completion zsh > ~/.zfunc/_boildown                              # with ~/.zfunc in fpath
  boildown completion fish > ~/.config/fish/completions/boildown.fish
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown completion`."""
    parser.description = "Prints a script that completes boildown's commands, options and their values in a shell."
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
    _offer_names(parser)
    print(shtab.complete(parser, args.shell))
    return 0


def _offer_names(parser: argparse.ArgumentParser) -> None:
    """Lets the shell complete values that the commands themselves check later, since looking them up takes time."""
    from boildown.methods.registry import method_names
    from boildown.text.protected import PROTECTED_KINDS

    values = {
        "method": method_names(),
        "rank": method_names(),
        "protect": sorted(PROTECTED_KINDS),
        "device": ["auto", "cpu", "cuda", "mps"],
    }
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _offer_names(command)
        elif action.option_strings and action.dest in values:
            action.choices = values[action.dest]
