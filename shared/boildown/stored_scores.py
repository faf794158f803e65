"""One document's scores as a short string: what is stored with a text, so that no model has to read it again.

The string is plain ASCII, for any vector store's metadata. Offsets are kept as differences and values in steps of
1/65535 of the document's own range, both byte by byte in planes, which zlib then shortens: four to six characters for
each token.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.sources import Sources
from boildown.types import Scores, TokenScores

__all__ = ["STORED_KEY", "pack_scores", "rounded_scores", "unpack_scores"]

STORED_KEY = "boildown_scores"
"""The key in a document's metadata under which its stored scores stand."""

_HEADER = struct.Struct("<dii")
"""Relevance, number of sentences, number of tokens; -1 where the method scores none."""
_RANGE = struct.Struct("<dd")
_STEPS = 65535
_ROOM = 64
"""Bytes for each character of the text, and more, that no honest record exceeds."""


def pack_scores(scores: Scores) -> str:
    """The scores of one document as ASCII text.

    Args:
        scores: of one document; `relevance` has shape (1,).

    Raises:
        ValueError: a score is not finite.
    """
    tokens, sentences = scores.tokens, scores.sentences
    sentence_count = -1 if sentences is None else len(sentences)
    token_count = -1 if tokens is None else len(tokens.score)
    parts = [_HEADER.pack(float(scores.relevance[0]), sentence_count, token_count)]
    if sentences is not None:
        parts.append(_pack_reals(sentences))
    if tokens is not None:
        parts.append(_pack_integers(np.diff(tokens.start, prepend=0)))
        parts.append(_pack_integers(tokens.end - tokens.start))
        parts.append(_pack_reals(tokens.score))
    if not math.isfinite(scores.relevance[0]):
        raise ValueError("The relevance is not finite.")
    return base64.urlsafe_b64encode(zlib.compress(b"".join(parts), 9)).decode("ascii")


def unpack_scores(packed: str, length: int) -> Scores:
    """The scores that `pack_scores` packed: the same offsets, and values as `rounded_scores` gives them.

    Args:
        packed: as `pack_scores` gave it; it may come from anywhere, so everything in it is checked.
        length: characters of the document's text, which no offset may exceed.

    Raises:
        ValueError: it is damaged, or was packed for another text.
    """
    try:
        squeezed = base64.b64decode(packed.encode("ascii"), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj()
        data = inflate.decompress(squeezed, _ROOM * (length + _ROOM))
        if not inflate.eof or inflate.unused_data:
            raise ValueError("It is cut off, or longer than its text allows.")
        reader = _Reader(data)
        relevance, sentence_count, token_count = _HEADER.unpack(reader.take(_HEADER.size))
        sentences = None if sentence_count < 0 else reader.reals(sentence_count)
        tokens = None
        if token_count >= 0:
            start = np.cumsum(reader.integers(token_count))
            end = start + reader.integers(token_count)
            tokens = TokenScores(np.zeros(token_count, dtype=np.int64), start, end, reader.reals(token_count))
            if token_count and int(end.max()) > length:
                raise ValueError("An offset is beyond the end of the text.")
        if reader.place != len(data) or not math.isfinite(relevance):
            raise ValueError("It holds more than scores.")
    except (zlib.error, struct.error, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error
    return Scores(np.array([relevance]), sentences=sentences, tokens=tokens)


def rounded_scores(scores: Scores, sources: Sources) -> Scores:
    """The scores as they would be read back: within 1/131070 of their document's range of what they were."""
    tokens, sentences = scores.tokens, scores.sentences
    if tokens is not None:
        tokens = replace(tokens, score=_rounded(tokens.score, tokens.document, len(sources)))
    if sentences is not None:
        sentences = _rounded(sentences, sources.sentences.document, len(sources))
    return replace(scores, tokens=tokens, sentences=sentences)


def _rounded(values: NDArray[np.float64], document: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, document, values)
    np.maximum.at(high, document, values)
    with np.errstate(over="ignore", invalid="ignore"):
        low, extent = low[document], (high - low)[document]
        rounded = _of_steps(_steps(values, low, extent), low, extent)
    return np.where(np.isfinite(extent), rounded, values)  # what cannot be stored stays as it is


def _steps(values: NDArray[np.float64], low: Any, extent: Any) -> NDArray[np.float64]:
    # Dividing first keeps ranges of almost nothing in bounds.
    share = np.divide(values - low, extent, out=np.zeros(len(values)), where=extent > 0)
    steps: NDArray[np.float64] = np.rint(share * _STEPS)
    return steps


def _of_steps(steps: NDArray[Any], low: Any, extent: Any) -> NDArray[np.float64]:
    values: NDArray[np.float64] = low + steps * (extent / _STEPS)
    return values


def _pack_integers(values: NDArray[np.int64]) -> bytes:
    """The width of a value in bytes, then all first bytes, all second bytes, and so on."""
    most = int(values.max(initial=0))
    if int(values.min(initial=0)) < 0 or most >= 1 << 32:
        raise ValueError("Tokens are not in the order of their place in the text.")
    width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else 4
    return bytes([width]) + _planes(values, width)


def _pack_reals(values: NDArray[np.float64]) -> bytes:
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if not math.isfinite(high - low):
        raise ValueError("A score is not finite.")
    return _RANGE.pack(low, high) + _planes(_steps(values, low, high - low), 2)


def _planes(values: NDArray[Any], width: int) -> bytes:
    planes: bytes = values.astype(f"<u{width}").view(np.uint8).reshape(-1, width).T.tobytes()
    return planes


class _Reader:
    """Reads one record from front to back."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, size: int) -> bytes:
        taken = self.data[self.place : self.place + size]
        if len(taken) != size:
            raise ValueError("It is cut off.")
        self.place += size
        return taken

    def integers(self, count: int) -> NDArray[np.int64]:
        width = self.take(1)[0]
        if width not in (1, 2, 4):
            raise ValueError("It is damaged.")
        return self._planes(count, width)

    def reals(self, count: int) -> NDArray[np.float64]:
        low, high = _RANGE.unpack(self.take(_RANGE.size))
        if not (math.isfinite(high - low) and low <= high):
            raise ValueError("It is damaged.")
        return _of_steps(self._planes(count, 2), low, high - low)

    def _planes(self, count: int, width: int) -> NDArray[np.int64]:
        planes = np.frombuffer(self.take(count * width), dtype=np.uint8).reshape(width, count)
        return np.ascontiguousarray(planes.T).reshape(-1).view(f"<u{width}").astype(np.int64)
