"""LLMLingua-2 as published (Pan et al. 2024): chunks, word probabilities, one threshold for each chunk.

Known differences from what was meant, kept on purpose: the classifier gets the special tokens of BERT whatever its
vocabulary is; a chunk may be cut at its end; thresholds are the chunk's own; chunks are glued without a space.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from boildown.errors import ConfigurationError, ModelError
from boildown.forks import watch_forks
from boildown.methods.exact.arguments import ExactArguments
from boildown.methods.exact.words import (
    Forcing,
    Number,
    Words,
    mean_of,
    merge_words,
    plain_words,
    replaced,
    restored,
    without_repeats,
    word_values,
)

__all__ = ["Chunk", "Compressed", "ExactLLMLingua2"]

_LENGTH = 512
_BATCH = 50
_FORCED = 100
_CLS, _SEP, _PAD = "[CLS]", "[SEP]", "[PAD]"

Count = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a context: how the tokenizer spells it out again, and which of the context's tokens it is."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Compressed:
    """What became of the contexts.

    Attributes:
        texts: the compressed contexts that were kept.
        labels: each word of all contexts, with 1 if it was kept and 0 if not.
        tokens_in: tokens of the contexts.
        contexts: each context with placeholders for force tokens, as it was read.
        placeholders: what stands for a force token.
        kept: for each context its chunks, each with the places of the kept tokens in what the model read, or with None
            for all; empty for a context that was dropped as a whole.
        relevance: the mean probability of each context's words; 0 where no model ran.
    """

    texts: list[str]
    labels: list[tuple[str, int]]
    tokens_in: int
    contexts: list[str]
    placeholders: dict[str, str]
    kept: list[list[tuple[Chunk, list[int] | None]]]
    relevance: list[float]


class ExactLLMLingua2:
    """A token classifier seen as the published implementation sees it. It takes the model over: the vocabulary is
    enlarged by a hundred placeholder tokens, unless it has them already.

    Args:
        model: a transformers token classifier; class 1 is "keep".
        tokenizer: its fast tokenizer.

    Attributes:
        guard: to be held while it is used, since transformers' tokenizers are for one thread at a time.

    Raises:
        ModelError: the vocabulary marks words neither as BERT's nor as XLM-R's does.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        import torch

        self.model, self.tokenizer = model, tokenizer
        self.guard = threading.Lock()
        watch_forks(self)
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

    def after_fork(self) -> None:
        """Makes a child process's own guard."""
        self.guard = threading.Lock()

    def compress(
        self, contexts: Sequence[str], arguments: ExactArguments, count: Count, threshold: float | None = None
    ) -> Compressed:
        """Compresses contexts.

        Args:
            contexts: the texts.
            arguments: those of LLMLingua-2 are read.
            count: tokens by the target LLM's tokenizer, by which words weigh in the threshold.
            threshold: keep words above it, in place of a share (SecurityLingua has 0.5).

        Raises:
            ConfigurationError: too many force tokens, or an unknown `token_to_word`.
        """
        a = arguments
        if len(a.force_tokens) > _FORCED:
            raise ConfigurationError(f"At most {_FORCED} force_tokens; got {len(a.force_tokens)}.")
        if a.token_to_word not in ("mean", "first"):
            raise ConfigurationError(f"token_to_word must be 'mean' or 'first', not {a.token_to_word!r}.")
        placeholders = {
            token: self.placeholders[i]
            for i, token in enumerate(a.force_tokens)
            if len(self.tokenizer.tokenize(token)) != 1
        }
        forcing = Forcing(list(a.force_tokens), placeholders, a.force_reserve_digit)
        ends = {*a.chunk_end_tokens, *(placeholders[end] for end in a.chunk_end_tokens if end in placeholders)}
        tokens_in = sum(count(text) for text in contexts)
        read = [replaced(text, placeholders) for text in contexts]
        chunks = [self._chunks(text, ends) for text in read]
        rate, survives = a.rate, [True] * len(chunks)
        scored: dict[int, list[Words]] = {}
        if a.use_context_level_filter and len(contexts) > 1:
            share = _context_share(len(contexts), tokens_in, a)
            scored = self._words(dict(enumerate(chunks)), forcing)
            means = [_mean_word(row, a.token_to_word) for row in scored.values()]
            least = np.percentile(means, int(100 * (1 - share)))
            survives = [bool(m >= least) or i in (a.force_context_ids or ()) for i, m in enumerate(means)]
            if a.target_token >= 0:
                left = sum(count(c.text) for row, s in zip(chunks, survives, strict=True) if s for c in row)
                rate = min(a.target_token / left, 1.0) if left else 1.0
        elif a.target_token > 0:
            rate = min(a.target_token / tokens_in, 1.0) if tokens_in else 1.0
        reduce = max(0, 1 - rate) if a.use_token_level_filter else 0
        if reduce > 0:
            # The scores don't depend on the budget, so those of the context level serve again.
            scored = scored or self._words(dict(enumerate(chunks)), forcing)
        texts: list[str] = []
        labels: list[tuple[str, int]] = []
        kept: list[list[tuple[Chunk, list[int] | None]]] = []
        for i, row in enumerate(chunks):
            if not survives[i]:
                labels += [(word.lstrip("▁"), 0) for words in scored[i] for word in words.words]
                kept.append([])
            elif reduce <= 0:
                texts.append(restored("".join(chunk.text for chunk in row), placeholders))
                labels += [(word, 1) for chunk in row for word in plain_words(restored(chunk.text, placeholders))]
                kept.append([(chunk, None) for chunk in row])
            else:
                cuts = [self._cut(words, reduce, a, forcing, count, threshold) for words in scored[i]]
                texts.append("".join(text for text, _ in cuts))
                labels += [pair for _, pairs in cuts for pair in pairs]
                columns = zip(row, scored[i], cuts, strict=True)
                kept.append([(chunk, _places(words, pairs)) for chunk, words, (_, pairs) in columns])
        relevance = [float(_mean_word(scored.get(i, ()), a.token_to_word)) for i in range(len(contexts))]
        return Compressed(texts, labels, tokens_in, read, placeholders, kept, relevance)

    def _chunks(self, text: str, ends: set[str]) -> list[Chunk]:
        """Pieces of at most 511 tokens, cut after an end token where there is one, and spelt out again."""
        tokens: list[str] = self.tokenizer.tokenize(text)
        found, start, room = [], 0, _LENGTH - 2
        while start < len(tokens):
            end = len(tokens)
            if start + room < len(tokens):
                last = start + room
                end = next((i for i in range(last, start, -1) if tokens[i] in ends), last) + 1
            found.append(Chunk(self.tokenizer.convert_tokens_to_string(tokens[start:end]), start, end))
            start = end
        return found

    def _words(self, rows: Mapping[int, Sequence[Chunk]], forcing: Forcing) -> dict[int, list[Words]]:
        """Words with probabilities of every chunk of every context."""
        chunks = [chunk.text for row in rows.values() for chunk in row]
        words: list[Words] = []
        for start in range(0, len(chunks), _BATCH):
            words += self._classify(chunks[start : start + _BATCH], forcing)
        found, seen = {}, 0
        for i, row in rows.items():
            found[i] = words[seen : seen + len(row)]
            seen += len(row)
        return found

    def _classify(self, chunks: Sequence[str], forcing: Forcing) -> list[Words]:
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
            places = np.flatnonzero(row_mask).tolist()
            found.append(merge_words(tokens, list(values[row_mask]), places, forcing, self.special, self.pieces))
        return found

    def _cut(
        self,
        chunk: Words,
        reduce: float,
        a: ExactArguments,
        forcing: Forcing,
        count: Count,
        threshold: Number | None,
    ) -> tuple[str, list[tuple[str, int]]]:
        """The kept text of a chunk, and each word with its label."""
        words, values = chunk.words, word_values(chunk.forced, a.token_to_word)
        if not words:
            return "", []
        if a.drop_consecutive:
            values = without_repeats(words, values, forcing.tokens, np.percentile(values, int(100 * reduce)))
        if threshold is None:
            spread = [value for word, value in zip(words, values, strict=True) for _ in range(count(word))]
            # A rate of 0 asks for a percentile of 101, where the published implementation fails.
            threshold = np.percentile(spread or values, min(int(100 * reduce + 1), 100))
        kept: list[str] = []
        labels = []
        for word, value in zip(words, values, strict=True):
            keep = bool(value > threshold or (threshold == 1.0 and value == threshold))
            if keep and a.drop_consecutive and word in forcing.tokens and kept and kept[-1] == word:
                keep = False
            if keep:
                kept.append(word)
            labels.append((word if self.pieces else word.lstrip("▁"), int(keep)))
        return self.tokenizer.convert_tokens_to_string(kept), labels


def _places(words: Words, labels: Sequence[tuple[str, int]]) -> list[int]:
    """The places of the tokens of those words that are labelled as kept."""
    return [place for (_, keep), own in zip(labels, words.tokens, strict=True) if keep for place in own]


def _context_share(contexts: int, tokens: int, a: ExactArguments) -> float:
    """The share of contexts to keep."""
    rate, target = a.context_level_rate, a.context_level_target_token
    if a.target_context <= 0 and rate >= 1.0 and target <= 0:
        if a.target_token < 0 and a.rate < 1.0:
            rate = (a.rate + 1.0) / 2 if a.use_token_level_filter else a.rate
        if a.target_token >= 0:
            target = a.target_token * 2 if a.use_token_level_filter else a.target_token
    if a.target_context >= 0:
        rate = min(a.target_context / contexts, 1.0)
    if target >= 0:
        rate = min(target / tokens, 1.0) if tokens else 1.0
    return rate


def _mean_word(chunks: Sequence[Words], how: str) -> Number:
    return mean_of([value for words in chunks for value in word_values(words.plain, how)])
