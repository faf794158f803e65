"""Linear layers in int8, for CPUs that multiply bytes in hardware (VNNI).

Weights have a scale for each output and are rounded once. Activations have a scale for each row, the row's greatest
magnitude over 127, found when the layer runs: so there is nothing to calibrate, and since sums of integers are exact,
a row's result does not depend on the other rows at all. What is between the layers stays in fp32.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from boildown.runtime.linear import ACTIVATIONS

__all__ = ["Int8Linear", "int8_available"]

_MOST = 127
_LEAST_SCALE = 1e-30
"""For rows of zeros."""
_ZERO_POINT = 128
"""The byte that stands for 0: oneDNN's fast kernels take unsigned activations only."""


@lru_cache(maxsize=1)
def int8_available() -> bool:
    """Whether this torch has the private operators, and on this CPU they compute what the float layer does."""
    try:
        waves = torch.linspace(-9, 9, 16 * 64).sin()
        # Equal greatest bytes overflow in the sixteen-bit sums of instructions that are older than VNNI.
        x = torch.cat([waves.view(16, 64), torch.full((1, 64), 0.5)])
        weight = torch.cat([waves.flip(0).view(16, 64), torch.full((1, 64), 0.5)])
        bias = torch.linspace(-1, 1, 17)
        found = Int8Linear(weight, bias)(x)
        return bool(torch.allclose(found, functional.linear(x, weight, bias), atol=0.1, rtol=0.02))
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False


class Int8Linear:
    """y = act(x W^T + b) or y = x W^T + b + residual, on frozen weights, as `Linear` has it.

    Args:
        weight: shape (out, in), on a CPU.
        bias: shape (out,), or None.
        activation: a key of `ACTIVATIONS`; empty for none.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: str = "") -> None:
        weight = weight.float()
        self._scale = weight.abs().amax(1).clamp_min_(_LEAST_SCALE).div_(_MOST)
        rounded = (weight / self._scale[:, None]).round_().to(torch.int8)
        self._weight: Tensor = _ops().qlinear_prepack(rounded, None)
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias = torch.zeros(len(weight)) if bias is None else bias.float()
        self._attribute, self._algorithm = ACTIVATIONS[activation]

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Applies the layer.

        Args:
            x: shape (tokens, in), fp32.
            residual: shape (tokens, out), added to the result; only for a layer without activation.

        Returns:
            shape (tokens, out), fp32.
        """
        # Two reductions are several times faster here than one over the absolute values, which would be kept.
        most = torch.maximum(x.amax(1, keepdim=True), x.amin(1, keepdim=True).neg_())
        scale = most.clamp_min_(_LEAST_SCALE).div_(_MOST)
        # In two's complement the other highest bit adds 128; a cast of floats to unsigned bytes is slow.
        rows = (x * scale.reciprocal()).round_().to(torch.int8).view(torch.uint8).bitwise_xor_(_ZERO_POINT)
        product: Any = _ops().qlinear_pointwise
        args = (rows, 1.0, _ZERO_POINT, self._weight, self._scale, self._zeros, None, 1.0, 0, torch.float32)
        y: Tensor = product(*args, "none", [], "")
        if residual is not None:
            return torch.addcmul(residual, y, scale, out=y).add_(self._bias)
        torch.addcmul(self._bias, y, scale, out=y)
        if self._attribute == "gelu":
            gelu: Any = torch.ops.aten.gelu_  # in place, which functional.gelu is not
            activated: Tensor = gelu(y, approximate=self._algorithm)
            return activated
        return y.relu_() if self._attribute == "relu" else y


def _ops() -> Any:
    return torch.ops.onednn
