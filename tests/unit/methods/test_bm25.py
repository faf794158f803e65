from __future__ import annotations

import math

import numpy as np
import pytest

from boildown import Budget, Compressor, Document
from boildown.methods.bm25 import BM25
from boildown.methods.lexical import bm25_scores
from boildown.sources import Sources


def sentences(query: str, *documents: str | Document) -> np.ndarray:
    found = BM25().score(query, Sources(documents)).sentences
    assert found is not None
    return found


def test_scores_follow_the_formula() -> None:
    texts = [["ship", "log"], ["ship", "ship", "timber", "north"], ["bread"]]
    found = bm25_scores({"ship": 1.0, "timber": 0.5}, texts)
    mean, k, b = 7 / 3, 1.5, 0.75

    def part(frequency: int, containing: int, length: int) -> float:
        idf = math.log(1 + (3 - containing + 0.5) / (containing + 0.5))
        return idf * frequency * (k + 1) / (frequency + k * (1 - b + b * length / mean))

    assert found == pytest.approx([part(1, 2, 2), part(2, 2, 4) + part(1, 1, 4) / 2, 0.0])


def test_the_sentence_with_the_querys_words_is_best() -> None:
    text = "The harbour keeps a log. Three hundred ships carried timber. Nobody counted the gulls."
    assert sentences("How many ships carried timber?", text).argmax() == 1


def test_case_does_not_matter() -> None:
    assert sentences("TIMBER", "The timber came late. It was not wet at all.").argmax() == 0


def test_nothing_in_common_is_zero() -> None:
    scores = BM25().score("zebra", Sources(["Ships carried timber.", "Bread needs rye."]))
    assert scores.relevance.tolist() == [0, 0]
    assert scores.sentences is not None
    assert not scores.sentences.any()


@pytest.mark.parametrize("query", ["", "   ", "?!"])
def test_a_query_without_words(query: str) -> None:
    assert not sentences(query, "Ships carried timber.").any()


def test_empty_documents() -> None:
    scores = BM25().score("ships", Sources(["", "Ships carried timber.", " \n "]))
    assert scores.relevance[0] == scores.relevance[2] == 0
    assert scores.relevance[1] > 0
    assert len(BM25().score("ships", Sources([])).relevance) == 0


def test_no_texts_have_terms() -> None:
    assert bm25_scores({"ship": 1.0}, [[], []]).tolist() == [0, 0]
    assert bm25_scores({}, [["ship"]]).tolist() == [0]


def test_chinese_is_matched_without_spaces() -> None:
    text = "灯塔守护人记录了每一艘经过的船只。黑麦面包需要酸面种。当地的面包师把面种养了几十年。"
    assert sentences("黑麦面包需要什么？", text).argmax() == 1
    assert sentences("谁记录了船只", text).argmax() == 0


def test_japanese_and_thai() -> None:
    assert sentences("パンの酵母", "灯台守は船を数えた。パンには酵母がいる。").argmax() == 1
    assert sentences("ขนมปัง", "เรือออกจากท่า\nเขาทำขนมปังทุกวัน\n").argmax() == 1


def test_duplicates_score_alike_and_the_better_document_wins() -> None:
    line = "Ships carried timber."
    alike = sentences("ships timber", line, line)
    assert alike[0] == alike[1]
    richer = f"{line} The ships and the timber were counted in the harbour."
    scores = sentences("ships timber harbour", line, richer)
    assert scores[1] > scores[0]


def test_ties_keep_the_order_of_the_text() -> None:
    documents = ["Ships carried timber north."] * 4
    result = Compressor("bm25").compress("ships", documents, Budget(rate=0.5))
    assert [document.index for document in result.documents] == [0, 1]


def test_a_title_helps_its_document() -> None:
    plain, titled = "It was built in 1874.", Document("It was built in 1874.", title="Harbour lighthouse")
    scores = BM25().score("harbour lighthouse", Sources([plain, titled]))
    assert scores.relevance[1] > scores.relevance[0]
    assert scores.sentences is not None
    assert scores.sentences[1] > scores.sentences[0]


def test_repeated_words_of_the_query_count_once() -> None:
    texts = ["Ships and timber.", "Bread and rye."]
    assert sentences("ships ships rye", *texts).tolist() == sentences("ships rye", *texts).tolist()


def test_what_a_query_asks_weighs_more_than_what_it_says_around() -> None:
    scores = sentences("We had a meeting. Where is the tower?", "The meeting ended.", "The tower fell.")
    assert scores[1] > scores[0] > 0
    assert np.ptp(sentences("Where is the meeting? Where is the tower?", "The meeting ended.", "The tower fell.")) == 0


def test_a_rare_word_weighs_more_than_a_frequent_one() -> None:
    texts = [["ship", "gull"]] * 5 + [["ship", "lamp"]]
    assert bm25_scores({"lamp": 1.0}, texts)[5] > bm25_scores({"ship": 1.0}, texts)[5]


def test_numbers_and_codes_are_compared_whole() -> None:
    documents = [f"Invoice 2024{n:04d} was paid by customer {n * 3} in full." for n in range(100, 140)]
    assert int(np.argmax(sentences("Who paid invoice 20240131?", *documents))) == 31
    codes = [f"JMSCMQ{n:04d} means that queue {n} is full." for n in range(40)]
    assert int(np.argmax(sentences("What does JMSCMQ0031 mean?", *codes))) == 31
