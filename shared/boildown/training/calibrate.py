"""Calibration: the sigmoid fitted to what a threshold is compared with, on held-out questions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from .pools import ScoredPool
from .thresholded import mixed_logits

_PULL = 0.01
"""As of a hundredth of one row."""


def fit_sigmoid(
    logits: NDArray[np.float32], targets: NDArray[np.float32], weights: NDArray[np.float32]
) -> dict[str, float]:
    """Fits ``p = sigmoid(logit / temperature + bias)`` by weighted cross-entropy.

    Where a few logits tell right from wrong without a fault, ever steeper curves fit ever better; a weak pull towards
    the plain sigmoid ends that.
    """
    x, y, w = (torch.from_numpy(np.asarray(a, np.float64)) for a in (logits, targets, weights))
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([scale, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = F.binary_cross_entropy_with_logits(x * scale + bias, y, w)
        loss = loss + _PULL * ((scale - 1) ** 2 + bias**2) / len(x)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    temperature = 1.0 / max(float(scale.detach()), 1e-3)
    return {"temperature": round(temperature, 4), "bias": round(float(bias.detach()), 4)}


def fit_calibration(pools: Iterable[ScoredPool]) -> dict[str, dict[str, float]]:
    """Temperature and bias of what is thresholded of sentences and documents; every source counts the same."""
    rows: dict[str, list[tuple[str, float, float]]] = {"keep": [], "relevance": []}
    for pool in pools:
        source = pool.question.source
        mixed = mixed_logits(pool)
        columns = {"keep": (mixed.keep, mixed.gold), "relevance": (mixed.relevance, mixed.relevant)}
        for name, (logits, right) in columns.items():
            rows[name] += [(source, float(x), float(y)) for x, y in zip(logits, right, strict=True)]
    fitted = {}
    for name, found in rows.items():
        sizes: dict[str, int] = defaultdict(int)
        for source, _, _ in found:
            sizes[source] += 1
        weights = np.array([len(found) / (len(sizes) * sizes[s]) for s, _, _ in found], np.float32)
        values = np.array([(x, y) for _, x, y in found], np.float32).reshape(-1, 2)
        fitted[name] = fit_sigmoid(values[:, 0], values[:, 1], weights)
    return fitted
