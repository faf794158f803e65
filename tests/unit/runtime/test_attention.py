from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from boildown.runtime import attention
from boildown.runtime.attention import Runs, attention_for, by_run, exponential, masked

CPU = torch.device("cpu")
HEADS, WIDTH = 3, 8
RUNS: list[Runs] = [((1, 1),), ((1, 16),), ((1, 40), (3, 17), (1, 16), (2, 5)), ((2, 64), (40, 3))]


def projections(runs: Runs, scale: float = 1.0, seed: int = 0) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.randn(sum(count * length for count, length in runs), 3 * HEADS * WIDTH) * scale


def one_by_one(given: torch.Tensor, runs: Runs) -> torch.Tensor:
    """The same in doubles, sequence by sequence."""
    found, begin = [], 0
    for length in (length for count, length in runs for _ in range(count)):
        parts = given[begin : begin + length].double().view(length, 3, HEADS, WIDTH).permute(1, 2, 0, 3)
        begin += length
        found.append(functional.scaled_dot_product_attention(*parts).transpose(0, 1).flatten(1))
    return torch.cat(found)


@pytest.mark.parametrize("runs", RUNS)
def test_all_ways_agree(runs: Runs) -> None:
    given = projections(runs)
    expected = one_by_one(given, runs).float()
    for attend in (by_run(runs, HEADS), masked(runs, HEADS, CPU), exponential(runs, HEADS)):
        torch.testing.assert_close(attend(given), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("runs", RUNS)
def test_bfloat16_is_as_close_as_scaled_dot_product_attention(runs: Runs) -> None:
    given = projections(runs, scale=2.0).bfloat16()
    expected = one_by_one(given, runs)
    error, usual = ((way(runs, HEADS)(given) - expected).abs().mean() for way in (exponential, by_run))
    assert error < 3 * usual + 1e-3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 99))
def test_a_sequence_does_not_depend_on_its_neighbours(lengths: list[int], seed: int) -> None:
    runs = tuple((lengths.count(length), length) for length in sorted(set(lengths)))
    given = projections(runs, seed=seed).bfloat16()
    together = attention_for(runs, HEADS, WIDTH, CPU, torch.bfloat16)(given)
    begin = 0
    for length in sorted(lengths):
        rows = slice(begin, begin + length)
        alone = attention_for(((1, length),), HEADS, WIDTH, CPU, torch.bfloat16)(given[rows])
        assert torch.equal(together[rows], alone)
        begin += length


@pytest.mark.parametrize("scale", [40.0, -40.0])
def test_scores_beyond_what_an_exponential_can_hold(scale: float) -> None:
    runs = ((4, 20),)
    given = projections(runs).bfloat16()
    calm = attention_for(runs, HEADS, WIDTH, CPU, torch.bfloat16)(given)
    # Queries and keys along one direction: every score of the third sequence is about scale times scale.
    width = HEADS * WIDTH
    given[40:60, :width], given[40:60, width : 2 * width] = scale, 40.0
    given[40:60, width : 2 * width] += projections(((1, 20),), 0.5)[:, :width]
    attended = attention_for(runs, HEADS, WIDTH, CPU, torch.bfloat16)(given)
    expected = one_by_one(given, runs)
    torch.testing.assert_close(attended[40:60].double(), expected[40:60], atol=0.05, rtol=0.05)
    assert torch.equal(attended[:40], calm[:40])
    assert torch.equal(attended[60:], calm[60:])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_rows_after_the_runs_become_zeros_and_change_nothing(dtype: torch.dtype) -> None:
    runs = ((2, 5), (1, 16))
    given = projections(((1, 32),)).to(dtype)
    attended = attention_for(runs, HEADS, WIDTH, CPU, dtype)(given)
    assert torch.equal(attended[:26], attention_for(runs, HEADS, WIDTH, CPU, dtype)(given[:26]))
    assert not attended[26:].any()


def test_projections_stay_as_they_are() -> None:
    runs = ((2, 5), (1, 16))
    given = projections(runs)
    before = given.clone()
    for attend in (by_run(runs, HEADS), masked(runs, HEADS, CPU), exponential(runs, HEADS)):
        attend(given)
        assert torch.equal(given, before)


def test_a_long_sequence_does_not_pad_all_the_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = ((1, 512), (200, 20))
    given, sizes = projections(runs), []
    real = functional.scaled_dot_product_attention

    def counted(q: torch.Tensor, *rest: torch.Tensor, **options: object) -> torch.Tensor:
        sizes.append(q.shape[0] * q.shape[2])
        return real(q, *rest, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    masked(runs, HEADS, CPU)(given)
    assert sum(sizes) < 4 * len(given)


def test_heads_of_a_width_that_flash_attention_lacks_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    def kernel(q: torch.Tensor, *rest: object, **options: object) -> torch.Tensor:
        if q.shape[-1] % 8 or q.shape[-1] > 256:
            raise RuntimeError("head_size must be a multiple of 8")
        return q

    monkeypatch.setattr(attention, "_varlen_kernel", lambda: kernel)
    attention._varlen_runs.cache_clear()
    there = {width: attention._varlen_runs(width, CPU, torch.bfloat16) for width in (20, 32, 64, 264)}
    attention._varlen_runs.cache_clear()
    assert there == {20: False, 32: True, 64: True, 264: False}
    seen = []
    monkeypatch.setattr(attention, "_varlen_runs", lambda width, *rest: seen.append(width))
    monkeypatch.setattr(attention, "masked", lambda *rest: "masked")
    assert attention_for(((1, 4),), 2, 20, torch.device("cuda"), torch.bfloat16) == "masked"
    assert seen == [20]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="flash attention over any lengths is CUDA's")
@pytest.mark.parametrize("runs", RUNS)
def test_on_a_gpu(runs: Runs) -> None:
    device = torch.device("cuda", torch.cuda.current_device())
    given = projections(runs).to(device, torch.float16)
    expected = one_by_one(given.cpu(), runs)
    for attend in (attention_for(runs, HEADS, WIDTH, device, torch.float16), masked(runs, HEADS, device)):
        torch.testing.assert_close(attend(given).cpu().double(), expected, atol=0.01, rtol=0.01)
