"""The exact LLMLingua-2's cut as scores, so that it can be shown by its spans in the documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.counters import resolve_counter, well_formed
from boildown.methods.exact.arguments import ExactArguments
from boildown.methods.exact.llmlingua2 import Chunk, ExactLLMLingua2
from boildown.runtime.models import shared_model
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["exact_word_scores", "load_exact_llmlingua2"]


def load_exact_llmlingua2(model: str, device: str, dtype: str) -> ExactLLMLingua2:
    """The process's model for the exact mode, apart from others, since its vocabulary is enlarged.

    Args:
        model: path or hub id of a token classifier.
        device: see `boildown.runtime.devices`.
        dtype: "auto" is fp32 here: half precision would round thresholds elsewhere than published.

    Raises:
        ModelError: it cannot be loaded, or its vocabulary is of another kind.
    """
    dtype = "float32" if dtype == "auto" else dtype

    def load() -> ExactLLMLingua2:
        from transformers import AutoModelForTokenClassification

        from boildown.runtime.causal_loading import load_pretrained

        return ExactLLMLingua2(*load_pretrained(AutoModelForTokenClassification, model, device, dtype))

    return shared_model(("exact llmlingua2", model, device, dtype), load)


def exact_word_scores(
    compressor: ExactLLMLingua2, sources: Sources, budget: Budget, force_tokens: Sequence[str], digits: bool
) -> Scores:
    """Scores of 1 for the tokens of words that the published code keeps for this budget, and 0 for the others.

    Args:
        compressor: the model.
        sources: the documents.
        budget: tokens or a rate, by the budget's counter, as published; or the threshold that SecurityLingua has.
        force_tokens: texts that are always kept.
        digits: keep all digits too.
    """
    rate = 0.5 if budget.rate is None else float(budget.rate)
    arguments = ExactArguments(
        # A target of 0 counts as none given, as published; a rate of 0 says the same.
        rate=0.0 if budget.tokens == 0 else rate,
        target_token=float(budget.tokens or -1),
        force_tokens=force_tokens,
        force_reserve_digit=digits,
    )
    texts = [well_formed(text) for text in sources.texts]
    count = resolve_counter(budget.counter).count
    with compressor.guard:
        begin = perf_counter()
        done = compressor.compress(texts, arguments, count, budget.threshold)
        seconds = perf_counter() - begin
        rows = [
            _kept_tokens(compressor.tokenizer, text, read, chunks, done.placeholders)
            for text, read, chunks in zip(texts, done.contexts, done.kept, strict=True)
        ]
    lengths = [len(row) for row in rows]
    start, end, kept = np.concatenate([*rows, np.zeros((0, 3), dtype=np.int64)]).T
    document = np.repeat(np.arange(len(rows), dtype=np.int64), lengths)
    tokens = TokenScores(document, start, end, kept.astype(np.float64))
    return Scores(np.array(done.relevance), tokens=tokens, final=True, model_seconds=seconds)


def _kept_tokens(
    tokenizer: Any,
    text: str,
    read: str,
    chunks: Sequence[tuple[Chunk, list[int] | None]],
    placeholders: Mapping[str, str],
) -> NDArray[np.int64]:
    """Start and end in the text of each of its tokens, and 1 if it was kept. Shape (tokens, 3)."""
    encoded = tokenizer(read, add_special_tokens=False, return_offsets_mapping=True)
    spelt = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    kept = np.zeros(len(spelt), dtype=np.int64)
    for chunk, places in chunks:
        own = spelt[chunk.start : chunk.end]
        if places is None:
            kept[chunk.start : chunk.end] = 1
            continue
        wanted = set(places)
        for i, j in _matches(own, tokenizer.tokenize(chunk.text)):
            # The row that the model read begins with one special token.
            kept[chunk.start + i] = j + 1 in wanted
    origin = _origin(text, read, placeholders)
    rows = []
    for (start, end), flag in zip(encoded.offset_mapping, kept.tolist(), strict=True):
        ink = start + len(read[start:end]) - len(read[start:end].lstrip())
        rows.append((origin[ink] if ink < end else origin[start], origin[end], flag))
    found = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return found[found[:, 1] > found[:, 0]]


def _matches(own: Sequence[str], again: Sequence[str]) -> list[tuple[int, int]]:
    """Which tokens are the same, where a chunk that was spelt out and read again has other ones."""
    if own == again:
        return [(i, i) for i in range(len(own))]
    blocks = SequenceMatcher(None, own, again, autojunk=False).get_matching_blocks()
    return [(a + i, b + i) for a, b, size in blocks for i in range(size)]


def _origin(text: str, read: str, placeholders: Mapping[str, str]) -> NDArray[np.int64]:
    """The place in the text of each character of what was read, and of its end; a placeholder stands for its text."""
    if not placeholders:
        return np.arange(len(read) + 1)
    named = {placeholder: token for token, placeholder in placeholders.items()}
    origin, place, seen = np.zeros(len(read) + 1, dtype=np.int64), 0, 0
    for match in re.finditer("|".join(map(re.escape, named)), read):
        origin[seen : match.start()] = place + np.arange(match.start() - seen)
        place += match.start() - seen
        origin[match.start() : match.end()] = place
        # The text may hold what looks like a placeholder.
        place += len(match.group() if text.startswith(match.group(), place) else named[match.group()])
        seen = match.end()
    origin[seen:] = place + np.arange(len(read) + 1 - seen)
    return origin
