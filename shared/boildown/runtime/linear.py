"""Linear layers: oneDNN with weights reordered once where it exists, plain torch elsewhere."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ACTIVATIONS", "Linear", "onednn_available"]

ACTIVATIONS: dict[str, tuple[str, str]] = {
    "": ("none", ""),
    "gelu": ("gelu", "none"),
    "gelu_new": ("gelu", "tanh"),
    "gelu_pytorch_tanh": ("gelu", "tanh"),
    "relu": ("relu", ""),
}
"""Activations by the names of Hugging Face configurations: oneDNN's name for each, and its algorithm."""


@lru_cache(maxsize=4)
def onednn_available(dtype: torch.dtype = torch.float32) -> bool:
    """Whether this torch and this CPU have the private operators for `dtype`, and they compute what they should."""
    try:
        x, weight, bias = (torch.full(shape, 0.5, dtype=dtype) for shape in ((2, 8), (8, 8), (8,)))
        packed = _reorder(weight)
        plain = functional.linear(x, weight, bias)
        pointwise = _ops()._linear_pointwise
        return bool(
            torch.allclose(pointwise(x, packed, bias, "gelu", [], "none"), functional.gelu(plain), atol=0.02)
            and torch.allclose(pointwise.binary(x, plain, packed, bias, "add"), plain + plain, atol=0.02)
        )
    except (AttributeError, RuntimeError, NotImplementedError, TypeError):
        return False


class Linear:
    """y = act(x W^T + b) or y = x W^T + b + residual, on frozen weights.

    Args:
        weight: shape (out, in).
        bias: shape (out,), or None.
        activation: a key of `ACTIVATIONS`; empty for none.
        prepack: False keeps to plain torch; None takes oneDNN where it exists (CPU, fp32 and bf16).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, activation: str = "", prepack: bool | None = None) -> None:
        if prepack is None:
            prepack = weight.device.type == "cpu" and onednn_available(weight.dtype)
        self.prepacked = prepack
        self.weight = _reorder(weight) if prepack else weight.contiguous()
        self.bias = bias
        self._attribute, self._algorithm = ACTIVATIONS[activation]

    def __call__(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Applies the layer.

        Args:
            x: shape (tokens, in).
            residual: shape (tokens, out), added to the result; only for a layer without activation.

        Returns:
            shape (tokens, out).
        """
        if self.prepacked:
            pointwise: Any = _ops()._linear_pointwise
            if residual is not None:
                added: Tensor = pointwise.binary(x, residual, self.weight, self.bias, "add")
                return added
            result: Tensor = pointwise(x, self.weight, self.bias, self._attribute, [], self._algorithm)
            return result
        y = functional.linear(x, self.weight, self.bias)
        if residual is not None:
            return y.add_(residual)
        if self._attribute == "gelu":
            return functional.gelu(y, approximate=self._algorithm)
        return y.relu_() if self._attribute == "relu" else y


def _ops() -> Any:
    return torch.ops.mkldnn


def _reorder(weight: Tensor) -> Tensor:
    packed: Tensor = _ops()._reorder_linear_weight(weight.contiguous())
    return packed
