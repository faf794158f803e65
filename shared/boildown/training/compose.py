"""Composes questions in two steps from passages that answer questions in one.

Annotated two-step questions are rare. But a passage that says who directed a film and another that tells a person's
life make one, once the person is renamed to be that director: the text stays natural, the link is certain, and the
sentences that are needed are known. Questions that compare two subjects are made the same way.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from .data import Passage, Question
from .examples import Splitter, bare_title
from .phrases import FACTS, FILM_YEAR, LIFE, LINKS, OF_DIRECTORS, OF_FILMS, OF_LIVES

__all__ = ["SOURCE", "compose"]

SOURCE = "composed"
"""The source that composed questions carry, for weights and the model card."""

Span = tuple[int, int]


@dataclass(frozen=True)
class _Life:
    """A passage about a person whose first sentence gives the name and the dates."""

    name: str
    passage: Passage


@dataclass(frozen=True)
class _Link:
    """A passage that names another subject, how it is related, and the sentence that says so."""

    passage: Passage
    name: str
    phrases: tuple[str, ...]
    sentence: Span
    kind: str


def compose(questions: Iterable[Question], count: int, split: Splitter, seed: int) -> list[Question]:
    """Makes questions that need two passages or more, with distractors of the same kinds.

    Args:
        questions: annotated questions; their English passages that have a title are used.
        count: how many to make at most.
        split: text to sentence spans, shape (sentences, 2).
        seed: of all random choices.

    Returns:
        Questions of source `composed`, with evidence spans; fewer than `count` where passages that are
        drawn do not fit together, and none where there is no link or are fewer than three lives.
    """
    passages = list({(p.title, p.text): p for q in questions for p in q.positives + q.negatives if p.title}.values())
    workshop = _Workshop(passages, split, random.Random(seed))
    makers = (
        [workshop.chain] * 11
        + [workshop.compare_lives] * 3
        + [workshop.compare_films] * 3
        + [workshop.compare_directors] * 3
    )
    made = []
    for i in range(count if len(workshop.lives) > 2 and workshop.links else 0):
        found = workshop.rng.choice(makers)()
        if found is not None:
            text, positives, negatives = found
            made.append(Question(f"{SOURCE}-{seed}-{i}", text, SOURCE, "en", positives, negatives))
    return made


Made = tuple[str, list[Passage], list[Passage]]


class _Workshop:
    def __init__(self, passages: Sequence[Passage], split: Splitter, rng: random.Random) -> None:
        self.split, self.rng = split, rng
        self.lives = [
            _Life(m.group(1).strip(), p) for p in passages if (m := LIFE.match(p.text)) and _personal(m.group(1))
        ]
        about_people = {life.passage.text for life in self.lives}
        self.films = [p for p in passages if FILM_YEAR.search(p.text[:200]) and p.text not in about_people]
        self.links = [link for p in passages for link in self._links_of(p, p.text in about_people)]
        self.directed = [link for link in self.links if link.kind == "film" and "direct" in link.phrases[0]]

    def _links_of(self, passage: Passage, life: bool) -> list[_Link]:
        found = []
        for kind, pattern, phrases in LINKS:
            if (kind == "life") != life or (kind == "film" and "film" not in passage.text[:300]):
                continue
            match = pattern.search(passage.text)
            if match and bare_title(passage.title) not in match.group(1):
                found.append(
                    _Link(passage, match.group(1), phrases, self._sentence(passage.text, match.start(1)), kind)
                )
        return found

    def _sentence(self, text: str, at: int) -> Span:
        spans = self.split(text)
        row = int(np.searchsorted(spans[:, 0], at, side="right")) - 1
        return int(spans[row, 0]), int(spans[row, 1])

    def chain(self) -> Made | None:
        """A fact of a subject that another passage relates to the one the question names."""
        link = self.rng.choice(self.links)
        life = self.rng.choice(self.lives)
        second = _renamed(life, link.name)
        facts = [(m, asked) for pattern, asked in FACTS if (m := pattern.search(second.text))]
        if link.passage.text == life.passage.text or not facts:
            return None
        match, asked = self.rng.choice(facts)
        subject = self.rng.choice(link.phrases).format(self._called(link.passage.title))
        text = self.rng.choice(asked).format(subject)
        positives = [
            _needed(link.passage, [link.sentence]),
            _needed(second, [self._sentence(second.text, match.end() - 1)], [_to_word_end(second.text, match.span())]),
        ]
        return text[0].upper() + text[1:], positives, self._distractors(positives, link)

    def compare_lives(self) -> Made | None:
        """Two persons by their first sentences."""
        return self._compare(OF_LIVES, [life.passage for life in self.rng.sample(self.lives, 2)])

    def compare_films(self) -> Made | None:
        """Two films by their first sentences."""
        return self._compare(OF_FILMS, self.rng.sample(self.films, 2)) if len(self.films) > 2 else None

    def compare_directors(self) -> Made | None:
        """Two films by the lives of their directors: four passages."""
        if len(self.directed) < 2:
            return None
        links = self.rng.sample(self.directed, 2)
        if links[0].name == links[1].name:
            return None
        lives = [_renamed(life, link.name) for life, link in zip(self.rng.sample(self.lives, 2), links, strict=True)]
        text = self.rng.choice(OF_DIRECTORS).format(*(self._called(link.passage.title) for link in links))
        positives = [_needed(link.passage, [link.sentence]) for link in links]
        positives += [_needed(life, [self._sentence(life.text, 0)]) for life in lives]
        return text, positives, self._distractors(positives, links[0])

    def _compare(self, questions: Sequence[str], passages: list[Passage]) -> Made | None:
        if len({p.title for p in passages}) < 2:
            return None
        text = self.rng.choice(questions).format(*(self._called(p.title) for p in passages))
        positives = [_needed(p, [self._sentence(p.text, 0)]) for p in passages]
        return text, positives, self._distractors(positives, None)

    def _distractors(self, positives: list[Passage], link: _Link | None) -> list[Passage]:
        """Passages of the same kinds, one of them a life that was renamed to someone who is not asked for."""
        rng = self.rng
        pool = [life.passage for life in rng.sample(self.lives, 3)] + rng.sample(self.films, min(2, len(self.films)))
        if link is not None:
            others = [other for other in rng.sample(self.links, min(8, len(self.links))) if other.name != link.name]
            pool += [other.passage for other in others[:2]]
            if others:
                pool.append(_renamed(rng.choice(self.lives), others[0].name))
        taken = {bare_title(p.title) for p in positives}
        unique = {p.text: p for p in pool if bare_title(p.title) not in taken}
        return [Passage(p.title, p.text, (), (), False) for p in unique.values()]

    def _called(self, title: str) -> str:
        """The title as people write it: often with other capitals, seldom with what stands in parentheses."""
        name = title if self.rng.random() < 0.5 else bare_title(title)
        return name.title() if self.rng.random() < 0.4 else name.lower() if self.rng.random() < 0.1 else name


def _personal(name: str) -> bool:
    words = name.split()
    return (
        2 <= len(words) <= 5 and words[0] not in ("The", "A", "An") and all(w[0].isupper() or len(w) < 4 for w in words)
    )


def _renamed(life: _Life, name: str) -> Passage:
    """The passage with its person called `name`; first and last names that stand alone change too."""
    old, new = life.name.split(), name.split()
    text = life.passage.text
    called = bare_title(life.passage.title)
    for before, after in ((life.name, name), (called, name), (old[-1], new[-1]), (old[0], new[0])):
        if len(before) > 2:
            text = re.sub(rf"\b{re.escape(before)}\b", after.replace("\\", r"\\"), text)
    return Passage(name, text, (), (), True)


def _needed(passage: Passage, evidence: list[Span], answers: Sequence[Span] = ()) -> Passage:
    return Passage(passage.title, passage.text, tuple(answers), tuple(evidence), True)


def _to_word_end(text: str, span: Span) -> Span:
    """The patterns of facts often end with the first letter of what they find."""
    end = span[1]
    while end < len(text) and text[end].isalnum():
        end += 1
    return span[0], end
