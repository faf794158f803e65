"""Writes questions as people type them: with slips of the finger, as keywords, amid greetings and instructions.

Annotators write one careful sentence. A model that has read only such ones loses its way in what users and agents send
instead. What a question asks stays the same, so its labels do.
"""

from __future__ import annotations

import random
import re

from boildown.text.function_words import FUNCTION_WORDS

__all__ = ["retype"]

_WORD = re.compile(r"\b[A-Za-z]{4,}\b")
_TOKEN = re.compile(r"\w+(?:[.,'’:/&-]\w+)*")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_BESIDE = {key: row[max(0, at - 1) : at] + row[at + 1 : at + 2] for row in _ROWS for at, key in enumerate(row)}
_OPENINGS = (
    "Hi!", "Hello everyone,", "Hi all, hope you are doing well.", "Good morning.", "Dear support team,",
    "Quick question:", "Question:", "I have a question.", "Sorry if this was asked before.", "Query:",
    "My colleague and I were talking about this and could not agree.", "I looked it up but did not find anything.",
    "I am new here.", "I need this for a report.", "You are a helpful assistant.", "Read the documents below.",
    "Answer the following question using only the given context.", "Answer the question from the search results.",
    "Use the retrieved passages to answer.", "The user asks:", "This came up in a meeting today.",
)  # fmt: skip
_LEADS = (
    "Can you tell me", "Could you please tell me", "Please tell me", "Does anyone know", "Do you know",
    "I was wondering", "I would like to know", "I want to find out", "Please explain", "Any idea",
    "We need to know", "Find out", "Based on the documents,", "According to the documents,",
)  # fmt: skip
_CLOSINGS = (
    "Thanks!", "Thank you in advance.", "Any help is appreciated.", "Please answer briefly.", "Answer:",
    "If you do not know, say so.", "Give a short answer.", "Cite your sources.", "Thanks a lot for any help!",
    "Explain your answer.", "Do not make anything up.", "Please help.", "Best regards",
)  # fmt: skip


def retype(question: str, rng: random.Random) -> str:
    """The question in another form; the same question where it offers nothing to change.

    Args:
        question: an English question; in other languages only slips and greetings are safe, keywords may lose words.
        rng: all random choices come from it.

    Returns:
        The question with one to three misspelled words, as its words without function words, or with an opening, a
        lead or a closing around it; keywords and greetings may have slips as well. The question mark may go.
    """
    form = rng.choices((_misspell, _keywords, _surround), (0.4, 0.25, 0.35))[0]
    changed = form(question.strip(), rng)
    if form is not _misspell and rng.random() < 0.2:
        changed = _misspell(changed, rng)
    return changed or question


def _misspell(text: str, rng: random.Random) -> str:
    words = list(_WORD.finditer(text))
    for match in sorted(rng.sample(words, min(len(words), rng.choice((1, 1, 2, 3)))), key=lambda m: -m.start()):
        text = text[: match.start()] + _slip(match.group(), rng) + text[match.end() :]
    return text


def _slip(word: str, rng: random.Random) -> str:
    """One letter too few or too many, two in the wrong order, or the key beside the right one; the first one stays."""
    at = rng.randrange(1, len(word) - 1)
    before, letter, after = word[:at], word[at], word[at + 1 :]
    return rng.choice(
        (
            before + after,
            before + letter + letter + after,
            before + after[0] + letter + after[1:],
            before + rng.choice(_BESIDE.get(letter, letter)) + after,
        )
    )


def _keywords(text: str, rng: random.Random) -> str:
    words = " ".join(w for w in _TOKEN.findall(text) if w.casefold() not in FUNCTION_WORDS)
    return words.lower() if rng.random() < 0.5 else words


def _surround(text: str, rng: random.Random) -> str:
    opening = rng.sample(_OPENINGS, rng.choice((0, 1, 1, 2)))
    closing = rng.sample(_CLOSINGS, rng.choice((0, 0, 1, 2)))
    if rng.random() < 0.4 or not (opening or closing):
        text = f"{rng.choice(_LEADS)} {text[:1].lower()}{text[1:]}"
    return " ".join([*opening, text, *closing])
