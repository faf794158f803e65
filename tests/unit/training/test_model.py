from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_models import tiny_bert, tiny_modernbert, tiny_xlm_roberta
from tokenizers import processors

from boildown.runtime.checkpoint import read_tokenizer
from boildown.runtime.tokens import special_tokens
from boildown.training.export import export_checkpoint
from boildown.training.losses import bundle_loss
from boildown.training.model import PruneModel, load_encoder, load_heads, load_tokenizer


def bundle(
    gold: list[int], known: bool = True, answer: int | None = None, taught: tuple[float, float] = (math.nan, math.nan)
) -> SimpleNamespace:
    """Two passages of one question with two sentences each, two tokens a sentence; the first is relevant."""
    is_gold = torch.tensor([i in gold for i in range(4)])
    return SimpleNamespace(
        questions=1,
        sentences=4,
        token_sentence=torch.arange(8) // 2,
        token_answer=torch.arange(8) == (-1 if answer is None else answer),
        sentence_target=is_gold.float(),
        sentence_gold=is_gold,
        sentence_rest=~is_gold,
        sentence_known=torch.full((4,), known),
        sentence_passage=torch.tensor([0, 0, 1, 1]),
        sentence_question=torch.zeros(4, dtype=torch.long),
        passage_question=torch.zeros(2, dtype=torch.long),
        passage_relevant=torch.tensor([1.0, 0.0]),
        passage_taught=torch.tensor(taught),
    )


def loss(keep: list[float], gold: list[int], known: bool = True) -> dict[str, float]:
    logits = torch.tensor(keep).repeat_interleave(2)
    return bundle_loss(torch.tensor([1.0, -1.0]), logits, torch.zeros(8), bundle(gold, known), 0.3)[1]


def answer_loss(logits: list[float], answer: int | None) -> float:
    relevance, keep = torch.tensor([1.0, -1.0]), torch.zeros(8)
    return bundle_loss(relevance, keep, torch.tensor(logits), bundle([0], answer=answer), 0.3)[1]["answer"]


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


def test_the_answer_competes_with_every_token_of_its_passage_and_of_all_passages() -> None:
    logits = [0.5, 2.0, -1.0, 0.0, 1.5, -2.0, 0.3, 0.1]
    values = torch.tensor([0.0, *logits])
    own = torch.logsumexp(values[:5], 0) - logits[1]
    other = torch.logsumexp(values[[0, 5, 6, 7, 8]], 0)  # no answer there, so the logit of 0 should win
    everywhere = torch.logsumexp(values, 0) - logits[1]
    assert answer_loss(logits, 1) == pytest.approx(float(own + other + everywhere) / 3, abs=1e-5)
    logits[1] = 5.0
    assert answer_loss(logits, 1) < float(own + other + everywhere) / 3


def test_a_needed_passage_without_marked_answers_teaches_nothing_about_answers() -> None:
    logits = [9.0, 9.0, 9.0, 9.0, 1.5, -2.0, 0.3, 0.1]
    assert answer_loss(logits, None) == pytest.approx(
        float(torch.logsumexp(torch.tensor([0.0, *logits[4:]]), 0)), abs=1e-5
    )


def test_the_relevance_follows_a_teacher_where_there_is_one() -> None:
    def taught_loss(relevance: list[float], taught: tuple[float, float]) -> tuple[float, float]:
        zeros = torch.zeros(8)
        whole, parts = bundle_loss(torch.tensor(relevance), zeros, zeros, bundle([0], taught=taught), 0.3, 0.5)
        return float(whole), parts["taught"]

    untaught, nothing = taught_loss([1.0, -1.0], (math.nan, math.nan))
    assert nothing == 0.0
    # Cosines that are .1 apart are two steps of .05, as are these logits.
    whole, agreed = taught_loss([1.0, -1.0], (0.5, 0.4))
    assert agreed == pytest.approx(0.0, abs=1e-6)
    assert whole == pytest.approx(untaught, abs=1e-6)
    whole, disagreed = taught_loss([1.0, -1.0], (0.4, 0.5))
    assert disagreed > 1.0
    assert whole == pytest.approx(untaught + 0.5 * disagreed, abs=1e-5)


def test_an_older_checkpoint_gets_an_answer_head(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model = PruneModel(load_encoder(str(base)))
    old = {
        f"{head}.{part}": torch.randn(1, *([model.keep_head.in_features] if part == "weight" else []))
        for head in ("relevance_head", "keep_head")
        for part in ("weight", "bias")
    }
    save_file(old, tmp_path / "model.safetensors")
    (tmp_path / "boildown.json").write_text("{}", "utf-8")
    load_heads(model, str(tmp_path))
    assert torch.equal(model.answer_head.weight, model.keep_head.weight)
    assert model.answer_head.bias.item() < model.keep_head.bias.item()


@pytest.mark.parametrize("make", [tiny_bert, tiny_xlm_roberta, tiny_modernbert])
@pytest.mark.parametrize("plain", [False, True])
def test_a_checkpoint_is_read_by_the_tokenizer_that_it_was_trained_with(
    tmp_path: Path, make: Callable[[Path], Path], plain: bool
) -> None:
    """Cased or not, and whether or not the tokenizer itself says what stands around a text."""
    base = make(tmp_path / "base")
    first = load_tokenizer(str(base))
    if plain:
        first.backend_tokenizer.post_processor = processors.Sequence([])
    options: dict[str, Any] = {"max_length": 128, "max_query": 40, "settings": {}}
    folder = export_checkpoint(PruneModel(load_encoder(str(base))), first, tmp_path / "model", **options)
    second = load_tokenizer(str(folder))
    for part in ("normalizer", "pre_tokenizer", "model"):
        assert json.loads(second.backend_tokenizer.to_str())[part] == json.loads(first.backend_tokenizer.to_str())[part]
    ids = [(t.cls_token_id, t.sep_token_id, t.pad_token_id) for t in (first, second)]
    assert ids[0] == ids[1]
    assert special_tokens(read_tokenizer(folder), folder) == ([first.cls_token_id], [first.sep_token_id])


def test_heads_compute_in_fp32_under_bf16_weights(base: Path) -> None:
    torch.manual_seed(0)
    model = PruneModel(load_encoder(str(base))).to(torch.bfloat16)
    ids = torch.tensor([[2, 5, 6, 3, 7, 3], [2, 5, 3, 7, 3, 0]])
    outputs = model(ids, (ids > 0).long(), torch.zeros_like(ids))
    assert {output.dtype for output in outputs} == {torch.float32}
    assert [output.shape for output in outputs] == [(2,), (2, 6), (2, 6)]


def test_bases_have_no_dropout(base: Path) -> None:
    encoder = load_encoder(str(base)).train()
    assert all(m.p == 0.0 for m in encoder.modules() if isinstance(m, torch.nn.Dropout))
