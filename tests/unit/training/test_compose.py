"""Questions in two steps, made of passages that answer questions in one."""

from __future__ import annotations

import random

import pytest

from boildown.text.sentences import split_sentences
from boildown.training.compose import SOURCE, compose
from boildown.training.data import Passage, Question

FILMS = {
    "The Lost Harbour (film)": "The Lost Harbour is a 1931 British film directed by Anna Reed. It was shot in Hull.",
    "Two Rivers": "Two Rivers is a 1958 French comedy film directed by Paul J. Marsh and starring Lea Brandt.",
    "Salt": "Salt is a 1974 Danish film. The music is fine. It was directed by Erik Holm.",
}
LIVES = {
    "Maria Stone (director)": "Maria Stone (4 May 1901 – 2 June 1980) was a Swedish painter. Stone studied at Uppsala.",
    "John Field": "John Field (born 7 July 1920) is an Irish actor. In 1951 Field married Eva Lund.",
    "Otto Brahm": "Otto Brahm (1 March 1890 – 9 May 1950) was a German writer. Brahm died in Leipzig of a fever.",
    "Ines Moya": "Ines Moya (born 1944) is a Spanish dancer. She won the Critics Award. Moya is known for tangos.",
    "Tom Ash": "Tom Ash (12 May 1875 – 3 April 1930) was a Welsh poet. Ash was the son of Henry Ash.",
}


@pytest.fixture(scope="module")
def made() -> list[Question]:
    passages = [Passage(title, text, (), (), False) for title, text in (FILMS | LIVES).items()]
    return compose([Question("q", "?", "wiki", "en", [], passages)], 300, split_sentences, 7)


def test_it_makes_questions_of_every_kind(made: list[Question]) -> None:
    assert len(made) > 200
    assert {q.source for q in made} == {SOURCE}
    assert {len(q.positives) for q in made} == {2, 4}
    assert len({q.qid for q in made}) == len(made)


def test_each_relevant_passage_has_its_needed_sentence(made: list[Question]) -> None:
    for question in made:
        assert question.has_spans
        for passage in question.positives:
            ((start, end),) = passage.evidence
            spans = {tuple(span) for span in split_sentences(passage.text).tolist()}
            assert (start, end) in spans


def test_the_steps_are_linked_by_a_name(made: list[Question]) -> None:
    chains = [
        q
        for q in made
        if len(q.positives) == 2 and q.positives[1].title not in LIVES and q.positives[1].title not in FILMS
    ]
    assert chains
    for question in chains:
        first, second = question.positives
        ((start, end),) = first.evidence
        assert second.title in first.text[start:end]
        assert second.text.startswith(second.title)


def test_a_renamed_person_leaves_no_trace_of_the_old_name(made: list[Question]) -> None:
    renamed = [p for q in made for p in q.positives if p.title == "Anna Reed"]
    assert renamed
    for passage in renamed:
        assert not any(name in passage.text for name in ("Maria Stone", "Stone", "Brahm", "Field", "Moya"))
        assert "Reed" in passage.text


def test_distractors_are_not_the_subject(made: list[Question]) -> None:
    for question in made:
        titles = {p.title for p in question.positives}
        assert not any(p.title in titles or p.gold for p in question.negatives)


def test_the_seed_decides(made: list[Question]) -> None:
    passages = [Passage(title, text, (), (), False) for title, text in (FILMS | LIVES).items()]
    questions = [Question("q", "?", "wiki", "en", [], passages)]
    assert compose(questions, 300, split_sentences, 7) == made
    assert compose(questions, 300, split_sentences, 8) != made


@pytest.mark.parametrize("lives", [0, 1, 2])
def test_too_few_lives_make_nothing(lives: int) -> None:
    texts = FILMS | dict(list(LIVES.items())[:lives])
    passages = [Passage(title, text, (), (), False) for title, text in texts.items()]
    assert compose([Question("q", "?", "wiki", "en", [], passages)], 30, split_sentences, 7) == []


def test_passages_without_links_make_nothing() -> None:
    plain = Question("q", "?", "wiki", "en", [Passage("Tea", "Tea is a drink.", (), (), True)], [])
    assert compose([plain], 10, split_sentences, random.Random(1).randrange(99)) == []
