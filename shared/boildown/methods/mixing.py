"""From what the model and the words say to one score for each sentence and document."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boildown.errors import ModelError
from boildown.methods.bm25 import DOCUMENT_PART
from boildown.methods.lexical import Lexical
from boildown.runtime.tokens import Tokens, split_at
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

if TYPE_CHECKING:
    from boildown.runtime.reader import Reading

__all__ = ["Mix", "MixedScores", "best_of"]

_LOWEST = -12.0
"""The logit of a text that the model has no token for."""
_SHORT = 20
"""Characters; below, a sentence is no better for being shorter."""
_UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")
"""Thai to Burmese, Khmer, and Chinese to Korean: scripts that write words without spaces, or join them."""
_FURTHER = 0.05
"""How much less each further sentence of a document gains from a mention of it."""
_SEVERAL = 10
"""Sentences of a document; in a longer one, what answers often runs over several of them."""
_GAP = 2
"""Sentences between two better ones that count as the lesser of these, at most."""
_WORDS_ALONE = 8.0
"""Logits that BM25 spans where no model reads: about what a reading spans."""
_LENGTH_ALONE = 0.3
"""Of what is taken off for length, where no model reads: BM25 has counted a long sentence's words for less already."""


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights beside the model's own sentence logit; a checkpoint's boildown.json may name others.

    Attributes:
        relevance: of the document's relevance logit.
        window: where documents are longer than the model reads at once, of the relevance logit of the window in which
            a sentence stands, instead of its document's.
        lexical: of the sentence's BM25, the best one's being 1.
        document: of the document's BM25, the best one's being 1.
        doubt: of what a sentence's BM25 is behind the best one's, taken off, as far as the model doubts: all of it
            where the logit of its best sentence is far below `sure`, half of it there, nothing far above.
        sure: the logit, before BM25, at which the model is sure as often as not.
        document_sentence: of the document's best sentence, in the document's own score.
        document_lexical: of what the document's BM25 is behind the best one's, taken off the document's own score.
        mention: of standing in a document that a lead sentence speaks of, and of telling what one of several things is
            that the query names; see `Lexical.mentions` and `Lexical.named`.
        code: of having a code that the query names, such as a part number, which a model reads as any other.
        remedy: of standing below a heading of causes or remedies, where the query tells of a problem: what helps often
            shares no word with what happened, which is all that such a query tells.
        length: of the logarithm of a sentence's length in hundreds of characters, taken off, since a budget pays by
            length: of two that are as likely to be needed, the shorter one leaves room for more.
        best: of the best sentence's logit, taken off all, so that a threshold means the same for questions of which the
            model is sure and of which it is not.
        keep_scale, keep_bias, relevance_scale, relevance_bias: from mixed logits to probabilities.
    """

    relevance: float = 0.3
    window: float = 1.0
    lexical: float = 1.0
    document: float = 1.0
    doubt: float = 0.0
    sure: float = 2.0
    document_sentence: float = 0.25
    document_lexical: float = 4.0
    mention: float = 5.5
    code: float = 3.0
    remedy: float = 3.0
    length: float = 0.0
    best: float = 0.0
    keep_scale: float = 1.0
    keep_bias: float = 0.0
    relevance_scale: float = 1.0
    relevance_bias: float = 0.0

    @classmethod
    def of_checkpoint(cls, settings: Mapping[str, Any]) -> Mix:
        """The weights that a checkpoint's boildown.json names, else the defaults with the model's own calibration.

        Raises:
            ModelError: it names one that there is not, or one is no number.
        """
        if "mix" in settings:
            known = [field.name for field in fields(cls)]
            for name, value in settings["mix"].items():
                if name not in known or type(value) not in (int, float) or not math.isfinite(value):
                    raise ModelError(
                        f"The checkpoint's boildown.json has {name!r}: {value!r} in its mix, which takes numbers for "
                        f"{', '.join(known)}."
                    )
            return cls(**settings["mix"])
        fitted = settings.get("calibration", {})
        keep, relevance = ({"temperature": 1.0, "bias": 0.0} | fitted.get(k, {}) for k in ("keep", "relevance"))
        return cls(
            keep_scale=1 / keep["temperature"],
            keep_bias=keep["bias"],
            relevance_scale=1 / relevance["temperature"],
            relevance_bias=relevance["bias"],
        )


class MixedScores:
    """Logits of sentences and documents: from words at first; readings by the model then replace and raise them."""

    def __init__(self, sources: Sources, words: Lexical, mix: Mix) -> None:
        self._sources, self._words, self._mix = sources, words, mix
        self._owner = sources.sentences.document
        documents = _share_of_best(words.documents)
        sentences = _share_of_best(words.sentences)
        self._lexical = mix.lexical * sentences + mix.document * documents[self._owner] + mix.code * words.codes
        self._behind = mix.doubt * (1 - sentences)
        self._documents_behind = mix.document_lexical * (1 - documents)
        alone = _share_of_best(words.sentences + DOCUMENT_PART * words.documents[self._owner])
        self._sentences = _WORDS_ALONE * (alone - 0.5)
        self._documents = _WORDS_ALONE * (documents - 0.5)
        self._tokens: list[TokenScores] = []
        self._points: list[TokenScores] = []
        self._was_read = np.zeros(len(sources), dtype=bool)
        self._named = np.zeros(len(self._owner))
        self._around = mix.relevance

    def add(self, reading: Reading, documents: NDArray[np.int64]) -> None:
        """Takes in the reading of some documents; what they have from an earlier one can only rise.

        Where their points lie, the last reading knows best.

        Args:
            reading: its i-th document is `documents[i]`.
            documents: shape (read,), ascending.
        """
        if not np.array_equal(reading.window, reading.relevance[reading.document]):
            self._around = self._mix.window
        tokens, origin = self._inside_words(reading, documents)
        inside = self._sources.sentences.containing(tokens)
        count = np.bincount(inside, minlength=len(self._owner))
        around = self._around * np.maximum(reading.window[origin], _LOWEST)
        total = np.bincount(inside, weights=tokens.score + around, minlength=len(self._owner))
        relevance = np.full(len(self._sources), _LOWEST)
        relevance[documents] = np.maximum(reading.relevance, _LOWEST)
        logit = np.where(count > 0, total / np.maximum(count, 1), _LOWEST)
        if not self._was_read.any():
            doubt = _sigmoid(self._mix.sure - logit.max(initial=_LOWEST))
            self._lexical = self._lexical - doubt * self._behind
        logit = logit + self._lexical
        now = np.zeros(len(self._sources), dtype=bool)
        now[documents] = True
        floor = np.where(self._was_read, self._documents, -np.inf)
        self._documents = np.where(now, np.maximum(relevance, floor), self._documents)
        floor = np.where(self._was_read[self._owner], self._sentences, -np.inf)
        self._sentences = np.where(now[self._owner], np.maximum(logit, floor), self._sentences)
        if not self._was_read[documents].any():
            self._tokens.append(tokens)
        self._points = [_without(points, now) for points in self._points]
        self._points.append(replace(tokens, score=reading.answer[origin]))
        self._was_read |= now

    def _inside_words(
        self, reading: Reading, documents: NDArray[np.int64]
    ) -> tuple[TokenScores, NDArray[np.int64] | slice]:
        """The reading's tokens, those that run over several words in parts, and whose parts these are."""
        document = documents[reading.document]
        # Elsewhere white space parts words before any tokenizer does.
        if not any(_UNSPACED.search(text) for text in self._sources.texts if not text.isascii()):
            return TokenScores(document, reading.start, reading.end, reading.keep), slice(None)
        base = self._sources.starts
        words = base[self._sources.words.document] + self._sources.words.start
        whole = Tokens(np.zeros(len(document), dtype=np.int64), document, reading.start, reading.end)
        parts, origin = split_at(whole, words, base)
        return TokenScores(parts.text, parts.start, parts.end, reading.keep[origin]), origin

    def add_mentions(self, mentions: NDArray[np.float64]) -> None:
        """Raises the sentences of documents that are spoken of, the best of each most. Shape (documents,)."""
        share = mentions[self._owner] / (1 + _FURTHER * self._rank_in_document())
        self._sentences = self._sentences + self._mix.mention * share
        self._documents = self._documents + self._mix.mention * mentions

    def add_named(self) -> None:
        """Puts first what tells of each of several things that the query names; a threshold is not moved by it."""
        named = self._words.named(self._sentences)
        self._named[named] = self._mix.mention
        self._documents[self._owner[named]] += self._mix.mention

    def _rank_in_document(self) -> NDArray[np.int64]:
        """How many sentences of its document are better than each. Shape (sentences,)."""
        order = np.lexsort((-self._sentences, self._owner))
        starts = np.searchsorted(self._owner, self._owner)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - starts
        return rank

    def leads(self, best: int, beside: int) -> NDArray[np.int64]:
        """Indices of sentences, of documents that were read, that may lead to another document; the likeliest first.

        Args:
            best: how many of the best of all.
            beside: how many more of the best one's document.
        """
        logit = np.where(self._was_read[self._owner], self._sentences, -np.inf)
        order = np.argsort(-logit, kind="stable")
        order = order[np.isfinite(logit[order])]
        rest = order[best:]
        return np.concatenate([order[:best], rest[self._owner[rest] == self._owner[order[:1]]][:beside]])

    def scores(self, model_seconds: float) -> Scores:
        """Probabilities, from 0 to 1."""
        mix = self._mix
        whole = self._sentences + mix.remedy * self._words.remedies
        read = self._was_read[self._owner]
        length = np.log(np.maximum(self._sources.sentences.lengths, _SHORT) / 100)
        logits = whole - mix.length * np.where(read, 1.0, _LENGTH_ALONE) * length
        logits = np.where(read, _without_gaps(logits, self._owner), logits)
        logits = logits - mix.best * logits.max(initial=_LOWEST) + self._named
        sentences = _sigmoid(mix.keep_scale * logits + mix.keep_bias)
        best = np.full(len(self._sources), _LOWEST)
        np.maximum.at(best, self._owner, whole)
        known = mix.document_sentence * best - self._documents_behind
        documents = self._documents + np.where(self._was_read, known, 0.0)
        return Scores(
            relevance=_sigmoid(mix.relevance_scale * documents + mix.relevance_bias),
            sentences=sentences,
            tokens=self._token_scores(sentences),
            points=_joined(self._points) if self._points else None,
            model_seconds=model_seconds,
        )

    def _token_scores(self, sentences: NDArray[np.float64]) -> TokenScores:
        """The model's tokens; where no model has read, each sentence stands for its own."""
        rest = np.flatnonzero(~self._was_read[self._owner])
        units = self._sources.sentences
        read = [replace(tokens, score=_sigmoid(tokens.score)) for tokens in self._tokens]
        unread = TokenScores(units.document[rest], units.start[rest], units.end[rest], sentences[rest])
        return _joined([*read, unread])


def _without_gaps(logits: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logits with what stands between two better sentences of a long document raised to the lesser. Shape (sentences,).

    An answer of several sentences, such as a resolution or a list of steps, has some that share nothing with the
    question, and is of no use without them. Only for what a model has read: of words alone two sentences nearby are no
    sign of an answer that runs over both.

    Args:
        logits, owner: shape (sentences,), the latter the documents', ascending.
    """
    raised = logits.copy()
    for apart in range(2, _GAP + 2):
        lesser = np.where(owner[apart:] == owner[:-apart], np.minimum(logits[apart:], logits[:-apart]), -np.inf)
        for between in range(1, apart):
            inside = raised[between : len(raised) - apart + between]
            np.maximum(inside, lesser, out=inside)
    return np.where(np.bincount(owner)[owner] > _SEVERAL, raised, logits)


def best_of(found: Sequence[Scores]) -> Scores:
    """For each part of the documents the best that one of several questions gives it; they were read for each."""
    return replace(
        found[0],
        relevance=np.maximum.reduce([scores.relevance for scores in found]),
        sentences=np.maximum.reduce([scores.sentences for scores in found if scores.sentences is not None]),
        tokens=_best_tokens([scores.tokens for scores in found if scores.tokens is not None]),
        points=_best_tokens([scores.points for scores in found if scores.points is not None]),
        model_seconds=sum(scores.model_seconds for scores in found),
    )


def _best_tokens(found: Sequence[TokenScores]) -> TokenScores | None:
    return replace(found[0], score=np.maximum.reduce([tokens.score for tokens in found])) if found else None


def _without(tokens: TokenScores, documents: NDArray[np.bool_]) -> TokenScores:
    rest = ~documents[tokens.document]
    return TokenScores(tokens.document[rest], tokens.start[rest], tokens.end[rest], tokens.score[rest])


def _joined(parts: Sequence[TokenScores]) -> TokenScores:
    columns = ((t.document, t.start, t.end, t.score) for t in parts)
    document, start, end, score = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(document, kind="stable")  # no document is in two parts, and in each its tokens are in order
    return TokenScores(document[order], start[order], end[order], score[order])


def _share_of_best(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return scores / max(float(scores.max(initial=0.0)), 1e-9)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))
