"""Queries of several sentences that are taken out of a passage."""

from __future__ import annotations

from boildown.text.sentences import split_sentences
from boildown.training.cloze import SOURCE, cloze
from boildown.training.data import Passage, Question

TEXT = (
    "The bridge over the Wend was opened in 1874. Its engineer had built the longest pier of Norhaven. "
    "After a storm in 1881 the town of Ardal paid for the repair. Trains have crossed it since 1902. "
    "The eastern arch was widened for a second track."
)


def questions(*texts: str) -> list[Question]:
    return [
        Question(text[:9], "What?", "wiki", "en", [Passage("A title", text, ((0, 3),), (), True)]) for text in texts
    ]


def test_query_and_passage_make_up_the_text_again() -> None:
    lengths = set()
    for seed in range(30):
        (made,) = cloze(questions(TEXT), 5, split_sentences, seed)
        (rest,) = made.positives
        lengths.add(made.text.count(". ") + 1)
        assert made.source == SOURCE
        assert rest.relevant
        assert rest.title == "A title"
        assert not rest.gold
        assert not made.has_spans
        at = TEXT.index(made.text)
        assert rest.text.replace(" ", "") == (TEXT[:at] + TEXT[at + len(made.text) :]).replace(" ", "")
    assert lengths == {1, 2}, "three of the five sentences must stay"


def test_each_text_is_used_once_and_the_same_seed_makes_the_same() -> None:
    texts = [TEXT.replace("Wend", name) for name in ("Aller", "Bode", "Oker")]
    made = cloze(questions(*texts, *texts), 9, split_sentences, 4)
    assert len(made) == 3
    assert len({q.qid for q in made}) == 3
    assert made == cloze(questions(*texts, *texts), 9, split_sentences, 4)
    assert len(cloze(questions(*texts), 2, split_sentences, 4)) == 2


def test_short_passages_and_huge_sentences_are_left_out() -> None:
    assert cloze(questions("One here. Two there. Three everywhere."), 5, split_sentences, 1) == []
    assert cloze(questions(("word " * 300 + "end. ") * 6), 5, split_sentences, 1) == []
    assert cloze([], 5, split_sentences, 1) == []
