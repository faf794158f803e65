"""Counts of what a scheduler does."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["BATCH_BOUNDS", "Stats"]

BATCH_BOUNDS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, float("inf"))
"""Upper bounds, in tokens, of the sizes that `Stats.batch_tokens` counts."""


@dataclass(slots=True)
class Stats:
    """What a scheduler has done and has before it. Written by one thread at a time, and read by any without a lock.

    Attributes:
        workers: threads that run forwards.
        jobs_waiting, tokens_waiting: what has not begun to run.
        running: forwards at this moment.
        jobs, sequences, tokens, batches: what has run.
        busy_seconds: spent in forwards, summed over the workers.
        refused, cancelled, expired, failed: jobs that were not done, by reason.
        splits: micro-batches that did not fit into memory and were halved.
        batch_tokens: how many micro-batches had a size up to each of `BATCH_BOUNDS` and above the one before.
    """

    workers: int = 0
    jobs_waiting: int = 0
    tokens_waiting: int = 0
    running: int = 0
    jobs: int = 0
    sequences: int = 0
    tokens: int = 0
    batches: int = 0
    busy_seconds: float = 0.0
    refused: int = 0
    cancelled: int = 0
    expired: int = 0
    failed: int = 0
    splits: int = 0
    batch_tokens: list[int] = field(default_factory=lambda: [0] * len(BATCH_BOUNDS))
