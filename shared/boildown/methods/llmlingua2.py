"""LLMLingua-2: a token classifier says which tokens to keep, whatever the question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.errors import ConfigurationError, ModelError
from boildown.methods.base import check_flag
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

if TYPE_CHECKING:
    from boildown.runtime.token_classifier import TokenClassifier

__all__ = ["LLMLingua2", "keep_index"]

_KEEP = re.compile(r"keep|preserve|retain", re.IGNORECASE)
_DROP = re.compile(r"drop|remove|delete|discard|(^|[^a-z])(not?|don.?t)[^a-z]", re.IGNORECASE)
_UNNAMED = (("LABEL_0", "LABEL_1"), ("0", "1"))


class LLMLingua2:
    """Scores tokens by the probability of the label "keep" (Pan et al. 2024, LLMLingua-2, section 4).

    The scores don't depend on the query, and a document's relevance is the mean probability of its tokens. Every
    document is tokenised once, all are run in one batch, and long ones in windows that end with a sentence where one
    ends; offsets lead from each token to the text, whatever the tokenizer, so that words are found in the text and
    not in the spelling of tokens.

    Args:
        model: path or hub id of a checkpoint for token classification in safetensors.
        device: where to run; see `boildown.runtime.devices`.
        dtype: what to compute in.
        keep_label: name or index of the label that says "keep". None reads it from the labels' names; labels without
            names, or with "0" and "1", are taken as the published models have them, 1 for keep.
        force_tokens: strings whose words are kept before all others, such as "?" or a line break.
        force_reserve_digit: treats all digits as `force_tokens`.
        window: the most tokens read at once, where the model allows as many. The published models were trained on 512.
        exact: reproduce the published implementation, whose thresholds need the budget, instead: its context level,
            its chunks, and class 1 for "keep". Its text to the letter, lost white space included, is that of
            `boildown.compat.PromptCompressor(exact=True)`; here the same words are cut from the documents.

    Raises:
        ConfigurationError: an argument has the wrong type or value.
    """

    name = "llmlingua2"
    uses_query = False

    def __init__(
        self,
        model: str,
        device: str = "auto",
        dtype: str = "auto",
        keep_label: str | int | None = None,
        force_tokens: Iterable[str] = (),
        force_reserve_digit: bool = False,
        window: int = 512,
        exact: bool = False,
    ) -> None:
        if isinstance(force_tokens, str):
            raise ConfigurationError(f"force_tokens= takes a list; write force_tokens=[{force_tokens!r}].")
        self.force_tokens = tuple(force_tokens) if isinstance(force_tokens, Iterable) else (force_tokens,)
        if not all(isinstance(token, str) for token in self.force_tokens):
            raise ConfigurationError(f"force_tokens= takes a list of strings, not {force_tokens!r}.")
        if not hasattr(window, "__index__") or window < 16:
            raise ConfigurationError(f"window= must be a whole number of at least 16 tokens, not {window!r}.")
        if exact and keep_label not in (None, 1):
            raise ConfigurationError(f"exact=True takes label 1 for the one that says keep, not {keep_label!r}.")
        self.needs_budget = check_flag("exact", exact)
        self.model, self.device, self.dtype = model, device, dtype
        self.keep_label, self.window = keep_label, window
        self.force_reserve_digit = check_flag("force_reserve_digit", force_reserve_digit)

    def score(self, query: str, sources: Sources) -> Scores:
        """Keep probabilities, from 0 to 1; tokens of a word with a forced string have more than 1 on average."""
        from boildown.runtime.tokens import split_at, tokenize, windows

        classifier = self._classifier()
        keep = keep_index(classifier.labels, self.keep_label)
        texts = sources.texts
        tokens = tokenize(classifier.tokenizer, texts)
        base = sources.starts
        sentences = base[sources.sentences.document] + sources.sentences.start
        words = base[sources.words.document] + sources.words.start
        room = min(classifier.max_length, self.window) - len(classifier.before) - len(classifier.after)
        breaks = [_begins(base[tokens.text] + tokens.start, starts) for starts in (sentences, words)]
        plan = windows(tokens, room, breaks)
        begin = perf_counter()
        values = classifier.probabilities([tokens.ids[start:end] for start, end in plan])[:, keep]
        seconds = perf_counter() - begin
        ink = tokens.end > tokens.start
        tokens, values = tokens.where(ink), values[ink]
        counts = np.bincount(tokens.text, minlength=len(texts))
        totals = np.bincount(tokens.text, weights=values, minlength=len(texts))
        tokens, origin = split_at(tokens, words, base)
        scores = TokenScores(tokens.text, tokens.start, tokens.end, values[origin])
        if self.force_tokens or self.force_reserve_digit:
            scores = self._forced(scores, sources, words)
        return Scores(relevance=totals / np.maximum(counts, 1), tokens=scores, model_seconds=seconds)

    def score_within(self, query: str, sources: Sources, budget: Budget) -> Scores:
        """The published implementation's cut as scores of 0 and 1; for `exact=True`."""
        from boildown.methods.exact.word_spans import exact_word_scores, load_exact_llmlingua2

        compressor = load_exact_llmlingua2(self.model, self.device, self.dtype)
        return exact_word_scores(compressor, sources, budget, self.force_tokens, self.force_reserve_digit)

    def _classifier(self) -> TokenClassifier:
        from boildown.runtime.checkpoint import find_folder
        from boildown.runtime.devices import pick_device, pick_dtype
        from boildown.runtime.identity import check_identity
        from boildown.runtime.models import shared_model
        from boildown.runtime.token_classifier import TokenClassifier

        device = pick_device(self.device)
        dtype = pick_dtype(self.dtype, device)

        def load() -> TokenClassifier:
            check_identity(self.model)
            return TokenClassifier.load(find_folder(self.model), device, dtype)

        return shared_model(("token_classifier", str(self.model), str(device), str(dtype)), load)

    def _forced(self, scores: TokenScores, sources: Sources, words: NDArray[np.int64]) -> TokenScores:
        """Raises the words that hold a forced string above all others.

        A forced string that the tokenizer left out, such as a line break, becomes a token of its own.
        """
        choices = [re.escape(text) for text in sorted(self.force_tokens, key=len, reverse=True) if text]
        if self.force_reserve_digit:
            choices.append(r"\d+")
        if not choices:  # an empty pattern would be found everywhere
            return scores
        pattern = re.compile("|".join(choices))
        found = [(d, *m.span()) for d, text in enumerate(sources.texts) for m in pattern.finditer(text)]
        if not found:
            return scores
        base = sources.starts
        document, start, end = np.array(found, dtype=np.int64).T
        place = base[scores.document] + scores.start
        stop = base[scores.document] + scores.end
        first = np.searchsorted(stop, base[document] + start, side="right")
        last = np.searchsorted(place, base[document] + end, side="left")
        hit = np.zeros(len(place) + 1, dtype=np.int64)
        np.add.at(hit, first[last > first], 1)
        np.add.at(hit, last[last > first], -1)
        bare = last <= first
        document = np.concatenate([scores.document, document[bare]])
        start = np.concatenate([scores.start, start[bare]])
        end = np.concatenate([scores.end, end[bare]])
        score = np.concatenate([scores.score, np.ones(int(bare.sum()))])
        forced = np.concatenate([np.cumsum(hit)[:-1] > 0, np.ones(int(bare.sum()), dtype=bool)])
        order = np.lexsort((start, document))
        document, start, end, score, forced = (a[order] for a in (document, start, end, score, forced))
        # One for each token of the word, on the forced one alone: the word's mean then rises by at least 1, and a cut
        # by tokens keeps the forced token without its neighbours.
        inside = np.searchsorted(words, base[document] + start, side="right") - 1
        size = np.bincount(inside, minlength=len(words))[inside]
        return TokenScores(document, start, end, np.where(forced, score + size, score))


def keep_index(labels: Sequence[str], wanted: str | int | None = None) -> int:
    """The index of the label that says "keep".

    Raises:
        ConfigurationError: `wanted` is no label.
        ModelError: the labels' names don't tell.
    """
    if wanted is not None:
        index = labels.index(wanted) if isinstance(wanted, str) and wanted in labels else wanted
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(labels):
            return index
        raise ConfigurationError(f"keep_label={wanted!r} is none of the model's labels: {_listed(labels)}.")
    if tuple(labels) in _UNNAMED:
        return 1
    drop = [i for i, label in enumerate(labels) if _DROP.search(label)]
    keep = [i for i, label in enumerate(labels) if _KEEP.search(label) and i not in drop]
    if len(keep) == 1:
        return keep[0]
    if not keep and len(labels) == 2 and len(drop) == 1:
        return 1 - drop[0]
    raise ModelError(
        f"The model's labels don't say which one means keep: {_listed(labels)}. Call it 'keep' in the id2label of the "
        "model's config.json, or name it with keep_label=, for example "
        f"Compressor(method='llmlingua2', model=..., options={{'keep_label': {labels[-1]!r}}})."
    )


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(f"{i}: {label!r}" for i, label in enumerate(labels))


def _begins(places: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which tokens are the first of a unit."""
    unit = np.searchsorted(starts, places, side="right")
    first: NDArray[np.bool_] = np.diff(unit, prepend=-1) != 0
    return first
