"""Sequences of token ids, put into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from boildown.errors import ModelError

__all__ = ["Ids", "MicroBatch", "Packing", "join", "padded", "padded_rows"]

Ids = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class MicroBatch:
    """Sequences that run together, longest first.

    Attributes:
        tokens: shape (3, tokens): ids, types, and positions, which count from 0 in each sequence.
        runs: (sequences, length) for each run of sequences of equal length.
    """

    tokens: NDArray[np.int64]
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

    def pieces(self, tokens: int, workers: int = 1, least: int = 128) -> list[NDArray[np.int64]]:
        """All sequences but the empty ones, longest first, in pieces that can run side by side.

        The pieces are of about equal size, so that no worker has to wait long for another.

        Args:
            tokens: about the most in a piece; a longer sequence is a piece of its own.
            workers: the number of pieces is a multiple of it, where there is enough to do.
            least: smaller pieces than this are not worth a forward.

        Returns:
            Indices of the sequences of each piece.
        """
        order = np.argsort(-self.lengths, kind="stable")
        order = order[: int(np.count_nonzero(self.lengths))]
        if not len(order):
            return []
        total = len(self.ids)
        count = -(-total // tokens)
        count = max(count, min(-(-count // workers) * workers, total // least))
        # A sequence belongs to the piece in which its middle lies.
        middles = np.cumsum(self.lengths[order]) - self.lengths[order] / 2
        piece = (middles * count / total).astype(np.int64)
        return np.split(order, np.flatnonzero(np.diff(piece)) + 1)

    def rows(self, members: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the tokens of these sequences stand in the concatenation of all."""
        return _ranges(self.offsets[members], self.lengths[members])


def join(parts: Sequence[tuple[Packing, NDArray[np.int64]]]) -> tuple[MicroBatch, list[NDArray[np.int64]]]:
    """One micro-batch of sequences from several packings.

    Args:
        parts: a packing, and which of its sequences.

    Returns:
        The batch; and for each part where its tokens stand in it, in the order of the part.
    """
    lengths = np.concatenate([packing.lengths[members] for packing, members in parts])
    order = np.argsort(-lengths, kind="stable")
    starts = np.empty_like(lengths)
    starts[order] = np.cumsum(lengths[order]) - lengths[order]
    tokens = np.empty((3, int(lengths.sum())), dtype=np.int64)
    places = []
    first = 0
    for packing, members in parts:
        sizes = packing.lengths[members]
        place = _ranges(starts[first : first + len(members)], sizes)
        rows = packing.rows(members)
        tokens[0, place] = packing.ids[rows]
        tokens[1, place] = packing.types[rows]
        tokens[2, place] = _ranges(np.zeros_like(sizes), sizes)
        places.append(place)
        first += len(members)
    values, counts = np.unique(-lengths, return_counts=True)
    return MicroBatch(tokens, tuple(zip(counts.tolist(), (-values).tolist(), strict=True))), places


def padded_rows(count: int) -> int:
    """How many rows a matrix of `count` should have, with padding: a multiple of 16, and of 64 where there are many.

    oneDNN builds kernels for each new number of rows and keeps them, so that without padding memory grows with every
    new length of text. Very few rows are also multiplied by another algorithm, which rounds differently.
    """
    step = 16 if count <= 1024 else 64
    return -(-count // step) * step


def padded(
    runs: Sequence[tuple[int, int]], budget: int, limit: int | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Batches of sequences of about equal length, padded at their ends to a length that comes again.

    Args:
        runs: (sequences, length) for each run of sequences of equal length, longest first.
        budget: tokens of a batch with the padding; a longer sequence is a batch of its own.
        limit: nothing is padded to more than so many tokens.

    Yields:
        Rows of the tokens, shape (sequences, padded length), and which of them are no padding.
    """
    lengths = np.repeat([length for _, length in runs], [count for count, _ in runs])
    starts = np.cumsum(lengths) - lengths
    begin = 0
    while begin < len(lengths):
        longest = int(lengths[begin])
        size = padded_rows(longest)
        if limit is not None:
            size = max(min(size, limit), longest)
        end = begin + max(budget // size, 1)
        place = np.arange(size)
        mask = place < lengths[begin:end, None]
        yield np.where(mask, starts[begin:end, None] + place, 0), mask
        begin = end


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """starts[i], starts[i] + 1, ... of each length, one after the other."""
    ends = np.cumsum(lengths)
    within: NDArray[np.int64] = np.arange(int(lengths.sum())) + np.repeat(starts - ends + lengths, lengths)
    return within


def _join(sequences: Sequence[Ids]) -> NDArray[np.int64]:
    if not sequences:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
