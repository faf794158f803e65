"""Lines that were left out of a text, marked, so that nobody takes those around them for neighbours."""

from __future__ import annotations

from collections.abc import Iterable

from boildown.types import Span

__all__ = ["GAP", "cut_with_gaps"]

GAP = "[…]"


def cut_with_gaps(spans: Iterable[Span], text: str) -> str:
    """What the spans cut out of the text, with a mark in a line of its own where lines between them are left out.

    An agent that edits a file takes what it is shown for the file, and two lines of code say one thing side by side
    and another with lines between them. So what stands in neighbouring lines without a mark is from neighbouring
    lines, be it code, rows, a log or paragraphs; and where one is indented, as code is, no words are gone between them.

    Other parts of lines have no mark. In prose they are so many that marks would take a tenth of a budget, and where
    words are cut they are everywhere. Nor have the two ends, which stand beside nothing.

    Args:
        spans: ascending, without overlap.
        text: the text that they are characters of.
    """
    parts: list[str] = []
    space = ""  # since the last words
    last = -1  # where these end, if there are any
    for span in spans:
        piece = span.of(text)
        begin = span.end - len(piece.lstrip())
        end = span.start + len(piece.rstrip())
        if begin >= end:
            space += piece
            continue
        space += text[span.start : begin]
        if last >= 0 and _leaves_out_lines(text, last, begin):
            space = space if "\n" in space else "\n"
            line = space.rfind("\n") + 1
            space = f"{space[:line]}{GAP}\n{space[line:]}"
        parts += [space, text[begin:end]]
        space = text[end : span.end]
        last = end
    return "".join([*parts, space])


def _leaves_out_lines(text: str, start: int, end: int) -> bool:
    """Whether a whole line lies between two places, or a part of one beside the end of a line that is indented."""
    between = text[start:end]
    if "\n" not in between or not between.strip():
        return False
    if between[between.find("\n") : between.rfind("\n")].strip():
        return True
    lines = (text.rfind("\n", 0, place) + 1 for place in (start, end))
    return any(text[line].isspace() for line in lines)
