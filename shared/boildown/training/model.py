"""The network: an encoder with a relevance head, a keep head and an answer head, and its losses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from boildown.errors import ModelError
from boildown.runtime.checkpoint import refuse_no_vocabulary, refuse_pickles

_SHARPNESS = 0.05
"""Cosines that lie so far apart differ by a factor of e, as sentence embedding models are trained."""


class PruneModel(nn.Module):
    """Any Hugging Face encoder with three linear heads.

    ``forward`` takes ``(B, T)`` ids, mask and token types and returns relevance logits ``(B,)`` from
    the first token, and keep and answer logits, each ``(B, T)``. Heads run in fp32 whatever the encoder's dtype.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        hidden = int(encoder.config.hidden_size)
        self.relevance_head = nn.Linear(hidden, 1)
        self.keep_head = nn.Linear(hidden, 1)
        self.answer_head = nn.Linear(hidden, 1)
        for head in (self.relevance_head, self.keep_head, self.answer_head):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    @property
    def token_types(self) -> int:
        return int(getattr(self.encoder.config, "type_vocab_size", 0) or 0)

    @property
    def positions(self) -> int:
        """Longest input; RoBERTa and its kin number positions from the padding id on."""
        config = self.encoder.config
        offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
        return int(getattr(config, "max_position_embeddings", 1 << 20)) - offset

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if self.token_types > 1:
            inputs["token_type_ids"] = types
        hidden = self.encoder(**inputs).last_hidden_state.float()

        def head(layer: nn.Linear, states: torch.Tensor) -> torch.Tensor:
            return F.linear(states, layer.weight.float(), layer.bias.float()).squeeze(-1)

        return head(self.relevance_head, hidden[:, 0]), head(self.keep_head, hidden), head(self.answer_head, hidden)


@contextmanager
def _loading(base: str) -> Iterator[None]:
    """Turns what comes of a base that cannot be loaded into a ``ModelError`` that names it."""
    try:
        yield
    except Exception as error:  # transformers, tokenizers and safetensors raise many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"The base {base!r} is no model that transformers can load: {reason}") from error


def load_encoder(base: str) -> Any:
    """Loads a base encoder without dropout and, where it has one, without its pooler.

    Raises:
        ModelError: there is no such model, or it cannot be read.
    """
    from transformers import AutoConfig, AutoModel

    with _loading(base):
        config = AutoConfig.from_pretrained(base, trust_remote_code=False)
    refuse_pickles(Path(base))
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "dropout"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    # Eager attention: on a CPU its bf16 products are faster than SDPA at these short lengths.
    keywords: dict[str, Any] = {"config": config, "use_safetensors": True, "trust_remote_code": False}
    if not torch.cuda.is_available():
        keywords["attn_implementation"] = "eager"
    with _loading(base):
        try:
            return AutoModel.from_pretrained(base, add_pooling_layer=False, **keywords).float()
        except TypeError:
            return AutoModel.from_pretrained(base, **keywords).float()


def load_tokenizer(base: str) -> Any:
    """The base's tokenizer; raises ``ModelError`` where it has none that knows character offsets."""
    from transformers import AutoTokenizer

    with _loading(base):
        tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    refuse_no_vocabulary(tokenizer, base)
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"The base {base!r} has no fast tokenizer, and a slow one knows no character offsets.")
    return tokenizer


def load_heads(model: PruneModel, base: str) -> bool:
    """Takes over the heads where the base is itself a boildown checkpoint, so that it is trained further.

    Raises:
        ModelError: it lacks one, or one does not fit.
    """
    folder = Path(base)
    if not (folder / "boildown.json").is_file():
        return False
    from safetensors.torch import load_file

    with _loading(base):
        tensors = load_file(folder / "model.safetensors")
    for name in ("relevance_head", "keep_head", "answer_head"):
        if name == "answer_head" and f"{name}.weight" not in tensors:
            # Older checkpoints have none; an answer stands in what is needed, but is less of it.
            model.answer_head.load_state_dict(model.keep_head.state_dict())
            model.answer_head.bias.data.sub_(6.0)
            continue
        own = getattr(model, name).state_dict()
        head = {part: tensors.get(f"{name}.{part}") for part in own}
        if any(given is None or given.shape != own[part].shape for part, given in head.items()):
            raise ModelError(
                f"The weights of the boildown model {base!r} hold no {name} that fits its encoder. Take an intact "
                "copy; or remove its boildown.json, and it is trained with new heads."
            )
        getattr(model, name).load_state_dict(head)
    return True


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
