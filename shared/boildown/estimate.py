"""An estimate of token counts that needs no vocabulary, in a few array operations over all texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Estimate"]

_LETTER, _DIGIT, _EXTENDED, _NEWLINE, _SPACE, _MARK, _REPEATED = range(7)
_PER_TOKEN = np.array([6, 3, 2, 1 << 30, 1, 1, 16])
"""Characters of a run that make one token, by class; a run of newlines is one."""
_LAST = 0x3001
"""From here on every character is a mark."""


def _class_of(code: int) -> int:
    character = chr(code)
    if character.isascii() and character.isalpha():
        return _LETTER
    if character.isascii() and character.isdigit():
        return _DIGIT
    if 0xC0 <= code <= 0x24F or 0x400 <= code <= 0x45F:  # accented Latin and Cyrillic letters
        return _EXTENDED
    if character == "\n":
        return _NEWLINE
    return _SPACE if character.isspace() else _MARK


_CLASSES = np.array([_class_of(code) for code in range(_LAST)] + [_MARK], dtype=np.uint8)


class Estimate:
    """Counts one token for up to six letters (two, where they are accented or Cyrillic), three digits, or one mark or
    other character.

    A run of line ends is one token, and so are other white space of more than one character and up to sixteen more of
    the same ASCII mark, as in a rule. Against GPT-4's count this is mostly 3 to 20 per cent high on English, and on
    other languages within about a quarter either way.
    """

    name = "estimate"

    def count(self, text: str) -> int:
        """Tokens of one text, about."""
        return self.count_many([text])[0]

    def count_many(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, about."""
        joined = "".join(texts)
        if not joined:
            return [0] * len(texts)
        edges = np.cumsum([0, *map(len, texts)])
        first = edges[:-1][edges[:-1] < len(joined)]
        classes = _classes(joined, first)
        # Runs of one class, none of which runs over the edge of a text.
        begins = np.empty(len(classes), dtype=bool)
        np.not_equal(classes[1:], classes[:-1], out=begins[1:])
        begins[first] = True
        start = np.flatnonzero(begins)
        length = np.diff(start, append=len(classes))
        kind = classes[start]
        tokens = (length + _PER_TOKEN[kind] - 1) // _PER_TOKEN[kind]
        tokens[kind == _SPACE] = length[kind == _SPACE] > 1
        before = np.concatenate([[0], np.cumsum(tokens)])
        counts: list[int] = np.diff(before[np.searchsorted(start, edges)]).tolist()
        return counts


def _classes(text: str, first: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The class of each character; `first` are those before which no mark can have been the same."""
    codes: NDArray[Any]
    if text.isascii():
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
        classes: NDArray[np.uint8] = _CLASSES[codes]
    else:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        classes = _CLASSES[np.minimum(codes, _LAST)]
    repeated = np.zeros(len(codes), dtype=bool)
    np.equal(codes[1:], codes[:-1], out=repeated[1:])
    repeated[first] = False
    classes[repeated & (classes == _MARK) & (codes < 128)] = _REPEATED
    return classes
