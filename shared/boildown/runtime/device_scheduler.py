"""Runs the forwards of one device, for all callers and models.

A caller's sequences are a job. Worker threads take pieces of the waiting jobs and run them together as one micro-batch
where they are for the same model. So a single request keeps all cores busy, small requests share a forward, and none
waits for the whole of a huge one: the jobs take turns. There is no waiting for company: while the workers are
busy, requests gather by themselves, and an idle worker begins at once.

On a CPU, several workers of one thread each do more than one worker of several threads, since nothing in them waits for
the slowest thread after each operation.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any

from boildown.errors import CancelledError, ClosedError, DeadlineError, OverloadedError
from boildown.runtime.forward import forward
from boildown.runtime.jobs import Head, Job, JobQueue, Model, Part
from boildown.runtime.packing import Packing
from boildown.runtime.seats import away
from boildown.runtime.stats import BATCH_BOUNDS, Stats

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Scheduler", "closed_error"]


class Scheduler:
    """Runs jobs on one device; thread-safe. Its threads start with the first job.

    Args:
        device: where the models are.
        workers: threads that run forwards side by side.
        threads: cores that each of them uses; None leaves it to torch.
        queue_tokens, queue_jobs: what may wait at most. A job that finds nothing waiting is always taken.
    """

    def __init__(
        self,
        device: torch.device,
        workers: int = 1,
        threads: int | None = None,
        queue_tokens: int = 4_000_000,
        queue_jobs: int = 1024,
    ) -> None:
        self.stats = Stats(workers=workers)
        self._device, self._count, self._threads = device, workers, threads
        self._queue_tokens, self._queue_jobs = queue_tokens, queue_jobs
        self._queue = JobQueue()
        self._changed = threading.Condition()
        self._workers: list[threading.Thread] = []
        self._launched: deque[Any] = deque()
        self._closed = False

    def run(self, model: Model, packing: Packing, head: Head | None = None) -> Tensor:
        """Waits for the model's rows of all sequences.

        Args:
            model: jobs of the same object share micro-batches.
            packing: at least one token.
            head: what to make of the states, row by row, so that they need not be kept.

        Returns:
            Shape (tokens, width), in the order of the packing, on the device; of MPS on the CPU.

        Raises:
            OverloadedError: too much is waiting.
            ClosedError: the scheduler has been closed.
            DeadlineError: the time of the current request is over.
            CancelledError: the current request was cancelled.
            ModelError: a single sequence needs more memory than there is.
        """
        job = Job(model, packing, packing.pieces(model.batch_tokens, self._count), head)
        self._submit(job)
        with away():
            self._wait(job)
        error, job.error = job.error, None
        try:
            if error is not None:
                raise error
            return job.rows()
        finally:
            del error  # its traceback refers to this frame: a circle that would keep the model

    def close(self, finish: bool = True) -> None:
        """Takes no more jobs, and ends the threads.

        Args:
            finish: do what is waiting first; otherwise it fails with `ClosedError`.
        """
        with self._changed:
            self._closed = True
            for job in () if finish else self._queue:
                self._fail(job, closed_error())
            self._changed.notify_all()
        for worker in self._workers:
            if worker is not threading.current_thread():
                worker.join()

    def _submit(self, job: Job) -> None:
        with self._changed:
            if self._closed:
                raise closed_error()
            if job.request is not None:
                job.request.check()
            waiting, tokens = len(self._queue), self._queue.tokens + len(job.packing.ids)
            if waiting and (waiting >= self._queue_jobs or tokens > self._queue_tokens):
                self.stats.refused += 1
                raise self._overloaded()
            if not self._workers:
                self._start()
            self._queue.add(job)
            self._note_queue()
            self._changed.notify(len(job.waiting))

    def _wait(self, job: Job) -> None:
        request = job.request
        forget = None if request is None else request.on_cancel(lambda: self._fail(job, request.failure()))
        try:
            while not job.done.wait(None if request is None else request.remaining()):
                if request is not None and (failure := request.failure()):
                    self._fail(job, failure)
        except BaseException as interruption:  # Ctrl-C: nobody wants the job any more
            self._fail(job, interruption)
            raise
        finally:
            if forget is not None:
                forget()

    def _fail(self, job: Job, error: BaseException | None) -> None:
        with self._changed:
            if job.done.is_set():
                return
            self._queue.discard(job)
            self._note_queue()
            job.error = error
            job.results.clear()
            self.stats.expired += isinstance(error, DeadlineError)
            self.stats.cancelled += isinstance(error, CancelledError)
            self.stats.failed += not isinstance(error, (DeadlineError, CancelledError))
            job.done.set()

    def _note_queue(self) -> None:
        self.stats.jobs_waiting, self.stats.tokens_waiting = len(self._queue), self._queue.tokens

    def _overloaded(self) -> OverloadedError:
        stats = self.stats
        speed = self._count * stats.tokens / stats.busy_seconds if stats.busy_seconds else 1000.0
        seconds = stats.tokens_waiting / speed
        return OverloadedError(
            f"{stats.jobs_waiting} requests with {stats.tokens_waiting} tokens wait for a model already. Try again in "
            f"about {seconds:.0f} s, send less at once, or let more wait: configure(queue_tokens=, queue_jobs=) of "
            "boildown.runtime.scheduler.",
            seconds,
        )

    def _start(self) -> None:
        import torch

        threads = torch.get_num_threads()
        ready = threading.Barrier(self._count + 1)
        try:
            for i in range(self._count):
                name = f"boildown-{self._device}-{i}"
                worker = threading.Thread(target=self._work, args=(ready,), name=name, daemon=True)
                worker.start()
                self._workers.append(worker)
            ready.wait()
        except BaseException:  # the system has no more threads, or Ctrl-C: the next job tries again
            ready.abort()
            for worker in self._workers:
                worker.join(1)  # no longer: one that is past the barrier waits for the lock that is held here
            self._workers.clear()
            raise
        finally:
            # A worker's number of threads has become that of all threads to come.
            torch.set_num_threads(threads)

    def _work(self, ready: threading.Barrier) -> None:
        import torch

        if self._threads is not None:
            torch.get_num_threads()  # the first call in a thread takes over the process's number
            torch.set_num_threads(self._threads)
        try:
            ready.wait()
        except threading.BrokenBarrierError:
            return
        with torch.inference_mode():
            while parts := self._take():
                begin = perf_counter()
                self._run(parts)
                self._account(parts, perf_counter() - begin)
                del parts  # an idle worker keeps no model alive

    def _take(self) -> list[Part]:
        """Waits for the next micro-batch; nothing when there will be none."""
        with self._changed:
            while True:
                for job in self._queue:
                    if job.request is not None and (failure := job.request.failure()):
                        self._fail(job, failure)
                parts = self._queue.take()
                self._note_queue()
                if parts:
                    self.stats.running += 1
                if parts or self._closed:
                    return parts
                self._changed.wait()

    def _run(self, parts: list[Part]) -> None:
        """Runs parts together; if that fails, each job by itself, so that only the one to blame fails."""
        failure = self._attempt(parts)
        jobs = list(dict.fromkeys(part.job for part in parts))
        if failure is not None and len(jobs) == 1:
            self._fail(jobs[0], failure)
        elif failure is not None:
            for job in jobs:
                self._run([part for part in parts if part.job is job])
        del failure  # as in `run`

    def _attempt(self, parts: list[Part]) -> BaseException | None:
        import torch

        try:
            if self._device.type == "cuda":  # here, since a driver that fails, as after a fork, must fail the jobs
                torch.cuda.set_device(self._device)
            # One batch is prepared while another runs, no more: what is launched can be neither dropped nor overtaken.
            if len(self._launched) > 1:
                self._launched.popleft().synchronize()
            sequences = [(part.job.packing, part.members) for part in parts]
            heads = [part.job.head for part in parts]
            rows, splits = forward(parts[0].job.model, sequences, heads, self._device)
            if self._device.type == "mps":  # Metal crashes where two threads use it, so no caller may
                rows = [own.cpu() for own in rows]
            if self._device.type == "cuda":
                event = _launch_event(self._device)
                self._launched.append(event)
                for part in parts:
                    part.job.launched = event
        except BaseException as error:
            return error
        self._give(parts, rows, splits)
        return None

    def _give(self, parts: list[Part], rows: list[Tensor], splits: int) -> None:
        with self._changed:
            self.stats.splits += splits
            for part, own in zip(parts, rows, strict=True):
                job = part.job
                if job.done.is_set():
                    continue
                job.results[part.index] = own
                if len(job.results) == len(job.pieces):
                    self.stats.jobs += 1
                    job.done.set()

    def _account(self, parts: list[Part], seconds: float) -> None:
        tokens = sum(part.tokens for part in parts)
        with self._changed:
            stats = self.stats
            stats.running -= 1
            stats.batches += 1
            stats.tokens += tokens
            stats.sequences += sum(len(part.members) for part in parts)
            stats.busy_seconds += seconds
            stats.batch_tokens[bisect_left(BATCH_BOUNDS, tokens)] += 1


def closed_error() -> ClosedError:
    """What a closed scheduler raises."""
    return ClosedError(
        "The scheduler has been closed and runs no more models. boildown.runtime.scheduler.reset() allows a new one."
    )


def _launch_event(device: torch.device) -> Any:
    import torch

    return torch.cuda.current_stream(device).record_event()
