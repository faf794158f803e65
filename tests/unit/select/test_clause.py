"""The budget that whole sentences leave is filled with the beginning of the next one."""

from __future__ import annotations

import numpy as np
import pytest

from boildown.budget import Budget
from boildown.select.cut import Cut, cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores

LONG = "The harbour was rebuilt in 1931, after the great storm, by engineers who had come from Rotterdam for the work."
SHORT = "Fish is sold there."
COLD = "Winters are cold."


def words(text: str) -> int:
    return len(text.split())


def cut_sentences(texts: list[str], scores: list[float], budget: Budget, **plan: object) -> Cut:
    sources = Sources(texts, 1)
    assert len(sources.sentences) == len(scores)
    relevance = np.zeros(len(texts))
    return cut(sources, Scores(relevance=relevance, sentences=np.array(scores)), budget, Plan(**plan))  # type: ignore[arg-type]


def tokens(count: int) -> Budget:
    return Budget(tokens=count, counter=words)


def test_a_sentence_that_does_not_fit_gives_its_first_clause() -> None:
    result = cut_sentences([f"{LONG} {COLD}"], [0.9, 0.1], tokens(8))
    assert result.text == "The harbour was rebuilt in 1931,"
    (document,) = result.documents
    assert [(s.start, s.end) for s in document.spans] == [(0, 32)]


def test_as_many_clauses_as_fit() -> None:
    assert cut_sentences([f"{LONG} {COLD}"], [0.9, 0.1], tokens(10)).text.endswith("after the great storm,")


def test_the_better_sentence_goes_before_lesser_whole_ones_which_stay_where_they_fit() -> None:
    texts = [f"{SHORT} {LONG} {COLD}"]
    assert cut_sentences(texts, [0.9, 0.8, 0.1], tokens(11)).text == f"{SHORT} The harbour was rebuilt in 1931,"
    assert cut_sentences(texts, [0.9, 0.8, 0.1], tokens(13)).text == f"{SHORT} The harbour was rebuilt in 1931, {COLD}"


def test_sentences_that_are_worth_more_than_the_clause_are_not_displaced() -> None:
    texts = [f"{LONG} {SHORT} {COLD}"]
    assert cut_sentences(texts, [0.5, 0.45, 0.4], tokens(7)).text == f"{SHORT} {COLD}"
    assert cut_sentences(texts, [0.9, 0.1, 0.0], tokens(7)).text == "The harbour was rebuilt in 1931,"


def test_nothing_is_preferred_where_all_are_alike() -> None:
    result = cut_sentences([f"{LONG} {COLD}"], [np.inf, np.inf], tokens(8))
    assert result.text == "The harbour was rebuilt in 1931,"


def test_no_clause_fits_and_the_lesser_sentence_stays() -> None:
    assert cut_sentences([f"{LONG} {COLD}"], [0.9, 0.1], tokens(4)).text == COLD


def test_a_beginning_of_few_words_is_not_worth_it() -> None:
    text = "Well, the harbour was rebuilt by engineers who had come from far away for a work of many years."
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(4)).text == COLD


def test_protected_spans_are_not_cut() -> None:
    text = "The keeper moved in on May 5, 1931 and stayed there for the rest of a long and quiet life."
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(9)).text == COLD
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(9), protect=()).text == "The keeper moved in on May 5,"


def test_chinese_clauses() -> None:
    text = "港口在一九三一年重建\uff0c工程师来自鹿特丹\uff0c工作持续了很多年。"
    sources = Sources([text], 1)
    budget = Budget(tokens=12, counter=len)
    result = cut(sources, Scores(relevance=np.zeros(1), sentences=np.array([0.5])), budget, Plan())
    assert result.text == "港口在一九三一年重建\uff0c"


def test_a_threshold_keeps_whole_sentences() -> None:
    result = cut_sentences([f"{LONG} {COLD}"], [0.1, 0.9], Budget(threshold=0.5, counter=words))
    assert result.text == COLD


@pytest.mark.parametrize("allocation", ["global", "linear", "equal"])
@pytest.mark.parametrize("limit", range(1, 60, 3))
def test_the_budget_holds_and_text_is_cut_from_the_source(allocation: str, limit: int) -> None:
    texts = [f"{LONG} {SHORT} {COLD}", f"{SHORT} {LONG}"]
    scores = [0.9, 0.2, 0.1, 0.3, 0.8]
    result = cut_sentences(texts, scores, tokens(limit), allocation=allocation)
    assert words(result.text) <= limit
    for document in result.documents:
        assert document.text == "".join(texts[document.index][s.start : s.end] for s in document.spans)
