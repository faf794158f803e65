"""Iterative token-level compression (Jiang et al. 2023, LLMLingua, algorithm 2) as it was published in code.

Known differences from the paper, kept on purpose: the loss at place i is that of token i + 1 but decides about token
i; a cut keeps one token fewer than asked; windows that are not full are left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boildown.methods.exact.language_model import ReferenceLM
from boildown.methods.exact.ratios import Piece

if TYPE_CHECKING:
    from boildown.runtime.key_values import KeyValues

__all__ = ["compress_tokens"]

_SINK = 10
"""Keys and values of so many first tokens stay when the cache outgrows the model's positions."""
_LINE_FEED = 13
"""The token id that `keep_split` takes for a line feed: Llama's."""


@dataclass
class _Stream:
    """One prompt under compression: the places left of it, their losses, and the cache.

    The contrastive score has two, with the question before the text and without; `offset` is the question's length,
    by which places in the second lag behind.
    """

    lm: ReferenceLM
    whole: NDArray[np.int64]
    places: NDArray[np.int64]
    offset: int = 0
    loss: NDArray[np.float32] | None = None
    cache: KeyValues | None = None
    ready: int = 0
    popped: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The tokens that are left in the window of attention."""
        return self.whole[self.places]

    def forget(self, count: int, sink: int) -> None:
        """Takes the first `count` tokens out of the window of attention; their text stays in the result."""
        assert self.cache is not None
        self.popped.append(self.places[:count])
        self.places = self.places[count:]
        self.cache.forget(count, sink)
        self.ready -= count

    def read(self, end: int | None, total_end: int) -> bool:
        """Brings the losses up to date; False if nothing was left to read.

        The first reading is of the whole prompt, and its keys and values are of no use once tokens have gone.
        """
        if end is not None and self.cache is None:
            self.cache = self.lm.new_cache(min(end + len(self.places) // 2, self.lm.positions))
        loss = self.lm.nll(self.ids, self.cache, end)
        if not len(loss):
            return False
        last = total_end - self.offset - 1
        if self.loss is None:
            self.loss = loss
        else:
            if last > len(self.loss):
                self.loss = np.append(self.loss, np.zeros(min(len(loss), last - len(self.loss)), dtype=np.float32))
            stale = self.loss[self.ready : last]
            fresh = min(len(stale), len(loss))  # fewer than asked where the positions ended
            stale[:fresh] = loss[:fresh]
        return True


def compress_tokens(
    lm: ReferenceLM,
    ids: Sequence[int],
    plan: Sequence[Sequence[Piece]],
    size: int,
    start: int = 0,
    contrast: bool = False,
    keep_split: bool = False,
) -> list[int]:
    """The places in `ids` of the tokens that stay, without those of the question before them.

    Args:
        lm: the model.
        ids: tokens of the question, if any, and the contexts.
        plan: pieces of each window; see `boildown.methods.exact.ratios`.
        size: tokens in a window.
        start: tokens of the question.
        contrast: score by NLL(token | text) - NLL(token | question, text).
        keep_split: keep runs of line feeds.
    """
    whole = np.array(ids, dtype=np.int64)
    main = _Stream(lm, whole, np.arange(len(whole)))
    other = _Stream(lm, whole, np.arange(start, len(whole)), offset=start) if contrast else None
    flags = _split_flags(whole) if keep_split else None
    end = min(size + start, len(whole))
    for turn, pieces in enumerate(plan):
        if end > len(main.places):
            break
        if end > lm.positions and main.cache is not None:
            excess, sink = end - lm.positions, min(_SINK + start, lm.positions)
            main.forget(excess, sink)
            if other is not None and other.cache is not None:
                other.forget(excess, min(sink, other.cache.length - excess))
            flags = None if flags is None else flags[excess:]
            end -= excess
        if not main.read(end if turn else None, end):
            break
        if other is not None and not other.read(end - start if turn else None, end):
            break
        for stream in (main, other):
            if stream is None:
                continue
            if stream.cache is not None:
                stream.cache.crop(end - size - stream.offset)
            stream.ready = 0 if start and not turn else end - size - stream.offset
        for length, rate in pieces:
            end, flags = _cut(main, other, end - size, length, rate, start, flags)
            end += size
    kept = np.concatenate([*main.popped, main.places])
    return [int(i) for i in kept[start:]]


def _cut(
    main: _Stream,
    other: _Stream | None,
    begin: int,
    length: int,
    rate: float,
    start: int,
    flags: NDArray[np.bool_] | None,
) -> tuple[int, NDArray[np.bool_] | None]:
    """Drops tokens between `begin` and `begin + length`; gives the piece's new end and the flags that are left.

    `begin` is negative for a prompt shorter than a window; slices by it then count from the end, which leaves all
    or most of the prompt alone.
    """
    assert main.loss is not None
    loss, end = main.loss, begin + length
    first = loss[:1] > 0
    if other is None:
        need = np.concatenate([loss > _threshold(loss, rate), first])
    else:
        assert other.loss is not None
        gain = other.loss[: len(loss) - start] - loss[start:]
        need = np.concatenate([loss[:start] > 0, gain > _threshold(gain, rate), first])
    need[end:] = True
    need[:begin] = True
    main.loss = loss[need[:-1]]
    if other is not None and other.loss is not None:
        need = _resized(need, max(len(need), len(other.loss) + start + 1))
        other.loss = other.loss[need[start:-1]]
    need = _resized(need, len(main.places))
    if flags is not None:
        need[flags[: len(need)]] = True
        _drop_repeated_splits(need, main.ids, flags, max(0, begin), end)
        flags = flags[need]
    main.places = main.places[need]
    if other is not None:
        other.places = other.places[need[start:]]
    return end - int((~need[:end]).sum()), flags


def _threshold(scores: NDArray[np.float32], rate: float) -> float:
    """The score that has to be exceeded, so that about `rate` of all scores do."""
    if rate == 1.0 or not len(scores):
        return float("-inf")
    place = max(0, min(len(scores) - 1, int(len(scores) * rate) - 1))
    return float(np.sort(scores)[::-1][place])


def _resized(need: NDArray[np.bool_], length: int) -> NDArray[np.bool_]:
    return np.append(need[:length], np.ones(max(0, length - len(need)), dtype=bool))


def _split_flags(ids: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Line feeds next to a line feed."""
    split: NDArray[np.bool_] = ids == _LINE_FEED
    beside = np.zeros(len(ids), dtype=bool)
    beside[1:] |= split[:-1]
    beside[:-1] |= split[1:]
    return split & beside


def _drop_repeated_splits(
    need: NDArray[np.bool_], ids: NDArray[np.int64], flags: NDArray[np.bool_], begin: int, end: int
) -> None:
    """Of line feeds that have come together by the cut, the unflagged ones after the first go."""
    last = -1
    for i in range(begin, min(end, len(need))):
        if not need[i]:
            continue
        if ids[i] == last == _LINE_FEED and not flags[i]:
            need[i] = False
        else:
            last = int(ids[i])
