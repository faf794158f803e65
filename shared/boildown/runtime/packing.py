"""Sequences of token ids, put into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boildown.errors import ModelError

__all__ = ["MicroBatch", "Packing"]

Ids = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class MicroBatch:
    """Sequences that run together, in order of length.

    Attributes:
        rows: shape (tokens,), where each token stands in the concatenation of all sequences in input order.
        positions: shape (tokens,), counted from 0 in each sequence.
        runs: (sequences, length) for each run of sequences of equal length.
    """

    rows: NDArray[np.int64]
    positions: NDArray[np.int64]
    runs: tuple[tuple[int, int], ...]


class Packing:
    """All sequences of one call, one after the other without padding.

    Args:
        ids: token ids of each sequence; empty ones are allowed.
        token_types: token types of each sequence, or None where all are 0.

    Attributes:
        offsets: shape (sequences + 1,), where each sequence begins and the last one ends.
        ids: shape (tokens,).
        types: shape (tokens,).
    """

    def __init__(self, ids: Sequence[Ids], token_types: Sequence[Ids] | None = None) -> None:
        self.lengths = np.array([len(sequence) for sequence in ids], dtype=np.int64)
        self.offsets: NDArray[np.int64] = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        self.ids = _join(ids)
        self.types = np.zeros_like(self.ids) if token_types is None else _join(token_types)
        if len(self.types) != len(self.ids):
            raise ValueError("ids and token_types differ in length.")

    def check(self, max_length: int, vocabulary: int, types: int | None = None) -> None:
        """Checks that a model can read all of it.

        Args:
            max_length: the most tokens a sequence may have.
            vocabulary: the number of token ids.
            types: the number of token types; None leaves them unchecked.

        Raises:
            ModelError: it cannot.
        """
        if not len(self.ids):
            return
        longest = int(self.lengths.max())
        if longest > max_length:
            raise ModelError(f"A sequence has {longest} tokens; the model reads at most {max_length}.")
        for kind, values, size in (("token", self.ids, vocabulary), ("type", self.types, types)):
            low, high = int(values.min()), int(values.max())
            if size is not None and (low < 0 or high >= size):
                raise ModelError(
                    f"The {kind} ids run from {low} to {high}, and the model has {size}. The tokenizer is not its own."
                )

    def batches(self, tokens: int) -> Iterator[MicroBatch]:
        """Micro-batches of about `tokens` tokens; a longer sequence is a batch of its own."""
        order = np.argsort(self.lengths, kind="stable")
        order = order[self.lengths[order] > 0]
        sizes = np.cumsum(self.lengths[order])
        begin = 0
        while begin < len(order):
            done = sizes[begin - 1] if begin else 0
            end = max(int(np.searchsorted(sizes, done + tokens, side="right")), begin + 1)
            yield self._batch(order[begin:end])
            begin = end

    def _batch(self, members: NDArray[np.int64]) -> MicroBatch:
        lengths = self.lengths[members]
        starts = np.cumsum(lengths) - lengths
        positions = np.arange(lengths.sum()) - np.repeat(starts, lengths)
        rows = positions + np.repeat(self.offsets[members], lengths)
        values, counts = np.unique(lengths, return_counts=True)
        return MicroBatch(rows, positions, tuple(zip(counts.tolist(), values.tolist(), strict=True)))


def _join(sequences: Sequence[Ids]) -> NDArray[np.int64]:
    if not sequences:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
