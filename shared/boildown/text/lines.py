"""What the rest of a line needs: its beginning, which says who speaks, what is told of, or when something happened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from boildown.text.blocks import LIST_ITEM
from boildown.text.markup import begins_part
from boildown.text.records import TERM
from boildown.text.speakers import SPEAKER
from boildown.text.wrapping import LEVEL

__all__ = ["LONGEST_BEGINNING", "NOTE", "line_ends", "log_lines", "turns"]

LONGEST_BEGINNING = 200
"""Characters; a longer text costs more than it explains."""

NOTE = re.compile(r"([*†‡§¹²³⁴⁵])\s?\w")
"""A footnote."""
_NUMBERED = re.compile(r"[^\W\d_a-z]\w{3,12} \d{1,3}\.\s")
"""A step or an article, but not a date: "Step 3."."""
_MEANING = "\n: "
"""Before what a term means, in the line below it."""
_ROW = re.compile(
    r"[^\t\n]{1,60}\t\S|(?!\d{1,3},\d{3}\b)[^\s,;][^,;\n]{0,60}([,;])(?:\"[^\"\n]+\"|[!-+\--:<-~][^,;\n]{0,60})\1[!-~]"
)
"""Two cells or three, without spaces between them."""
_TAGGED = re.compile(r"(?:</[a-z]\w*>\s*|<(?!(?:d[dt]|li|t[rd])\b)[a-z][^<>]*>\s*)*<(d[dt]|li|t[rd])\b", re.IGNORECASE)
_ENTRY = re.compile(rf"{TERM}(?::[*_`]{{0,3}}|( (?:--|[-–—])))\s")
_LOGGED = re.compile(
    r"[\[(<]?(?:(?:\w{3},? )?(?:\d{1,4}[-/.]\w{2,3}[-/.]\d{1,4}|[A-Z][a-z]{2} {1,2}\d{1,2}(?: \d{4})?)[T, :]{1,2})?"
    rf"\d\d?:\d\d:\d\d(?![\w:])(?!.{{0,6}}-->)|\W?{LEVEL}(?!: )"
)
"""A time, perhaps after a date, but not a subtitle's; or a level, but no warning of a manual's."""
_TIMED = re.compile(r"[\[(]?\d\d?:\d\d(?: ?[-–—] ?\d\d?:\d\d)?[\])]?(?: [AaPp][Mm])?:?\s+\S")
"""As in minutes and programmes."""
_OPENERS = (SPEAKER, LIST_ITEM, _NUMBERED, NOTE, _LOGGED, _TIMED, _ROW)
_FRAME = re.compile(r"\s+(?:at \S[^\n]*[(:]|\.\.\. \d+ \w)")
_TRACEBACK = "Traceback ("


def line_ends(piece: str) -> int:
    """How many lines end in the white space at the end of a piece."""
    return piece.count("\n", len(piece.rstrip()))


def turns(pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a later sentence of a line and its first one.

    It says who speaks, which item it is, what a term means, what is told of in a row, or when something happened.
    """
    begins = [i for i, body in enumerate(bodies) if i == 0 or line_ends(pieces[i - 1]) or begins_part(body)]
    above = {"dd": -1, "td": -1}  # the term that is explained, and the row
    done = 0
    for place, (i, end) in enumerate(pairwise([*begins, len(bodies)])):
        body = bodies[i]
        if i < done:
            continue  # another line of a cell
        tag = found[1].lower() if body.startswith("<") and (found := _TAGGED.match(body)) else ""
        if tag in ("dt", "tr"):
            above["dd" if tag == "dt" else "td"] = i
        elif above.get(tag, -1) >= 0:
            yield i, above[tag]
        elif i and f"\n{body}".startswith(_MEANING):
            yield i, i - 1
        if '"' in body and body.count('"') % 2 and _ROW.match(body):
            closing = (j + 1 for j in range(i + 1, len(bodies)) if bodies[j].count('"') % 2)
            done = end = max(end, next(closing, end))
        if end > i + 1 and len(body) <= LONGEST_BEGINNING:
            beside = [bodies[j] for j in (*begins[place - 1 : place], *begins[place + 1 : place + 2])]
            if tag or _MEANING in f"\n{body}" or any(mark.match(body) for mark in _OPENERS) or _is_entry(body, beside):
                yield from ((j, i) for j in range(i + 1, end))


def _is_entry(body: str, beside: Sequence[str]) -> bool:
    """Whether a line tells of a term, as "Eluent -- the solvent" does, and so does one of the lines beside it."""
    kind = _entry(body)
    return kind != "" and kind in map(_entry, beside)


def _entry(body: str) -> str:
    """What parts a term from what is told of it; empty if nothing does."""
    found = _ENTRY.match(body)
    return (found[1] or ":") if found else ""


def log_lines(text: str, pieces: Sequence[str], bodies: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of a line below one of a log and that, and of a line of a stack's trace and the error."""
    stamped = [i for i, body in enumerate(bodies) if _LOGGED.match(body) and (i == 0 or line_ends(pieces[i - 1]))]
    if len(stamped) < 2 and not ("\tat " in text or "  at " in text or _TRACEBACK in text):
        return
    is_log = len(stamped) > 1
    logged = frozenset(stamped)
    opener = error = -1
    trace: list[int] = []
    for i, body in enumerate(bodies):
        ends = line_ends(pieces[i - 1]) if i else 2
        if ends > 1:
            opener = error = -1
            trace = []
        if i in logged:
            opener = i if is_log and len(body) <= LONGEST_BEGINNING else -1
        elif opener >= 0:
            yield i, opener if ends else error
        if not ends:
            continue
        if _FRAME.match(pieces[i]):
            if error >= 0:
                yield i, error
        elif body.startswith(_TRACEBACK):
            trace = [i]
        elif trace and pieces[i][0] in " \t":
            trace.append(i)
        else:
            error = i
            yield from ((one, i) for one in trace)
            trace = []
