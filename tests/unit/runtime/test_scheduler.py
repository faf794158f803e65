"""Jobs of many threads share forwards, and each gets its own rows."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from scheduler_jobs import CPU, Counter, Gated, expected, in_thread, packing, waiting

from boildown.errors import CancelledError, DeadlineError
from boildown.runtime import requests
from boildown.runtime.encoder import Encoder
from boildown.runtime.linear import onednn_available
from boildown.runtime.packing import MicroBatch
from boildown.runtime.scheduler import Scheduler


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_rows_come_back_in_the_order_of_the_input(workers: int) -> None:
    made = Scheduler(CPU, workers)
    for lengths in [(3,), (1, 1), (7, 90, 0, 200, 30, 30, 1), (50,) * 20]:
        given = packing(*lengths)
        assert torch.equal(made.run(Counter(), given), expected(given))
    made.close()  # a caller has its rows a moment before they are counted
    stats = made.stats
    assert (stats.jobs, stats.tokens, stats.sequences) == (4, 3 + 2 + 358 + 1000, 1 + 2 + 6 + 20)
    assert sum(stats.batch_tokens) == stats.batches
    assert (stats.jobs_waiting, stats.tokens_waiting, stats.running) == (0, 0, 0)
    assert stats.busy_seconds > 0


def test_a_head_sees_rows_alone(one: Scheduler) -> None:
    given = packing(30, 80, 80, 10)
    rows = one.run(Counter(), given, lambda states: states.sum(dim=1, keepdim=True))
    assert torch.equal(rows, expected(given).sum(dim=1, keepdim=True))


def test_only_the_worker_touches_metal() -> None:
    class OnMetal(torch.Tensor):
        def cpu(self) -> torch.Tensor:  # type: ignore[override]
            threads.append(threading.current_thread().name)
            return self.as_subclass(torch.Tensor)

    class Model(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            return super().forward(batch).as_subclass(OnMetal)

    threads: list[str] = []
    made = Scheduler(torch.device("mps"))
    given = packing(90, 30)
    rows = made.run(Model(), given)
    made.close()
    assert type(rows) is torch.Tensor
    assert torch.equal(rows, expected(given))
    assert set(threads) == {"boildown-mps-0"}


def test_concurrent_jobs_share_a_forward(one: Scheduler) -> None:
    model = Gated()
    given = [packing(20, first=10 * i) for i in range(1, 6)]
    calls = [in_thread(lambda: one.run(model, given[0]))]
    model.begun.acquire(timeout=60)
    calls += [in_thread(lambda p=p: one.run(model, p)) for p in given[1:]]
    waiting(one, 4)
    model.open()
    for call, p in zip(calls, given, strict=True):
        assert torch.equal(call.result(60), expected(p))
    assert model.batches == [[10], [20, 30, 40, 50]]
    one.close()
    assert one.stats.batches == 2


def test_a_small_job_does_not_wait_for_a_huge_one(one: Scheduler) -> None:
    model = Gated()
    huge = in_thread(lambda: one.run(model, packing(*[100] * 50)))
    model.begun.acquire(timeout=60)
    small = in_thread(lambda: one.run(model, packing(100, first=777)))
    waiting(one, 2)
    for _ in range(5):
        model.go_on.release()
    assert small.result(60) is not None
    assert not huge.done()
    assert model.batches[4] == [777]
    model.open()
    assert len(huge.result(60)) == 5000


def test_a_model_is_free_once_nobody_uses_it(one: Scheduler) -> None:
    class Broken(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            raise ValueError("broken")

    gc.collect()
    gc.disable()
    try:
        good, bad = Counter(), Broken()
        references = weakref.ref(good), weakref.ref(bad)
        one.run(good, packing(250))
        with pytest.raises(ValueError, match="broken"):
            one.run(bad, packing(7))
        one.run(Counter(), packing(3))  # the worker has left the others behind
        del good, bad
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


def test_workers_keep_to_their_number_of_threads() -> None:
    class Counting(Counter):
        def forward(self, batch: MicroBatch) -> torch.Tensor:
            found.append(torch.get_num_threads())
            return super().forward(batch)

    found: list[int] = []
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        made = Scheduler(CPU, 2, 1)
        made.run(Counting(), packing(*[90] * 8))
        made.close()
        assert set(found) == {1}
        assert torch.get_num_threads() == 3
        assert in_thread(torch.get_num_threads).result(60) == 3
    finally:
        torch.set_num_threads(before)


def test_hundreds_of_threads() -> None:
    made = Scheduler(CPU, 2, 1)
    models = [Counter(), Counter(300)]
    random = np.random.default_rng(0)
    sizes = [random.integers(1, 120, random.integers(1, 12)).tolist() for _ in range(300)]

    def call(i: int) -> str:
        given = packing(*sizes[i], first=i)
        try:
            with requests.deadline(None if i % 7 else 0.002 * (i % 5)) as request:
                if i % 5 == 1:
                    threading.Timer(0.001, request.cancel).start()
                assert torch.equal(made.run(models[i % 2], given), expected(given))
        except (CancelledError, DeadlineError) as error:
            assert i % 5 == 1 or i % 7 == 0
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(300) as pool:
        found = list(pool.map(call, range(300)))
    made.close()
    stats = made.stats
    assert (stats.jobs_waiting, stats.tokens_waiting, stats.running) == (0, 0, 0)
    assert found.count("done") >= 180
    assert stats.jobs == found.count("done")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("prepack", [None, False])
def test_states_do_not_depend_on_batch_mates(
    encoders: dict[str, Path], dtype: torch.dtype, prepack: bool | None
) -> None:
    from boildown.runtime.checkpoint import read_config, read_weights

    if dtype == torch.bfloat16 and prepack is None and not onednn_available(dtype):
        pytest.skip("oneDNN does not compute in this precision here")
    encoder = Encoder(read_config(encoders["bert"]), read_weights(encoders["bert"]), "cpu", dtype, prepack)
    random = np.random.default_rng(1)
    ids = [random.integers(5, 200, length) for length in [1, 2, 3, 3, 7, 12, 12, 12, 31, 50, 64, 64] * 3]
    together, offsets = encoder.hidden(ids)
    # Plain torch may sum in another order for another number of rows: MKL does with AVX2.
    rounding = 0.0 if prepack is None else {torch.float32: 1e-5, torch.bfloat16: 0.05}[dtype]
    for i, sequence in enumerate(ids):
        alone, _ = encoder.hidden([sequence])
        torch.testing.assert_close(together[offsets[i] : offsets[i + 1]], alone, rtol=0.0, atol=rounding)
