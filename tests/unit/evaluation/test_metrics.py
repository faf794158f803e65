import pytest

from boildown.evaluation.metrics import gold_retention, holds_answer, sentences_kept
from boildown.sources import Sources
from boildown.types import Span


@pytest.mark.parametrize(
    ("text", "answer", "stands"),
    [
        ("It was ADA\n  quill.", "Ada Quill", True),
        ("It was Ada. Quill came later.", "Ada Quill", False),
        ("Die Straße ist nass.", "STRASSE", True),
        ("共 6.5 亿 元。", "6.5亿元", True),
        ("共 6.5 亿。元", "6.5亿元", False),
        ("a b", "ab", False),  # white space is folded, not left out, where words have spaces between them
        ("anything", "  ", False),
        ("anything", "", False),
    ],
)
def test_where_an_answer_stands(text, answer, stands):
    assert holds_answer([text], [answer]) is stands


def test_any_answer_in_any_text_will_do():
    assert holds_answer(["one", "two"], ["three", "two"])
    assert not holds_answer(["one tw", "o"], ["two"])
    assert not holds_answer([], ["two"])
    assert not holds_answer(["two"], [])


def test_gold_retention_is_the_share_of_gold_documents_with_text():
    kept = {0: "text", 2: " \n"}
    assert gold_retention([0], kept) == 1.0
    assert gold_retention([0, 1, 2], kept) == pytest.approx(1 / 3)
    assert gold_retention([1], kept) == 0.0
    assert gold_retention([], kept) is None


def test_sentences_kept_counts_sentences_that_a_span_touches():
    first, second = "One is the first here. Two is the second here. ", "Three is the third one. Four is the last one."
    sources = Sources([first, second])
    assert len(sources.sentences) == 4
    assert sentences_kept(sources, {}) == 0.0
    everything = {0: (Span(0, len(first)),), 1: (Span(0, len(second)),)}
    assert sentences_kept(sources, everything) == 1.0
    start_of_two = first.index("Two")
    assert sentences_kept(sources, {0: (Span(start_of_two, start_of_two + 3),)}) == 0.25
    across = {0: (Span(start_of_two - 3, start_of_two + 3),)}
    assert sentences_kept(sources, across) == 0.5
    assert sentences_kept(sources, {1: (Span(0, 2), Span(3, 5))}) == 0.25
    lines = Sources([first + "\nThree is the third one. "])
    assert sentences_kept(lines, {0: (Span(len(first), len(first) + 6),)}) == 1 / 3
    assert sentences_kept(Sources([]), {}) == 1.0
