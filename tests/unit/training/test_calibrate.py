from __future__ import annotations

import numpy as np
import pytest

from boildown.training.calibrate import fit_sigmoid


def test_the_sigmoid_that_made_the_labels_is_found() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 20_000).astype(np.float32)
    chance = 1 / (1 + np.exp(-(logits / 2.5 - 1.0)))
    targets = (rng.random(20_000) < chance).astype(np.float32)
    fitted = fit_sigmoid(logits, targets, np.ones(20_000, np.float32))
    assert fitted["temperature"] == pytest.approx(2.5, rel=0.05)
    assert fitted["bias"] == pytest.approx(-1.0, abs=0.08)


def test_weights_count() -> None:
    logits = np.zeros(4, np.float32)
    targets = np.array([1, 0, 0, 0], np.float32)
    fitted = fit_sigmoid(logits, targets, np.array([9, 1, 1, 1], np.float32))
    assert 1 / (1 + np.exp(-fitted["bias"])) == pytest.approx(0.75, abs=0.01)


def test_few_logits_without_a_fault_give_no_step() -> None:
    logits = np.array([4.0] * 2 + [-2.0] * 40, np.float32)
    fitted = fit_sigmoid(logits, (logits > 0).astype(np.float32), np.ones(42, np.float32))
    assert 0.05 < fitted["temperature"] < 2
    assert abs(fitted["bias"]) < 10
