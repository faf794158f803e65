"""Scores that don't depend on the query: computed once, stored with the text, and read instead of running a model."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from boildown.checks import method_options
from boildown.errors import ConfigurationError
from boildown.methods.base import Method, check_scores
from boildown.methods.by_document import completed, split_scores
from boildown.methods.cached import cached_scores, computed_in
from boildown.methods.registry import create_method
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY, pack_scores, rounded_scores, unpack_scores
from boildown.types import Scores

__all__ = ["Stored", "reading_stored", "storing_method"]

_VERSION = "1"
"""Goes up when the format changes, or the scores of a method; what was stored before is then computed again."""
_PLACEMENT = ("model", "device", "dtype")
_BATCH_CHARACTERS = 1 << 18
"""At ingest so much text is scored at once, however much there is, so that memory stays bounded."""


class Stored:
    """A method that takes the scores of documents that carry them from there, and runs for the others alone.

    A document carries its scores in its metadata under `STORED_KEY`, as `values` gave them. They are read only if
    nothing that they depend on has changed: the text, and the sentences it is split into; the method and its
    options; the model's files; the precision, unless the method takes any (dtype="auto"); the format. The others are
    scored again, and a note says how many and why. The device does not matter. If all are read, nothing is loaded.

    Args:
        method: one that reads neither the query nor anything of a document but its text, and names its model.

    Raises:
        ConfigurationError: the method's scores depend on more than that.
    """

    uses_query = False

    def __init__(self, method: Method) -> None:
        obstacle = _obstacle(method)
        if obstacle:
            raise ConfigurationError(obstacle)
        self.method = method
        self.name = method.name

    def score(self, query: str, sources: Sources) -> Scores:
        """The method's scores, rounded as stored ones are, so that a document's are the same read or computed."""
        found, stale = self._read(sources)
        scores = completed(found, sources, partial(self._score, query))
        return replace(scores, notes=(*scores.notes, *_notes(stale, len(found))))

    def values(self, sources: Sources) -> list[str]:
        """For each document what to store in its metadata under `STORED_KEY`.

        A value that a document carries already is kept if it still fits.

        Raises:
            ConfigurationError: the method gave scores that are not finite, or do not fit the documents.
            ModelError: the model cannot be loaded.
        """
        found, _ = self._read(sources)
        values = ["" if value is None else str(value) for value in _carried(sources)]
        fresh = [i for i, scores in enumerate(found) if scores is None]
        if not fresh:
            return values
        head = [_VERSION, self._precision(), self.fingerprint()]
        digests = _digests(sources)
        for batch in _batches(sources.texts, fresh):
            some = sources.some(batch)
            scored = self.method.score("", some)
            check_scores(scored, some, self.method)
            for i, scores in zip(batch, split_scores(scored, some), strict=True):
                try:
                    values[i] = ".".join([*head, digests[i], pack_scores(scores)])
                except ValueError as error:
                    raise ConfigurationError(f"The scores of {self.name!r} cannot be stored: {error}") from error
        return values

    def fingerprint(self) -> str:
        """What the scores depend on besides the text: the method, its options, the model's files, and their format.

        Raises:
            ModelError: the model's files cannot be found.
        """
        from boildown.runtime.identity import model_identity

        model = _model(self.method)
        identity = "" if model is None else model_identity(model)
        return _digest(json.dumps([_VERSION, self.name, _options(self.method), identity], sort_keys=True).encode())

    def _score(self, query: str, sources: Sources) -> Scores:
        """The method's scores, rounded; from the cache where it has them and there is a model to spare."""
        if sources.cache is None or _model(self.method) is None:
            scores = self.method.score(query, sources)
            check_scores(scores, sources, self.method)
        else:
            scores = cached_scores(self.method, self.fingerprint(), sources)
        return rounded_scores(scores, sources)

    def _read(self, sources: Sources) -> tuple[list[Scores | None], Counter[str]]:
        """Each document's stored scores, where they fit, and how often they did not, by reason."""
        found: list[Scores | None] = [None] * len(sources)
        stale: Counter[str] = Counter()
        carried = _carried(sources)
        if all(value is None for value in carried):
            return found, stale
        digests, fingerprint = _digests(sources), self.fingerprint()
        sentences = np.bincount(sources.sentences.document, minlength=len(sources)).tolist()
        for i, value in enumerate(carried):
            if value is None:
                continue
            parts = value.split(".") if isinstance(value, str) else []
            if len(parts) != 5:
                stale["damaged"] += 1
            elif parts[0] != _VERSION:
                stale["stored by another version"] += 1
            elif parts[2] != fingerprint or not self._takes(parts[1]):
                stale["of another method, model or setting"] += 1
            elif parts[3] != digests[i]:
                stale["of another text"] += 1
            else:
                found[i] = _unpacked(parts[4], len(sources.texts[i]), sentences[i])
                stale["damaged"] += found[i] is None
        kinds = {(s.sentences is None, s.tokens is None) for s in found if s is not None}
        if len(kinds) > 1:
            stale["damaged"] += sum(s is not None for s in found)
            found = [None] * len(sources)
        return found, +stale

    def _precision(self) -> str:
        """What the method computes in on this machine."""
        return computed_in(self.method)[0]

    def _takes(self, precision: str) -> bool:
        wanted = str(getattr(self.method, "dtype", "auto")).removeprefix("torch.")
        return wanted in ("auto", precision) or precision == self._precision()


def reading_stored(method: Method) -> Method:
    """The method, by way of `Stored` where its scores can be stored."""
    return method if _obstacle(method) else Stored(method)


def storing_method(
    name: str,
    *,
    model: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    options: Mapping[str, Any] | None = None,
) -> Stored:
    """The method called `name`, for storing its scores. Arguments are those of `boildown.Compressor`.

    Raises:
        ConfigurationError: there is no such method, an argument does not fit it, or its scores cannot be stored.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"method= must be the name of a method here, not {type(name).__name__}.")
    return Stored(create_method(name, method_options(model, options), {"device": device, "dtype": dtype}))


def _obstacle(method: Method) -> str:
    """Why the method's scores cannot be stored; empty if they can."""
    if method.uses_query:
        return (
            f"The method {method.name!r} reads the query, so its scores cannot be computed before there is one. "
            "Take one that does not, such as 'llmlingua2'."
        )
    if getattr(method, "needs_budget", False):
        return f"The method {method.name!r} with exact=True needs the budget to score. Leave exact=True out."
    try:
        _model(method)
        json.dumps(_options(method))
    except (TypeError, ValueError):
        return (
            f"The method {method.name!r} was given an object that cannot be told from another when its scores are "
            "read again. Name the model by its folder or hub id, and give plain values as options."
        )
    return ""


def _model(method: Method) -> str | None:
    model = getattr(method, "model", None)
    if model is not None and not isinstance(model, (str, Path)):
        raise TypeError
    return None if model is None else str(model)


def _options(method: Method) -> dict[str, Any]:
    return {name: value for name, value in vars(method).items() if name not in _PLACEMENT}


def _carried(sources: Sources) -> list[Any]:
    """What each document's metadata has under `STORED_KEY`; frameworks give None for no metadata."""
    return [d.metadata.get(STORED_KEY) if isinstance(d.metadata, Mapping) else None for d in sources.documents]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _digests(sources: Sources) -> list[str]:
    """What tells each text, and its sentences, from another; sentence scores fit no other sentences."""
    sentences = sources.sentences
    edges = np.searchsorted(sentences.document, np.arange(len(sources) + 1)).tolist()
    starts = sentences.start.astype("<i8")
    return [
        _digest(starts[edges[i] : edges[i + 1]].tobytes() + text.encode("utf-8", "surrogatepass"))
        for i, text in enumerate(sources.texts)
    ]


def _unpacked(packed: str, length: int, sentences: int) -> Scores | None:
    try:
        scores = unpack_scores(packed, length)
    except ValueError:
        return None
    return scores if scores.sentences is None or len(scores.sentences) == sentences else None


def _batches(texts: Sequence[str], chosen: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for i in chosen:
        if batch and size + len(texts[i]) > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(i)
        size += len(texts[i])
    if batch:
        yield batch


def _notes(stale: Counter[str], documents: int) -> tuple[str, ...]:
    if not stale:
        return ()
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(stale.items()))
    return (
        f"Of {documents} documents, {stale.total()} had stored scores that do not fit and were scored again: "
        f"{reasons}.",
    )
