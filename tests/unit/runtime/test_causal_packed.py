from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scheduler_jobs import in_thread
from tiny_models import ENGLISH

from boildown.errors import CancelledError, DeadlineError
from boildown.methods.longllmlingua import LongLLMLingua
from boildown.runtime import causal_layers, requests, scheduler
from boildown.runtime.causal import CausalLM
from boildown.runtime.causal_head import LossHead
from boildown.runtime.causal_loading import load_causal
from boildown.runtime.causal_packed import PackedBody
from boildown.runtime.linear import Linear, onednn_available
from boildown.runtime.packing import MicroBatch, Packing
from boildown.sources import Sources

pytestmark = pytest.mark.skipif(not onednn_available(torch.float32), reason="this torch has no packed products")


@pytest.fixture(params=["gpt2", "llama"])
def model(request: pytest.FixtureRequest) -> CausalLM:
    return load_causal(str(request.getfixturevalue(request.param)), "cpu", "float32")


def batch(sequences: list[list[int]]) -> MicroBatch:
    sequences = sorted(sequences, key=len, reverse=True)
    ids = np.concatenate(sequences)
    positions = np.concatenate([np.arange(len(s)) for s in sequences])
    lengths = [len(s) for s in sequences]
    runs = tuple((lengths.count(n), n) for n in dict.fromkeys(lengths))
    return MicroBatch(np.stack([ids, np.zeros_like(ids), positions]), runs)


def test_states_are_those_of_transformers(model: CausalLM) -> None:
    body = PackedBody.of(model.model)
    assert body is not None
    sequences = [list(range(9, 40)), list(range(50, 57)), [3], list(range(80, 87))]
    given = batch(sequences)
    with torch.inference_mode():
        found = body.states(given, np.arange(given.tokens.shape[1])).split([len(s) for s in sequences[:1]] + [15])
        for sequence, states in zip([sequences[0]], found, strict=False):
            expected = model.model.base_model(torch.tensor([sequence])).last_hidden_state[0]
            torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)
        for sequence, states in zip([sequences[1], sequences[3], sequences[2]], found[1].split([7, 7, 1]), strict=True):
            expected = model.model.base_model(torch.tensor([sequence])).last_hidden_state[0]
            torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-4)
        some = np.array([33, 2, 45])
        torch.testing.assert_close(body.states(given, some), torch.cat(found)[some], atol=1e-6, rtol=1e-5)


def test_few_different_numbers_of_rows_are_multiplied(model: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """For each one kernels are built, and kept."""
    body, rows = PackedBody.of(model.model), set()
    assert body is not None
    original = Linear.__call__

    def spy(self: Linear, x: torch.Tensor, residual: torch.Tensor | None = None) -> torch.Tensor:
        rows.add(len(x))
        return original(self, x, residual)

    monkeypatch.setattr(Linear, "__call__", spy)
    with torch.inference_mode():
        for count in range(1, 100):
            given = batch([list(range(5, 5 + count)), [7, 8]])
            found = body.states(given, np.arange(count % 60))
            assert torch.equal(found, body.states(given, np.arange(count + 2))[: count % 60])
            alone = body.states(batch([list(range(5, 5 + count))]), np.arange(min(count, count % 60)))
            assert torch.equal(found[: len(alone)], alone) or count < 2
    assert rows <= set(range(16, 128, 16))


def test_half_precision(gpt2: Path) -> None:
    if not onednn_available(torch.bfloat16):
        pytest.skip("no packed products in bf16")
    whole = load_causal(str(gpt2), "cpu", "float32")
    assert isinstance(PackedBody.of(copy.deepcopy(whole.model).to(torch.bfloat16)), PackedBody)


def _another_activation(model: Any) -> None:
    model.config.activation_function = "mish"


def _another_scale(model: Any) -> None:
    for block in model.transformer.h:
        block.attn.scaling = 0.01
        block.attn.scale_attn_weights = False
    model.transformer.h[0].attn.c_proj.register_forward_hook(lambda module, given, made: made + 1)


def _an_adapter(model: Any) -> None:
    class Adapted(type(model.transformer.h[0].mlp.c_fc)):  # type: ignore[misc]
        pass

    model.transformer.h[0].mlp.c_fc.__class__ = Adapted


@pytest.mark.parametrize("change", [_another_activation, _another_scale, _an_adapter])
def test_what_it_cannot_compute_is_left_to_transformers(gpt2: Path, change: Callable[[Any], None]) -> None:
    plain = load_causal(str(gpt2), "cpu", "float32")
    changed = copy.deepcopy(plain.model)
    change(changed)
    assert PackedBody.of(changed) is None
    assert PackedBody.of(plain.model) is not None


def test_a_large_model_is_not_copied(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(causal_layers, "_MOST_BYTES", 1000)
    assert PackedBody.of(load_causal(str(gpt2), "cpu", "float32").model) is None


def test_the_packed_head_gives_the_same_losses(model: CausalLM) -> None:
    plain, packed = LossHead(model.model), LossHead(model.model)
    packed.pack()
    states = torch.randn(70, 32)
    wanted = torch.arange(70)
    with torch.inference_mode():
        torch.testing.assert_close(packed.nll(states, wanted), plain.nll(states, wanted), atol=1e-5, rtol=1e-5)


class Gate:
    """Keeps the one worker busy until it is opened."""

    batch_tokens = 10

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def forward(self, batch: MicroBatch) -> torch.Tensor:
        self.begun.set()
        assert self.go_on.wait(60)
        return torch.zeros(batch.tokens.shape[1], 1)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A scheduler with one worker, which is busy."""
    scheduler.reset()
    scheduler.configure(workers=1)
    made = Gate()
    kept = in_thread(lambda: scheduler.scheduler_for(torch.device("cpu")).run(made, Packing([np.zeros(1)])))
    assert made.begun.wait(60)
    yield made
    made.go_on.set()
    kept.result(60)
    scheduler.reset()


def wait_for(jobs: int) -> None:
    pause = threading.Event()
    for _ in range(60_000):
        if scheduler.running()["cpu"].stats.jobs_waiting == jobs:
            return
        pause.wait(0.001)
    raise AssertionError(f"{jobs} jobs never waited")


def ended() -> scheduler.Stats:
    """What was done in all; a caller has its rows a moment before they are counted."""
    scheduler.close()
    return scheduler.running()["cpu"].stats


def test_requests_share_a_forward(model: CausalLM, gate: Gate) -> None:
    expected = [model.model(torch.from_numpy(model.encode([text])[0].ids)[None]).logits for text in ENGLISH[:3]]
    pending = []
    for i, text in enumerate(ENGLISH[:3]):
        ids = model.encode([text])[0].ids
        pending.append((ids, in_thread(lambda ids=ids: model.sequence_nll([ids])[0])))
        wait_for(i + 1)
    gate.go_on.set()
    for (ids, future), logits in zip(pending, expected, strict=True):
        losses = -logits[0, :-1].log_softmax(-1).gather(1, torch.from_numpy(ids)[1:, None])[:, 0]
        np.testing.assert_allclose(future.result(60), losses.detach().numpy(), atol=1e-4)
    stats = ended()
    assert (stats.jobs, stats.batches) == (4, 2)


def test_work_that_is_no_longer_wanted_is_dropped(model: CausalLM, gate: Gate, clock: Any) -> None:
    method, sources = LongLLMLingua(model), Sources(ENGLISH)

    def score(seconds: float | None, asked: Future[requests.Request]) -> None:
        with requests.deadline(seconds) as request:
            asked.set_result(request)
            method.score("Who counted the ships?", sources)

    asked: Future[requests.Request] = Future()
    pending = in_thread(lambda: score(None, asked))
    wait_for(1)
    asked.result(60).cancel()
    with pytest.raises(CancelledError):
        pending.result(60)
    late = in_thread(lambda: score(0.02, Future()))
    wait_for(1)
    clock.seconds = 1.0
    with pytest.raises(DeadlineError):
        late.result(60)
    gate.go_on.set()
    stats = ended()
    assert (stats.cancelled, stats.expired, stats.batches) == (1, 1, 1)  # the one batch is the gate's
