"""Token counts that no budget changes: of the documents, of their sentences, and of all joined.

They are kept in the cache for a counter that is named. One that is given as an object is asked every time, since
nothing tells it from another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from boildown.cache import ScoreCache
from boildown.counters import CounterSpec, resolve_counter
from boildown.sources import Sources, Units

__all__ = ["SourceCounts"]

_NUMBER = 32
"""Bytes of a number."""
_KEEPS_NOTHING = ScoreCache(0)


class SourceCounts:
    """Counts of one call's documents by one counter.

    Args:
        sources: the documents.
        spec: names the counter; see `boildown.counters.resolve_counter`.
    """

    def __init__(self, sources: Sources, spec: CounterSpec) -> None:
        self.counter = resolve_counter(spec)
        self._sources = sources
        self._name = spec if isinstance(spec, str) else None
        named = spec is None or isinstance(spec, str)
        self._cache = sources.cache if sources.cache is not None and named else _KEEPS_NOTHING

    def documents(self) -> list[int]:
        """Tokens of each document by itself."""
        texts = self._sources.texts

        def count(chosen: Sequence[int]) -> list[int]:
            return self.counter.count_many([texts[i] for i in chosen])

        return self._cache.derive([("tokens", self._name, d) for d in self._sources.digests], count, lambda _: _NUMBER)

    def total(self, separator: str) -> int:
        """Tokens of all documents joined by `separator`."""
        texts = self._sources.texts

        def count(_: Sequence[int]) -> list[int]:
            return [self.counter.count(separator.join(texts)) if texts else 0]

        every = hashlib.blake2b(b"".join(self._sources.digests), digest_size=16).digest()
        return self._cache.derive([("total", self._name, separator, every)], count, lambda _: _NUMBER)[0]

    def pieces(self, units: Units) -> NDArray[np.int64]:
        """About how many tokens each piece adds to a text. Shape (units,).

        Without the space after it, which tokenizers count with the next word, and without all white space at the end of
        a document, which is cut off.
        """
        lengths = np.array([len(text) for text in self._sources.texts], dtype=np.int64)
        ends = (units.end == lengths[units.document]).tolist()
        texts = [text.rstrip(None if end else " ") for text, end in zip(self._sources.cut(units), ends, strict=True)]
        return np.array(self.counter.count_many(texts), dtype=np.int64)

    def sentences(self) -> NDArray[np.int64]:
        """The same for each sentence. Shape (sentences,)."""
        sources = self._sources
        edges = np.searchsorted(sources.sentences.document, np.arange(len(sources) + 1))

        def count(chosen: Sequence[int]) -> list[NDArray[np.int64]]:
            places = [np.arange(edges[i], edges[i + 1]) for i in chosen]
            counts = self.pieces(sources.sentences.at(np.concatenate(places)))
            return np.split(counts, np.cumsum([len(place) for place in places])[:-1])

        if not len(sources):
            return self.pieces(sources.sentences)
        keys = [("tokens of sentences", self._name, sources.min_sentence, d) for d in sources.digests]
        return np.concatenate(self._cache.derive(keys, count, lambda counts: counts.nbytes))
