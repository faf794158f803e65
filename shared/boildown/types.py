"""The values that go in and come out. All are immutable; offsets count characters of the original text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["CompressedDocument", "Document", "DropReason", "Scores", "Span", "TokenScores", "Unit"]

Unit = Literal["sentence", "word", "token"]
DropReason = Literal["", "budget", "documents", "duplicate", "empty"]


@dataclass(frozen=True, slots=True)
class Document:
    """A retrieved text. `title` helps scoring and is never part of the compressed text."""

    text: str
    id: str | None = None
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` (exclusive) of a document's text; `label` says what they are, where it matters."""

    start: int
    end: int
    label: str = ""

    def of(self, text: str) -> str:
        """The span's characters in `text`."""
        return text[self.start : self.end]


@dataclass(frozen=True, slots=True, eq=False)
class TokenScores:
    """Scores of units finer than a sentence (a model's tokens, or words), ordered by document and start.

    All arrays have shape (tokens,): `document` is the index of the document, `start` and `end` are character
    offsets in its text, and a higher `score` means keep.
    """

    document: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    score: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What a method says about the documents; higher is better everywhere.

    Attributes:
        relevance: shape (documents,), how much each document matters to the query.
        sentences: shape (sentences,), aligned with `Sources.sentences`; None if the method scores tokens only.
        tokens: scores of finer units; None if the method scores sentences or documents only.
        points: where in the text the method sees what is asked for, as logits of tokens, above 0 where it is likelier
            there than nowhere; where sentences have to be cut short, these parts are kept. None if it does not know.
        final: the method needed the budget while it scored, so its result cannot be cut again.
        model_seconds: time spent inside model forwards.
        notes: what the user should know, such as a fallback for a script the model was not trained on.
        cached: documents whose scores came from the cache.
    """

    relevance: NDArray[np.float64]
    sentences: NDArray[np.float64] | None = None
    tokens: TokenScores | None = None
    points: TokenScores | None = None
    final: bool = False
    model_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    cached: int = 0


@dataclass(frozen=True, slots=True)
class CompressedDocument:
    """What was kept of one document.

    `text` is exactly the concatenation of `spans` cut from the document's text. `index` is the document's position
    in the input. `protected` are the protected spans inside the kept text. `reason` is empty for a kept document
    and says why a dropped one was dropped: "budget", nothing of it had room or reached the threshold; "documents",
    `Budget(documents=)` allows the better ones alone; "duplicate", others say all of it; "empty", it has no text.
    """

    index: int
    id: str | None
    text: str
    score: float
    spans: tuple[Span, ...]
    protected: tuple[Span, ...]
    tokens_in: int
    tokens_out: int
    reason: DropReason = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for JSON."""
        return {
            "index": self.index,
            "id": self.id,
            "text": self.text,
            "score": self.score,
            "spans": [[s.start, s.end] for s in self.spans],
            "protected": [{"start": s.start, "end": s.end, "kind": s.label} for s in self.protected],
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "reason": self.reason,
        }
