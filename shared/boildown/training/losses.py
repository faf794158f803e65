"""The losses: of sentences and their tokens, of answers, and of documents."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

_SHARPNESS = 0.05
"""Cosines that lie so far apart differ by a factor of e, as sentence embedding models are trained."""


def _against(scores: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor | None:
    """Mean cross-entropy of every positive against all negatives; positives do not compete."""
    if not bool(positive.any()) or not bool(negative.any()):
        return None
    rest = torch.logsumexp(scores[negative], 0)
    return F.softplus(rest - scores[positive]).mean()


def _answer_loss(answer: torch.Tensor, batch: Any) -> torch.Tensor:
    """Cross-entropy of finding an answer among a passage's tokens, and among those of all passages of a question.

    As in reading comprehension over several passages at once (Clark and Gardner 2018, section 3.2): any of the right
    tokens will do, and a logit of 0 stands for there being none. Passages that are needed for another reason than
    holding the answer's words, and those whose answers nobody marked, take no part.
    """
    of_passage = batch.sentence_passage[batch.token_sentence]
    of_question = batch.sentence_question[batch.token_sentence]
    right = batch.token_answer
    counted = torch.ones_like(batch.passage_relevant, dtype=torch.bool)
    counted[batch.passage_relevant > 0.5] = False
    counted[of_passage[right]] = True
    answered = torch.zeros(batch.questions, dtype=torch.bool, device=answer.device)
    answered[of_question[right]] = True
    losses = []
    for owner, chosen in ((of_passage, counted), (of_question, answered)):
        for group in torch.nonzero(chosen).flatten().tolist():
            mine = (owner == group) & (counted[of_passage] | right)
            found = answer[mine & right]
            every = torch.logsumexp(torch.cat([answer.new_zeros(1), answer[mine]]), 0)
            losses.append(every - torch.logsumexp(found, 0) if len(found) else every)
    return torch.stack(losses).mean() if losses else answer.sum() * 0.0


def _taught_loss(relevance: torch.Tensor, batch: Any) -> torch.Tensor:
    """Kullback-Leibler divergence from the teacher's ranking of a question's passages; mean over questions."""
    losses = []
    for group in range(batch.questions):
        docs = (batch.passage_question == group) & ~batch.passage_taught.isnan()
        if int(docs.sum()) > 1:
            target = F.log_softmax(batch.passage_taught[docs] / _SHARPNESS, 0)
            losses.append(F.kl_div(F.log_softmax(relevance[docs], 0), target, reduction="sum", log_target=True))
    return torch.stack(losses).mean() if losses else relevance.sum() * 0.0


def bundle_loss(
    relevance: torch.Tensor,
    keep: torch.Tensor,
    answer: torch.Tensor,
    batch: Any,
    relevance_weight: float,
    teacher_weight: float = 0.0,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The joint loss of one bundle of questions.

    Args:
        relevance: ``(P,)`` relevance logits of the passages.
        keep, answer: ``(N,)`` logits of the passage tokens, ordered as in ``batch``.
        batch: a ``batches.Bundle`` with tensors.

    Returns:
        The loss (a mean over the bundle's questions) and its parts.
    """
    count = torch.zeros(batch.sentences, dtype=keep.dtype, device=keep.device)
    count.index_add_(0, batch.token_sentence, torch.ones_like(keep))
    sentence = torch.zeros_like(count).index_add(0, batch.token_sentence, keep) / count.clamp_min(1)
    zero = keep.sum() * 0.0
    known = batch.sentence_known
    token_known = known[batch.token_sentence]
    parts = {"token": zero, "sentence": zero, "list": zero, "weak": zero}
    if bool(token_known.any()):
        target = batch.sentence_target
        parts["token"] = F.binary_cross_entropy_with_logits(
            keep[token_known], target[batch.token_sentence][token_known]
        )
        parts["sentence"] = F.binary_cross_entropy_with_logits(sentence[known], target[known])
    lists, weak, ranked = [], [], []
    for group in range(batch.questions):
        mine = batch.sentence_question == group
        docs = batch.passage_question == group
        flag = batch.passage_relevant > 0.5
        ranked.append(_against(relevance, docs & flag, docs & ~flag))
        if bool((mine & known).any()):
            lists.append(_against(sentence, mine & batch.sentence_gold, mine & batch.sentence_rest))
        elif bool(mine.any()):
            # Nobody marked the sentences: the best of a relevant passage must beat all others.
            scores = torch.stack(
                [
                    torch.logsumexp(sentence[batch.sentence_passage == p], 0)
                    if bool((batch.sentence_passage == p).any())
                    else zero
                    for p in torch.nonzero(docs).flatten().tolist()
                ]
            )
            weak.append(_against(scores, flag[docs], ~flag[docs]))

    def mean(values: list[torch.Tensor | None]) -> torch.Tensor:
        found = [v for v in values if v is not None]
        return torch.stack(found).sum() / batch.questions if found else zero

    parts["list"], parts["weak"] = mean(lists), mean(weak)
    parts["answer"] = _answer_loss(answer, batch)
    parts["relevance"] = F.binary_cross_entropy_with_logits(relevance, batch.passage_relevant)
    parts["ranking"] = mean(ranked)
    parts["taught"] = _taught_loss(relevance, batch)
    loss = (
        parts["token"]
        + parts["sentence"]
        + parts["list"]
        + 0.5 * parts["weak"]
        + 0.3 * parts["answer"]
        + relevance_weight * (parts["relevance"] + parts["ranking"])
        + teacher_weight * parts["taught"]
    )
    return loss, {name: float(value.detach()) for name, value in parts.items()}
