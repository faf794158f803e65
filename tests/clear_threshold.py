"""A budget for tests that compare texts: random weights score many units nearly alike."""

from __future__ import annotations

import numpy as np

from boildown import Budget, Compression
from boildown.select.units import build_candidates


def clear_threshold(result: Compression) -> Budget:
    """A threshold that no unit's score is near, so that rounding decides nothing."""
    values = build_candidates(result.sources, result.scores, result.plan).score
    values = np.unique(values[np.isfinite(values)])
    middle = values[len(values) // 8 : max(7 * len(values) // 8, len(values) // 8 + 2)]
    widest = int(np.argmax(np.diff(middle)))
    assert middle[widest + 1] - middle[widest] > 1e-3
    return Budget(threshold=float(middle[widest : widest + 2].mean()))
