"""The questions that a query asks, and what it says around them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from boildown.text.sentences import split_sentences
from boildown.text.words import terms

__all__ = ["asking_part", "split_questions"]

_ASKING = r"(?:who|whom|what|when|where|which|why|how)\b"
_BEFORE = r"(?:(?:in|at|on|for|from|to|by|with|of|since|until|under|during|about)\s+)?"
_ASKS = re.compile(_ASKING, re.IGNORECASE)
_ASKS_WHETHER = re.compile(
    r"\W*(?:do|does|did|is|are|was|were|can|could|may|must|should|will|would|has|have|had)\b", re.IGNORECASE
)
_BEGINS = re.compile(rf"\W*(?:and\s+)?{_BEFORE}{_ASKING}.*[^.!:;]$", re.IGNORECASE | re.DOTALL)
_AND = re.compile(rf",?\s+and\s+(?=(?:also\s+)?{_BEFORE}{_ASKING})", re.IGNORECASE)
_NEXT = re.compile(rf"(?<=[?？؟])\s+(?={_BEFORE}{_ASKING})", re.IGNORECASE)
_ENDS = re.compile(r"[?？؟][\s!\"'”’»)]*$")
_REFERS = re.compile(
    r"\b(?:it|its|he|she|his|her|hers|him|they|them|their|theirs|this|that|these|those|there|one|ones|same|then)\b"
    r"|^\W*if (?:so|not|yes|no)\b",
    re.IGNORECASE,
)
_SPECIFIC = re.compile(r"\d|[_/\\<>{}\[\]`\"“”«»]|(?<=[\w,;:)'’] )(?!I\b)[A-Z]|\w[A-Z]")
"""Names, numbers, codes and quotations: what documents may be about."""
_MOST = 4


def split_questions(query: str) -> list[str]:
    """The questions of a query, each with what it needs to be understood; a query that asks but one is one.

    Questions end with a question mark in any language; in English, they may begin with a question word instead, and
    "and" with one begins another. Sentences that ask nothing go before each question; if they are longer than all
    questions, these are about one matter, and stay together. A question that refers to what was said, by a pronoun or
    by having hardly a word of its own, has the questions before it behind it: a model looks above all for what comes
    first. So what is said around a single question goes behind it, unless it names anything: it greets or instructs.

    Returns:
        at most four; further ones are part of the last.
    """
    said: list[str] = []
    asked: list[str] = []
    for sentence, is_question in _sentences(query):
        if is_question:
            asked += _joined_by_and(sentence)
        else:
            said.append(sentence)
    if not asked:
        said, asked = [], _joined_by_and(" ".join(said))
    if len(asked) == 1 and said and not any(map(_SPECIFIC.search, said)):
        return [" ".join([*asked, *said])]
    if len(asked) < 2 or len(" ".join(said)) > len(" ".join(asked)):
        return [query]
    if len(asked) > _MOST:
        asked = [*asked[: _MOST - 1], " ".join(asked[_MOST - 1 :])]
    return [" ".join([*said, question, *_referred(asked, i)]) for i, question in enumerate(asked)]


def asking_part(query: str) -> str:
    """Those sentences of a query that ask; all of it where none does, or each."""
    sentences = _sentences(query)
    asking = [sentence for sentence, is_question in sentences if is_question]
    return " ".join(asking) if 0 < len(asking) < len(sentences) else query


def _sentences(query: str) -> list[tuple[str, bool]]:
    """Sentences, and whether each ends with a question mark or begins as a question does."""
    whole = [" ".join(query[start:end].split()) for start, end in split_sentences(query).tolist()]
    found = [sentence for one in whole for sentence in _NEXT.split(one) if any(map(str.isalnum, sentence))]
    return [(sentence, bool(_ENDS.search(sentence) or _BEGINS.match(sentence))) for sentence in found]


def _joined_by_and(sentence: str) -> list[str]:
    """The questions that "and" joins in one sentence."""
    parts = []
    start = 0
    for match in _AND.finditer(sentence):
        part = sentence[start : match.start()]
        if _ASKS.search(part) or _ASKS_WHETHER.match(part):
            parts.append(part)
            start = match.end()
    parts.append(sentence[start:])
    return [part if _ENDS.search(part) else f"{part}?" for part in parts]


def _referred(asked: Sequence[str], place: int) -> Sequence[str]:
    question = asked[place]
    return asked[:place] if _REFERS.search(question) or len(terms(question)) < 2 else ()
