"""Sentences that repeat another document's, found before the cut."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from boildown.text.scripts import HAN_KANA, SOUTH_EAST_ASIAN

__all__ = ["find_duplicates"]

_SHINGLE = 3
_MAX_HOLDERS = 32
"""Texts remembered for one shingle: what stands in more texts tells little, and unbounded lists would cost O(n²)."""
_MIN_WORDS = 5
"""Shorter sentences ("See also.") repeat by chance and cost next to nothing."""

_UNSPACED = f"{HAN_KANA}{SOUTH_EAST_ASIAN}"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_OPENING = "'\"([{“‘«„‚「『（【《〈"
_CLOSING = "'\")]}”’»」』）】》〉.,;:!?…。、，；：！？"
_DASHES = "-–—"
_SIGNS = "%‰#&*@/\\"
"""Unicode counts these as punctuation; in "5%" and "C#" they are more."""

_Words = tuple[str, ...]


def find_duplicates(
    texts: list[str], document: NDArray[np.int64], priority: NDArray[np.int64], threshold: float
) -> NDArray[np.bool_]:
    """Marks each text that repeats one of another document that comes before it in `priority`.

    Two texts repeat each other if they are the same but for case and white space, or, with a threshold below 1, if
    their sets of three-word shingles have a Jaccard similarity of at least `threshold` (Broder 1997, On the
    resemblance and containment of documents) and all their numbers and signs are the same. Repetition inside one
    document is the author's and stays. So does a short text, unless all the longer ones of its document repeat one
    other document that has it too, or its document has no longer ones and is a repetition as a whole.

    Args:
        texts: one per unit.
        document: shape (units,), whose it is.
        priority: shape (units,), unit indices, the one to keep first.
        threshold: above 0, at most 1.

    Returns:
        shape (units,), True for what to drop.
    """
    drop = np.zeros(len(texts), dtype=bool)
    exact: dict[str, int] = {}
    near = _Near(threshold)
    origins: defaultdict[int, set[int]] = defaultdict(set)
    short: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for unit in priority.tolist():
        owner = int(document[unit])
        folded = " ".join(texts[unit].casefold().split())
        words = _words(folded)
        if len(words) < _MIN_WORDS:
            short[owner][unit] = folded
            continue
        origin = exact.get(folded)
        if origin is None:
            origin = exact[folded] = owner if threshold >= 1 else near.origin(words, owner)
        drop[unit] = origin != owner
        origins[owner].add(origin)
    drop[_short_repetitions(short, origins)] = True
    return drop


class _Near:
    """The longer texts that stay, and which of them a text repeats nearly."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._holders: defaultdict[tuple[_Words, _Words], list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        self._owners: list[int] = []

    def origin(self, words: list[str], owner: int) -> int:
        """The document of which a text is a repetition; its owner itself if of none, and then it is remembered."""
        # Texts that differ in a number say different things, however much of their wording is the same.
        values = _values(words)
        shingles = {(values, tuple(words[i : i + _SHINGLE])) for i in range(len(words) - _SHINGLE + 1)}
        shared = Counter(other for shingle in shingles for other in self._holders.get(shingle, ()))
        for other, common in shared.items():
            either = len(shingles) + self._sizes[other] - common
            if self._owners[other] != owner and common >= self._threshold * either:
                return self._owners[other]
        for shingle in shingles:
            if len(self._holders[shingle]) < _MAX_HOLDERS:
                self._holders[shingle].append(len(self._sizes))
        self._sizes.append(len(shingles))
        self._owners.append(owner)
        return owner


def _short_repetitions(short: Mapping[int, dict[int, str]], origins: Mapping[int, set[int]]) -> list[int]:
    """The short texts that would be left over of documents that are repetitions otherwise.

    Args:
        short: for each document its short texts by unit, in the order of priority.
        origins: for each document with longer texts those documents that they repeat, or itself.
    """
    found: list[int] = []
    whole: dict[frozenset[str], int] = {}
    for owner, texts in short.items():
        repeated = origins.get(owner)
        if repeated is None:
            if whole.setdefault(frozenset(texts.values()), owner) != owner:
                found += texts
        elif owner not in repeated and len(repeated) == 1:
            (origin,) = repeated
            there = set(short.get(origin, {}).values())
            found += [unit for unit, text in texts.items() if text in there]
    return found


def _words(folded: str) -> list[str]:
    """Words with the signs that stand at them, or characters of scripts without spaces; no other punctuation.

    A dash that stands alone before a number is taken for its sign.
    """
    words: list[str] = []
    dash = ""
    for word in _WORD.findall(folded):
        bare = word.lstrip(_OPENING).rstrip(_CLOSING)
        if bare.strip(_DASHES):
            words.append(dash + bare if bare[0].isnumeric() else bare)
        dash = bare if bare in tuple(_DASHES) else ""
    return words


def _values(words: list[str]) -> _Words:
    """Those of the words that have a number or a sign in them, in order."""
    return tuple([word for word in words if not word.isalpha() and any(map(_tells, word))])


def _tells(character: str) -> bool:
    return character.isnumeric() or character in _SIGNS or unicodedata.category(character)[0] == "S"
