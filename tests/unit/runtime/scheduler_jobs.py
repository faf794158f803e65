"""Models whose states can be told from their input, and what is given to a scheduler for them."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np
import torch

from boildown.runtime.packing import MicroBatch, Packing
from boildown.runtime.scheduler import Scheduler

CPU = torch.device("cpu")


class Counter:
    """A model whose states can be told from its input: 1000 times the id, plus the position."""

    def __init__(self, batch_tokens: int = 100) -> None:
        self.batch_tokens = batch_tokens
        self.batches: list[list[int]] = []
        """The first id of each sequence, for each forward."""

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        ids, _, positions = batch.tokens
        self.batches.append(sorted(ids[positions == 0].tolist()))
        return torch.from_numpy(np.stack([1000 * ids + positions, ids], axis=1)).float()


class Gated(Counter):
    """Begins each forward, tells so, and waits until it may go on."""

    def __init__(self, batch_tokens: int = 100) -> None:
        super().__init__(batch_tokens)
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        self.begun.release()
        assert self.go_on.acquire(timeout=60)
        return super().forward(batch)

    def open(self) -> None:
        self.go_on.release(10_000)


def packing(*lengths: int, first: int = 1) -> Packing:
    return Packing([np.full(length, first + i) for i, length in enumerate(lengths)])


def expected(given: Packing) -> torch.Tensor:
    positions = np.concatenate([np.arange(length) for length in given.lengths.tolist()])
    return torch.from_numpy(np.stack([1000 * given.ids + positions, given.ids], axis=1)).float()


def in_thread(function: Callable[[], Any]) -> Future[Any]:
    """Runs in a thread of its own, in this context."""
    context, future = contextvars.copy_context(), Future[Any]()

    def work() -> None:
        try:
            future.set_result(context.run(function))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def waiting(scheduler: Scheduler, jobs: int) -> None:
    """Waits until so many jobs wait."""
    pause = threading.Event()
    for _ in range(60_000):
        if scheduler.stats.jobs_waiting == jobs:
            return
        pause.wait(0.001)
    raise AssertionError(f"{scheduler.stats.jobs_waiting} jobs wait, not {jobs}")
