"""LLMLingua and LongLLMLingua as published: context level, sentence level, token level."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from boildown.errors import ConfigurationError
from boildown.methods.exact.arguments import ExactArguments
from boildown.methods.exact.coarse import (
    choose_contexts,
    choose_sentences,
    rate_offsets,
    split_segments,
)
from boildown.methods.exact.iterative import compress_tokens
from boildown.methods.exact.language_model import ReferenceLM
from boildown.methods.exact.ranking import rank_texts
from boildown.methods.exact.ratios import Segment, plan_by_context, plan_by_segment
from boildown.text.sentences import split_sentences

__all__ = ["Exactly", "compress_exactly", "target_of"]

_PREFIX_HEAD = 100
"""Tokens kept at the front of a question that is too long."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """Compressed contexts, without instruction and question.

    Attributes:
        text: as published.
        order: indices of the contexts that passed the context level, best first.
        used: the same in reading order.
        prefix: what stood before the contexts at the token level, with its separator.
        kept: places of the tokens that stayed in the tokens of prefix and contexts joined by blank lines; None if the
            token level was off.
    """

    text: str
    order: list[int]
    used: list[int]
    prefix: str = ""
    kept: list[int] | None = None


def compress_exactly(
    lm: ReferenceLM,
    contexts: Sequence[str],
    arguments: ExactArguments,
    segments: Sequence[Sequence[Segment]] | None = None,
) -> Exactly:
    """Compresses contexts.

    Args:
        lm: the model.
        contexts: at least one text.
        arguments: as published.
        segments: for each context the segments of a structured prompt, or None.

    Raises:
        ConfigurationError: arguments that exclude each other, or an unknown ranking.
        InputError: segments that this tokenizer cannot place.
    """
    a = arguments
    if a.rank_method == "longllmlingua" and not a.question:
        raise ConfigurationError("rank_method='longllmlingua' ranks by the question; pass question=.")
    condition, conditioned = _condition(a)
    texts = list(contexts)
    rows = None if segments is None else [list(row) for row in segments]
    target = a.target_token if a.target_token != -1 else target_of(lm, texts, a)
    offsets = [0.0] * len(texts)
    used = taken = list(range(len(texts)))
    if len(texts) > 1 and a.use_context_level_filter:
        forced = list(a.force_context_ids or ())
        if rows is not None and a.strict_preserve_uncompressed:
            forced += [i for i, row in enumerate(rows) if i not in forced and not all(s.compress for s in row)]
        order = rank_texts(lm, texts, a.question, a.rank_method, condition)
        costs = [lm.count(text) for text in texts]
        used, taken = choose_contexts(order, costs, target, a.context_budget, forced, a.reorder_context)
        offsets = rate_offsets(taken, used, a.dynamic_context_compression_ratio)
        used = [i for i in used if i < len(texts)]
        texts = [texts[i] for i in used]
        rows = None if rows is None else [rows[i] for i in used]
    if a.use_sentence_level_filter:
        texts, rows = _filter_sentences(lm, texts, rows, target, condition, a)
    if not a.use_token_level_filter:
        return Exactly("\n\n".join(texts), taken, used)
    prefix, start = _prefix(lm, texts, a) if conditioned else ("", 0)
    ids = lm.ids("\n\n".join([prefix, *texts] if conditioned else texts), special=False)
    if rows:
        joined = [_joined(row) for row in rows]
        plan = plan_by_segment(lm, ids[start:], texts, joined, a.iterative_size)
    else:
        lengths = [lm.count(text, special=False) for text in texts]
        plan = plan_by_context(lengths, target, a.iterative_size, offsets)
    kept = compress_tokens(lm, ids, plan, a.iterative_size, start, a.condition_compare, a.keep_split)
    text = lm.decode([ids[i] for i in kept]).replace("<s> ", "").replace("<s>", "")
    return Exactly(text, taken, used, prefix + "\n\n" if conditioned else "", kept)


def _condition(a: ExactArguments) -> tuple[str, bool]:
    """Where the question stands for ranking, and whether it stands before the text at the token level."""
    name, conditioned = a.condition_in_question, a.condition_compare
    if "_condition" in name:
        name, conditioned = name.replace("_condition", ""), True
    if a.rank_method == "longllmlingua" and name == "none" and not conditioned:
        name = "after"
    if a.rank_method == "llmlingua":
        name = "none"
    if name not in ("none", "before", "after"):
        raise ConfigurationError(f"condition_in_question={a.condition_in_question!r} must be none, before or after.")
    return name, conditioned


def target_of(lm: ReferenceLM, texts: Sequence[str], a: ExactArguments) -> float:
    """Tokens to keep of the contexts, by the rate of the whole prompt."""
    instruction, question = lm.count(a.instruction), lm.count(a.question)
    whole = instruction + question + sum(lm.count(text) for text in texts)
    return whole * a.rate - instruction - (question if a.concate_question else 0)


def _prefix(lm: ReferenceLM, texts: Sequence[str], a: ExactArguments) -> tuple[str, int]:
    """What stands before the contexts, and how many tokens of the whole it takes."""
    prefix = a.question + "\n\n" + a.instruction if a.add_instruction else a.question
    if lm.count(prefix + "\n\n") + 2 * a.iterative_size > lm.positions:
        ids = lm.ids(prefix, special=False)
        tail = len(ids) - lm.positions + 2 + _PREFIX_HEAD + 2 * a.iterative_size
        prefix = lm.decode(ids[:_PREFIX_HEAD] + ids[tail:])
    lead = prefix + "\n\n"
    whole = lm.ids(lead + texts[0][:100], special=False)
    first = max(lm.count(lead, special=False) - 3, 1)
    start = first
    for start in range(first, len(whole)):
        if lm.decode(whole[:start]) == lead:
            break
    return prefix, start


def _filter_sentences(
    lm: ReferenceLM,
    texts: Sequence[str],
    rows: Sequence[Sequence[Segment]] | None,
    target: float,
    condition: str,
    a: ExactArguments,
) -> tuple[list[str], list[list[Segment]] | None]:
    by_text = [_sentences(text) for text in texts]
    sentences = [sentence for found in by_text for sentence in found]
    parts = None
    if rows is not None:
        parts = [part for row, found in zip(rows, by_text, strict=True) for part in split_segments(row, found)]
    if len(sentences) == 1:
        return list(texts), parts
    if a.rank_method == "longllmlingua":
        order = _order_by_loss(lm, by_text, sentences, condition, a)
    else:
        order = rank_texts(lm, sentences, a.question, a.rank_method, condition)
    forced = [] if parts is None else [i for i, part in enumerate(parts) if not all(s.compress for s in part)]
    budget = (target if target >= 0 else 100) * a.token_budget_ratio
    kept = choose_sentences(order, [lm.count(sentence) for sentence in sentences], budget, forced)
    new_texts, new_rows, seen = [], [], 0
    for found in by_text:
        chosen = [i for i in range(seen, seen + len(found)) if i in kept]
        new_texts.append("".join(sentences[i] for i in chosen))
        new_rows.append([segment for i in chosen for segment in (parts[i] if parts is not None else [])])
        seen += len(found)
    return new_texts, None if parts is None else new_rows


def _order_by_loss(
    lm: ReferenceLM, by_text: Sequence[Sequence[str]], sentences: Sequence[str], condition: str, a: ExactArguments
) -> list[int]:
    """Least loss first, so that the bonus of sentences to keep puts them last: published so, and kept so."""
    losses = np.array(lm.mean_nll(sentences, a.question, condition))
    if a.keep_first_sentence:
        losses[: a.keep_first_sentence] += a.high_priority_bonus
    if a.keep_last_sentence:
        losses[-a.keep_last_sentence :] += a.high_priority_bonus
    seen = 0
    for found in by_text:
        least = sorted(range(seen, seen + len(found)), key=losses.__getitem__)[: a.keep_sentence_number]
        losses[least] += a.high_priority_bonus
        seen += len(found)
    sign = -1 if condition == "none" else 1
    values = (sign * losses).tolist()
    return sorted(range(len(sentences)), key=values.__getitem__)


def _sentences(text: str) -> list[str]:
    """Sentences by NLTK, each with what follows it up to the next; by our own rules where NLTK has no data."""
    try:
        bare: list[str] = import_module("nltk").sent_tokenize(text)
    except (ImportError, LookupError):
        warnings.warn(
            "NLTK's punkt_tab is not installed, so sentences are split by boildown's rules and may differ from "
            "llmlingua's. Install nltk and run nltk.download('punkt_tab') for the same ones.",
            UserWarning,
            stacklevel=2,
        )
        return [text[s:e] for s, e in split_sentences(text).tolist()]
    if not bare:
        return [text] if text else []
    starts, seen = [], 0
    for i, sentence in enumerate(bare):
        # The next sentence is looked for by its first letters, as published; a miss would lose text.
        begin = 0 if i == 0 else text.find(sentence[:5], seen)
        begin = seen if begin < 0 else begin
        starts.append(begin)
        seen = begin + len(sentence)
    return [text[s:e] for s, e in zip(starts, [*starts[1:], len(text)], strict=True)]


def _joined(row: Sequence[Segment]) -> list[Segment]:
    """Neighbours of the same rate and kind as one."""
    joined: list[Segment] = []
    for s in row:
        if joined and (joined[-1].rate, joined[-1].compress) == (s.rate, s.compress):
            joined[-1] = Segment(joined[-1].length + s.length, s.rate, s.compress)
        else:
            joined.append(s)
    return joined
