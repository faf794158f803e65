from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from boildown import Budget, Compressor, Document
from boildown.methods.reranked import Reranked
from boildown.sources import Sources


class Sent(Reranked):
    """A service to which all must be sent as UTF-8."""

    def _ranked(self, query: str, texts: Mapping[str, str]) -> list[tuple[str, float]]:
        return [(label, float(len(f"{query}{text}".encode()))) for label, text in texts.items()]


def test_half_a_surrogate_pair_is_sent() -> None:
    sources = Sources([Document("Ships \ud83d sail.", title="\ud83d"), "Bread."])
    assert Sent().score("\ud83d ships", sources).relevance.argmax() == 0


class Given(Reranked):
    """A reranker that answers with these scores, in the order of the documents."""

    def __init__(self, scores: list[float | None]) -> None:
        self.scores = scores

    def _ranked(self, query: str, texts: Mapping[str, str]) -> list[tuple[str, float | None]]:
        return list(zip(texts, self.scores, strict=True))


CATS, SENSOR, DOGS = "Cats sleep by day.", "The sensor is checked in May.", "Dogs bark at night."


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_score_that_is_no_finite_number_counts_as_left_out(odd: float) -> None:
    scores = Given([odd, 0.9, 0.1]).score("sensor", Sources([CATS, SENSOR, DOGS]))
    assert scores.relevance.tolist() == pytest.approx([-0.9, 0.9, 0.1])
    assert "no score for 1 documents" in scores.notes[0]
    result = Compressor(rank=Given([odd, 0.9, 0.1])).compress(
        "When is the sensor checked?", [CATS, SENSOR, DOGS], Budget(tokens=30, documents=1)
    )
    assert result.text == SENSOR


def test_where_a_score_is_missing_the_order_of_the_others_counts() -> None:
    scores = Given([math.nan, None, 0.1]).score("sensor", Sources([CATS, SENSOR, DOGS]))
    assert scores.relevance.tolist() == [-2.0, 0.0, -1.0]
    scores = Given([math.nan, math.nan, math.nan]).score("sensor", Sources([CATS, SENSOR, DOGS]))
    assert scores.relevance.tolist() == [-1.0] * 3
