from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from boildown.runtime import scheduler
from boildown.runtime.idle_cores import on_idle_cores
from boildown.runtime.packing import MicroBatch, Packing

CPU = torch.device("cpu")


class Noted:
    """A model that notes in which thread it works, and on how many cores."""

    batch_tokens = 100

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.cores: list[int] = []

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        def work() -> torch.Tensor:
            self.threads.append(threading.current_thread().name)
            self.cores.append(torch.get_num_threads())
            return torch.from_numpy(batch.tokens[:1].T.copy())

        return on_idle_cores(CPU, work)


@pytest.fixture
def fresh() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    scheduler.reset()
    yield
    scheduler.reset()
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("fresh")
def test_a_worker_alone_has_all_cores() -> None:
    model = Noted()
    rows = scheduler.scheduler_for(CPU).run(model, Packing([np.arange(5)]))
    assert rows[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert scheduler.running()["cpu"].stats.workers == 2
    assert model.threads[0].startswith("boildown-wide")
    assert model.cores == [2]
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [2]  # new threads have the process's number still


@pytest.mark.usefixtures("fresh")
def test_a_single_worker_has_them_anyway() -> None:
    scheduler.configure(workers=1)
    model = Noted()
    scheduler.scheduler_for(CPU).run(model, Packing([np.arange(5)]))
    assert model.threads == ["boildown-cpu-0"]


def test_what_it_raises_comes_back() -> None:
    def fail() -> None:
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        on_idle_cores(CPU, fail)
