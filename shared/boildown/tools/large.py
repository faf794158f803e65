"""Very large results, of which BM25 chooses the passages that the engine reads."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from boildown.counters import resolve_counter
from boildown.methods.bm25 import BM25
from boildown.sources import Sources
from boildown.text.sections import Section
from boildown.types import Document, Span

__all__ = ["MOST_READ", "Part", "parts_to_read"]

MOST_READ = 10_000
"""Tokens, by the built-in counter, that the engine reads of one result.

An agent waits meanwhile. BM25 reads nothing, and goes through far more in the same time.
"""

_PASSAGE = 1_000
"""Characters. A sentence that answers may share no word with the query, where those around it do."""


class Part(NamedTuple):
    """What the engine reads of a document: which one it is of, and the characters that were chosen of it."""

    number: int
    document: Document
    spans: tuple[Span, ...]

    def places(self, spans: Iterable[Span]) -> Iterator[Span]:
        """Characters of the part, as characters of the whole document."""
        begins = [0, *accumulate(span.end - span.start for span in self.spans)]
        for span in spans:
            i = bisect_right(begins, span.start) - 1
            while i < len(self.spans) and begins[i] < span.end:
                start, end = max(span.start, begins[i]), min(span.end, begins[i + 1])
                before = self.spans[i].start - begins[i]
                yield Span(start + before, end + before)
                i += 1


def parts_to_read(query: str, documents: Sequence[Document], kept: int) -> tuple[list[Part], tuple[str, ...]]:
    """All of the documents; of more than an agent should wait for, the best passages, and a note that says so.

    Args:
        query: what they are read for.
        documents: the texts of a result.
        kept: how many tokens are to be kept of them; twice as many are read in any case.
    """
    most = max(MOST_READ, 2 * kept)
    total = sum(resolve_counter(None).count_many([document.text for document in documents]))
    if total <= most:
        return [Part(i, document, (Span(0, len(document.text)),)) for i, document in enumerate(documents)], ()
    chosen: dict[int, list[Span]] = defaultdict(list)
    for number, span in _passages(query, documents, most):
        chosen[number].append(span)
    parts = []
    for number, spans in chosen.items():
        given = documents[number]
        parts.append(
            Part(number, Document("".join([span.of(given.text) for span in spans]), title=given.title), tuple(spans))
        )
    return parts, (f"BM25 chose at most {most:,} of {total:,} tokens for the engine to read, to save time.",)


def _passages(query: str, documents: Sequence[Document], most: int) -> Iterator[tuple[int, Span]]:
    """The best passages of so many tokens, in order, each with the number of its document.

    With a passage comes what its sentences are not understood without, such as the header of a table's rows.
    """
    sources = Sources(documents)
    sentences = sources.sentences
    begins = np.diff(sentences.start // _PASSAGE, prepend=-1) != 0
    begins |= np.diff(sentences.document, prepend=-1) != 0
    first = np.flatnonzero(begins)
    runs = sentences.joined(first)
    owners, starts, ends = runs.document.tolist(), runs.start.tolist(), runs.end.tolist()
    sections: list[list[Section]] = [[] for _ in documents]
    for sentence, owner in zip(first.tolist(), owners, strict=True):
        sections[owner].append(Section(sentence - int(np.searchsorted(sentences.document, owner)), ""))
    passages = sources.split(sections)
    costs = resolve_counter(None).count_many(passages.texts)
    needed: dict[int, set[int]] = defaultdict(set)
    for one, other in (np.cumsum(begins) - 1)[sources.needs].tolist():
        needed[one].add(other)
    taken: set[int] = set()
    for passage in np.argsort(-BM25().score(query, passages).relevance, kind="stable").tolist():
        more = {passage, *needed[passage]} - taken
        cost = sum(costs[i] for i in more)
        if cost <= most:
            taken |= more
            most -= cost
    return ((owners[i], Span(starts[i], ends[i])) for i in sorted(taken))
