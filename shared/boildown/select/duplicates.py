"""Sentences that repeat another document's, found before the cut."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from boildown.text.scripts import WITHOUT_SPACES

__all__ = ["find_duplicates", "long_texts"]

_SHINGLE = 3
_MAX_HOLDERS = 32
"""Texts remembered for one shingle: what stands in more texts tells little, and unbounded lists would cost O(n²)."""
_MIN_WORDS = 5
"""Shorter sentences ("See also.") repeat by chance and cost next to nothing."""
_LONG_WORDS = 10
"""From here on a repetition is mostly a copy. Shorter ones are rows, headings, lines of code, and what is true of two
things ("The warranty period is two years.")."""

_WORD = re.compile(rf"[{WITHOUT_SPACES}]|[^\s{WITHOUT_SPACES}]+")
_SAID = re.compile(rf"[{WITHOUT_SPACES}]|[^\W_{WITHOUT_SPACES}][^\s{WITHOUT_SPACES}]*")
"""Words with a letter or a digit: of a table's row its cells and not their borders."""
_OPENING = "'\"([{“‘«„‚「『（【《〈"
_CLOSING = "'\")]}”’»」』）】》〉.,;:!?…。、，；：！？"
_DASHES = "-–—"
_SIGNS = "%‰#&*@/\\"
"""Unicode counts these as punctuation; in "5%" and "C#" they are more."""

_Words = tuple[str, ...]


def find_duplicates(
    texts: list[str],
    document: NDArray[np.int64],
    priority: NDArray[np.int64],
    threshold: float,
    long: bool = False,
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
        long: only texts of some length and words in them count, at the beginning and the end of their document, where
            chunks overlap: without a step in the middle a procedure would be another. And a document that has none is
            no repetition of another, unless all of its texts together are as long.

    Returns:
        shape (units,), True for what to drop.
    """
    drop = np.zeros(len(texts), dtype=bool)
    owners = document.tolist()
    order = priority.tolist()
    folded_texts = {unit: " ".join(texts[unit].casefold().split()) for unit in order}
    if threshold >= 1:  # then most documents need no closer look
        sharing = _sharing(folded_texts, owners)
        order = [unit for unit in order if owners[unit] in sharing]
    exact: dict[str, int] = {}
    near = _Near(threshold)
    origins: defaultdict[int, set[int]] = defaultdict(set)
    short: dict[int, dict[int, str]] = {}
    longer: defaultdict[int, list[int]] = defaultdict(list)
    size: Counter[int] = Counter()
    for unit in order:
        owner = owners[unit]
        folded = folded_texts[unit]
        words = _SAID.findall(folded) if long else _words(folded)
        length = len(words)
        if length < (_LONG_WORDS if long else _MIN_WORDS):
            short.setdefault(owner, {})[unit] = folded
            size[owner] += length
            continue
        longer[owner].append(unit)
        origin = exact.get(folded)
        if origin is None:
            origin = exact[folded] = owner if threshold >= 1 else near.origin(words, owner)
        drop[unit] = origin != owner
        origins[owner].add(origin)
    if long:
        short = {owner: own for owner, own in short.items() if owner in origins or size[owner] >= _LONG_WORDS}
        for own in longer.values():
            own.sort()
            stays = [unit for unit in own if not drop[unit]]
            if stays:
                drop[[unit for unit in own if stays[0] < unit < stays[-1]]] = False
    drop[_short_repetitions(short, origins)] = True
    return drop


def long_texts(text: str, spans: NDArray[np.int64]) -> frozenset[str]:
    """What of a document may be a long repetition: its longer pieces, and all of it, as they are compared.

    Args:
        text: the document's.
        spans: shape (pieces, 2), where its pieces begin and end, in characters.
    """
    words = [text[start:end].casefold().split() for start, end in spans.tolist()]
    least = _LONG_WORDS if text.isascii() else 1  # other scripts may have no white space between words
    return frozenset([*(" ".join(own) for own in words if len(own) >= least), " ".join(chain.from_iterable(words))])


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


def _sharing(folded: Mapping[int, str], owners: list[int]) -> set[int]:
    """The documents of which some text stands in another one: the others neither repeat nor are repeated."""
    holder: dict[str, int] = {}
    found: set[int] = set()
    for unit, text in folded.items():
        owner = owners[unit]
        first = holder.setdefault(text, owner)
        if first != owner:
            found |= {first, owner}
    return found


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
