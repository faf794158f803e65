"""What words alone say about documents: BM25, and which documents a sentence speaks of."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from boildown.sources import Sources
from boildown.text.codes import code_pattern
from boildown.text.names import opening_name
from boildown.text.questions import asking_part
from boildown.text.remedies import promises_remedy, tells_of_problem
from boildown.text.words import stems, terms

__all__ = ["Lexical", "bm25_scores"]

_K1 = 1.5
_B = 0.75
_SAID = 0.5
"""Weight of a word that the query only says before or after it asks: a greeting, an instruction, what happened."""
_VAGUE = 0.4
"""A name of which no more than this share is said is not meant."""
_FEW, _FEW_SHARE = 3, 0.2
"""Sentences, and their share of all, beyond which a code tells them apart no more."""
_IN_BRACKETS = re.compile(r"\([^)]*\)")
_NAMING = 8.0
"""Logits that a sentence with all of its document's name is ahead of one with nothing of it."""


class Lexical:
    """Terms of the query, the sentences and the names of one call, and scores from them.

    Attributes:
        sentences: shape (sentences,), BM25 of each sentence.
        documents: shape (documents,), BM25 of each document, its title included.
        codes: shape (sentences,), 1 where a sentence has a code that the query names, and few others have it.
    """

    def __init__(self, query: str, sources: Sources) -> None:
        self._sources = sources
        self._owner = sources.sentences.document
        self._terms = sources.sentence_terms
        wanted = terms(query)
        self._wanted = set(wanted)
        weights = dict.fromkeys(stems(wanted), _SAID)
        weights.update(dict.fromkeys(stems(terms(asking_part(query))), 1.0))
        sentences = [stems(text) for text in self._terms]
        self.sentences = bm25_scores(weights, sentences)
        self.documents = bm25_scores(weights, self._with_titles(sentences, stems))
        self.codes = _with_code(query, sources)
        self._query = query

    @cached_property
    def remedies(self) -> NDArray[np.float64]:
        """Shape (sentences,), 1 below a heading of causes or remedies, if the query tells of a problem."""
        found = np.zeros(len(self._owner))
        if tells_of_problem(self._query):
            pieces, outline = self._sources.outline
            above = np.unique(outline.below[:, 1])
            remedy = np.zeros(len(pieces), dtype=bool)
            remedy[above] = [promises_remedy(heading) for heading in self._sources.cut(pieces.at(above))]
            for piece, heading in outline.below.tolist():  # ascending, so that what is above is known
                remedy[piece] |= remedy[heading]
            np.maximum.at(found, outline.sentence, remedy & ~outline.heading)
        return found

    def mentions(self, leads: Sequence[int]) -> NDArray[np.float64]:
        """How plainly each sentence speaks of each document: by how much of its name stands there.

        This is the step from one document to the next that a question in two steps asks for. A document's name is its
        title, without what stands in brackets, or else the name that its text opens with. Rare words of a name weigh
        more; a sentence does not speak of its own document, nor of another of the same name, such as the next part of a
        page, and a name that the query itself has tells nothing new.

        Args:
            leads: indices of sentences.

        Returns:
            shape (leads, documents), from 0 to 1; 0 for documents without a name.
        """
        strength = np.zeros((len(leads), len(self._names)))
        for rank, lead in enumerate(leads):
            said, own = set(self._terms[lead]), self._names[self._owner[lead]]
            for document, name in enumerate(self._names):
                if not name or name == own or self._wanted.issuperset(name):
                    continue
                weights = self._weights[document]
                share = sum(w for term, w in weights.items() if term in said) / sum(weights.values())
                strength[rank, document] = max(0.0, (share - _VAGUE) / (1 - _VAGUE))
        return strength

    def named(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """For each of several things that the query names, the sentence that tells what it is.

        A question that compares needs something of each, and the best sentences may all be about one. A thing is named
        if the query has all words of a document's name; names that share half of their words are one thing.

        Args:
            scores: shape (sentences,), logits.

        Returns:
            indices of sentences that have their document's name, or most of it; none unless two things are named.
        """
        found = []
        edges = np.searchsorted(self._owner, np.arange(len(self._names) + 1)).tolist()
        for name, start, end in zip(self._names, edges, edges[1:], strict=False):
            if name and start < end and self._wanted.issuperset(name):
                said = [len(name.keys() & words) / len(name) for words in self._terms[start:end]]
                best = start + int(np.argmax(scores[start:end] + _NAMING * np.array(said)))
                found.append((-scores[best], best, set(name)))
        covered: set[str] = set()
        named = []
        for _, sentence, words in sorted(found, key=lambda entry: entry[:2]):
            if 2 * len(words & covered) < len(words):
                covered |= words
                named.append(sentence)
        return np.array(named if len(named) > 1 else [], dtype=np.int64)

    def _with_titles(
        self, sentences: Sequence[Sequence[str]], form: Callable[[list[str]], list[str]]
    ) -> list[list[str]]:
        """For each document the terms of its title, in the form that its sentences' have, and theirs."""
        documents = [form(terms(document.title)) for document in self._sources.documents]
        for owner, found in zip(self._owner.tolist(), sentences, strict=True):
            documents[owner].extend(found)
        return documents

    @cached_property
    def _names(self) -> list[dict[str, None]]:
        """For each document the terms of its name, in order."""
        names = [document.title or opening_name(document.text) for document in self._sources.documents]
        return [dict.fromkeys(terms(_IN_BRACKETS.sub(" ", name))) for name in names]

    @cached_property
    def _weights(self) -> list[dict[str, float]]:
        """For each name its terms, weighted by how few of the documents have them."""
        documents = self._with_titles(self._terms, list)
        counts = Counter(term for whole in documents for term in set(whole))
        size = len(documents)
        return [{term: _idf(size, counts[term]) for term in name} for name in self._names]


def _with_code(query: str, sources: Sources) -> NDArray[np.float64]:
    pattern = code_pattern(query)
    if pattern is None:
        return np.zeros(len(sources.sentences))
    found = [pattern.search(text) is not None for text in sources.sentence_texts()]
    return np.array(found, dtype=np.float64) * (sum(found) <= max(_FEW, _FEW_SHARE * len(found)))


def _idf(size: int, containing: int) -> float:
    return math.log1p((size - containing + 0.5) / (containing + 0.5))


def bm25_scores(query: Mapping[str, float], texts: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """BM25 of each text for the query.

    Args:
        query: terms, each with its weight.
        texts: terms of each text.

    Returns:
        shape (texts,), at least 0.
    """
    count = len(texts)
    scores = np.zeros(count)
    wanted = {term: i for i, term in enumerate(query)}
    if not wanted or not count:
        return scores
    lengths = np.array([len(text) for text in texts], dtype=np.float64)
    mean = lengths.mean() or 1.0
    pairs = Counter((i, wanted[term]) for i, text in enumerate(texts) for term in text if term in wanted)
    if not pairs:
        return scores
    place = np.array(list(pairs), dtype=np.int64)
    frequency = np.fromiter(pairs.values(), dtype=np.float64, count=len(pairs))
    containing = np.bincount(place[:, 1], minlength=len(wanted))
    idf = np.log1p((count - containing + 0.5) / (containing + 0.5)) * np.fromiter(query.values(), float, len(query))
    norm = frequency + _K1 * (1 - _B + _B * lengths[place[:, 0]] / mean)
    np.add.at(scores, place[:, 0], idf[place[:, 1]] * frequency * (_K1 + 1) / norm)
    return scores
