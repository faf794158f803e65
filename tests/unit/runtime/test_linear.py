from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from boildown.runtime.linear import Linear, onednn_available

WAYS = [False, *([True] if onednn_available() else [])]


@pytest.mark.parametrize("prepack", WAYS)
@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("", lambda y: y),
        ("gelu", functional.gelu),
        ("gelu_new", lambda y: functional.gelu(y, approximate="tanh")),
        ("relu", torch.relu),
    ],
)
def test_activation(prepack: bool, activation: str, expected) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(17, 24), torch.randn(40, 24), torch.randn(40)
    layer = Linear(weight, bias, activation, prepack)
    assert layer.prepacked is prepack
    torch.testing.assert_close(layer(x), expected(functional.linear(x, weight, bias)), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("prepack", WAYS)
@pytest.mark.parametrize("bias", [None, torch.arange(40.0)])
def test_residual(prepack: bool, bias: torch.Tensor | None) -> None:
    torch.manual_seed(0)
    x, weight, residual = torch.randn(17, 24), torch.randn(40, 24), torch.randn(17, 40)
    before = residual.clone()
    y = Linear(weight, bias, prepack=prepack)(x, residual)
    torch.testing.assert_close(y, functional.linear(x, weight, bias) + before, atol=1e-4, rtol=1e-4)
    assert torch.equal(residual, before)


@pytest.mark.parametrize("prepack", WAYS)
def test_any_number_of_rows(prepack: bool) -> None:
    weight = torch.randn(8, 8)
    layer = Linear(weight, None, prepack=prepack)
    for rows in (1, 3, 1000):
        x = torch.randn(rows, 8)
        torch.testing.assert_close(layer(x), x @ weight.T, atol=1e-4, rtol=1e-4)
