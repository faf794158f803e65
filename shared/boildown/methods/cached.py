"""What a model said about a document, by way of the cache: the model reads only the documents that are not in it."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from boildown.methods.base import Method, check_scores
from boildown.methods.by_document import completed, split_scores
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

if TYPE_CHECKING:
    from boildown.runtime.reader import CrossReader, Reading

__all__ = ["CachedVectors", "cached_reading", "cached_scores", "computed_in"]


def cached_scores(method: Method, identity: str, sources: Sources) -> Scores:
    """The scores of a method that reads each document's text by itself, and nothing else.

    Args:
        method: what scores the documents that are not in the cache.
        identity: the method, its options and its model; see `boildown.methods.stored.Stored.fingerprint`.
        sources: the documents, and the cache.
    """
    cache = sources.cache
    if cache is None or not len(sources):
        return method.score("", sources)
    head = _head("scores", identity, *computed_in(method), str(sources.min_sentence))
    keys = [_key(head, digest) for digest in sources.digests]
    counts = np.bincount(sources.sentences.document, minlength=len(sources)).tolist()
    rows = zip(cache.get(keys), sources.texts, counts, strict=True)
    found = [None if data is None else _scores_of(data, len(text), count) for data, text, count in rows]

    def score(rest: Sources) -> Scores:
        scores = method.score("", rest)
        check_scores(scores, rest, method)  # before they are taken apart, and kept
        if not scores.notes:  # a note would be lost with the scores that it belongs to
            missing = [key for key, one in zip(keys, found, strict=True) if one is None]
            parts = split_scores(scores, rest)
            cache.put({key: _pack_scores(part) for key, part in zip(missing, parts, strict=True)})
        return scores

    return replace(completed(found, sources, score), cached=sum(one is not None for one in found))


def cached_reading(
    reader: CrossReader, identity: Sequence[str], queries: Sequence[str], sources: Sources, chosen: NDArray[np.int64]
) -> Reading:
    """What the reader says about some documents, each for its query.

    Args:
        reader: reads the documents that are not in the cache.
        identity: the model, and what it computes in.
        queries: what is asked of each document to read.
        sources: the documents, and the cache.
        chosen: shape (read,), indices of the documents to read; the reading's own are in their order.
    """
    documents = [sources.documents[d] for d in chosen.tolist()]
    cache = sources.cache
    if cache is None or not documents:
        return reader.read(queries, [d.text for d in documents], [d.title for d in documents])
    heads = {query: _head("reading", *identity, query) for query in dict.fromkeys(queries)}
    asked = zip(queries, chosen.tolist(), documents, strict=True)
    keys = [_key(heads[query], sources.digests[i], d.title) for query, i, d in asked]
    rows = zip(cache.get(keys), documents, strict=True)
    found = [None if data is None else _reading_of(data, len(d.text)) for data, d in rows]
    fresh = [i for i, columns in enumerate(found) if columns is None]
    seconds = 0.0
    if fresh:
        rest = [documents[i] for i in fresh]
        reading = reader.read([queries[i] for i in fresh], [d.text for d in rest], [d.title for d in rest])
        seconds = reading.seconds
        columns_of_each = list(_split_reading(reading, len(fresh)))
        cache.put({keys[i]: _pack(columns) for i, columns in zip(fresh, columns_of_each, strict=True)})
        for i, columns in zip(fresh, columns_of_each, strict=True):
            found[i] = columns
    read = [columns for columns in found if columns is not None]
    return _join_readings(read, seconds, frozenset(range(len(found))) - set(fresh))


class CachedVectors:
    """Vectors of the texts that each document is embedded as, such as its sentences and its title.

    Args:
        identity: the model, and what it computes in; None where a model cannot be told from another.
        sources: the documents, and the cache.
        counts: shape (documents,), how many texts each document is embedded as.

    Attributes:
        missing: indices of the documents whose texts have to be embedded.
    """

    def __init__(self, identity: Sequence[str] | None, sources: Sources, counts: NDArray[np.int64]) -> None:
        self._counts = counts
        self._cache = None if identity is None else sources.cache
        self._found: list[NDArray[Any] | None] = [None] * len(sources)
        if identity is not None and self._cache is not None:
            head = _head("vectors", *identity, str(sources.min_sentence))
            titles = (document.title for document in sources.documents)
            self._keys = [_key(head, digest, title) for digest, title in zip(sources.digests, titles, strict=True)]
            rows = zip(self._cache.get(self._keys), counts.tolist(), strict=True)
            self._found = [None if data is None else _vectors_of(data, count) for data, count in rows]
        self.missing = [i for i, vectors in enumerate(self._found) if vectors is None and counts[i]]

    def complete(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """All vectors, document after document, given those of the missing ones, which are kept for the next time."""
        parts = np.split(vectors, np.cumsum(self._counts[self.missing])[:-1])
        for i, part in zip(self.missing, parts, strict=False):  # without any missing there is one part, which is empty
            self._found[i] = part
        if self._cache is not None:
            self._cache.put(
                {self._keys[i]: part.astype("<f4").tobytes() for i, part in zip(self.missing, parts, strict=False)}
            )
        return np.concatenate([part for part in self._found if part is not None])


def computed_in(method: Any) -> tuple[str, str]:
    """The precision and the kind of device that a method's model computes in on this machine; "any" without one."""
    if getattr(method, "dtype", None) is None:
        return "any", "any"
    from boildown.runtime.devices import pick_device, pick_dtype

    device = pick_device(getattr(method, "device", "auto"))
    return str(pick_dtype(method.dtype, device)).removeprefix("torch."), device.type


def _split_reading(reading: Reading, documents: int) -> Iterator[_Columns]:
    edges = np.searchsorted(reading.document, np.arange(documents + 1)).tolist()
    cut = np.array([float(reading.query_cut)])
    for i, (first, last) in enumerate(pairwise(edges)):
        own = slice(first, last)
        tokens = (reading.start, reading.end, reading.keep, reading.window, reading.answer)
        yield [reading.relevance[i : i + 1], cut, *(column[own] for column in tokens)]


def _join_readings(read: Sequence[_Columns], seconds: float, cached: frozenset[int]) -> Reading:
    from boildown.runtime.reader import Reading

    relevance, cut, start, end, keep, window, answer = (np.concatenate(column) for column in zip(*read, strict=True))
    return Reading(
        relevance=relevance,
        document=np.repeat(np.arange(len(read), dtype=np.int64), [len(columns[4]) for columns in read]),
        start=start,
        end=end,
        keep=keep,
        window=window,
        answer=answer,
        query_cut=bool(cut.any()),
        seconds=seconds,
        cached=cached,
    )


def _pack_scores(scores: Scores) -> bytes:
    """One document's scores."""
    tokens = scores.tokens
    columns = [] if tokens is None else [tokens.start, tokens.end, tokens.score]
    return _pack([scores.relevance, *([] if scores.sentences is None else [scores.sentences]), *columns])


def _unpack_scores(data: bytes) -> Scores:
    relevance, *rest = _unpack(data)
    tokens = None
    if len(rest) >= 3:
        *rest, start, end, score = rest
        tokens = TokenScores(np.zeros(len(start), dtype=np.int64), start, end, score)
    if len(rest) > 1:
        raise ValueError("These are no scores.")
    return Scores(relevance, sentences=rest[0] if rest else None, tokens=tokens)


def _scores_of(data: bytes, length: int, sentences: int) -> Scores | None:
    """The scores that `data` holds, if they can be those of a text of this length, with so many sentences."""
    try:
        scores = _unpack_scores(data)
    except ValueError:
        return None
    tokens = scores.tokens
    fit = _are_reals(scores.relevance, 1) and (scores.sentences is None or _are_reals(scores.sentences, sentences))
    fit = fit and (tokens is None or _are_tokens(tokens.start, tokens.end, tokens.score, length))
    return scores if fit else None


def _reading_of(data: bytes, length: int) -> _Columns | None:
    """The columns of the reading that `data` holds, if it can be that of a text of this length."""
    try:
        relevance, cut, start, end, keep, window, answer = columns = _unpack(data)
    except ValueError:
        return None
    sizes = _are_reals(relevance, 1) and _are_reals(cut, 1)
    sizes = sizes and all(_are_reals(column, len(keep)) for column in (window, answer))
    return columns if sizes and _are_tokens(start, end, keep, length) else None


def _vectors_of(data: bytes, count: int) -> NDArray[np.float64] | None:
    """The vectors that `data` holds, shape (count, width), if they can be so many."""
    if not count or not data or len(data) % (4 * count):
        return None
    return np.frombuffer(data, "<f4").reshape(count, -1).astype(np.float64)


def _are_reals(values: NDArray[Any], count: int) -> bool:
    return values.dtype.kind == "f" and len(values) == count


def _are_tokens(start: NDArray[Any], end: NDArray[Any], score: NDArray[Any], length: int) -> bool:
    if not (_are_reals(score, len(start)) and len(start) == len(end) and start.dtype.kind == end.dtype.kind == "i"):
        return False
    return not len(start) or bool((start <= end).all() and (start[1:] >= start[:-1]).all() and end.max() <= length)


_Columns = list[NDArray[Any]]
_COLUMN = struct.Struct("<?I")
"""Whether a column holds integers, and how many."""


def _pack(columns: _Columns) -> bytes:
    """Arrays as bytes: integers, which are offsets, in four bytes each, and the rest exactly."""
    parts = []
    for column in columns:
        offsets = column.dtype.kind == "i"
        parts += [_COLUMN.pack(offsets, len(column)), column.astype("<u4" if offsets else "<f8").tobytes()]
    return b"".join(parts)


def _unpack(data: bytes) -> _Columns:
    """The arrays that `_pack` packed; those of numbers are views of `data`.

    Raises:
        ValueError: it is cut off, or empty.
    """
    columns: _Columns = []
    place = 0
    while place < len(data) or not columns:
        try:
            offsets, count = _COLUMN.unpack_from(data, place)
        except struct.error as error:
            raise ValueError(str(error)) from error
        # A count of 0 is not left to numpy, which reads no bytes at the end as an error.
        column = np.frombuffer(data, "<u4" if offsets else "<f8", count, place + _COLUMN.size) if count else np.zeros(0)
        columns.append(column.astype(np.int64) if offsets else column)
        place += _COLUMN.size + column.nbytes
    return columns


def _head(*parts: str) -> Any:
    """A hash to begin each document's key with: what they have in common."""
    from boildown import __version__

    return hashlib.blake2b(json.dumps([__version__, *parts]).encode(), digest_size=16)


def _key(head: Any, digest: bytes, title: str = "") -> bytes:
    whole = head.copy()
    whole.update(digest + title.encode("utf-8", "surrogatepass"))
    key: bytes = whole.digest()
    return key
