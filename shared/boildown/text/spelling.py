"""Slips of the finger in a query, put right by what the documents write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable

from boildown.text.words import terms

__all__ = ["respell"]

_LETTERS = "a-zA-Zà-öø-ÿÀ-ÖØ-ßĀ-ɏ"
_WORD = re.compile(rf"(?<![\w@#$/\\.:'’-])[{_LETTERS}]{{5,30}}(?![\w@/\\(=]|[.:'’-]\w)")
"""Plain words: no part of an address, a path or a compound, and nothing with a digit. Short words have too many
neighbours."""
_LETTER = re.compile(f"[{_LETTERS}]")
_MOST = 8
"""Words of a query that are looked at; one that has more is no question typed in a hurry."""


def respell(
    query: str, documents: Iterable[Iterable[str]], is_word: Callable[[str], bool]
) -> tuple[str, dict[str, str]]:
    """A query with the words that the documents spell by one letter more, less or other, or with two exchanged.

    A word that stands in the documents is right, and so is one of the dictionary: "married" is not "marred". The first
    letter has to be the same, since it is seldom mistyped (Kukich 1992). Of several spellings the most frequent one
    counts. Accents are no slips, and corrections have none.

    Args:
        query: what is asked.
        documents: terms of the documents, or of parts of them; read only if a word is in doubt.
        is_word: whether a dictionary has a word.

    Returns:
        the query as it was meant, and for each changed word, as it stood there, what it became.
    """
    doubtful = [word for word in dict.fromkeys(_WORD.findall(query)) if _in_one_case(word, query) and not is_word(word)]
    if not doubtful or len(doubtful) > _MOST:
        return query, {}
    counts = Counter(term for text in documents for term in text)
    unknown = [(word, term) for word in doubtful for term in terms(word) if term not in counts]
    letters = set(_LETTER.findall(" ".join(counts))) if unknown else set()
    meant = {}
    for word, term in unknown:
        found = [near for near in _one_edit(term, letters) if near in counts]
        if found:
            best = min(found, key=lambda near: (-counts[near], near))
            if word.casefold().startswith(term) and best[-1] == term[-1]:
                best += word[len(term) :]  # the plural's ending, which terms have not
            meant[word] = best.capitalize() if word[0].isupper() else best
    return _WORD.sub(lambda match: meant.get(match[0], match[0]), query), meant


def _in_one_case(word: str, query: str) -> bool:
    """Capitals inside of a word make it an identifier or an acronym, unless all is written so."""
    return word[1:].islower() or query.isupper()


def _one_edit(word: str, letters: Collection[str]) -> set[str]:
    """All strings at a distance of one edit (Damerau 1964) that begin with the same letter."""
    splits = [(word[:at], word[at:]) for at in range(1, len(word) + 1)]
    changed = {a + b[1:] for a, b in splits if b}
    changed |= {a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1}
    changed |= {a + letter + b[1:] for a, b in splits if b for letter in letters}
    changed |= {a + letter + b for a, b in splits for letter in letters}
    return changed - {word}
