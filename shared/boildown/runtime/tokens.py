"""Texts as token ids with character offsets, and the windows in which a model reads long texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.counters import well_formed
from boildown.errors import ModelError
from boildown.runtime.checkpoint import read_json
from boildown.sources import character_starts

__all__ = [
    "Template",
    "Tokens",
    "pair_template",
    "special_tokens",
    "split_at",
    "tokenize",
    "windows",
    "without_middle",
]

_IS_SPACE = np.array([chr(c).isspace() for c in range(0x3002)])
"""By code point; the last entry stands for all beyond, of which none is white space."""


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of several texts, one text after the other; arrays of shape (tokens,).

    `text` is the index of each token's text; `start` and `end` are character offsets in it, without white space in
    front, so that text[start:end] is what the token spells. A token of white space alone is empty: start == end.
    """

    ids: NDArray[np.int64]
    text: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, mask: NDArray[np.bool_]) -> Tokens:
        """Those tokens that `mask`, of shape (tokens,), marks."""
        return Tokens(self.ids[mask], self.text[mask], self.start[mask], self.end[mask])


def tokenize(tokenizer: Any, texts: Sequence[str]) -> Tokens:
    """Tokens of all texts in one batch, without special tokens.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
        texts: any strings; lone surrogates are read as U+FFFD.
    """
    clean = [well_formed(text) for text in texts]
    encodings = tokenizer.encode_batch(clean, add_special_tokens=False)
    counts = [len(encoding) for encoding in encodings]
    text = np.repeat(np.arange(len(clean), dtype=np.int64), counts)
    ids = np.fromiter(chain.from_iterable(e.ids for e in encodings), dtype=np.int64, count=sum(counts))
    pairs = chain.from_iterable(e.offsets for e in encodings)
    offsets = np.fromiter(chain.from_iterable(pairs), dtype=np.int64, count=2 * sum(counts))
    start, end = offsets[::2], offsets[1::2]
    # Byte-level and metaspace tokenizers count the space before a word as part of it.
    base = character_starts(clean)[text]
    next_ink = _next_ink("\n".join(clean))
    moved = next_ink[base + start] - base
    return Tokens(ids, text, np.minimum(moved, end), end)


def split_at(tokens: Tokens, starts: NDArray[np.int64], base: NDArray[np.int64]) -> tuple[Tokens, NDArray[np.int64]]:
    """Splits tokens that run over several units, such as a token of two Han characters, each of which is a word.

    Args:
        tokens: the tokens.
        starts: where the units begin, ascending, in characters of all texts joined; shape (units,).
        base: where each text begins if all were joined by one character; see `Sources.starts`.

    Returns:
        The tokens, each inside one unit, and for each the index of the token it comes from.
    """
    begin, end = base[tokens.text] + tokens.start, base[tokens.text] + tokens.end
    first = np.searchsorted(starts, begin, side="right")
    parts = np.maximum(np.searchsorted(starts, end, side="left") - first, 0) + 1
    origin = np.repeat(np.arange(len(tokens)), parts)
    if len(origin) == len(tokens):
        return tokens, origin
    part = np.arange(len(origin)) - np.repeat(np.cumsum(parts) - parts, parts)
    # The inner borders of token i are starts[first[i]], starts[first[i] + 1], ...
    border = np.append(starts, 0)[np.minimum(first[origin] + part, len(starts))]
    is_last = part == parts[origin] - 1
    ends = np.where(is_last, end[origin], border)
    begins = np.where(part == 0, begin[origin], np.append(0, ends[:-1]))
    text = tokens.text[origin]
    return Tokens(tokens.ids[origin], text, begins - base[text], ends - base[text]), origin


def _next_ink(text: str) -> NDArray[np.int64]:
    """For each character, and for the end, the nearest place from there on that is not white space."""
    characters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    size = len(characters)
    place = np.arange(size + 1)
    place[:-1][_IS_SPACE[np.minimum(characters, len(_IS_SPACE) - 1)]] = size
    return np.minimum.accumulate(place[::-1])[::-1]


def special_tokens(tokenizer: Any, folder: Path) -> tuple[list[int], list[int]]:
    """The ids that stand before and after one text.

    They are what the tokenizer's own post-processor puts there; a tokenizer that has none gets the tokens that its
    special-token map calls cls (or bos) and sep (or eos).

    Raises:
        ModelError: neither says what they are.
    """
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a").ids
    if len(full) > len(plain):
        for begin in range(len(full) - len(plain) + 1):
            if full[begin : begin + len(plain)] == plain:
                return full[:begin], full[begin + len(plain) :]
    names: dict[str, Any] = {}
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        names.update(read_json(folder / file, {}))

    def find(*keys: str) -> list[int]:
        for key in keys:
            value = names.get(key)
            name = value.get("content") if isinstance(value, dict) else value
            if name is not None:
                found = tokenizer.token_to_id(name)
                return [] if found is None else [found]
        return []

    before, after = find("cls_token", "bos_token"), find("sep_token", "eos_token")
    if not before:
        raise ModelError(
            f"The tokenizer in {folder} has no post-processor that adds special tokens, and neither "
            "tokenizer_config.json nor special_tokens_map.json names a cls_token that it knows."
        )
    return before, after


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """How a model reads two texts together.

    Attributes:
        before, between, after: ids of the special tokens.
        second_type: the token type of the second text and what comes after it; all else has type 0.
    """

    before: list[int]
    between: list[int]
    after: list[int]
    second_type: int

    @property
    def size(self) -> int:
        """The number of special tokens."""
        return len(self.before) + len(self.between) + len(self.after)

    def fill(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ids and types of the tokens of a pair, special tokens included."""
        ids = np.concatenate([self.before, first, self.between, second, self.after]).astype(np.int64)
        types = np.zeros(len(ids), dtype=np.int64)
        types[len(ids) - len(second) - len(self.after) :] = self.second_type
        return ids, types


def pair_template(tokenizer: Any, folder: Path) -> Template:
    """How the tokenizer's own post-processor puts two texts together.

    Raises:
        ModelError: it has none that adds special tokens.
    """
    plain = tokenizer.encode("a", add_special_tokens=False).ids
    full = tokenizer.encode("a", "a")
    begins = [i for i in range(len(full.ids)) if full.ids[i : i + len(plain)] == plain]
    if len(full.ids) == 2 * len(plain) or len(begins) != 2:
        raise ModelError(
            f"{folder / 'tokenizer.json'} has no post-processor that puts special tokens between two texts. Let "
            "transformers write it: from transformers import AutoTokenizer as T; "
            f"T.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        )
    first, second = begins
    end = second + len(plain)
    return Template(full.ids[:first], full.ids[first + len(plain) : second], full.ids[end:], full.type_ids[second])


def windows(tokens: Tokens, room: int, breaks: Sequence[NDArray[np.bool_]]) -> list[tuple[int, int]]:
    """Cuts each text's tokens into windows of at most `room`, that cover them without overlap.

    Args:
        tokens: the tokens of all texts.
        room: the most tokens of a window.
        breaks: where a window may begin, best first (such as sentences, then words), each of shape (tokens,). A break
            is taken if it leaves the window before it at least half full.

    Returns:
        (begin, end) of each window, in tokens.
    """
    found = []
    edges = np.flatnonzero(np.diff(tokens.text, prepend=-1, append=-1))
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        while end - begin > room:
            cut = begin + room
            for allowed in breaks:
                places = np.flatnonzero(allowed[begin + room // 2 + 1 : begin + room + 1])
                if len(places):
                    cut = begin + room // 2 + 1 + int(places[-1])
                    break
            found.append((begin, cut))
            begin = cut
        found.append((begin, end))
    return found


def without_middle(ids: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The first and the last of a query's tokens: people ask before what they paste, or after it.

    Args:
        ids: shape (tokens,).
        most: how many to keep.
    """
    if len(ids) <= most:
        return ids
    return np.concatenate([ids[: most - most // 2], ids[len(ids) - most // 2 :]])
