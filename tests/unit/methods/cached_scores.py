"""How often models read, and whether two results are the same."""

from __future__ import annotations

import numpy as np

from boildown import Budget, Compression

HALF = Budget(rate=0.5)
QUERY = "Where does the water go?"


class Reads:
    """How many sequences went through an encoder or a causal model."""

    def __init__(self) -> None:
        self.count = 0

    def since(self, before: int) -> int:
        return self.count - before


def same(found: Compression, expected: Compression) -> bool:
    """Whether two results agree to the last bit."""
    a, b = found.scores, expected.scores
    arrays = [(a.relevance, b.relevance), (a.sentences, b.sentences)]
    if a.tokens is not None and b.tokens is not None:
        arrays += [(getattr(a.tokens, n), getattr(b.tokens, n)) for n in ("document", "start", "end", "score")]
    equal = all((x is None) == (y is None) and (x is None or np.array_equal(x, y)) for x, y in arrays)
    kinds = all(x is None or x.dtype == y.dtype for x, y in arrays)
    left, right = found.to_dict(), expected.to_dict()
    return equal and kinds and {**left, "seconds": 0} == {**right, "seconds": 0}
