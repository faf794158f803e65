"""`boildown demo`: a small text before and after."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Sequence

from boildown.cli.terminal import status, wants_colour
from boildown.types import Document, Span

__all__ = ["add_arguments", "run"]

_EXAMPLES = """\
examples:
  boildown demo
  boildown demo --query "How many people can the ferry take?" --tokens 30
  boildown demo --method bm25
"""

_QUESTION = "Who repaired the ferry's engine after the storm?"

_DOCUMENTS = (
    Document(
        "The Hesper has crossed between Aldermouth and Skarn since 1954. She carries 180 passengers and eleven cars. "
        "The crossing takes fifty minutes in fair weather. Her white paint is renewed every spring by volunteers.",
        title="The ferry",
    ),
    Document(
        "The storm of 9 January drove the ferry onto the slipway at Skarn. Salt water stood in the engine room for two "
        "days. Marit Oyen, a retired submarine mechanic, took the engine apart and had it running again within three "
        "weeks. The town council thanked her with a lifetime ticket.",
        title="The winter of 1987",
    ),
    Document(
        "Bring a warm coat, even in July. The café on the upper deck sells soup and flat bread, and its coffee is said "
        "to be the strongest on the coast. Dogs travel free of charge. Bicycles go on the car deck.",
        title="Advice for travellers",
    ),
    Document(
        "A cargo boat brought diesel, flour and mail until the bridge was opened. Its engine was repaired at the yard "
        "in Aldermouth each autumn, and its crew slept ashore.",
        title="Before the bridge",
    ),
)

_BOLD, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"
_WIDTH = 88


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the arguments of `boildown demo`."""
    parser.description = (
        "Compresses a small bundled text and shows what is kept: bright before, and on its own after.\n"
        "Colours need a terminal, and are off where the environment has NO_COLOR."
    )
    parser.epilog = _EXAMPLES
    parser.add_argument("--query", "-q", default=_QUESTION, help="another question to the text")
    parser.add_argument("--tokens", type=int, default=44, metavar="N", help="keep at most N tokens (default: 44)")
    parser.add_argument("--method", metavar="NAME", help="how text is scored (default: prune)")


def run(args: argparse.Namespace) -> int:
    """Shows the text before and after.

    Raises:
        BoildownError: an argument cannot be used.
    """
    from boildown.budget import Budget
    from boildown.compressor import Compressor
    from boildown.methods.registry import DEFAULT_METHOD

    budget = Budget(tokens=args.tokens)
    compressor = Compressor(args.method or DEFAULT_METHOD)
    with status("Compressing..."):
        result = compressor.compress(args.query, _DOCUMENTS, budget)
    coloured = wants_colour(sys.stdout)
    width = min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)
    kept = {document.index: document for document in result.documents}
    scores = {document.index: document.score for document in (*result.documents, *result.dropped)}

    def heading(text: str) -> None:
        print(f"{_BOLD}{text}{_PLAIN}" if coloured else text)

    heading(f"Question: {args.query}")
    heading(f"\nBefore: {result.tokens_in} tokens in {len(_DOCUMENTS)} documents")
    for index, document in enumerate(_DOCUMENTS):
        spans = kept[index].spans if index in kept else ()
        print(f"\n  {document.title} (score {scores[index]:.2f})")
        for line in _lines(document.text, spans if coloured else (), width - 2, coloured):
            print(f"  {line}")
    heading(f"\nAfter: {result.tokens_out} tokens ({result.rate:.0%}), at most {args.tokens} were allowed\n")
    for line in _lines(result.text, (), width - 2, coloured=False):
        print(f"  {line}".rstrip())
    for note in result.notes:
        print(f"boildown: {note}", file=sys.stderr)
    print("\nNow with your own files: boildown compress --query '...' --tokens 500 FILE ...")
    return 0


def _lines(text: str, bright: Sequence[Span], width: int, coloured: bool) -> Iterator[str]:
    """The text in lines of at most `width` characters, with the bright spans as they are and all else dimmed."""
    for paragraph in re.finditer(r"[^\n]+|\n(?=\n)", text):
        line, used = "", 0
        for word in re.finditer(r"\S+", paragraph[0]):
            if used and used + 1 + len(word[0]) > width:
                yield line
                line, used = "", 0
            place = paragraph.start() + word.start()
            dim = coloured and not any(span.start <= place < span.end for span in bright)
            shown = f"{_DIM}{word[0]}{_PLAIN}" if dim else word[0]
            line, used = (f"{line} {shown}", used + 1 + len(word[0])) if used else (shown, len(word[0]))
        yield line
