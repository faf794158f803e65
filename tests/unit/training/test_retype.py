"""Questions as people type them."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from boildown.training.retype import retype

QUESTION = "Which engineer designed the lighthouse of Hestan?"


def forms(question: str) -> list[str]:
    return [retype(question, random.Random(seed)) for seed in range(400)]


def test_all_forms_come_about() -> None:
    made = forms(QUESTION)
    kinds = Counter(
        "around" if QUESTION[1:] in form else "keywords" if len(form.split()) == 4 else "misspelled" for form in made
    )
    assert all(kinds[kind] > 40 for kind in ("around", "keywords", "misspelled"))
    assert {"engineer designed lighthouse Hestan", "engineer designed lighthouse hestan"} <= set(made)


def test_a_slip_changes_up_to_three_words_by_a_letter_and_keeps_their_first() -> None:
    for form in forms(QUESTION):
        words, typed = QUESTION.split(), form.split()
        if len(typed) == len(words) and typed[0] == words[0]:
            changed = [(a, b) for a, b in zip(words, typed, strict=True) if a != b]
            assert len(changed) <= 3
            assert all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in changed)


def test_the_same_seed_gives_the_same_form() -> None:
    assert forms(QUESTION) == forms(QUESTION)


@pytest.mark.parametrize("question", ["", "?", "a", "who is it", "1815", "条约是什么时候签署的"])
def test_what_offers_nothing_to_change_keeps_its_words(question: str) -> None:
    for form in forms(question):
        assert question.strip() in form or question[1:] in form or set(form.split()) <= set(question.split())
