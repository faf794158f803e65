"""The documents of one call, checked, with their sentences and words as flat arrays that all later steps share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from boildown.checks import check_documents
from boildown.text.fragments import join_fragments
from boildown.text.headings import Outline, join_outlines, outline
from boildown.text.needs import needs
from boildown.text.sections import Section, find_sections
from boildown.text.sentences import split_sentences
from boildown.text.words import split_words, terms
from boildown.types import Document, TokenScores

if TYPE_CHECKING:
    from boildown.cache import ScoreCache

__all__ = ["Sources", "Units", "character_starts"]

T = TypeVar("T")

_SECTION = 200
"""Bytes of a `Section` and its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Pieces of text, ordered by document and start; each array has shape (units,)."""

    document: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.document)

    def at(self, index: NDArray[np.int64]) -> Units:
        """Those units that `index` names. Shape (any,)."""
        return Units(self.document[index], self.start[index], self.end[index])

    def joined(self, first: NDArray[np.int64]) -> Units:
        """Runs of units, each as one; `first` names the units that they begin with, ascending from 0. Shape (runs,)."""
        last = np.append(first[1:], len(self)) - 1
        return Units(self.document[first], self.start[first], self.end[last])

    def containing(self, inner: Units | TokenScores) -> NDArray[np.int64]:
        """The index of the unit in which each of `inner` starts; these units cover the documents. Shape (inner,)."""
        beyond = int(self.end.max(initial=0)) + 1
        places = inner.document * beyond + inner.start
        return np.searchsorted(self.document * beyond + self.start, places, side="right") - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Characters in each unit. Shape (units,)."""
        return self.end - self.start


class Sources:
    """The documents of one call; sentences and words are split once, when first asked for.

    Args:
        documents: strings or `Document`s.
        min_sentence: a sentence with fewer words than this is joined to its neighbour, so that no fragment such as a
            lone conjunction or a heading without its paragraph stands alone.
        cache: where to look up what was computed of a text before, and to keep what is computed now.

    Raises:
        InputError: a document is not text.
    """

    def __init__(
        self, documents: Iterable[str | Document], min_sentence: int = 3, cache: ScoreCache | None = None
    ) -> None:
        self.documents = check_documents(documents)
        self.min_sentence = min_sentence
        self.cache = cache

    def __len__(self) -> int:
        return len(self.documents)

    def some(self, chosen: Sequence[int]) -> Sources:
        """Some of the documents as sources of their own, whose sentences are not split again."""
        part = Sources([self.documents[i] for i in chosen], self.min_sentence, self.cache)
        part._sentences = [self._sentences[i] for i in chosen]
        return part

    def split(self, sections: Sequence[Sequence[Section]]) -> Sources:
        """Each section of each document as a document, whose title names both; sentences are not split again.

        These sources themselves where every document is one section: what they have computed serves on.
        """
        if all(len(found) == 1 for found in sections):
            return self
        documents: list[Document] = []
        sentences: list[NDArray[np.int64]] = []
        for document, spans, found in zip(self.documents, self._sentences, sections, strict=True):
            if len(found) == 1:
                documents.append(document)
                sentences.append(spans)
                continue
            for section, after in zip_longest(found, found[1:]):
                own = spans[section.first : after.first if after else None]
                start, end = int(own[0, 0]), int(own[-1, 1])
                named = document.title == "" or section.name.startswith(document.title)
                title = section.name if named else f"{document.title}. {section.name}".removesuffix(". ")
                documents.append(Document(document.text[start:end], title=title))
                sentences.append(own - start)
        parts = Sources(documents, self.min_sentence, self.cache)
        parts._sentences = sentences
        parts.sentence_terms = self.sentence_terms
        return parts

    @cached_property
    def texts(self) -> list[str]:
        """The documents' texts, in input order."""
        return [document.text for document in self.documents]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each document begins if all were joined by one character. Shape (documents,)."""
        return character_starts(self.texts)

    @cached_property
    def digests(self) -> list[bytes]:
        """For each text what tells it from any other."""
        return [hashlib.blake2b(t.encode("utf-8", "surrogatepass"), digest_size=16).digest() for t in self.texts]

    @cached_property
    def sentences(self) -> Units:
        """Sentences that cover every document without a gap; white space belongs to the sentence before it."""
        return _flatten(self._sentences)

    @cached_property
    def _sentences(self) -> list[NDArray[np.int64]]:
        """Those of each document by itself."""
        least = self.min_sentence
        return self.derive(("sentences", least), lambda t: join_fragments(t, split_sentences(t), least), _bytes)

    @cached_property
    def needs(self) -> NDArray[np.int64]:
        """Pairs of sentences of which the first is not understood without the second. Shape (pairs, 2)."""
        found = self._of_sentences("needs", needs, _bytes)
        first = np.cumsum([0, *(len(spans) for spans in self._sentences)]).tolist()
        return np.concatenate([np.zeros((0, 2), dtype=np.int64), *map(np.add, found, first)])

    @cached_property
    def outline(self) -> tuple[Units, Outline]:
        """The sentences, with the headings before them as pieces of their own, and what stands below which."""
        return _flatten(self.pieces), join_outlines(self._outlines)

    @property
    def pieces(self) -> list[NDArray[np.int64]]:
        """Where the pieces of `outline` begin and end in each document. Each of shape (pieces, 2)."""
        return [one.pieces for one in self._outlines]

    @cached_property
    def _outlines(self) -> list[Outline]:
        return self._of_sentences("outline", outline, lambda found: sum(map(_bytes, found)))

    @cached_property
    def sections(self) -> list[list[Section]]:
        """The sections of each document; see `find_sections`."""
        return self._of_sentences("sections", find_sections, lambda found: _SECTION * len(found))

    @cached_property
    def words(self) -> Units:
        """Words, each with the white space after it, that cover every document without a gap."""
        return _flatten(self.derive("words", split_words, _bytes))

    def derive(self, what: Hashable, compute: Callable[[str], T], size: Callable[[T], int]) -> list[T]:
        """`compute` of each text; with a cache, only of those that it does not know. The values are not to be changed.

        Args:
            what: tells this from whatever else is computed of a text.
            compute: a function of the text alone.
            size: about how many bytes a value takes.
        """
        if self.cache is None:
            return [compute(text) for text in self.texts]
        keys = [(what, digest) for digest in self.digests]
        return self.cache.derive(keys, lambda chosen: [compute(self.texts[i]) for i in chosen], size)

    def _of_sentences(
        self, what: str, compute: Callable[[str, NDArray[np.int64]], T], size: Callable[[T], int]
    ) -> list[T]:
        """`compute` of each text and its sentences; see `derive`."""
        cut = dict(zip(self.texts, self._sentences, strict=True))
        return self.derive((what, self.min_sentence), lambda text: compute(text, cut[text]), size)

    @cached_property
    def sentence_terms(self) -> list[list[str]]:
        """The terms of each sentence for lexical matching, aligned with `sentences`; not to be changed."""
        return [terms(text) for text in self.sentence_texts()]

    def sentence_texts(self) -> list[str]:
        """The text of each sentence, aligned with `sentences`."""
        return self.cut(self.sentences)

    def touched(self, units: Units, spans: Mapping[int, Iterable[tuple[int, int]]]) -> NDArray[np.bool_]:
        """Which units hold some of the text that spans (start, end) cut out. Shape (units,).

        A span may begin at the line end before its text, which belongs to a unit that was dropped.

        Args:
            units: of these documents.
            spans: of each document, ascending.
        """
        cut = [(d, end, self.texts[d][start:end].lstrip()) for d in sorted(spans) for start, end in spans[d]]
        ends = np.array([self.starts[d] + end for d, end, text in cut if text], dtype=np.int64)
        begins = ends - np.array([len(text) for _, _, text in cut if text], dtype=np.int64)
        base = self.starts[units.document]
        # By the first span that ends after a unit's start, if that begins before its end.
        first = np.searchsorted(ends, base + units.start, side="right")
        touched: NDArray[np.bool_] = np.append(begins, np.iinfo(np.int64).max)[first] < base + units.end
        return touched

    def cut(self, units: Units) -> list[str]:
        """The text of each unit."""
        texts = self.texts
        columns = zip(units.document.tolist(), units.start.tolist(), units.end.tolist(), strict=True)
        return [texts[d][s:e] for d, s, e in columns]


def character_starts(texts: Sequence[str]) -> NDArray[np.int64]:
    """Where each text begins if all were joined by one character. Shape (texts,)."""
    lengths = np.array([len(text) + 1 for text in texts], dtype=np.int64)
    starts: NDArray[np.int64] = np.cumsum(lengths) - lengths
    return starts


def _bytes(array: NDArray[Any]) -> int:
    return array.nbytes


def _flatten(spans: Sequence[NDArray[np.int64]]) -> Units:
    if not spans:
        empty = np.zeros(0, dtype=np.int64)
        return Units(empty, empty, empty)
    flat = np.concatenate(spans)
    document = np.repeat(np.arange(len(spans), dtype=np.int64), [len(s) for s in spans])
    return Units(document, flat[:, 0], flat[:, 1])
