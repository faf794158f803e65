"""Whether a text is English, told by its commonest words."""

from __future__ import annotations

import re

from boildown.text.function_words import FOREIGN_WORDS

__all__ = ["is_english"]

_ENGLISH = frozenset(
    ("the", "of", "and", "to", "is", "was", "for", "that", "with", "what", "who", "when", "where", "which", "how")
)
# Languages that matching knows no words of. Words that English or code has as well say nothing here.
_MORE = (
    # Dutch, Danish, Norwegian, Swedish, Finnish
    "het een zijn niet voor ook naar hij maar af er og ikke jeg det som av och att inte är var ja oli että ovat joka "
    # Polish, Czech, Croatian, Hungarian
    "się nie jest przez oraz że je ze jsou který bylo nije koji su sam az egy és hogy nem "
    # Indonesian and Malay, Tagalog, Swahili
    "yang dan pada ini itu dari dengan untuk dalam tidak adalah sekarang ng mga ang sa ay ya wa na kwa ni katika "
)
_FOREIGN = frozenset(word for word in {*FOREIGN_WORDS, *_MORE.split()} if len(word) > 1)
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 5000
_SHARE = 0.05
"""Running text of a language has two to six times this share of its words here, and of another's hardly any."""


def is_english(text: str) -> bool:
    """False if the first thousands of characters have the words or the letters of another language.

    Tables, lists and code have few function words, so that they are taken for English unless something speaks
    against it.
    """
    words = _WORD.findall(text[:_SAMPLE].casefold())
    english = [word for word in words if word in _ENGLISH]
    foreign = [word for word in words if word in _FOREIGN]
    least = _SHARE * len(words)
    # Different ones are compared, since a list may hold one name many times: Los Angeles Rams, Los Angeles Lakers.
    if len(foreign) >= least and len(set(foreign)) > len(set(english)):
        return False
    letters = "".join(words)
    return len(english) >= least or sum(map(str.isascii, letters)) >= (1 - _SHARE) * len(letters)
