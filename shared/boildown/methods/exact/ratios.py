"""Keep rates for the windows of the token level.

A plan has one list for each window; its pieces are (tokens, keep rate), from left to right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boildown.errors import InputError
from boildown.methods.exact.language_model import ReferenceLM

__all__ = ["Piece", "Segment", "plan_by_context", "plan_by_segment"]

Piece = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Segment:
    """So many characters of a context, their keep rate, and whether they may be compressed at all."""

    length: int
    rate: float
    compress: bool


def plan_by_context(lengths: Sequence[int], target: float, size: int, offsets: Sequence[float]) -> list[list[Piece]]:
    """Windows of `size` tokens laid over the contexts; each context has the mean rate plus its offset.

    Args:
        lengths: tokens of each context without special tokens; two are added for the blank line after it.
        target: tokens to keep in all.
        size: tokens in a window; the first has one fewer, as the first token of a prompt has no NLL.
        offsets: for each context, added to its rate.
    """
    lengths = [length + 2 for length in lengths]
    mean = target / (sum(lengths) + 1)
    plan: list[list[Piece]] = []
    window: list[Piece] = []
    filled = 1
    for length, offset in zip(lengths, offsets, strict=False):
        rate = max(min(1, mean + offset), 0)
        if filled + length < size:
            filled += length
            window.append((length, rate))
            continue
        plan.append([*window, (size - filled, rate)])
        filled += length - size
        if filled > size:
            plan += [[(size, rate)]] * (filled // size)
            filled %= size
        window = [(filled, rate)] if filled else []
    return [*plan, window] if window else plan


def plan_by_segment(
    lm: ReferenceLM, ids: Sequence[int], texts: Sequence[str], segments: Sequence[Sequence[Segment]], size: int
) -> list[list[Piece]]:
    """Windows of `size` tokens in which each token has the rate of the segment it lies in.

    A token that reaches over segments has the least of their rates, and 1 if one of them may not be compressed.

    Args:
        lm: decodes.
        ids: tokens of the contexts joined by blank lines.
        texts: the contexts.
        segments: those of each context.
        size: tokens in a window.

    Raises:
        InputError: the tokenizer does not give the contexts back letter for letter, so that places are lost.
    """
    joined = "\n\n".join(texts)
    if lm.decode(list(ids)) != joined:
        raise InputError(
            "The tokenizer does not give this text back unchanged, so the exact mode cannot place its segments (nor "
            "can llmlingua). Compress without exact=True, which cuts by offsets."
        )
    lengths = []
    flat = [segment for row in segments for segment in row]
    for number, (row, text) in enumerate(zip(segments, texts, strict=True)):
        seen = 0
        for segment in row:
            lengths.append(len(text[seen : seen + segment.length]))
            seen += segment.length
        if row and number < len(texts) - 1:
            lengths[-1] += 2
    rates = _token_rates(lm, ids, lengths, flat)
    plan = []
    for start in range(0, len(rates), size):
        window: list[Piece] = []
        for rate in rates[start : start + size]:
            if window and window[-1][1] == rate:
                window[-1] = (window[-1][0] + 1, rate)
            else:
                window.append((1, rate))
        plan.append(window)
    return plan


def _token_rates(
    lm: ReferenceLM, ids: Sequence[int], lengths: Sequence[int], segments: Sequence[Segment]
) -> list[float]:
    def rate_of(i: int) -> float:
        return segments[i].rate if segments[i].compress else 1.0

    rates: list[float] = []
    at = seen = 0
    for i in range(len(ids)):
        before = list(ids[max(0, i - 2) if i >= 3 else 0 : i])
        width = len(lm.decode([*before, ids[i]])[len(lm.decode(before)) :])
        touched = []
        while width and at < len(lengths) and width >= lengths[at] - seen:
            touched.append(at)
            width -= lengths[at] - seen
            at, seen = at + 1, 0
        if width or not touched:
            if at >= len(lengths):
                raise InputError(
                    "Byte-level tokens lead the exact mode past the end of the text (llmlingua fails there too). "
                    "Compress without exact=True, which cuts by offsets."
                )
            touched.append(at)
        seen += width
        rates.append(1.0 if any(not segments[j].compress for j in touched) else min(rate_of(j) for j in touched))
    return rates
