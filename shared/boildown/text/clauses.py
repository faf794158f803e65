"""Where a sentence may be cut in two and both parts still read well."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from boildown.text.names import opening_name
from boildown.text.speakers import SPEAKER
from boildown.text.wrapping import UNSPACED
from boildown.types import Span

__all__ = ["CLAUSE_END", "asides", "behind_name", "clause_ends", "continues", "ends_with_its_verb"]

# White space after a line end is the indentation of the next line, and goes with it.
_SPACE = r"(?:\s*\n|[^\S\n]+)"
CLAUSE_END = (
    # With a space after it: without one, a comma or a colon may stand inside a number, a time or a name.
    rf"(?:[,;:)\]–—]|\s-){_SPACE}"
    # Chinese and Japanese, Arabic and Urdu, Myanmar, Ethiopic, which may do without the space.
    rf"|[，；：、､،؛၊፣፤፥]{_SPACE}?"
    # White space is looked at from its beginning only, since a run of it may be as long as the text.
    r"|(?<!\s)(?:\s*\n(?=[^\S\n]*\()|[^\S\n]+(?=\())"
)
"""An expression for what ends a clause, white space after it included."""

_CLAUSE_END = re.compile(CLAUSE_END)
# What they join may be dropped, so a clause begins with them and never ends.
_JOINS = (
    "(?:and|or|but|nor|that|because|und|oder|aber|dass|weil|et|ou|mais|que|y|e|o|pero|ma|che|en|of|и|или|но|что|ve)"
)
_CONJUNCTION = re.compile(rf"(?<=\s){_JOINS}\Z", re.IGNORECASE)
_JOINED = re.compile(rf"{_JOINS}\s", re.IGNORECASE)
_LONGEST_CONJUNCTION = 8
_BRACKET = r"\((?:[^()\n]|\([^()\n]*\)){0,200}\)"
_GOES_ON = r"[^\s,;:.!?–—-]"
_ASIDE = re.compile(rf"(?<=\s){_BRACKET}\s+(?={_GOES_ON})|(?<=\w){_BRACKET}(?=\s+{_GOES_ON})")
"""A bracket after which its clause goes on, and the white space that goes with it."""
_NAMED = re.compile(rf"[\"”»*_]{{0,3}}\s*{_BRACKET}\s*")
_YEAR = re.compile(r"\b\d{3,4}\b")
_IS_A = re.compile(r"(?:is|was|est|était|ist|war|es|era|fue|è|é|foi)\b")
_CONTINUED = re.compile(
    r"\s*(?:[(\[（]|(?:that|which|who|whom|whose|where|including|such as|welche[rsmn]?|qui|que|dont|où|cuy[oa]s?|quien"
    r"|donde|che|cui)\b"
    # Why, or with what result.
    r"|(?:(?:mainly|largely|mostly|partly|primarily|chiefly|probably|just|simply|not least|vor allem|hauptsächlich"
    r"|notamment|surtout|principalmente|sobre todo|soprattutto|vooral) )?"
    r"(?:because|since|due to|owing to|thanks to|so that|causing|resulting in|leading to|leaving|making|meaning"
    r"|weil|da|wegen|aufgrund|dank|damit|sodass|so dass|parce que|car|puisque|en raison|grâce|à cause|afin"
    r"|porque|ya que|debido|gracias|para que|perché|poiché|grazie|a causa|omdat|doordat|wegens|dankzij|zodat"
    r"|ponieważ|gdyż|dzięki|потому|так как|поскольку|из-за|благодаря|тому що|оскільки|завдяки)\b)",
    re.IGNORECASE,
)
# "Paris, Texas," is one place, and "Smith, Jr." one person.
_NAME = re.compile(r"\w[\w'’-]*\Z")
_REST_OF_NAME = re.compile(r"\w[\w'’-]*(?: (\w)[\w'’-]*)?[,.;)]")
_LONGEST_NAME = 40
_DASHES = ("-", "–", "—")
_KANA_HANGUL = re.compile(r"[\u3041-\u30fa\uac00-\ud7a3]")
_SHARE = 0.2
"""Of such letters; Japanese has twice as many, Korean more, and a name in an English text makes none Japanese."""
_LEAST = 15
"""Letters of a part worth standing alone, two or three words; a Chinese, Japanese or Korean character is two."""


def clause_ends(text: str, whole: Sequence[Span] = ()) -> list[int]:
    """Places, in characters, where a sentence may be cut; ascending, neither its beginning nor its end.

    Of "readings and, if there are more, a link" the places are before "and" and before "a".

    Args:
        text: one sentence.
        whole: spans in it that must not be cut, ascending and without overlap.
    """
    starts = [span.start for span in whole]
    speaker = SPEAKER.match(text)
    spoken = speaker.end() if speaker else 0
    named = behind_name(text)
    ends = []
    last = clause = opened = 0  # where the part at hand begins, and the clause, which is outside of brackets
    for match in _CLAUSE_END.finditer(text):
        begin, end = match.span()
        conjunction = _CONJUNCTION.search(text, max(last, begin - _LONGEST_CONJUNCTION), begin)
        if conjunction:
            end = conjunction.start()
        inside = bisect_right(starts, end - 1) - 1
        if end <= spoken:
            continue  # a time and a name say nothing by themselves
        if (inside >= 0 and whole[inside].end > end) or _inside_name(text, begin, end) or _is_mark(text, last, match):
            continue
        begins = not clause or _JOINED.match(text, clause) is not None  # with a subject
        if begins and end > named and (text[begin] in ")]" or _ASIDE.match(text, end)):
            continue  # the clause goes on, and its verb may be yet to come
        if _is_long(text, last, end) and _is_long(text, end, len(text)):
            ends.append(end)
            opened += text.count("(", last, end) - text.count(")", last, end)
            clause = clause if opened > 0 else end
            last = end
    return ends


def asides(text: str, end: int, whole: Sequence[Span] = ()) -> list[Span]:
    """Brackets that may be left out of the clause that goes on after them, each with the white space that goes with it.

    Args:
        text: one sentence.
        end: of the clause at its beginning, in characters.
        whole: spans in it that must not be cut, ascending and without overlap.
    """
    found = [Span(*match.span()) for match in _ASIDE.finditer(text, behind_name(text), end)]
    return [
        span
        for span in found
        if _is_long(text, span.start, span.end)
        and not any(one.start < place < one.end for one in whole for place in (span.start, span.end))
    ]


def behind_name(text: str) -> int:
    """Where what follows a bracket begins that stands right behind the name that the sentence opens with, or 0.

    "Ada Lovelace" and "Ada Lovelace (1815-1852)" say of whom it is told, as no "Patients (from the age of 70)" does.
    It is a name if years stand in the bracket, or it is then said what that is.
    """
    name = opening_name(text)
    place = text.find(name) if name else -1
    bracket = _NAMED.match(text, place + len(name)) if place >= 0 else None
    if bracket is None or not (_YEAR.search(bracket[0]) or _IS_A.match(text, bracket.end())):
        return 0
    return bracket.end()


def continues(text: str, place: int) -> bool:
    """Whether the clause that begins there speaks of the one right before it: a bracket, which one, or why."""
    return _CONTINUED.match(text, place) is not None


def ends_with_its_verb(text: str) -> bool:
    """Whether a sentence is Japanese or Korean: before its end nothing is said yet, and that may be "not"."""
    return len(_KANA_HANGUL.findall(text)) > _SHARE * len(text)


def _inside_name(text: str, comma: int, end: int) -> bool:
    """Whether a comma parts two names of which the second is short and ends the phrase."""
    if text[comma] != "," or not text[end : end + 1].isupper():
        return False
    before = _NAME.search(text, max(0, comma - _LONGEST_NAME), comma)
    after = _REST_OF_NAME.match(text, end, end + 2 * _LONGEST_NAME)
    return bool(before and before[0][0].isupper() and after and (after[1] is None or after[1].isupper()))


def _is_mark(text: str, last: int, match: re.Match[str]) -> bool:
    """Whether a dash begins its line, as the mark of a list's item does."""
    dash = match[0].strip()
    return dash in _DASHES and not text[max(last, text.rfind("\n", last, match.start() + 1)) : match.start()].strip()


def _is_long(text: str, start: int, end: int) -> bool:
    return end - start >= _LEAST or end - start + len(UNSPACED.findall(text, start, end)) >= _LEAST
