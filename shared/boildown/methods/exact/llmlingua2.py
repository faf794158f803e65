"""LLMLingua-2 as published (Pan et al. 2024): chunks, word probabilities, one threshold for each chunk.

Known differences from what was meant, kept on purpose: the classifier gets the special tokens of BERT whatever its
vocabulary is; a chunk may be cut at its end; thresholds are the chunk's own; chunks are glued without a space.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from boildown.errors import ConfigurationError, ModelError

__all__ = ["ExactLLMLingua2", "Words"]

_LENGTH = 512
_BATCH = 50
_FORCED = 100
_MARKS = "".join(mark for mark in string.punctuation if mark not in ",.'[]")
_WORD_OR_MARK = re.compile(rf"\b\w+\b|[{re.escape(_MARKS)}]")
_CLS, _SEP, _PAD = "[CLS]", "[SEP]", "[PAD]"

Number = Any
"""A probability as numpy or Python has it: np.float32 from the model, float where it was forced. Sums and
percentiles of them round as published only if they are left as they are."""


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a chunk, the probabilities of their tokens with forced ones at 1, and without."""

    words: list[str]
    forced: list[list[Number]]
    plain: list[list[Number]]


@dataclass(frozen=True, slots=True)
class _Forcing:
    """Which words must be kept: texts, the placeholder token of those that are several tokens, digits."""

    tokens: Sequence[str] = ()
    placeholders: Mapping[str, str] = field(default_factory=dict)
    digits: bool = False


class ExactLLMLingua2:
    """A token classifier seen as the published implementation sees it. It takes the model over: the vocabulary is
    enlarged by a hundred placeholder tokens, unless it has them already.

    Args:
        model: a transformers token classifier; class 1 is "keep".
        tokenizer: its fast tokenizer.
        count: tokens of a word by the target LLM's tokenizer, by which words weigh in the threshold.
        threshold: keep what is above it, in place of a share (SecurityLingua has 0.5).

    Raises:
        ModelError: the vocabulary marks words neither as BERT's nor as XLM-R's does.
    """

    def __init__(self, model: Any, tokenizer: Any, count: Callable[[str], int], threshold: float | None = None) -> None:
        import torch

        self.model, self.tokenizer, self.count, self.threshold = model, tokenizer, count, threshold
        vocabulary = tokenizer.get_vocab()
        self.pieces = any(token.startswith("##") for token in vocabulary)
        if not self.pieces and not any(token.startswith("▁") for token in vocabulary):
            raise ModelError(
                "LLMLingua-2 needs a vocabulary of WordPiece (##) or SentencePiece (▁), like BERT or XLM-R."
            )
        self.placeholders = [f"[NEW{i}]" for i in range(_FORCED)]
        known = (value for key, value in tokenizer.special_tokens_map.items() if not key.endswith("special_tokens"))
        self.special = {str(value) for value in known} - set(self.placeholders)
        if self.placeholders[0] not in vocabulary:
            tokenizer.add_special_tokens({"additional_special_tokens": self.placeholders})
            # The new rows are drawn at random; published with this seed. The caller's random state is left alone.
            with torch.random.fork_rng():
                torch.manual_seed(42)
                model.resize_token_embeddings(len(tokenizer))

    def compress(
        self,
        contexts: Sequence[str],
        *,
        rate: float = 0.5,
        target_token: float = -1,
        use_context_level_filter: bool = False,
        use_token_level_filter: bool = True,
        target_context: int = -1,
        context_level_rate: float = 1.0,
        context_level_target_token: float = -1,
        force_context_ids: Sequence[int] | None = None,
        token_to_word: str = "mean",
        force_tokens: Sequence[str] = (),
        force_reserve_digit: bool = False,
        drop_consecutive: bool = False,
        chunk_end_tokens: Sequence[str] = (".", "\n"),
    ) -> tuple[list[str], list[tuple[str, int]], int]:
        """Compresses contexts.

        Returns:
            the compressed contexts that were kept; each word with 1 if it was kept and 0 if not; and the tokens that
            came in.

        Raises:
            ConfigurationError: too many force tokens, or an unknown `token_to_word`.
        """
        if len(force_tokens) > _FORCED:
            raise ConfigurationError(f"At most {_FORCED} force_tokens; got {len(force_tokens)}.")
        if token_to_word not in ("mean", "first"):
            raise ConfigurationError(f"token_to_word must be 'mean' or 'first', not {token_to_word!r}.")
        placeholders = {
            token: self.placeholders[i]
            for i, token in enumerate(force_tokens)
            if len(self.tokenizer.tokenize(token)) != 1
        }
        forcing = _Forcing(list(force_tokens), placeholders, force_reserve_digit)
        ends = {*chunk_end_tokens, *(placeholders[end] for end in chunk_end_tokens if end in placeholders)}
        tokens_in = sum(self.count(text) for text in contexts)
        chunks = [self._chunks(_replaced(text, placeholders), ends) for text in contexts]
        kept = [True] * len(chunks)
        scored: list[list[Words]] = []
        if use_context_level_filter and len(contexts) > 1:
            share = _context_share(
                len(contexts), tokens_in, rate, target_token, use_token_level_filter,
                target_context, context_level_rate, context_level_target_token,
            )  # fmt: skip
            scored = self._words(chunks, forcing)
            means = [_mean_of([p for words in row for p in _word_values(words.plain, token_to_word)]) for row in scored]
            threshold = np.percentile(means, int(100 * (1 - share)))
            kept = [bool(m >= threshold) or i in (force_context_ids or ()) for i, m in enumerate(means)]
            if target_token >= 0:
                left = sum(self.count(chunk) for row, keep in zip(chunks, kept, strict=True) if keep for chunk in row)
                rate = min(target_token / left, 1.0) if left else 1.0
        elif target_token > 0:
            rate = min(target_token / tokens_in, 1.0) if tokens_in else 1.0
        reduce = max(0, 1 - rate) if use_token_level_filter else 0
        survivors = [row for row, keep in zip(chunks, kept, strict=True) if keep]
        if reduce <= 0:
            whole = [_restored("".join(row), placeholders) for row in survivors]
            labels = [
                [(w, 1) for chunk in row for w in _plain_words(_restored(chunk, placeholders))] for row in survivors
            ]
        else:
            # The scores don't depend on the budget, so those of the context level serve again.
            words = (
                [row for row, keep in zip(scored, kept, strict=True) if keep]
                if scored
                else self._words(survivors, forcing)
            )
            cut = [
                [self._cut(chunk, reduce, token_to_word, forcing, drop_consecutive) for chunk in row] for row in words
            ]
            whole = ["".join(text for text, _ in row) for row in cut]
            labels = [[pair for _, pairs in row for pair in pairs] for row in cut]
        return whole, _all_labels(kept, labels, scored), tokens_in

    def _chunks(self, text: str, ends: set[str]) -> list[str]:
        """Pieces of at most 511 tokens, cut after an end token where there is one, and spelt out again."""
        tokens: list[str] = self.tokenizer.tokenize(text)
        found, start, room = [], 0, _LENGTH - 2
        while start < len(tokens):
            end = len(tokens)
            if start + room < len(tokens):
                last = start + room
                end = next((i for i in range(last, start, -1) if tokens[i] in ends), last) + 1
            found.append(self.tokenizer.convert_tokens_to_string(tokens[start:end]))
            start = end
        return found

    def _words(self, rows: Sequence[Sequence[str]], forcing: _Forcing) -> list[list[Words]]:
        """Words with probabilities of every chunk of every context."""
        chunks = [chunk for row in rows for chunk in row]
        words: list[Words] = []
        for start in range(0, len(chunks), _BATCH):
            words += self._classify(chunks[start : start + _BATCH], forcing)
        found, seen = [], 0
        for row in rows:
            found.append(words[seen : seen + len(row)])
            seen += len(row)
        return found

    def _classify(self, chunks: Sequence[str], forcing: _Forcing) -> list[Words]:
        import torch

        rows = [[_CLS, *self.tokenizer.tokenize(chunk), _SEP][:_LENGTH] for chunk in chunks]
        longest = max(len(row) for row in rows)
        padded = [[*row, *[_PAD] * (longest - len(row))] for row in rows]
        ids = torch.tensor([self.tokenizer.convert_tokens_to_ids(row) for row in padded])
        mask = torch.tensor([[token != _PAD for token in row] for row in padded])
        device = self.model.get_input_embeddings().weight.device
        with torch.inference_mode():
            logits = self.model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
            probabilities = torch.softmax(logits, dim=-1)[..., 1].float().cpu().numpy()
        found = []
        for row_ids, row_mask, values in zip(ids, mask.numpy(), probabilities, strict=True):
            tokens = self.tokenizer.convert_ids_to_tokens(row_ids[torch.from_numpy(row_mask)].tolist())
            found.append(self._merge(tokens, list(values[row_mask]), forcing))
        return found

    def _merge(self, tokens: Sequence[str], values: Sequence[Number], forcing: _Forcing) -> Words:
        """Tokens joined to words."""
        merged = Words([], [], [])
        inserted = set(forcing.placeholders.values())
        for token, value in zip(tokens, values, strict=True):
            if token in self.special:
                continue
            # Stripping takes every leading mark of the kind, as published, so that "####" would become "".
            bare = token.lstrip("#") if self.pieces else token.lstrip("▁")
            named = bare in forcing.tokens or bare in inserted
            if self.pieces:
                begins = named or not token.startswith("##")
            else:
                begins = token.startswith("▁") or token in string.punctuation
                begins = begins or token in forcing.tokens or token in inserted
            if begins or not merged.words:
                shown = _restored(token, forcing.placeholders)
                digit = forcing.digits and bool(re.search(r"\d", shown))
                merged.words.append(shown)
                merged.forced.append([1.0 if digit or named else value])
                merged.plain.append([value])
            else:
                digit = forcing.digits and bool(re.search(r"\d", token))
                merged.words[-1] += bare
                merged.forced[-1].append(1.0 if digit else value)
                # Published so: the context level sees the word's first token again in place of this one.
                merged.plain[-1].append(merged.plain[-1][0])
        return merged

    def _cut(
        self, chunk: Words, reduce: float, token_to_word: str, forcing: _Forcing, drop_consecutive: bool
    ) -> tuple[str, list[tuple[str, int]]]:
        """The kept text of a chunk, and each word with its label."""
        words, values = chunk.words, _word_values(chunk.forced, token_to_word)
        if not words:
            return "", []
        if drop_consecutive:
            values = _without_repeats(words, values, forcing.tokens, np.percentile(values, int(100 * reduce)))
        threshold: Number = self.threshold
        if threshold is None:
            spread = [value for word, value in zip(words, values, strict=True) for _ in range(self.count(word))]
            # A rate of 0 asks for a percentile of 101, where the published implementation fails.
            threshold = np.percentile(spread or values, min(int(100 * reduce + 1), 100))
        kept: list[str] = []
        labels = []
        for word, value in zip(words, values, strict=True):
            keep = bool(value > threshold or (threshold == 1.0 and value == threshold))
            if keep and drop_consecutive and word in forcing.tokens and kept and kept[-1] == word:
                keep = False
            if keep:
                kept.append(word)
            labels.append((word if self.pieces else word.lstrip("▁"), int(keep)))
        return self.tokenizer.convert_tokens_to_string(kept), labels


def _context_share(
    contexts: int,
    tokens: int,
    rate: float,
    target_token: float,
    then_tokens: bool,
    target_context: int,
    context_rate: float,
    context_target: float,
) -> float:
    """The share of contexts to keep."""
    if target_context <= 0 and context_rate >= 1.0 and context_target <= 0:
        if target_token < 0 and rate < 1.0:
            context_rate = (rate + 1.0) / 2 if then_tokens else rate
        if target_token >= 0:
            context_target = target_token * 2 if then_tokens else target_token
    if target_context >= 0:
        context_rate = min(target_context / contexts, 1.0)
    if context_target >= 0:
        context_rate = min(context_target / tokens, 1.0) if tokens else 1.0
    return context_rate


def _word_values(values: Sequence[Sequence[Number]], how: str) -> list[Number]:
    return [_mean_of(v) for v in values] if how == "mean" else [v[0] for v in values]


def _mean_of(values: Sequence[Number]) -> Number:
    """The plain mean; 0 where an empty document has no word, at which the published implementation fails."""
    return sum(values) / len(values) if len(values) else 0.0


def _without_repeats(
    words: Sequence[str], values: Sequence[Number], tokens: Sequence[str], threshold: Number
) -> list[Number]:
    """Values in which a force token that repeats the one before, with nothing worth keeping between, has 0."""
    found = list(values)
    between, previous = False, None
    for i, word in enumerate(words):
        if word not in tokens:
            between = between or bool(values[i] > threshold)
            continue
        if not between and word == previous:
            found[i] = 0.0
        between, previous = False, word
    return found


def _all_labels(
    kept: Sequence[bool], labels: Sequence[Sequence[tuple[str, int]]], scored: Sequence[Sequence[Words]]
) -> list[tuple[str, int]]:
    """Labels of all contexts; the words of those that were dropped have 0."""
    found: list[tuple[str, int]] = []
    survivors = iter(labels)
    for i, keep in enumerate(kept):
        if keep:
            found += next(survivors)
        else:
            found += [(word.lstrip("▁"), 0) for chunk in scored[i] for word in chunk.words]
    return found


def _replaced(text: str, placeholders: Mapping[str, str]) -> str:
    for token, placeholder in placeholders.items():
        text = text.replace(token, placeholder)
    return text


def _restored(text: str, placeholders: Mapping[str, str]) -> str:
    for token, placeholder in placeholders.items():
        text = text.replace(placeholder, token)
    return text


def _plain_words(text: str) -> list[str]:
    return _WORD_OR_MARK.findall(text)
