"""Work that waits for a model, and which of it runs next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from boildown.runtime import requests
from boildown.runtime.devices import to_device
from boildown.runtime.packing import MicroBatch, Packing

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Head", "Job", "JobQueue", "Model", "Part"]

Head = Callable[["Tensor"], "Tensor"]
"""From states of shape (tokens, width) to rows of shape (tokens, anything)."""

_TURN = 4
"""A job gives way to the next one after so many full micro-batches: more than most requests need."""


class Model(Protocol):
    """What runs micro-batches."""

    batch_tokens: int
    """About the most tokens in a micro-batch."""

    def forward(self, batch: MicroBatch) -> Tensor:
        """Shape (tokens, width), in the order of the batch."""
        ...


class Part:
    """Some sequences of a job that go through one forward."""

    __slots__ = ("index", "job", "members", "tokens")

    def __init__(self, job: Job, index: int, members: NDArray[np.int64]) -> None:
        self.job, self.index, self.members = job, index, members
        self.tokens = int(job.packing.lengths[members].sum())


class Job:
    """Sequences of one caller for one model.

    Attributes:
        request: of the context in which the job was made.
        waiting: its parts that have not begun to run.
        results: rows of each part, in the part's own order, as they come.
        launched: the event of CUDA after which all rows are there that have been launched.
        done: set when all rows are there, or launched on a GPU, or `error` is.
    """

    def __init__(self, model: Model, packing: Packing, pieces: Sequence[NDArray[np.int64]], head: Head | None) -> None:
        self.model, self.packing, self.pieces, self.head = model, packing, pieces, head
        self.request = requests.current()
        self.waiting = deque(Part(self, i, piece) for i, piece in enumerate(pieces))
        self.results: dict[int, Any] = {}
        self.launched: Any = None
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.turn = 0

    def rows(self) -> Tensor:
        """The results, in the order of the packing."""
        import torch

        order = self.packing.rows(np.concatenate(self.pieces))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        parts = [self.results[i] for i in range(len(self.pieces))]
        if self.launched is not None:  # the caller's stream may be another one than the worker's
            stream = torch.cuda.current_stream(parts[0].device)
            stream.wait_event(self.launched)
            for part in parts:
                part.record_stream(stream)
        with torch.inference_mode():
            rows = torch.cat(parts)
            # Indexing with brackets waits for a thread team of the caller's, which takes long where the cores are busy.
            return rows.index_select(0, to_device(place, rows.device))


class JobQueue:
    """Jobs with parts that wait. They take turns, so none starves; not thread-safe.

    Attributes:
        tokens: in all parts that wait.
    """

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Any:
        return iter(tuple(self._jobs))

    def add(self, job: Job) -> None:
        self._jobs.append(job)
        self.tokens += sum(part.tokens for part in job.waiting)

    def discard(self, job: Job) -> None:
        """Forgets the parts of a job that have not begun to run."""
        if job in self._jobs:
            self._jobs.remove(job)
            self.tokens -= sum(part.tokens for part in job.waiting)

    def take(self) -> list[Part]:
        """The next micro-batch: parts of the first job, and of others for the same model as far as there is room."""
        if not self._jobs:
            return []
        model = self._jobs[0].model
        room = model.batch_tokens
        parts: list[Part] = []
        for job in self:
            if job.model is not model:
                continue
            while job.waiting and (not parts or job.waiting[0].tokens <= room):
                part = job.waiting.popleft()
                parts.append(part)
                room -= part.tokens
                job.turn += part.tokens
            if not job.waiting:
                self._jobs.remove(job)
            elif job.turn >= _TURN * model.batch_tokens:
                self._jobs.remove(job)
                self._jobs.append(job)
                job.turn = 0
            if room <= 0:
                break
        self.tokens -= sum(part.tokens for part in parts)
        return parts
