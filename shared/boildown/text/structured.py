"""Structured prompts: `<llmlingua, rate=0.3, compress=True>...</llmlingua>` around parts of a text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from boildown.errors import InputError

__all__ = ["Section", "parse_tags"]

_TAG = re.compile(r"<llmlingua\b(?P<options>[^<>]*)>|(?P<close></llmlingua\s*>)")
_BROKEN = re.compile(r"<llmlingua\b|<\s*/\s*llmlingua\b|<\s+llmlingua\s*(?:>|,\s*\w+\s*=)")
"""What was meant as a tag and is none; "a < llmlingua" in a sentence is text."""
_OPTION = re.compile(r"\s*,\s*(\w+)\s*=\s*([^\s,]+)\s*")


@dataclass(frozen=True, slots=True)
class Section:
    """Characters `start` to `end` of a text without its tags. `rate` is the share to keep; None for the call's own.

    A section with `compress=False` is kept as it is, whatever its rate.
    """

    start: int
    end: int
    rate: float | None = None
    compress: bool = True


def parse_tags(text: str) -> tuple[str, list[Section]]:
    """Takes the tags out of a text.

    Text outside of any tag is a section like one without options. A tag that is not closed reaches to the end, and a
    closing tag before the first opening one closes a section from the start, so that contexts may be cut out of a
    longer tagged text. Sections may hold any text, "<" included, but no other section.

    Returns:
        the text without tags, and sections that cover it in order without a gap; empty ones are left out.

    Raises:
        InputError: a tag is malformed, nested, or closes nothing; the message says at which character.
    """
    plain: list[str] = []
    sections: list[Section] = []
    length = seen = 0
    inside: re.Match[str] | None = None
    options: tuple[float | None, bool] = (None, True)

    def close(end: int) -> None:
        nonlocal length
        part = text[seen:end]
        if part:
            sections.append(Section(length, length + len(part), *options))
            plain.append(part)
            length += len(part)

    for match in _TAG.finditer(text):
        at = match.start()
        if match["close"] is None:
            if inside is not None:
                raise InputError(
                    f"<llmlingua> at character {at} stands inside the one at character {inside.start()}, which is not "
                    "closed yet; these tags cannot be nested."
                )
            close(at)
            inside, options = match, _read_options(match)
        else:
            if inside is None and seen > 0:
                raise InputError(f"</llmlingua> at character {at} closes no tag.")
            close(at)
            inside, options = None, (None, True)
        seen = match.end()
    broken = _BROKEN.search(_TAG.sub(lambda m: " " * len(m[0]), text))
    if broken is not None:
        raise InputError(
            f"The tag at character {broken.start()} has no closing '>', or a space after its '<' or '/'. Write "
            "<llmlingua, rate=0.3> and </llmlingua>."
        )
    close(len(text))
    return "".join(plain), sections


def _read_options(match: re.Match[str]) -> tuple[float | None, bool]:
    rate: float | None = None
    compress = True
    written, place = match["options"], 0
    while place < len(written.rstrip()):
        option = _OPTION.match(written, place)
        if option is None:
            at = match.start("options") + place
            raise InputError(f"The tag at character {match.start()} cannot be read at character {at}: {written!r}.")
        place = option.end()
        name, value = option[1], option[2]
        where = f"at character {match.start('options') + option.start(1)}"
        if name == "rate":
            rate = _read_rate(value, where)
        elif name == "compress":
            if value not in ("True", "False", "true", "false"):
                raise InputError(f"compress={value} {where} must be True or False.")
            compress = value in ("True", "true")
        else:
            raise InputError(f"Unknown option {name!r} {where}; a <llmlingua> tag takes rate and compress.")
    return rate, compress


def _read_rate(value: str, where: str) -> float:
    try:
        rate = float(value)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise InputError(f"rate={value} {where} must be a number from 0 to 1: the share to keep.")
    return rate
