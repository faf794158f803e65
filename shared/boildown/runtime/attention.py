"""Self-attention inside each sequence of a packed micro-batch, by the fastest way that the device has.

All ways compute the same function, and what a sequence gets does not depend on the others of its batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from boildown.runtime.devices import to_device
from boildown.runtime.linear import onednn_available
from boildown.runtime.packing import padded

__all__ = ["Attention", "Runs", "attention_for", "by_run", "exponential", "masked", "varlen", "within"]

Runs = tuple[tuple[int, int], ...]
"""(sequences, length) for each run of sequences of equal length, longest first, which is the order of the tokens."""

Attention = Callable[[Tensor], Tensor]
"""From projections of shape (tokens, 3 * width), as query, key and value, to a context of shape (tokens, width).

On a CPU, rows may follow that belong to no sequence; they get a context of 0."""

_ROUND = 16
"""Lengths are rounded up to a multiple of this: oneDNN builds a kernel for each new shape, which takes milliseconds."""
_SCORES = 1 << 19
"""Scores held at once, so that they are still in the CPU's cache when they are read again."""
_MASKED_TOKENS = 8192
"""Enough for a GPU to do at once, and so few that a long sequence does not pad all the others."""
_LEAST_SUM, _MOST_SUM = 1e-30, 1e35
"""Beyond these an exponential may have underflowed, or its product with a value have overflowed."""


def attention_for(runs: Runs, heads: int, width: int, device: torch.device, dtype: torch.dtype) -> Attention:
    """The attention for one micro-batch, for all of its layers.

    Args:
        runs: which of the batch's tokens are a sequence.
        heads: attention heads.
        width: of each head.
        device: where the projections will be.
        dtype: what they will be in.
    """
    if device.type == "cpu":
        if dtype == torch.bfloat16 and onednn_available(dtype):
            return exponential(runs, heads)
        return by_run(runs, heads)
    if device.type == "cuda" and _varlen_runs(width, device, dtype):
        return varlen(runs, heads, device)
    return masked(runs, heads, device)


def by_run(runs: Runs, heads: int) -> Attention:
    """Scaled dot-product attention over each run of sequences of equal length: no padding and no mask."""

    def attend(projections: Tensor) -> Tensor:
        context = _context(projections, runs)
        begin = 0
        for count, length in runs:
            rows = slice(begin, begin + count * length)
            q, k, v = _split(projections[rows], count, heads)
            _merged(context[rows], count, heads).copy_(functional.scaled_dot_product_attention(q, k, v))
            begin = rows.stop
        return context

    return attend


def exponential(runs: Runs, heads: int) -> Attention:
    """Two batched products with an exponential between them that is not lowered by its row's maximum first.

    A bf16 number reaches as far as an fp32 one, so the maximum is needed only where scores are beyond about 80; such
    a sequence is computed again by scaled dot-product attention. Sums of the rows come out of the second product, as
    a last column of the values that is 1. Sequences are padded with keys of 0, whose values are 0 in that column too.
    """
    groups = list(_groups(runs, heads))

    def attend(projections: Tensor) -> Tensor:
        context = _context(projections, runs)
        for group in groups:
            _exponential_group(projections, context, group, heads)
        return context

    return attend


def masked(runs: Runs, heads: int, device: torch.device) -> Attention:
    """Scaled dot-product attention over sequences of about equal length, padded and masked."""
    groups = []
    for rows, inside in padded(runs, _MASKED_TOKENS):
        # Padding reads the first token, and no one reads what it becomes.
        source, places = to_device(rows.ravel(), device), to_device(np.flatnonzero(inside), device)
        mask = None if inside.all() else to_device(inside[:, None, None], device)
        groups.append((len(rows), source, places, mask))

    def attend(projections: Tensor) -> Tensor:
        found = []
        for count, source, places, mask in groups:
            q, k, v = _split(projections[source], count, heads)
            attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            found.append(attended.transpose(1, 2).flatten(2).flatten(0, 1)[places])
        return torch.cat(found)

    return attend


def varlen(runs: Runs, heads: int, device: torch.device) -> Attention:
    """Flash attention over sequences of any lengths, of CUDA."""
    kernel: Any = _varlen_kernel()
    lengths = [0] + [length for count, length in runs for _ in range(count)]
    ends = to_device(np.cumsum(lengths, dtype=np.int32), device)
    longest = max(length for _, length in runs)

    def attend(projections: Tensor) -> Tensor:
        q, k, v = projections.view(len(projections), 3, heads, -1).unbind(1)
        # Without splits of the keys, no sequence's sums depend on how long the others are.
        attended: Tensor = kernel(q, k, v, ends, ends, longest, longest, num_splits=1)
        return attended.flatten(1)

    return attend


def within(attend: Attention, dtype: torch.dtype) -> Attention:
    """The attention in another precision than that of what it is given and gives back."""

    def converted(projections: Tensor) -> Tensor:
        return attend(projections.to(dtype)).to(projections.dtype)

    return converted


@lru_cache(maxsize=8)
def _varlen_runs(width: int, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether this torch and this GPU have flash attention for sequences of any lengths, and heads of this width."""
    kernel = _varlen_kernel()
    if kernel is None or dtype not in (torch.bfloat16, torch.float16):
        return False
    try:
        x = torch.zeros(4, 3 * width, device=device, dtype=dtype)
        return bool(torch.isfinite(varlen(((1, 1), (1, 3)), 1, device)(x)).all())
    except (RuntimeError, TypeError):
        return False


def _varlen_kernel() -> Any:
    try:
        from torch.nn.attention.varlen import varlen_attn  # not in every version
    except ImportError:
        return None
    return varlen_attn


class _Group(NamedTuple):
    """Sequences that are padded to one length and run together."""

    sequences: int
    padded: int
    runs: tuple[tuple[int, int, int], ...]  # (the first token's row, sequences, length)


def _groups(runs: Runs, heads: int) -> Iterator[_Group]:
    pending: list[tuple[int, int, int]] = []
    count, padded, begin = 0, 0, 0
    for sequences, length in runs:
        size = -(-length // _ROUND) * _ROUND
        most = max(_SCORES // (heads * size * size), 1)
        while sequences:
            if count and (size != padded or count >= most):
                yield _Group(count, padded, tuple(pending))
                pending, count = [], 0
            taken = min(sequences, most - count)
            pending.append((begin, taken, length))
            count, padded = count + taken, size
            begin += taken * length
            sequences -= taken
    if count:
        yield _Group(count, padded, tuple(pending))


def _exponential_group(projections: Tensor, context: Tensor, group: _Group, heads: int) -> None:
    """Attention of the group's sequences, from their rows of the projections to their rows of the context."""
    count, padded, runs = group
    width = context.shape[1] // heads
    keys = projections.new_zeros(2, count, heads, padded, width)  # the queries, and the keys
    values = projections.new_zeros(count, heads, padded, width + 1)
    first = 0
    for begin, sequences, length in runs:
        parts = _split(projections[begin : begin + sequences * length], sequences, heads)
        own = slice(first, first + sequences)
        keys[:, own, :, :length] = parts[:2]
        values[own, :, :length, :width] = parts[2]
        values[own, :, :length, width] = 1
        first = own.stop
    q, k = keys.view(2, count * heads, padded, width)
    scores = q.new_empty(count * heads, padded, padded)
    torch.baddbmm(scores, q, k.transpose(1, 2), beta=0, alpha=1 / math.sqrt(width), out=scores).exp_()
    summed = torch.bmm(scores, values.view(count * heads, padded, width + 1)).view(count, heads, padded, width + 1)
    attended, sums = summed[..., :width], summed[..., width:]
    safe = _safe(sums)
    first = 0
    for begin, sequences, length in runs:
        own = slice(first, first + sequences)
        target = _merged(context[begin : begin + sequences * length], sequences, heads)
        torch.div(attended[own, :, :length], sums[own, :, :length], out=target)
        first = own.stop
        for i in range(sequences):
            if not (safe or _safe(sums[own.start + i])):
                rows = slice(begin + i * length, begin + (i + 1) * length)
                q, k, v = _split(projections[rows], 1, heads)
                _merged(context[rows], 1, heads).copy_(functional.scaled_dot_product_attention(q, k, v))


def _safe(sums: Tensor) -> bool:
    low, high = sums.aminmax()
    return low.item() > _LEAST_SUM and high.item() < _MOST_SUM  # False for NaN


def _context(projections: Tensor, runs: Runs) -> Tensor:
    """Room for what is attended; rows after those of the runs are padding and stay 0."""
    context = projections.new_empty(len(projections), projections.shape[1] // 3)
    context[sum(count * length for count, length in runs) :] = 0
    return context


def _split(projections: Tensor, count: int, heads: int) -> Tensor:
    """Query, key and value: a view of shape (3, sequences, heads, length, width of a head)."""
    return projections.view(count, len(projections) // count, 3, heads, -1).permute(2, 0, 3, 1, 4)


def _merged(context: Tensor, count: int, heads: int) -> Tensor:
    """The context as a view of shape (sequences, heads, length, width of a head)."""
    return context.view(count, len(context) // count, heads, -1).transpose(1, 2)
