"""Which work runs next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from boildown.runtime.jobs import Job, JobQueue
from boildown.runtime.packing import MicroBatch, Packing


@dataclass(eq=False)
class Model:
    batch_tokens: int = 100

    def forward(self, batch: MicroBatch) -> Any:
        raise AssertionError("the queue runs nothing")


def make_job(model: Model, lengths: list[int]) -> Job:
    packing = Packing([np.arange(length) for length in lengths])
    return Job(model, packing, packing.pieces(model.batch_tokens, least=1), None)


def drain(queue: JobQueue, names: dict[Job, str]) -> list[str]:
    """Which jobs run in each micro-batch."""
    found = []
    while parts := queue.take():
        found.append("".join(names[part.job] for part in parts))
    return found


def test_small_jobs_share_a_micro_batch() -> None:
    model, queue = Model(), JobQueue()
    jobs = {make_job(model, [40]): name for name in "abcde"}
    for job in jobs:
        queue.add(job)
    assert queue.tokens == 200
    assert drain(queue, jobs) == ["ab", "cd", "e"]
    assert (len(queue), queue.tokens) == (0, 0)


def test_models_do_not_mix_and_take_turns() -> None:
    one, other, queue = Model(), Model(), JobQueue()
    jobs = {make_job(one, [40]): "a", make_job(other, [40]): "x", make_job(one, [40]): "b", make_job(other, [40]): "y"}
    for job in jobs:
        queue.add(job)
    assert drain(queue, jobs) == ["ab", "xy"]


def test_a_huge_job_gives_way() -> None:
    model, queue = Model(), JobQueue()
    huge, small = make_job(model, [100] * 50), make_job(model, [100] * 3)
    jobs = {huge: "h", small: "s"}
    queue.add(huge)
    queue.add(small)
    assert drain(queue, jobs) == ["h"] * 4 + ["s"] * 3 + ["h"] * 46


def test_no_stream_of_small_jobs_starves_a_huge_one() -> None:
    model, queue = Model(), JobQueue()
    huge = make_job(model, [100] * 20)
    queue.add(huge)
    batches = 0
    while huge.waiting:
        queue.add(make_job(model, [100]))  # as much as the model can do, so that the queue only grows
        assert queue.take()
        batches += 1
    assert batches <= 60


def test_two_huge_jobs_share_alike() -> None:
    model, queue = Model(), JobQueue()
    jobs = {make_job(model, [100] * 12): "a", make_job(model, [100] * 12): "b"}
    for job in jobs:
        queue.add(job)
    assert "".join(drain(queue, jobs)) == ("a" * 4 + "b" * 4) * 3


def test_a_full_part_is_not_held_up_by_a_small_one_behind_it() -> None:
    model, queue = Model(), JobQueue()
    jobs = {make_job(model, [90]): "a", make_job(model, [50]): "b", make_job(model, [10]): "c"}
    for job in jobs:
        queue.add(job)
    assert drain(queue, jobs) == ["ac", "b"]


def test_a_discarded_job_does_not_run() -> None:
    model, queue = Model(), JobQueue()
    jobs = {make_job(model, [90]): "a", make_job(model, [50]): "b"}
    for job in jobs:
        queue.add(job)
    gone = next(iter(jobs))
    queue.discard(gone)
    queue.discard(gone)
    assert queue.tokens == 50
    assert drain(queue, jobs) == ["b"]


def test_rows_that_are_only_launched_are_waited_for_on_the_callers_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[object] = []

    class Stream:
        def wait_event(self, event: object) -> None:
            steps.append(event)

    stream = Stream()
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda self, used: steps.append(used))
    job = make_job(Model(), [3, 2])
    job.results = {i: torch.zeros(int(job.packing.lengths[piece].sum()), 1) for i, piece in enumerate(job.pieces)}
    assert len(job.rows()) == 5
    assert not steps
    job.launched = "event"
    assert len(job.rows()) == 5
    assert steps == ["event"] + [stream] * len(job.pieces)
