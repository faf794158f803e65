"""Questions that are altered so that their passage no longer answers them."""

from __future__ import annotations

import random

import pytest
from thread_seconds import thread_seconds

from boildown.text.sentences import split_sentences
from boildown.training.alter import SOURCE, alter
from boildown.training.config import TrainConfig
from boildown.training.data import Passage, Question
from boildown.training.examples import ExampleBuilder
from boildown.training.negatives import NegativeMiner

TEXT = (
    "The bridge over the Wend was opened in 1874. Its engineer, Clara Voss, had built the longest pier of Norhaven. "
    "After a storm in 1881 the town of Ardal paid for the repair."
)


def asked(text: str, answer: str) -> Question:
    start = TEXT.index(answer)
    passage = Passage("", TEXT, ((start, start + len(answer)),), (), True)
    return Question(text, text, "wiki", "en", [passage], [Passage("", "The ferry is red.", (), (), False)])


@pytest.mark.parametrize(
    ("text", "answer", "possible"),
    [
        (
            "Who built the pier of Norhaven?",
            "Clara Voss",
            {"Who built the pier of Wend?", "Who built the pier of Ardal?"},
        ),
        ("Who built the longest pier?", "Clara Voss", {"Who built the shortest pier?"}),
        ("Which bridge was opened in 1874?", "the Wend", {"Which bridge was opened in 1881?"}),
    ],
)
def test_a_name_a_number_or_a_quality_changes(text: str, answer: str, possible: set[str]) -> None:
    made = {alter([asked(text, answer)], 1, seed)[0].text for seed in range(30)}
    assert possible <= made if len(possible) > 1 else made & possible
    assert text not in made


def test_no_passage_answers_it() -> None:
    (made,) = alter([asked("Who built the longest pier?", "Clara Voss")], 5, 1)
    assert made.source == SOURCE
    assert not made.positives
    assert [p.text for p in made.negatives] == [TEXT, "The ferry is red."]
    assert not any(p.relevant or p.gold for p in made.negatives)


def test_what_cannot_be_altered_is_left_out() -> None:
    assert alter([asked("why was it repaired", "a storm")], 5, 1) == []
    assert alter([Question("q", "In 1874?", "wiki", "en", [], [])], 5, 1) == []


def test_the_answer_is_never_put_into_the_question() -> None:
    for seed in range(30):
        (made,) = alter([asked("Who built the pier of Norhaven?", "Clara Voss")], 1, seed)
        assert "Voss" not in made.text


def test_time_grows_with_a_run_of_capitals_and_not_with_its_square() -> None:
    def seconds(length: int) -> float:
        passage = Passage("", f"{TEXT} {'ACGT' * length}", ((0, 10),), (), True)
        question = Question("q", "Who built Norhaven?", "wiki", "en", [passage], [])
        return thread_seconds(lambda: alter([question], 1, 1))

    assert min(seconds(8_000) for _ in range(3)) < 32 * min(seconds(500) for _ in range(5))


def test_only_its_own_passages_are_read_for_it() -> None:
    """A mined passage could answer the altered question, and nobody would know."""
    (made,) = alter([asked("Who built the longest pier?", "Clara Voss")], 1, 1)
    other = Question("o", "?", SOURCE, "en", [], [Passage("", "The shortest pier was built by Ole.", (), (), False)])
    builder = ExampleBuilder(TrainConfig(crop=0, long_window=0), NegativeMiner([made, other]), split_sentences)
    examples = builder.build(made, random.Random(1))
    assert {e.text for e in examples} <= {TEXT, "The ferry is red."}
    assert all(e.known and not e.relevant and not e.labels.any() for e in examples)
