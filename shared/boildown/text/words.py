"""Words by offsets, lossless, and the terms that lexical matching compares."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from boildown.text.function_words import FUNCTION_WORDS
from boildown.text.scripts import HAN_KANA, SOUTH_EAST_ASIAN, WITHOUT_SPACES

_OPENING = r"(\[{“‘«‹„¿¡「『《〈【（［｛〔〖"
_KATAKANA = "\u30a1-\u30ff\u31f0-\u31ff\uff66-\uff9f"
# Punctuation that closes what stands before it; signs such as $ or # belong to what follows.
_CLOSING = rf"[^\w\s{_OPENING}$€£¥#@+\-~<\\/\u2190-\u2bff\U0001f000-\U0001faff]"
# Thai and Lao write some vowels before their consonant; the others follow it, as do all marks. Khmer and Myanmar
# stack consonants after a sign (coeng, virama).
_LEADING = "\u0e40-\u0e44\u0ec0-\u0ec4"
_DEPENDENT = (
    "\u0e30-\u0e3a\u0e45-\u0e4e\u0eb0-\u0ebd\u0ec6-\u0ece\u102b-\u103e\u1056-\u1059\u17b4-\u17d3\u17dd\u200c\u200d"
)
_SYLLABLE = (
    rf"(?:[{_LEADING}]+(?:[{SOUTH_EAST_ASIAN}]|(?![{SOUTH_EAST_ASIAN}]))|[{SOUTH_EAST_ASIAN}])"
    rf"(?:[{_DEPENDENT}]|(?<=[\u1039\u17d2])[{SOUTH_EAST_ASIAN}])*"
)
_WORD = re.compile(
    rf"[{_OPENING}]*"
    rf"(?:(?:[{_KATAKANA}]+"
    rf"|[{HAN_KANA}]"
    rf"|{_SYLLABLE}"
    rf"|[^\s{WITHOUT_SPACES}\u3001-\u3004\u3008-\u3020\uff01-\uff0f\uff1a-\uff20]+)"
    rf"{_CLOSING}*)?"
    # A dash or an ampersand that stands alone goes with the word before it, but not across a line end,
    # where it would be the bullet of a list.
    rf"(?:[^\S\n]+{_CLOSING}+(?=\s|$))*"
    r"\s*"
)
_LEADING_SPACE = re.compile(r"\s*")


def split_words(text: str) -> NDArray[np.int64]:
    """Split a text into words.

    Between spaces, a Han or kana character is a word, and so is a run of katakana, of Latin letters and digits, or an
    orthographic syllable of Thai, Lao, Khmer and Myanmar. Closing punctuation and white space belong to the
    word before, opening brackets and quotes to the word after; leading white space belongs to the first word.
    Grapheme clusters, emoji sequences included, are never torn.

    Returns:
        Character offsets of shape ``(n, 2)``, ``[start, end)``; they cover the text in order without a gap.
    """
    if not text:
        return np.zeros((0, 2), dtype=np.int64)
    blank = _LEADING_SPACE.match(text)
    start = blank.end() if blank else 0
    ends = [match.end() for match in _WORD.finditer(text, start)]
    spans = np.empty((len(ends), 2), dtype=np.int64)
    spans[:, 1] = ends
    spans[0, 0] = 0
    spans[1:, 0] = ends[:-1]
    return spans[spans[:, 1] > spans[:, 0]]


# Letters, digits and the marks that belong to them; "\w" alone tears Indic and pointed Arabic or Hebrew words.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963"
    "\u0981-\u0983\u09bc-\u09e3\u0a01-\u0a75\u0a81-\u0ae3\u0b01-\u0b63\u0b82-\u0bcd\u0c00-\u0c63\u0c81-\u0ce3"
    "\u0d00-\u0d63\u0dca-\u0ddf\u0f18-\u0f3f\u0f71-\u0fbc\u1dc0-\u1dff\u200c\u200d\u20d0-\u20f0\ufe20-\ufe2f"
)
_TERM = re.compile(rf"[\w{_MARKS}{SOUTH_EAST_ASIAN}]+")
# Korean has spaces, but puts particles to its nouns and joins them: 연차는, 연차휴가.
_UNSPACED = re.compile(rf"[{SOUTH_EAST_ASIAN}]+|([{HAN_KANA}\uac00-\ud7a3]+)")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_STEM = 5
_DIGIT = re.compile(r"\d")
# Arabic and Hebrew put letters before a root and between its own as well: مكتبة، كتابها, ספר, הספרים.
_AROUND_ROOTS = re.compile("[\u05d0-\u05ea\u0620-\u064a\u066e-\u06d3]")
_ROOT = 3


def terms(text: str) -> list[str]:
    """The terms of a text for lexical matching, in order.

    Words are compatibility-normalised (NFKC) and case-folded, digits are ASCII, and accents, points of Arabic and
    Hebrew, the Arabic article and a plural s are dropped. Function words are left out unless there are no others.
    Korean and scripts without spaces between words give runs of characters: pairs, and of Thai, Lao, Khmer and Myanmar,
    which write a syllable with several, runs of three.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("İ", "i")  # else casefolding leaves a dot as a mark
    words: list[str] = _TERM.findall(text.casefold())
    if not text.isascii() and _UNSPACED.search(text):
        words = [part for word in words for part in _runs(word)]
    return [folded for word in words if (folded := _fold(word))] or words


def stems(words: Sequence[str]) -> list[str]:
    """What of each word stays the same under inflection, without a stemmer for every language: its beginning.

    Of Arabic and Hebrew words it is every three letters in a row (McNamee and Mayfield 2004, Character n-gram
    tokenization), and of Chinese ones their characters too, since many have a short form: 北京大学, 北大. Numbers and
    codes have no endings: of an order's number the last digits matter most.
    """
    # Most words are letters alone, which is seen sooner than that no digit is among them.
    beginnings = [word[:_STEM] if word.isalpha() or not _DIGIT.search(word) else word for word in words]
    if all(map(str.isascii, beginnings)):
        return beginnings
    found: list[str] = []
    before = ""
    for word, beginning in zip(words, beginnings, strict=True):
        if _AROUND_ROOTS.match(word):
            found.extend(_grams(word, _ROOT))
        else:
            found.append(beginning)
            if len(word) == 2:
                # Pairs overlap, so that the first character of one is mostly the last one of the pair before.
                fresh = word[1:] if before.endswith(word[0]) else word
                found.extend(one for one in _HAN.findall(fresh) if one not in FUNCTION_WORDS)
        before = word
    return found


def _runs(word: str) -> list[str]:
    """The word, in runs of characters where its script has no spaces."""
    found: list[str] = []
    at = 0
    for run in _UNSPACED.finditer(word):
        start, end = run.span()
        if at < start:
            found.append(word[at:start])
        found.extend(_grams(run[0], 2 if run[1] else 3))
        at = end
    if at < len(word):
        found.append(word[at:])
    return found


def _grams(text: str, size: int) -> list[str]:
    """Every `size` characters in a row; the whole text if it is shorter."""
    return [text[i : i + size] for i in range(len(text) - size + 1)] or [text]


_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7]")
_PLAIN_LETTERS = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th"})
_ARABIC_POINTS = re.compile("[\u0640\u064b-\u0652\u0670]")
_ARABIC_LETTERS = str.maketrans("أإآىةیک", "ااايهيك")
"""Letters that are written in two ways, the last two in Persian and Urdu."""
_ARABIC_ARTICLE = re.compile("^(?:[وفبك]?ال|لل)(?=...)")


@lru_cache(maxsize=1 << 16)
def _fold(word: str) -> str:
    """The form to compare of a case-folded word; empty for a function word."""
    if word in FUNCTION_WORDS:
        return ""
    if not word.isascii():
        word = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), word)
        if "\u0620" <= word[0] <= "\u06d3":
            word = _ARABIC_POINTS.sub("", word).translate(_ARABIC_LETTERS)
            return "" if word in FUNCTION_WORDS else _ARABIC_ARTICLE.sub("", word, count=1)
        # Accents are often left out of questions, and of capitals.
        plain = _ACCENTS.sub("", unicodedata.normalize("NFD", word)).translate(_PLAIN_LETTERS)
        word = unicodedata.normalize("NFC", plain) or word
    if not word.isascii() or len(word) < 4 or word[-1] != "s" or word[-2] in "sui":
        return word
    return word[:-3] + "y" if len(word) > 4 and word.endswith("ies") else word[:-1]
