from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from boildown.training.model import PruneModel, bundle_loss, load_encoder


def bundle(gold: list[int], known: bool = True) -> SimpleNamespace:
    """Two passages of one question with two sentences each, two tokens a sentence; the first is relevant."""
    is_gold = torch.tensor([i in gold for i in range(4)])
    return SimpleNamespace(
        questions=1,
        sentences=4,
        token_sentence=torch.arange(8) // 2,
        sentence_target=is_gold.float(),
        sentence_gold=is_gold,
        sentence_rest=~is_gold,
        sentence_known=torch.full((4,), known),
        sentence_passage=torch.tensor([0, 0, 1, 1]),
        sentence_question=torch.zeros(4, dtype=torch.long),
        passage_question=torch.zeros(2, dtype=torch.long),
        passage_relevant=torch.tensor([1.0, 0.0]),
    )


def loss(keep: list[float], gold: list[int], known: bool = True) -> dict[str, float]:
    logits = torch.tensor(keep).repeat_interleave(2)
    return bundle_loss(torch.tensor([1.0, -1.0]), logits, bundle(gold, known), 0.3)[1]


def test_right_scores_cost_less_than_wrong_ones() -> None:
    right, wrong = loss([3.0, -3.0, -3.0, -3.0], [0]), loss([-3.0, 3.0, -3.0, -3.0], [0])
    for part in ("token", "sentence", "list"):
        assert right[part] < wrong[part]


def test_the_list_loss_is_softmax_cross_entropy_and_golds_do_not_compete() -> None:
    keep = [2.0, 1.0, 0.5, -1.0]
    negatives = torch.tensor([0.5, -1.0])
    expected = [-torch.log_softmax(torch.cat([torch.tensor([g]), negatives]), 0)[0] for g in keep[:2]]
    assert loss(keep, [0, 1])["list"] == pytest.approx(float(sum(expected)) / 2, abs=1e-5)


def test_unmarked_sentences_teach_only_that_the_relevant_passage_wins() -> None:
    right, wrong = loss([3.0, -3.0, -3.0, -3.0], [], known=False), loss([-3.0, -3.0, 3.0, -3.0], [], known=False)
    assert right["token"] == right["sentence"] == right["list"] == 0.0
    assert 0 < right["weak"] < wrong["weak"]


def test_heads_compute_in_fp32_under_bf16_weights(base: Path) -> None:
    torch.manual_seed(0)
    model = PruneModel(load_encoder(str(base))).to(torch.bfloat16)
    ids = torch.tensor([[2, 5, 6, 3, 7, 3], [2, 5, 3, 7, 3, 0]])
    relevance, keep = model(ids, (ids > 0).long(), torch.zeros_like(ids))
    assert (relevance.dtype, keep.dtype) == (torch.float32, torch.float32)
    assert (relevance.shape, keep.shape) == ((2,), (2, 6))


def test_bases_have_no_dropout(base: Path) -> None:
    encoder = load_encoder(str(base)).train()
    assert all(m.p == 0.0 for m in encoder.modules() if isinstance(m, torch.nn.Dropout))
