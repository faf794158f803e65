"""Words of a chunk as the published LLMLingua-2 puts them together from tokens."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "Forcing",
    "Number",
    "Words",
    "mean_of",
    "merge_words",
    "plain_words",
    "replaced",
    "restored",
    "without_repeats",
    "word_values",
]

_MARKS = "".join(mark for mark in string.punctuation if mark not in ",.'[]")
_WORD_OR_MARK = re.compile(rf"\b\w+\b|[{re.escape(_MARKS)}]")

Number = Any
"""A probability as numpy or Python has it: np.float32 from the model, float where it was forced. Sums and
percentiles of them round as published only if they are left as they are."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a chunk.

    Attributes:
        words: as they were put together.
        forced: the probabilities of each word's tokens, with forced ones at 1.
        plain: the same without force.
        tokens: the places of each word's tokens in what the model read.
    """

    words: list[str]
    forced: list[list[Number]]
    plain: list[list[Number]]
    tokens: list[list[int]]


@dataclass(frozen=True, slots=True)
class Forcing:
    """Which words must be kept: texts, the placeholder token of those that are several tokens, digits."""

    tokens: Sequence[str] = ()
    placeholders: Mapping[str, str] = field(default_factory=dict)
    digits: bool = False


def merge_words(
    tokens: Sequence[str],
    values: Sequence[Number],
    places: Sequence[int],
    forcing: Forcing,
    special: Collection[str],
    pieces: bool,
) -> Words:
    """Tokens joined to words.

    Args:
        tokens: as the vocabulary spells them.
        values: their probabilities of being kept.
        places: where each stands in what the model read.
        forcing: what must be kept.
        special: tokens to leave out.
        pieces: the vocabulary marks what continues a word (##), and not what begins one (▁).
    """
    merged = Words([], [], [], [])
    inserted = set(forcing.placeholders.values())
    for token, value, place in zip(tokens, values, places, strict=True):
        if token in special:
            continue
        # Stripping takes every leading mark of the kind, as published, so that "####" would become "".
        bare = token.lstrip("#") if pieces else token.lstrip("▁")
        named = bare in forcing.tokens or bare in inserted
        if pieces:
            begins = named or not token.startswith("##")
        else:
            begins = token.startswith("▁") or token in string.punctuation
            begins = begins or token in forcing.tokens or token in inserted
        if begins or not merged.words:
            shown = restored(token, forcing.placeholders)
            digit = forcing.digits and bool(re.search(r"\d", shown))
            merged.words.append(shown)
            merged.forced.append([1.0 if digit or named else value])
            merged.plain.append([value])
            merged.tokens.append([place])
        else:
            digit = forcing.digits and bool(re.search(r"\d", token))
            merged.words[-1] += bare
            merged.forced[-1].append(1.0 if digit else value)
            # Published so: the context level sees the word's first token again in place of this one.
            merged.plain[-1].append(merged.plain[-1][0])
            merged.tokens[-1].append(place)
    return merged


def word_values(values: Sequence[Sequence[Number]], how: str) -> list[Number]:
    """The value of each word: the mean over its tokens, or its first token's."""
    return [mean_of(v) for v in values] if how == "mean" else [v[0] for v in values]


def mean_of(values: Sequence[Number]) -> Number:
    """The plain mean; 0 where an empty document has no word, at which the published implementation fails."""
    return sum(values) / len(values) if len(values) else 0.0


def without_repeats(
    words: Sequence[str], values: Sequence[Number], tokens: Sequence[str], threshold: Number
) -> list[Number]:
    """Values in which a force token that repeats the one before, with nothing worth keeping between, has 0."""
    found = list(values)
    between, previous = False, None
    for i, word in enumerate(words):
        if word not in tokens:
            between = between or bool(values[i] > threshold)
            continue
        if not between and word == previous:
            found[i] = 0.0
        between, previous = False, word
    return found


def replaced(text: str, placeholders: Mapping[str, str]) -> str:
    """The text with placeholders for force tokens."""
    for token, placeholder in placeholders.items():
        text = text.replace(token, placeholder)
    return text


def restored(text: str, placeholders: Mapping[str, str]) -> str:
    """The text with force tokens for placeholders."""
    for token, placeholder in placeholders.items():
        text = text.replace(placeholder, token)
    return text


def plain_words(text: str) -> list[str]:
    """The words of a text that was not read by the model."""
    return _WORD_OR_MARK.findall(text)
