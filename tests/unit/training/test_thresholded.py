"""The calibration fits what is thresholded: what `prune` gives with the finished checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from boildown.methods.prune import Prune
from boildown.sources import Sources
from boildown.training import TrainConfig, train
from boildown.training.loop import score_held_out
from boildown.training.thresholded import mixed_logits
from boildown.training.trainer import Trainer
from boildown.types import Document


def test_scores_are_the_calibrated_mixed_logits(another: Callable[..., TrainConfig]) -> None:
    config = another("mixed", steps=30, questions_per_step=6)
    folder = train(config)
    fitted = json.loads((folder / "boildown.json").read_text("utf-8"))["calibration"]
    trainer = Trainer(config)
    trainer.resume()
    pools = score_held_out(trainer)
    assert pools
    for pool in pools:
        mixed = mixed_logits(pool)
        sources = Sources([Document(d.passage.text, title=d.passage.title) for d in pool.documents])
        scores = Prune(str(folder), "cpu", "float32").score(pool.question.text, sources)
        for name, logits, found in (
            ("keep", mixed.keep, scores.sentences),
            ("relevance", mixed.relevance, scores.relevance),
        ):
            expected = 1 / (1 + np.exp(-(logits / fitted[name]["temperature"] + fitted[name]["bias"])))
            assert found == pytest.approx(expected, abs=0.02)
        assert mixed.gold.sum() == mixed.relevant.sum() == 1
