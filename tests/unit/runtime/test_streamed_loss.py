from __future__ import annotations

import pytest
import torch

from boildown.runtime.streamed_loss import streamed_nll


def _naive(hidden: torch.Tensor, head: torch.nn.Module, targets: torch.Tensor, scale: float, cap: float | None):
    logits = head(hidden).float() * scale
    if cap is not None:
        logits = cap * torch.tanh(logits / cap)
    return torch.nn.functional.cross_entropy(logits, targets, reduction="none")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("scale", "cap"), [(1.0, None), (0.25, None), (1.0, 5.0)])
def test_equals_cross_entropy(bias: bool, scale: float, cap: float | None) -> None:
    torch.manual_seed(3)
    head = torch.nn.Linear(12, 20_000, bias=bias)
    hidden, targets = torch.randn(1500, 12) * 4, torch.randint(0, 20_000, (1500,))
    with torch.no_grad():
        found = streamed_nll(hidden, head, targets, scale, cap)
        torch.testing.assert_close(found, _naive(hidden, head, targets, scale, cap), atol=1e-4, rtol=1e-5)


def test_a_head_of_another_kind_is_called() -> None:
    head = torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.Linear(4, 50))
    hidden, targets = torch.randn(130, 8), torch.randint(0, 50, (130,))
    with torch.no_grad():
        torch.testing.assert_close(streamed_nll(hidden, head, targets), _naive(hidden, head, targets, 1.0, None))


def test_half_precision_is_summed_in_full() -> None:
    torch.manual_seed(1)
    head = torch.nn.Linear(64, 30_000, bias=False)
    hidden, targets = torch.randn(64, 64), torch.randint(0, 30_000, (64,))
    with torch.no_grad():
        whole = streamed_nll(hidden, head, targets)
        half = streamed_nll(hidden.bfloat16(), head.bfloat16(), targets)
    assert half.dtype == torch.float32
    assert (whole - half).abs().max() < 0.05


def test_extreme_logits_stay_finite() -> None:
    head = torch.nn.Linear(1, 10_000, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.linspace(-1000, 1000, 10_000)[:, None])
        found = streamed_nll(torch.tensor([[100.0], [-100.0]]), head, torch.tensor([9_999, 9_999]))
    assert torch.isfinite(found).all()
    assert found[0] < 1
    assert found[1] > 100_000


def test_few_different_numbers_of_rows_are_multiplied_and_a_row_does_not_depend_on_the_others() -> None:
    torch.manual_seed(2)
    head = torch.nn.Linear(12, 5000)
    hidden, targets = torch.randn(900, 12), torch.randint(0, 5000, (900,))
    rows: set[int] = set()
    original = torch.nn.functional.linear

    def spy(x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        rows.add(len(x))
        return original(x, *rest)

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", spy)
        whole = streamed_nll(hidden, head, targets)
        for count in range(0, 900, 7):
            assert torch.equal(streamed_nll(hidden[:count], head, targets[:count]), whole[:count])
    assert len(rows) <= 16


def test_logits_are_never_held_whole() -> None:
    sizes: list[int] = []
    head = torch.nn.Linear(4, 60_000, bias=False)
    original = torch.nn.functional.linear

    def spy(*arguments: torch.Tensor) -> torch.Tensor:
        result = original(*arguments)
        sizes.append(result.numel())
        return result

    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "linear", spy)
        streamed_nll(torch.randn(3000, 4), head, torch.zeros(3000, dtype=torch.long))
    assert max(sizes) <= 1024 * 8192
    assert sum(sizes) == 3008 * 60_000
