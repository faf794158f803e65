from __future__ import annotations

import math

import numpy as np
import pytest

from boildown.training.data import Passage, Question
from boildown.training.examples import GOLD
from boildown.training.measures import auc, held_out_measures
from boildown.training.pools import ScoredDocument, ScoredPool


def test_auc_counts_pairs_that_are_in_order() -> None:
    scores, right = np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, False, True, False])
    assert auc(scores, right) == 0.75
    assert auc(-scores, right) == 0.25
    assert auc(np.ones(4), right) == 0.5
    assert math.isnan(auc(scores, np.ones(4, dtype=bool)))


def document(relevance: float, relevant: bool, labels: list[int], logits: list[float]) -> ScoredDocument:
    spans = np.array([(4 * i, 4 * i + 4) for i in range(len(labels))])
    passage = Passage("", "Yes." * len(labels), (), (), relevant)
    return ScoredDocument(passage, relevance, spans, np.array(labels, np.int8), np.array(logits, np.float32))


def test_measures_are_means_over_questions_of_what_was_read() -> None:
    question = Question("q", "What?", "data", "en")
    right = ScoredPool(question, [document(1.0, True, [GOLD, 0], [2.0, math.nan]), document(0.0, False, [0], [1.0])])
    wrong = ScoredPool(question, [document(0.0, True, [GOLD, 0], [1.0, 0.0]), document(1.0, False, [0], [2.0])])
    lone = ScoredPool(question, [document(0.0, True, [GOLD], [1.0])])
    assert held_out_measures([right, wrong, lone]) == pytest.approx({"relevance": 0.5, "keep": 0.75})
    assert held_out_measures([lone]) == {}
    assert held_out_measures([]) == {}
