"""Where sentences may be cut."""

from __future__ import annotations

from itertools import pairwise

from boildown.text.clauses import clause_ends
from boildown.text.protected import PROTECTED_KINDS, find_protected


def parts(text: str, protect: bool = False) -> list[str]:
    spans = find_protected(text, PROTECTED_KINDS) if protect else []
    edges = [0, *clause_ends(text, spans), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def test_punctuation_and_parentheses_end_clauses() -> None:
    text = "The harbour was rebuilt in 1931, after the great storm (the third of that year) had sunk it; nobody spoke."
    assert parts(text) == [
        "The harbour was rebuilt in 1931, ",
        "after the great storm ",
        "(the third of that year) ",
        "had sunk it; nobody spoke.",
    ]


def test_a_part_of_few_letters_is_none() -> None:
    assert parts("Well, it was rebuilt, too.") == ["Well, it was rebuilt, too."]
    assert parts("") == [""]


def test_chinese_needs_fewer_characters() -> None:
    text = "港口在一九三一年重建\uff0c工程师来自鹿特丹\uff0c工作持续了很多年。"
    assert parts(text) == ["港口在一九三一年重建\uff0c", "工程师来自鹿特丹\uff0c", "工作持续了很多年。"]


def test_spans_that_are_whole_are_not_cut() -> None:
    text = 'The keeper moved in on Tuesday, May 5, 1931 and called it "a house, a home, a castle" in all his letters.'
    assert len(parts(text)) > 1
    assert parts(text, protect=True)[-1].endswith(
        'May 5, 1931 and called it "a house, a home, a castle" in all his letters.'
    )
