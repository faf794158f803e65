"""Turns a question into training examples: documents with a target for every sentence."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from .config import TrainConfig
from .data import Passage, Question
from .negatives import NegativeMiner

Splitter = Callable[[str], np.ndarray]

OTHER, NEIGHBOUR, REPEAT, GOLD = 0, 1, 2, 3
# Soft targets: a neighbour often carries the context of the answer, and no label is certain.
TARGETS = np.array([0.01, 0.15, 0.3, 0.97], np.float32)


@dataclass
class Example:
    """One input of the network.

    Attributes:
        sentences: ``(n, 2)`` character spans in ``text``.
        labels: ``(n,)`` of OTHER, NEIGHBOUR, REPEAT (holds the answer's text elsewhere) and GOLD.
        answers: ``(m, 2)`` character spans in ``text`` that answer.
        known: whether ``labels`` are meant; False where nobody marked the needed sentences.
    """

    query: str
    title: str
    text: str
    sentences: np.ndarray
    labels: np.ndarray
    answers: np.ndarray
    relevant: bool
    known: bool


def sentence_labels(passage: Passage, sentences: np.ndarray, answers: set[str]) -> np.ndarray:
    """Labels the sentences of a passage by its answer and evidence spans."""
    labels = np.full(len(sentences), OTHER, np.int8)
    for start, end in passage.gold if passage.relevant else ():
        labels[(sentences[:, 0] < end) & (sentences[:, 1] > start)] = GOLD
    gold = labels == GOLD
    near = np.zeros_like(gold)
    near[:-1] |= gold[1:]
    near[1:] |= gold[:-1]
    labels[near & ~gold] = NEIGHBOUR
    if passage.relevant:
        longer = [a for a in answers if len(a) > 2]
        for row in np.flatnonzero(labels == OTHER):
            sentence = passage.text[sentences[row, 0] : sentences[row, 1]].casefold()
            if any(a in sentence for a in longer):
                labels[row] = REPEAT
    return labels


def read_as(query: str, passage: Passage, sentences: np.ndarray, answers: set[str], known: bool) -> Example:
    """The passage as it is read for the query. Sentences have shape (n, 2)."""
    sentences = np.asarray(sentences).reshape(-1, 2)
    labels = sentence_labels(passage, sentences, answers)
    spans = np.array(passage.answers if passage.relevant else (), dtype=np.int64).reshape(-1, 2)
    return Example(query, passage.title, passage.text, sentences, labels, spans, passage.relevant, known)


def bare_title(title: str) -> str:
    """A title without what stands in brackets at its end."""
    return re.sub(r"\s*\(.*?\)$", "", title)


def with_links(passage: Passage, others: Iterable[Passage]) -> Passage:
    """The passage with one kind of answer more: where its evidence names another passage that the question needs."""
    names = [bare_title(other.title) for other in others if other is not passage]
    links = [
        (start + match.start(), start + match.end())
        for start, end in passage.evidence
        for name in names
        if len(name) > 3
        for match in re.finditer(re.escape(name), passage.text[start:end], re.IGNORECASE)
    ]
    return replace(passage, answers=(*passage.answers, *links))


class ExampleBuilder:
    """Builds the examples of one question; all randomness comes from the generator passed in."""

    def __init__(self, config: TrainConfig, miner: NegativeMiner, split: Splitter) -> None:
        self.config, self.miner, self.split = config, miner, split

    def build(self, question: Question, rng: random.Random) -> list[Example]:
        config = self.config
        positives = list(question.positives)
        rng.shuffle(positives)
        positives = [with_links(p, positives) for p in positives[:4]]
        negatives = self._negatives(question, rng, config.negatives + (len(positives) > 1))
        query = self._query(question, positives, negatives, rng)
        known = question.has_spans or not positives
        answers = question.answer_texts()
        if known and len(positives) == 1 and rng.random() < config.unanswerable:
            negatives += self._without_gold(positives[0], answers)
        examples = [read_as(query, p, self.split(p.text), answers, known) for p in positives + negatives]
        examples = [self._crop(e, rng) if known and rng.random() < config.crop else e for e in examples]
        if known and len(examples) > 2 and rng.random() < config.long_window:
            examples = self._merge(examples, rng)
        return examples

    def _negatives(self, question: Question, rng: random.Random, count: int) -> list[Passage]:
        given = list(question.negatives)
        # Without a known answer nobody can say that a passage that ranks high does not hold it.
        mined = self.miner.mine(question) if question.positives else []
        share = count // 2 if len(mined) >= count - count // 2 else count
        chosen = rng.sample(given, min(len(given), share))
        # Harder ones more often: the better half of the ranking is drawn twice as likely.
        pool = mined[: 8 if rng.random() < 0.67 else len(mined)]
        return chosen + rng.sample(pool, min(len(pool), count - len(chosen)))

    def _without_gold(self, passage: Passage, answers: set[str]) -> list[Passage]:
        """The passage without the sentences that answer; none where nothing would be left or the answer would."""
        sentences = self.split(passage.text)
        labels = sentence_labels(passage, sentences, answers)
        rest = sentences[(labels != GOLD) & (labels != REPEAT)]
        if not len(rest) or (labels == REPEAT).any() or not (labels == GOLD).any():
            return []
        text = "".join(passage.text[a:b] for a, b in rest.tolist())
        return [Passage(passage.title, text, (), (), False)] if text.strip() else []

    def _sentence(self, passage: Passage, rng: random.Random, gold: bool) -> str:
        sentences = self.split(passage.text)
        rows = np.arange(len(sentences))
        if gold:
            labels = sentence_labels(passage, sentences, set())
            rows = np.flatnonzero(labels == GOLD)
        start, end = sentences[rng.choice(rows.tolist() or [0])]
        text = passage.text[start:end].strip()[:400]
        return f"{passage.title}. {text}" if passage.title and rng.random() < 0.5 else text

    def _query(self, question: Question, positives: list[Passage], negatives: list[Passage], rng: random.Random) -> str:
        """The question, or the question of a second round: with what a first round has found."""
        multi = len(positives) > 1
        if not multi and rng.random() < self.config.bridge:
            bridged = self._bridge(question, positives, rng)
            if bridged:
                return bridged
        share = self.config.second_round_multi if multi else self.config.second_round
        if rng.random() >= share or not question.has_spans:
            return question.text
        found = []
        if multi or rng.random() < 0.4:
            found.append(self._sentence(rng.choice(positives), rng, gold=True))
        if negatives and (not found or rng.random() < 0.3):
            found.append(self._sentence(rng.choice(negatives), rng, gold=False))
        rng.shuffle(found)
        return " ".join([question.text, *found])

    def _bridge(self, question: Question, positives: list[Passage], rng: random.Random) -> str:
        """Hides the title that the question names behind a sentence of another passage."""
        title = positives[0].title.strip() if positives else ""
        name = re.compile(rf"\b{re.escape(title)}\b", re.IGNORECASE)
        if len(title) < 4 or not name.search(question.text):
            return ""
        own = {p.text for p in positives}
        sentences = [
            p.text[a:b].strip()[:400]
            for p in self.miner.search(question, title, 8)
            if p.text not in own
            for a, b in self.split(p.text)
            if name.search(p.text, a, b)
        ]
        if not sentences:
            return ""
        hidden = name.sub(rng.choice(("it", "this", "that one", "the former")), question.text)
        return f"{hidden} {rng.choice(sentences)}"

    def _crop(self, example: Example, rng: random.Random) -> Example:
        """Keeps a run of sentences around the gold ones, so that positions teach nothing."""
        count = len(example.sentences)
        if count < 3:
            return example
        gold = np.flatnonzero(example.labels == GOLD)
        low, high = (int(gold[0]), int(gold[-1])) if len(gold) else (rng.randrange(count),) * 2
        first, last = rng.randint(0, low), rng.randint(high, count - 1)
        start, end = int(example.sentences[first, 0]), int(example.sentences[last, 1])
        return replace(
            example,
            text=example.text[start:end],
            sentences=example.sentences[first : last + 1] - start,
            labels=example.labels[first : last + 1],
            answers=example.answers - start,
        )

    def _merge(self, examples: list[Example], rng: random.Random) -> list[Example]:
        """Joins two or three documents into one; the rest stay on their own."""
        order = list(range(1, len(examples)))
        rng.shuffle(order)
        parts = [0, *order[: rng.randint(1, 2)]]
        rest = [e for i, e in enumerate(examples) if i not in parts]
        rng.shuffle(parts)
        text = ""
        sentences: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        answers: list[np.ndarray] = []
        for i in parts:
            part = examples[i]
            if text:
                text += "\n"
                sentences[-1][-1, 1] += 1
            sentences.append(part.sentences + len(text))
            labels.append(part.labels)
            answers.append(part.answers + len(text))
            text += part.text
        title = rng.choice([examples[i].title for i in parts] + [""])
        merged = replace(
            examples[0],
            title=title,
            text=text,
            sentences=np.concatenate(sentences),
            labels=np.concatenate(labels),
            answers=np.concatenate(answers),
            relevant=any(examples[i].relevant for i in parts),
        )
        return [merged, *rest]
