"""The schedulers that models of this process find."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scheduler_jobs import CPU, Counter, Gated, expected, in_thread, packing, waiting

from boildown.errors import ClosedError, ConfigurationError
from boildown.runtime import scheduler
from boildown.runtime.encoder import Encoder


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("WORKERS", "THREADS", "QUEUE_TOKENS", "QUEUE_JOBS"):
        monkeypatch.delenv(f"BOILDOWN_{name}", raising=False)
    scheduler.reset()
    yield
    scheduler.reset()


def test_one_for_each_device() -> None:
    assert scheduler.running() == {}
    found = scheduler.scheduler_for(CPU)
    assert scheduler.scheduler_for(torch.device("cpu")) is found
    assert scheduler.scheduler_for(torch.device("meta")) is not found
    assert set(scheduler.running()) == {"cpu", "meta"}


def test_a_device_of_two_names_has_one() -> None:
    assert scheduler.scheduler_for(torch.device("mps")) is scheduler.scheduler_for(torch.device("mps", 0))


def test_workers_by_cores() -> None:
    before = torch.get_num_threads()
    try:
        for cores, workers, threads in [(1, 1, 1), (2, 2, 1), (4, 4, 1), (16, 4, 4)]:
            torch.set_num_threads(cores)
            scheduler.reset()
            found = scheduler.scheduler_for(CPU)
            assert (found.stats.workers, found._threads) == (workers, threads)
    finally:
        torch.set_num_threads(before)
    assert scheduler.scheduler_for(torch.device("meta")).stats.workers == 1


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOILDOWN_WORKERS", "3")
    monkeypatch.setenv("BOILDOWN_QUEUE_JOBS", "7")
    scheduler.configure(workers=2, threads=5, queue_tokens=99)
    found = scheduler.scheduler_for(CPU)
    assert (found.stats.workers, found._threads, found._queue_tokens, found._queue_jobs) == (2, 5, 99, 7)
    scheduler.reset()
    assert scheduler.scheduler_for(CPU).stats.workers == 3


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5"])
def test_settings_that_are_no_numbers(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BOILDOWN_WORKERS", text)
    with pytest.raises(ConfigurationError, match="BOILDOWN_WORKERS must be a whole number"):
        scheduler.scheduler_for(CPU)
    with pytest.raises(ConfigurationError, match="queue_jobs= must be at least 1"):
        scheduler.configure(queue_jobs=0)


def test_closed(encoders: dict[str, Path]) -> None:
    encoder = Encoder.load(encoders["bert"])
    encoder.hidden([np.array([5, 6, 7])])
    scheduler.close()
    with pytest.raises(ClosedError):
        encoder.hidden([np.array([5, 6, 7])])
    scheduler.reset()
    encoder.hidden([np.array([5, 6, 7])])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_gets_its_own(encoders: dict[str, Path]) -> None:
    model = Gated()
    parent = scheduler.scheduler_for(CPU)
    busy = [in_thread(lambda: parent.run(model, packing(90))) for _ in range(6)]
    model.begun.acquire(timeout=60)
    waiting(parent, 6 - parent.stats.workers)
    child = os.fork()
    if not child:
        try:
            torch.set_num_threads(1)
            given = packing(30, 80, 10)
            fresh = not scheduler.running()
            fine = torch.equal(scheduler.scheduler_for(CPU).run(Counter(), given), expected(given))
            os._exit(0 if fresh and fine else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    model.open()
    assert all(len(call.result(60)) == 90 for call in busy)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_process_ends_while_a_thread_waits(tmp_path: Path) -> None:
    import subprocess

    code = """
        import threading, time, numpy, torch
        from boildown.errors import ClosedError
        from boildown.runtime.packing import Packing
        from boildown.runtime.scheduler import scheduler_for
        class Slow:
            batch_tokens = 10
            def forward(self, batch):
                begun.set()
                time.sleep(0.05)
                return torch.zeros(batch.tokens.shape[1], 1)
        begun = threading.Event()
        given = Packing([numpy.arange(10)] * 100_000)
        def call():
            try:
                scheduler_for(torch.device("cpu")).run(Slow(), given)
            except ClosedError:
                pass
        threading.Thread(target=call, daemon=True).start()
        begun.wait()
    """
    script = tmp_path / "ends.py"
    script.write_text("\n".join(line[8:] for line in code.splitlines()))
    done = subprocess.run([sys.executable, script], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
