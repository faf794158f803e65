"""The default method: a small cross-encoder that reads the query with each document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nsmallest
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from boildown.methods.cached import cached_reading, computed_in
from boildown.methods.lexical import Lexical
from boildown.methods.mixing import Mix, MixedScores, best_of
from boildown.methods.sectioned import Sectioned
from boildown.sources import Sources
from boildown.text.language import is_english
from boildown.text.questions import split_questions
from boildown.text.scripts import dominant_script
from boildown.text.spelling import respell
from boildown.text.words import terms
from boildown.types import Scores

if TYPE_CHECKING:
    from boildown.runtime.reader import CrossReader, Reading

__all__ = ["BUNDLED", "Prune", "bundled_folder", "knows_english_best"]

BUNDLED = "prune-minilm"
"""The folder of the bundled model under `assets/`."""

_LEADS, _BESIDE = 2, 3
"""Sentences of the first reading that lead to a second one: the best of all, and more of the best one's document."""
_COUNTS = np.array([1.0, 0.77, 0.31, 0.26, 0.23])
"""How much it counts that one of these speaks of a document."""
_LEAD_CHARACTERS = 400
_SECOND_READING = 5
"""Documents that are read a second time, at most."""
_SAMPLE = 500
"""Characters that tell a document's script and language."""
_SAMPLES = 10
"""Documents that tell the language of all."""
_FOREIGN_LEXICAL = 5.0
_FOREIGN_DOCUMENT = 3.0
"""Weights for languages that the model was hardly trained on: BM25 decides, the model among near equals."""


class Prune:
    """Scores sentences with a model that was trained to find what a question needs.

    As in Provence (Chirkova et al. 2025, section 3), one encoder reads query and document together and gives the
    document a relevance and each token a keep probability. A sentence's logit is the mean of its tokens', mixed with
    the document's relevance and with BM25, which carries over to domains that the model has not seen, and counts for
    more where the model finds nothing that it is sure of. A third head says where in a sentence the answer lies, for
    budgets in which sentences have to be cut short.

    For questions in two steps, the documents of which the best sentences speak are read once more, each with the
    sentence that speaks of it added to the query. For questions that compare, a sentence of each thing that they name
    goes first. A query with several questions is read for each, and takes as many times as long. A long document that
    tells of several things in turn is read in sections (`text/sections.py`), as if each were a document of its own. A
    misspelled word of the query is read as the documents spell it, if the text is English. Where a query tells of a
    problem, what stands below headings of causes and remedies counts for more (`text/remedies.py`).

    In languages that the model was hardly trained on, BM25 weighs most: in all but English, unless the checkpoint says
    that it was trained on others. Documents in scripts that it was not trained on at all are scored by BM25 alone. The
    result's notes say so.

    Args:
        model: a checkpoint of `boildown train`, by folder or hub id; None takes the bundled one.
        device, dtype: see `Compressor`.
    """

    name = "prune"
    uses_query = True

    def __init__(self, model: str | None = None, device: str = "auto", dtype: str = "auto") -> None:
        self.model, self.device, self.dtype = model, device, dtype

    def score(self, query: str, sources: Sources) -> Scores:
        """Probabilities from 0 to 1 that a document, a sentence or a token is needed."""
        reader = self._reader()
        mix = Mix.of_checkpoint(reader.settings)
        foreign = knows_english_best(reader.settings) and _is_mostly_foreign(query, sources)
        if foreign:
            mix = replace(
                mix,
                lexical=_FOREIGN_LEXICAL,
                document=_FOREIGN_DOCUMENT,
                doubt=0.0,
                document_lexical=_FOREIGN_LEXICAL,
            )
        readable = _readable(query, sources, reader.settings.get("scripts", ["latin"]))
        notes = []
        if len(readable) < len(sources):
            notes.append(
                f"{len(sources) - len(readable)} of {len(sources)} documents were scored by BM25, since their script "
                "or the query's is not one that the model was trained for."
            )
        if len(readable) and foreign:
            notes.append("Most of the text is not English, which the model knows best, so BM25 counted for most.")
        # In other languages the model's words tell no slip from an ending: "kostet" is not "kosten".
        query, respelled = (query, {}) if foreign else respell(query, _all_terms(sources), reader.is_word)
        for typed, meant in respelled.items():
            notes.append(f"{typed!r} was read as {meant!r}, which is how the documents spell it.")
        questions = split_questions(query)
        if len(questions) > 1:
            notes.append(f"The query asks {len(questions)} questions, and documents were scored for each.")
        parts = Sectioned(sources)
        beside = 0 if foreign else _BESIDE  # the less likely leads need a model that knows the language
        found = [
            self._answer(reader, mix, question, parts.sources, parts.of(readable), beside) for question in questions
        ]
        if any(answer.query_cut for answer in found):
            notes.append("The query is longer than the model reads; its middle was left out.")
        cached = parts.whole(set.intersection(*(answer.cached for answer in found)))
        return replace(parts.back(best_of([answer.scores for answer in found])), notes=tuple(notes), cached=cached)

    def _answer(
        self, reader: CrossReader, mix: Mix, question: str, sources: Sources, readable: NDArray[np.int64], beside: int
    ) -> _Answer:
        """Scores for one question; the documents that the model cannot read get theirs from their words."""
        words = Lexical(question, sources)
        mixed = MixedScores(sources, words, mix)
        if not len(readable):
            return _Answer(mixed.scores(0.0), set(), query_cut=False)
        first = self._read(reader, [question] * len(readable), sources, readable)
        mixed.add(first, readable)
        seconds = first.seconds
        cached = {document for i, document in enumerate(readable.tolist()) if i in first.cached}
        leads = mixed.leads(_LEADS, beside)
        mentions = words.mentions(leads.tolist()) * _COUNTS[: len(leads), None]
        plainest = mentions.max(axis=0, initial=0.0)
        mentioned = readable[np.argsort(-plainest[readable], kind="stable")[:_SECOND_READING]]
        mentioned = np.sort(mentioned[plainest[mentioned] > 0])
        if len(mentioned):
            speaking = leads[mentions[:, mentioned].argmax(axis=0)]
            queries = [f"{question} {_quote(sources, lead)}" for lead in speaking.tolist()]
            second = self._read(reader, queries, sources, mentioned)
            mixed.add(second, mentioned)
            mixed.add_mentions(plainest)
            seconds += second.seconds
            cached -= {document for i, document in enumerate(mentioned.tolist()) if i not in second.cached}
        mixed.add_named()
        return _Answer(mixed.scores(seconds), cached, first.query_cut)

    def _folder(self) -> str:
        return bundled_folder() if self.model is None else self.model

    def _reader(self) -> CrossReader:
        from boildown.runtime.start import import_torch

        import_torch()
        from boildown.runtime.reader import load_reader

        return load_reader(self._folder(), self.device, self.dtype)

    def _read(
        self, reader: CrossReader, queries: Sequence[str], sources: Sources, chosen: NDArray[np.int64]
    ) -> Reading:
        from boildown.runtime.identity import model_identity

        identity = () if sources.cache is None else (model_identity(self._folder()), *computed_in(self))
        return cached_reading(reader, identity, queries, sources, chosen)


class _Answer(NamedTuple):
    """What was found for one question: scores, the documents that no model had to read, and whether it was too long."""

    scores: Scores
    cached: set[int]
    query_cut: bool


def bundled_folder() -> str:
    """The path of the bundled model."""
    return str(files("boildown") / "assets" / BUNDLED)


def knows_english_best(settings: Mapping[str, Any]) -> bool:
    """Whether a checkpoint was mostly trained on English; older ones say in which languages only."""
    languages = settings.get("languages", [])
    return bool(settings.get("mostly_english", not languages or "en" in languages))


def _is_mostly_foreign(query: str, sources: Sources) -> bool:
    """Whether most documents, each read with the query, are not in English."""
    # By their digests, so that it is of no matter in which order the documents stand.
    chosen = nsmallest(_SAMPLES, zip(sources.digests, sources.texts, strict=True))
    english = [is_english(f"{query} {text[:_SAMPLE]}") for _, text in chosen]
    return 2 * sum(english) < len(english)


def _all_terms(sources: Sources) -> Iterator[list[str]]:
    yield from sources.sentence_terms
    for document in sources.documents:
        yield terms(document.title)


def _quote(sources: Sources, sentence: int) -> str:
    """A sentence with its document's title, as the second reading was trained with."""
    units = sources.sentences
    document = sources.documents[units.document[sentence]]
    text = document.text[units.start[sentence] : units.end[sentence]].strip()[:_LEAD_CHARACTERS]
    return f"{document.title}. {text}" if document.title else text


def _readable(query: str, sources: Sources, scripts: list[str]) -> NDArray[np.int64]:
    """Indices of the documents that the model can read; none if it cannot read the query."""
    if dominant_script(query) not in (*scripts, "other"):
        return np.zeros(0, dtype=np.int64)
    known = [text.isascii() or dominant_script(text[:_SAMPLE]) in (*scripts, "other") for text in sources.texts]
    return np.flatnonzero(known)
