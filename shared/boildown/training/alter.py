"""Alters questions so that a passage on their topic no longer answers them.

A passage that merely fails to hold an answer looks different from one that does: it is about something else. Readers
tell the two apart by topic and go wrong where the topic fits. SQuAD 2.0 (Rajpurkar et al. 2018, table 2) has people
write such questions; three of their kinds can be made by rule: another entity, another number, an antonym. Negation
could be too, but a model would learn that questions with a "not" have no answer, and people who look for help ask them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

from .data import Passage, Question

__all__ = ["SOURCE", "alter"]

SOURCE = "altered"
"""The source that altered questions carry, for weights and the model card."""

_NAME = re.compile(r"(?<![A-Z])[A-Z][\w'’-]*[a-z][\w’-]*(?: (?:of |the |de |von )?[A-Z][\w’-]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;\n\"“”(])\W*$")
_NUMBER = re.compile(r"\b\d[\d,.]*\d\b|\b\d\b")
_ASKING = frozenset(
    re.findall(
        r"\w+",
        """What Who Whom Whose Which When Where Why How In On At For From To By During After Before Of Under Is Are Was
        Were Did Do Does Has Have Had Can Could The A An If According Along Besides With As Through Name It He She They
        """,
    )
)
"""Words with a capital that begin questions and sentences, and are no names."""
_OPPOSITES = re.findall(
    r"(\w+)/(\w+)",
    """first/last largest/smallest biggest/smallest highest/lowest oldest/youngest most/least more/fewer
    before/after north/south northern/southern east/west eastern/western early/late increase/decrease
    increased/decreased higher/lower larger/smaller longer/shorter longest/shortest greater/lesser best/worst
    begin/end began/ended start/stop started/stopped won/lost win/lose buy/sell bought/sold born/buried
    father/mother son/daughter brother/sister husband/wife king/queen male/female man/woman men/women
    accept/reject accepted/rejected allow/forbid allowed/forbidden support/oppose supported/opposed
    minimum/maximum major/minor public/private inside/outside above/below ancient/modern old/new
    positive/negative common/rare legal/illegal like/dislike liked/disliked love/hate good/bad""",
)
_OTHER_WORD = dict(_OPPOSITES) | {b: a for a, b in _OPPOSITES}
_WORD = re.compile(r"[a-z]+")
Change = Callable[[str, Passage, random.Random], str]


def alter(questions: Iterable[Question], count: int, seed: int) -> list[Question]:
    """Makes questions that their own passages look as if they answered, and do not.

    Args:
        questions: English questions of which some have exactly one relevant passage with a marked answer.
        count: how many to make at most.
        seed: of all random choices.

    Returns:
        Questions of source `altered` without a relevant passage, all of another text than the one they come from;
        fewer than `count` where few can be altered.
    """
    rng = random.Random(seed)
    usable = [q for q in questions if len(q.positives) == 1 and q.positives[0].answers]
    rng.shuffle(usable)
    made: list[Question] = []
    for question in usable:
        if len(made) == count:
            break
        passage = question.positives[0]
        changes: list[Change] = [_other_name, _other_number, _opposite]
        rng.shuffle(changes)
        text = next((t for change in changes if (t := change(question.text, passage, rng))), "")
        if text and text.casefold() != question.text.casefold():
            passages = [Passage(passage.title, passage.text, (), (), False), *question.negatives[:1]]
            made.append(Question(f"{SOURCE}-{seed}-{len(made)}", text, SOURCE, question.lang, [], passages))
    return made


def _other_name(text: str, passage: Passage, rng: random.Random) -> str:
    """A name that question and passage share becomes another of the passage's, which the answer does not hold."""
    names = [m for m in _names(text) if m.group() in passage.text]
    answers = " ".join(passage.text[a:b] for a, b in passage.answers)
    # A first word has its capital from where it stands.
    inner = [m for m in _names(passage.text) if not _SENTENCE_START.search(passage.text[: m.start()][-4:])]
    others = sorted({m.group() for m in inner} - {m.group() for m in names})
    if not names:
        return ""
    place = rng.choice(names)
    others = [n for n in others if n not in text and n not in answers and n not in place.group()]
    others = [n for n in others if place.group() not in n]
    return _put(text, place.span(), rng.choice(others)) if others else ""


def _names(text: str) -> list[re.Match[str]]:
    return [m for m in _NAME.finditer(text) if m.group() not in _ASKING and m.group().split()[0] not in _ASKING]


def _other_number(text: str, passage: Passage, rng: random.Random) -> str:
    """A number becomes another one of the passage, or one nearby."""
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return ""
    place = rng.choice(numbers)
    others = sorted({m.group() for m in _NUMBER.finditer(passage.text) if len(m.group()) == len(place.group())})
    others = [n for n in others if n not in text]
    if place.group().isdigit():
        others.append(str(int(place.group()) + rng.choice((-10, -3, -1, 1, 2, 7, 10))))
    return _put(text, place.span(), rng.choice(others)) if others else ""


def _opposite(text: str, passage: Passage, rng: random.Random) -> str:
    places = [m for m in _WORD.finditer(text) if m.group() in _OTHER_WORD]
    if not places:
        return ""
    place = rng.choice(places)
    return _put(text, place.span(), _OTHER_WORD[place.group()])


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]
