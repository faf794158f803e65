from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from boildown.text.sentences import split_sentences
from boildown.training import TrainConfig
from boildown.training.data import Passage, Question, read_questions
from boildown.training.examples import (
    GOLD,
    NEIGHBOUR,
    OTHER,
    REPEAT,
    Example,
    ExampleBuilder,
    sentence_labels,
)
from boildown.training.negatives import NegativeMiner, PassageIndex

Write = Callable[..., Path]
TEXT = "Ships pass here. The keeper is Ann Gow. She likes tea. Rain fell. Ann Gow left in May."


def gold_texts(example: Example) -> list[str]:
    return [
        example.text[a:b].strip()
        for (a, b), label in zip(example.sentences, example.labels, strict=True)
        if label == GOLD
    ]


def builder(questions: list[Question], **settings: float) -> ExampleBuilder:
    off = {"long_window": 0.0, "crop": 0.0, "second_round": 0.0, "second_round_multi": 0.0, "bridge": 0.0}
    return ExampleBuilder(TrainConfig(**{**off, **settings}), NegativeMiner(questions), split_sentences)


def two_hops() -> Question:
    first, second = "Arlo has a port. Its port is Lowmouth.", "Fog is common. Lowmouth was built by Ida Voss."
    return Question(
        "q",
        "Who built the port of Arlo?",
        "hops",
        "en",
        [
            Passage("Arlo", first, (), ((17, len(first)),), True),
            Passage("Lowmouth", second, ((second.index("Ida"), len(second) - 1),), (), True),
        ],
        [Passage("Benn", "Benn has no port. Nobody lives there.", (), (), False)],
    )


def test_a_passage_without_its_answer_is_irrelevant() -> None:
    start = TEXT.index("She likes tea")
    question = Question(
        "q", "What does she like?", "port", "en", [Passage("Gow", TEXT, ((start, start + 13),), (), True)]
    )
    full, stripped = builder([question], unanswerable=1.0).build(question, random.Random(0))
    assert full.relevant
    assert gold_texts(full) == ["She likes tea."]
    assert not stripped.relevant
    assert stripped.known
    assert not gold_texts(stripped)
    assert stripped.text.split() == TEXT.replace("She likes tea. ", "").split()


def test_a_passage_that_repeats_its_answer_is_not_stripped() -> None:
    start = TEXT.index("Ann Gow")
    question = Question("q", "Who keeps it?", "port", "en", [Passage("Gow", TEXT, ((start, start + 7),), (), True)])
    assert len(builder([question], unanswerable=1.0).build(question, random.Random(0))) == 1


def test_labels_follow_the_answer() -> None:
    start = TEXT.index("Ann Gow")
    passage = Passage("", TEXT, ((start, start + 7),), (), True)
    labels = sentence_labels(passage, split_sentences(TEXT), {"ann gow"})
    assert labels.tolist() == [NEIGHBOUR, GOLD, NEIGHBOUR, OTHER, REPEAT]


def test_an_irrelevant_passage_has_no_gold() -> None:
    passage = Passage("", TEXT, ((31, 38),), (), False)
    assert set(sentence_labels(passage, split_sentences(TEXT), {"ann gow"})) == {OTHER}


def test_mined_negatives_share_words_and_hold_no_answer(write: Write, records: list[dict[str, Any]]) -> None:
    questions, _ = read_questions([write(records)])
    miner = NegativeMiner(questions)
    for question in questions:
        own = {p.text for p in question.positives + question.negatives}
        for passage in miner.mine(question):
            assert passage.text not in own
            assert not passage.relevant
            assert not any(a in passage.text.casefold() for a in question.answer_texts())
    best = PassageIndex(p for q in questions for p in q.positives).search("the poet of Garth", 1)
    assert "poet of Garth" in best[0].text


def test_plain_examples_carry_their_answer() -> None:
    examples = builder([two_hops()]).build(two_hops(), random.Random(0))
    assert {e.query for e in examples} == {"Who built the port of Arlo?"}
    assert sorted(t for e in examples for t in gold_texts(e)) == [
        "Its port is Lowmouth.",
        "Lowmouth was built by Ida Voss.",
    ]
    assert [e.relevant for e in examples] == [True, True, False]


def test_a_crop_keeps_the_gold_sentence_at_its_place() -> None:
    question = two_hops()
    seen = set()
    for seed in range(30):
        examples = builder([question], crop=1.0).build(question, random.Random(seed))
        for example in examples:
            assert example.sentences[0, 0] == 0
            assert example.sentences[-1, 1] == len(example.text)
        seen |= {len(e.sentences) for e in examples}
        assert {t for e in examples for t in gold_texts(e)} == {
            "Its port is Lowmouth.",
            "Lowmouth was built by Ida Voss.",
        }
    assert seen == {2}  # texts of two sentences stay whole


def test_long_texts_are_cropped() -> None:
    start = TEXT.index("Ann Gow")
    question = Question("q", "Who?", "s", "en", [Passage("", TEXT, ((start, start + 7),), (), True)])
    sizes = set()
    for seed in range(30):
        (example,) = builder([question], crop=1.0).build(question, random.Random(seed))
        assert gold_texts(example) == ["The keeper is Ann Gow."]
        sizes.add(len(example.sentences))
    assert len(sizes) > 2


def test_long_windows_join_documents_without_moving_labels() -> None:
    question = two_hops()
    for seed in range(10):
        examples = builder([question], long_window=1.0).build(question, random.Random(seed))
        assert len(examples) < 3
        assert sorted(t for e in examples for t in gold_texts(e)) == [
            "Its port is Lowmouth.",
            "Lowmouth was built by Ida Voss.",
        ]
        for example in examples:
            assert example.sentences[0, 0] == 0
            assert np.array_equal(example.sentences[1:, 0], example.sentences[:-1, 1])


def test_a_second_round_appends_a_sentence_to_the_query() -> None:
    question = two_hops()
    queries = {
        builder([question], second_round_multi=1.0).build(question, random.Random(seed))[0].query for seed in range(20)
    }
    assert all(q.startswith("Who built the port of Arlo? ") for q in queries)
    assert any("Its port is Lowmouth." in q for q in queries)
    assert any("Lowmouth was built by Ida Voss." in q for q in queries)


def test_a_bridge_hides_the_title_behind_another_passage() -> None:
    text = "The bird of Arlo is skua. Rain falls."
    question = Question("q", "Which bird lives on Arlo?", "s", "en", [Passage("Arlo", text, ((20, 24),), (), True)])
    other = Question("o", "?", "s", "en", [Passage("Mira Holt", "Ida left. Mira Holt was born on Arlo.", (), (), True)])
    build = builder([question, other], bridge=1.0)
    for seed in range(5):
        query = build.build(question, random.Random(seed))[0].query
        assert query.endswith(" Mira Holt was born on Arlo.")
        asked = query.removesuffix(" Mira Holt was born on Arlo.")
        assert asked.startswith("Which bird lives on ")
        assert "Arlo" not in asked
    alone = builder([question], bridge=1.0).build(question, random.Random(0))[0]
    assert alone.query == question.text  # no other passage names the title


def test_building_depends_on_the_generator_alone() -> None:
    question = two_hops()
    settings = {"long_window": 0.5, "crop": 0.5, "second_round_multi": 0.5}
    one = builder([question], **settings)
    two = builder([question], **settings)
    two.build(question, random.Random(99))
    for seed in range(5):
        first, second = (b.build(question, random.Random(seed)) for b in (one, two))
        assert [(e.query, e.text) for e in first] == [(e.query, e.text) for e in second]


@pytest.mark.parametrize("spans", [(), ((0, 4),)])
def test_unmarked_relevant_passages_make_unknown_labels(spans: tuple[tuple[int, int], ...]) -> None:
    question = Question("q", "Why?", "s", "en", [Passage("", TEXT, spans, (), True)])
    examples = builder([question]).build(question, random.Random(0))
    assert [e.known for e in examples] == [bool(spans)]
