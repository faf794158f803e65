"""What a text without a title is about: the name that it opens with, as articles and records do."""

from __future__ import annotations

import re

from boildown.text.function_words import FUNCTION_WORDS

__all__ = ["opening_name"]

_OPENING = 200
"""Characters that are looked at."""
_QUOTED = re.compile(r"[\"“«]([^\"“”«»\n]{2,80})[\"”»]")
_WORD = re.compile(r"[^\s()\[\],;:]+|\S")
_IS = frozenset(["is", "was", "are", "were", "est", "était", "ist", "war", "sind", "es", "era", "fue", "è", "é", "foi"])
"""What follows a name that is explained, in the languages in which it may be told by its capitals."""
_ALONE = FUNCTION_WORDS | {"i", "there", "here", "these", "those", "he", "she", "they", "we", "you", "if"}
_ARTICLES = ("the", "a", "an")
_JOINING = 3
"""Letters of the longest word without a capital inside of a name, such as "of" or "von"."""


def opening_name(text: str) -> str:
    """The name at the beginning of a text that goes on to explain it: "Ada Fell (born 1920)", "Ada Fell was"; or "".

    A name is a quoted title, or words with capitals or digits that short ones may join. A word that opens any sentence,
    such as "In" or "He", begins none.
    """
    text = text[:_OPENING].lstrip(" \t\r\n#*_>").partition("\n")[0]
    quoted = _QUOTED.match(text)
    if quoted:
        after = _WORD.search(text, quoted.end())
        return quoted[1].strip() if after and _explains(after[0]) else ""
    name: list[str] = []
    joining: list[str] = []
    for word in _WORD.findall(text):
        if _explains(word):
            return "" if joining or _opens_any(name, word) else " ".join(name)
        if word[:1].isupper() or word[:1].isdigit():
            name += [*joining, word]
            joining = []
        elif name and word.isalpha() and len(word) <= _JOINING:
            joining.append(word)
        else:
            break
    return ""


def _explains(word: str) -> bool:
    return word in ("(", "[", ",") or word in _IS


def _opens_any(name: list[str], explained_by: str) -> bool:
    """Whether any text may begin so: "In 1885," or "Typically," or "There are", or "NOTICE (" above a text."""
    if not name:
        return True
    first = name[0].lower()
    if explained_by not in _IS and " ".join(name).isupper():
        return True
    if len(name) < 2:
        return explained_by == "," or first in _ALONE
    return first in FUNCTION_WORDS and first not in _ARTICLES
