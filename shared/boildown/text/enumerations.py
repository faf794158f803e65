"""Items of a list within a sentence, of which none says anything, or the same, without the one before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["listed"]

# Not the Dutch ones, which mean "in" in French and "of" in English, nor those of one letter that is a word elsewhere.
_AND = (
    r"(?:and|or|nor|as well as|und|oder|sowie|et|ou|ainsi que|y|e|ed|oppure|nonché|oraz|lub|и|или|а также|та|або|ve"
    r"|veya|dan|atau|và|hoặc)"
)
_FOR = (
    r"(?:after|at|before|by|during|for|from|in|of|on|to|under|with|auf|aus|bei|für|mit|nach|von|vor|zu|zum|zur"
    r"|à|aux?|avec|chez|dans|de|des|du|en|par|pour|sur|con|para|por|al|da|di|per|dla|na|od|w|z|в|для|до|из|на|от|с|у)"
)
_BEGINS_WITH_AND = re.compile(rf"{_AND}\s", re.IGNORECASE)
_AND_FOR = re.compile(rf"{_AND}\s+{_FOR}\s", re.IGNORECASE)
_BEGINS_WITH_FOR = re.compile(rf"{_FOR}\s", re.IGNORECASE)
_HOLDS_AND = re.compile(rf"[^,;:()]{{1,80}}\s{_AND}\s", re.IGNORECASE)
_COMMAS = (",", "،")
_LIST_COMMA = "、"


def listed(text: str, ends: Sequence[int]) -> set[int]:
    """The ends behind which stands an item that goes on a list, as "Paris and Rome" does after "or 190 in London,".

    By itself it would go on what stands before the list: "safe for adults, risky for infants, pregnant women and the
    old" is none for whom it is safe. What begins with "for" or "in" begins no list but goes on one after "and".

    Args:
        text: one sentence.
        ends: where its clauses end, in characters, without the last.
    """
    found: set[int] = set()
    open_: list[int] = []  # behind which stands what is in a list if that ends with an "and"
    for begin, end in pairwise([*ends, len(text)]):
        clause = text[begin:end].lstrip()
        mark = text[max(0, begin - 9) : begin].rstrip()[-1:]
        if mark == _LIST_COMMA or _AND_FOR.match(clause):
            found.add(begin)
        goes_on = mark in _COMMAS and begin != ends[0]
        closes = _BEGINS_WITH_AND.match(clause)
        if goes_on and not closes and not _BEGINS_WITH_FOR.match(clause):
            open_.append(begin)
            closes = _HOLDS_AND.match(clause)
        elif goes_on and closes and open_:
            open_.append(begin)
        else:
            open_ = []
        if closes:
            found.update(open_)
            open_ = []
    return found
