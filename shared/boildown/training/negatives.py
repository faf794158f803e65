"""Mines hard negatives: passages of the same source that share the question's words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from .data import Passage, Question

_WORD = re.compile(r"\w+")
_MINED = 24


class PassageIndex:
    """BM25 over the distinct passages of one source (k1 = 1.2, b = 0.75)."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        self.passages = list({(p.title, p.text): p for p in passages}.values())
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        lengths = np.zeros(len(self.passages), np.float32)
        for row, passage in enumerate(self.passages):
            words = _WORD.findall(f"{passage.title} {passage.text}".casefold())
            lengths[row] = len(words)
            counts: dict[str, int] = defaultdict(int)
            for word in words:
                counts[word] += 1
            for word, count in counts.items():
                postings[word].append((row, count))
        norm = 1.2 * (0.25 + 0.75 * lengths / max(float(lengths.mean()), 1.0))
        self._postings: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for word, entries in postings.items():
            rows = np.array([r for r, _ in entries], np.int32)
            counts_ = np.array([c for _, c in entries], np.float32)
            idf = np.log(1 + (len(self.passages) - len(rows) + 0.5) / (len(rows) + 0.5))
            self._postings[word] = rows, (idf * 2.2 * counts_ / (counts_ + norm[rows])).astype(np.float32)

    def search(self, text: str, top: int) -> list[Passage]:
        scores = np.zeros(len(self.passages), np.float32)
        for word in sorted(set(_WORD.findall(text.casefold()))):
            if word in self._postings:
                rows, weights = self._postings[word]
                scores[rows] += weights
        best = np.argsort(-scores, kind="stable")[:top]
        return [self.passages[row] for row in best if scores[row] > 0]


class NegativeMiner:
    """Hard negatives of a question, searched once and remembered."""

    def __init__(self, questions: Iterable[Question]) -> None:
        by_source: dict[str, list[Passage]] = defaultdict(list)
        for question in questions:
            by_source[question.source] += question.positives + question.negatives
        self._indexes = {source: PassageIndex(found) for source, found in by_source.items()}
        self._found: dict[tuple[str, str], list[Passage]] = {}

    def search(self, question: Question, text: str, top: int) -> list[Passage]:
        """Passages of the question's source that rank highest for a text."""
        return self._indexes[question.source].search(text, top)

    def mine(self, question: Question) -> list[Passage]:
        """Passages that rank high for the question and hold none of its answers."""
        key = question.source, question.qid
        if key not in self._found:
            answers = question.answer_texts()
            own = {p.text for p in question.positives + question.negatives}
            titles = {p.title for p in question.positives} - {""} if not answers else set()
            self._found[key] = [
                Passage(p.title, p.text, (), (), False)
                for p in self.search(question, question.text, _MINED)
                if p.text not in own
                and p.title not in titles
                and not any(answer in p.text.casefold() for answer in answers)
            ]
        return self._found[key]
