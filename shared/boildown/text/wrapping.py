"""Whether a line end lies inside a sentence: prose is hard-wrapped at some width, and records have a line each."""

from __future__ import annotations

import re

from boildown.text.function_words import FUNCTION_WORDS

__all__ = ["LEVEL", "UNSPACED", "wraps"]

UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7a3\U00020000-\U0003ffff]")
"""A character of a script that is written without spaces, or with few: Chinese, Japanese, Korean."""

# No hard-wrapped text is wider, and none narrower (in characters; a CJK character takes two columns).
_WIDEST = 160
_NARROWEST = 40
# A line whose sentence is seen to go on may be narrower, but has a few words; and since the lines of a page are not all
# of the same number of characters, it fills this share of the width.
_FEWEST_SPACES = 2
_LEAST_FILLED = 0.6

# A speaker ("Project Manager:"), a time in seconds, a place in a file, an exception; a level, a frame of a stack.
_LABELLED = re.compile(
    r"[^\W\d_a-z][\w.'’\-]*(?: [\w.'’\-]+){0,3}:(?:\s|\Z)|.{0,24}\b\d\d?:\d\d:\d\d\b|\S{1,200}?:\d+:|\w+(?:[.$]\w+)+:\s"
)
LEVEL = r"(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE|CRITICAL)\b"
"""An expression for how much a line of a log matters."""
_LOGGED = re.compile(rf"\W?{LEVEL}|at [\w.$/]+\(")
_TERM = re.compile(r"[*_`]{0,3}-{0,2}\w[^\s:]*(?: [^\s:]+){0,4}?(?::[*_`]{0,3}| (?:--|[-–—]))\s")
"""What is told of in the rest of a line, after a line with a stop."""
_STOP = re.compile(r"[.!?…][\"'”’»)\]]*(?:\s|\Z)")
# Between cells, but not between the digits of a number.
_DELIMITER = re.compile(r"(?<!\d)[,;|](?=\S)|[,;|](?=\S)(?!\d{3})")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"\w")
_MARK = re.compile(r"[^\w\s]")


def wraps(lines: list[str], index: int, previous: str, current: str) -> bool:
    """Whether the text is hard-wrapped between lines ``index - 1`` and ``index``.

    Args:
        lines: all lines of the text.
        index: of the second of the two.
        previous: the first without indentation and marks of quotation; not empty.
        current: the second, likewise.
    """
    if not current or previous[-1] in "{}":
        return False
    before = lines[index - 2] if index > 1 else ""
    size = len(lines[index - 1].rstrip())
    # A line is wrapped where the next word did not fit any more: the widest neighbour tells the width.
    width = max(size, len(lines[index].rstrip()), len(before.rstrip()))
    unspaced = UNSPACED.match(current) is not None
    filled = size + 1 + (3 if unspaced else len(current.split(None, 1)[0]))
    small, announced = current[0].islower(), previous[-1] in ":;"
    if previous[-1] in ",-–—(，、،" or (small and not announced):
        full = filled >= _LEAST_FILLED * width and (unspaced or previous.count(" ") >= _FEWEST_SPACES)
    else:
        full = filled >= width and _NARROWEST // (1 + unspaced) <= size <= _WIDEST
        full = full and (
            small and len(current) >= _LEAST_FILLED * size if announced else _is_prose(lines, index, previous)
        )
    if not full or (previous[-1] in ".!?…" and _TERM.match(current)):
        return False
    return not (_opens_record(current) or _are_records(previous, current))


def _opens_record(line: str) -> bool:
    """Whether a line begins as no line inside a sentence does."""
    return (":" in line and _LABELLED.match(line) is not None) or _LOGGED.match(line) is not None


def _is_prose(lines: list[str], index: int, previous: str) -> bool:
    """Whether a line does not end as a title does, or one of those around has a stop or begins with a small letter."""
    if previous.rsplit(None, 1)[-1] in FUNCTION_WORDS:
        return True
    around = lines[max(index - 2, 0) : index + 3]
    return not all(map(_is_opener, around)) or any(map(_STOP.search, around))


def _is_opener(line: str) -> bool:
    first = line.lstrip(" >")[:1]
    return not first.isalpha() or first.isupper()


def _are_records(first: str, second: str) -> bool:
    """Whether two lines are alike as no lines of prose are."""
    shape = _shape(first)
    if shape and shape == _shape(second):
        return True
    numbers = _DIGIT.search(first) and _DIGIT.search(second) and _numbers(first)
    if numbers and len(numbers) == 2 and numbers == _numbers(second):
        return True
    cells = len(_DELIMITER.findall(first)) if any(map(first.count, ",;|")) else 0
    if cells >= 2 and cells == len(_DELIMITER.findall(second)):
        return True
    return "   " in first and "   " in second


def _shape(line: str) -> str:
    """The marks of the first word, or of the second with what stands before it; empty for plain words."""
    words = line.split(None, 2)
    marks = _marks(words[0])
    if marks or len(words) == 1:
        return marks
    marks = _marks(words[1])
    return f"{words[0]} {marks}" if marks and _LETTER.search(words[1]) else marks


def _marks(word: str) -> str:
    """Those inside a word, each once, but not of a value; words of prose with a hyphen or an apostrophe have none."""
    name, equals, _ = word.partition("=")
    inner = (name + equals).lstrip("(\"'“‘«„").rstrip(".,;!?)\"'”’»…")
    if inner.isalpha():
        return ""
    marks = {*_MARK.findall(inner)} - {"'", "’"}
    if _DIGIT.search(inner) is None:
        marks.discard("-")
    return "".join(sorted(marks))


def _numbers(line: str) -> list[int]:
    """Which words are the first two with digits."""
    return [place for place, word in enumerate(line.split()) if _DIGIT.search(word)][:2]
