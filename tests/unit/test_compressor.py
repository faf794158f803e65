from __future__ import annotations

import asyncio
import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from boildown import Budget, Compressor, ConfigurationError, Document, InputError, RebudgetError
from boildown.methods.bm25 import BM25
from boildown.types import Scores, TokenScores

DOCUMENTS = [
    "The library opens at nine. It has 40,000 books. Readers may borrow six at a time.",
    Document("The lighthouse was built in 1871. Its lamp burns paraffin.", id="light", title="Lighthouse"),
    "Tickets for the ferry cost 12.50 EUR. Children travel free. The crossing takes an hour.",
]
WORDS = Budget(tokens=12, counter=lambda text: len(text.split()))


def bm25(**settings) -> Compressor:
    return Compressor("bm25", **settings)


def test_keeps_what_the_query_needs_and_says_where_it_stood():
    result = bm25().compress("How much do ferry tickets cost?", DOCUMENTS, Budget(tokens=12))
    assert "12.50 EUR" in result.text
    assert result.tokens_out <= 12 < result.tokens_in
    kept = result.documents[0]
    assert (kept.index, kept.id) == (2, None)
    assert kept.spans[0].of(DOCUMENTS[2]) in result.text
    assert {d.index for d in result.dropped} == {0, 1}
    assert {d.id for d in result.dropped} == {None, "light"}
    assert result.rate == result.tokens_out / result.tokens_in
    assert result.method == "bm25"
    assert set(result.seconds) == {"score", "model", "select"}


def test_rebudget_equals_compressing_again():
    compressor = bm25(order="edges")
    result = compressor.compress("ferry children library", DOCUMENTS, Budget(rate=0.3))
    again = result.rebudget(Budget(rate=0.7))
    assert again.text == compressor.compress("ferry children library", DOCUMENTS, Budget(rate=0.7)).text
    by_score = result.rebudget(Budget(rate=0.7), order="score")
    assert by_score.plan.order == "score"
    assert result.plan.order == "edges"


@pytest.mark.parametrize("unit", ["sentence", "word"])
@pytest.mark.parametrize("more", [{}, {"documents": 1}])
def test_rebudget_without_a_document_gives_its_place_to_others(unit, more):
    result = bm25(unit=unit).compress("How much do ferry tickets cost?", DOCUMENTS, Budget(tokens=12))
    best = result.documents[-1]
    assert best.index == 2
    again = result.rebudget(Budget(tokens=12, **more), without=[best.index])
    assert 0 < again.tokens_out <= 12
    assert best.index not in {d.index for d in again.documents}
    (dropped,) = [d for d in again.dropped if d.index == best.index]
    assert (dropped.reason, dropped.tokens_in, dropped.score) == ("budget", best.tokens_in, best.score)
    assert again.tokens_in == result.tokens_in
    assert again.rebudget(Budget(tokens=12)).text == result.text
    nothing = result.rebudget(Budget(rate=1.0), without=range(3))
    assert (nothing.text, {d.reason for d in nothing.dropped}) == ("", {"budget"})


@pytest.mark.parametrize("documents", [1, None, "0", ["manual-4"], [3], [-1], [0.0], [True]])
def test_rebudget_refuses_what_is_no_document_by_index(documents):
    result = bm25().compress("ferry", DOCUMENTS, Budget(tokens=12))
    with pytest.raises(ConfigurationError, match=r"without= .*documents by index.*got"):
        result.rebudget(Budget(tokens=12), without=documents)
    kept = {d.index for d in result.rebudget(Budget(rate=1.0), without=iter(np.array([2, 0]))).documents}
    assert kept == {1}


def test_a_final_result_cannot_be_cut_again():
    class Final(BM25):
        def score(self, query, sources):
            scores = super().score(query, sources)
            return Scores(relevance=scores.relevance, sentences=scores.sentences, final=True)

    result = Compressor(Final()).compress("ferry", DOCUMENTS, WORDS)
    with pytest.raises(RebudgetError, match="Compress again"):
        result.rebudget(Budget(rate=0.5))


def test_rank_and_method_combine():
    class Backwards:
        name = "backwards"
        uses_query = False

        def score(self, query, sources):
            return Scores(relevance=np.arange(len(sources)) * 1.0)

    ranked = Compressor("bm25", rank=Backwards(), order="score")
    result = ranked.compress("library lighthouse ferry", DOCUMENTS, Budget(rate=1.0))
    assert [d.index for d in result.documents] == [2, 1, 0]
    limited = ranked.compress("library", DOCUMENTS, Budget(rate=1.0, documents=1))
    assert [d.index for d in limited.documents] == [2]


def test_sync_async_threads_and_copies_agree():
    compressor = bm25()
    questions = ["library books", "lighthouse lamp", "ferry children"] * 5
    alone = [compressor.compress(q, DOCUMENTS, WORDS).text for q in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda q: compressor.compress(q, DOCUMENTS, WORDS).text, questions)) == alone

    async def together() -> list[str]:
        results = await asyncio.gather(*(compressor.acompress(q, DOCUMENTS, WORDS) for q in questions))
        return [result.text for result in results]

    assert asyncio.run(together()) == alone
    for other in (copy.deepcopy(compressor), pickle.loads(pickle.dumps(compressor))):
        assert other.compress(questions[0], DOCUMENTS, WORDS).text == alone[0]


@pytest.mark.parametrize("unit", [None, "sentence", "word", "token"])
def test_no_documents(unit):
    result = bm25(unit=unit).compress("anything", [], WORDS)
    assert (result.text, result.documents, result.dropped, result.notes) == ("", (), (), ())
    assert result.rebudget(Budget(rate=1.0)).text == ""


def test_no_documents_and_blank_documents():
    empty = bm25().compress("anything", [], WORDS)
    assert (empty.text, empty.documents, empty.dropped, empty.rate) == ("", (), (), 1.0)
    blank = bm25().compress("anything", ["", " \n"], WORDS)
    assert (blank.text, [d.reason for d in blank.dropped]) == ("", ["empty", "empty"])


@pytest.mark.parametrize("unit", [None, "sentence", "word", "token"])
def test_a_blank_query_keeps_documents_in_their_order_within_the_budget(unit):
    result = bm25(unit=unit).compress("  ", DOCUMENTS, Budget(tokens=10, counter=lambda t: len(t.split())))
    assert result.text.startswith("The library opens at nine.")
    assert result.tokens_out <= 10
    assert "blank" in result.notes[0]
    assert bm25().compress("", DOCUMENTS, Budget(threshold=100.0)).rate == 1.0


def test_a_blank_query_can_be_refused():
    with pytest.raises(InputError, match="on_empty_query"):
        bm25(on_empty_query="raise").compress("", DOCUMENTS, WORDS)


def test_odd_texts_pass_through_unharmed():
    texts = [
        "lone \ud800 surrogate and text",
        "nul \x00 inside the text",
        "{} <#ref0#> [NEW0] <s> text",
        "text " * 50_000,
    ]
    result = bm25().compress("text surrogate", texts, Budget(rate=1.0))
    assert [d.text for d in result.documents] == [t.strip() for t in texts]


def test_ten_thousand_documents():
    texts = [f"Document number {i} speaks of topic {i % 97}. It says nothing else." for i in range(10_000)]
    result = bm25().compress("topic 42", texts, Budget(tokens=500))
    assert 0 < result.tokens_out <= 500
    assert all("topic 42." in d.text for d in result.documents)
    assert len(result.documents) + len(result.dropped) == 10_000


def test_a_document_of_five_megabytes():
    text = "The library opens at nine. It holds 40,000 books, and readers may borrow six at a time. " * 58_000
    result = bm25().compress("How many books?", [text, "Something else."], Budget(tokens=100))
    assert len(text) > 4_900_000
    assert 80 <= result.tokens_out <= 100
    assert "40,000 books" in result.text


def test_inputs_are_not_changed():
    metadata = {"nested": {"a": [1]}}
    documents = [Document("Some text here.", id="x", metadata=metadata), "other"]
    before = copy.deepcopy(documents)
    bm25().compress("text", documents, WORDS)
    assert documents == before
    assert documents[0].metadata is metadata


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "bm52"}, "Did you mean 'bm25'"),
        ({"method": "bm25", "model": "some/model"}, "takes no 'model'"),
        ({"method": "llmlingua2"}, "needs model="),
        ({"method": BM25(), "model": "some/model"}, "give these to the method object"),
        ({"method": 5}, "must be a name or a Method"),
        ({"method": BM25}, "BM25 is a class"),
        ({"method": "prune", "model": "one", "options": {"model": "two"}}, "names a model too, beside model='one'"),
        ({"rank_model": "model"}, "rank_model= is the model of rank=, which is missing"),
        ({"rank": "nothing"}, "Unknown method"),
        ({"rank": "cross_encoder"}, "'cross_encoder' needs rank_model="),
        ({"rank": "gzip", "rank_model": "some/model"}, "'gzip' takes no 'rank_model'"),
        ({"on_empty_query": "ignore"}, "Unknown on_empty_query"),
        ({"protect": "number"}, r"protect=\['number'\]"),
        ({"protect": True}, "protect= takes a list of strings"),
        ({"patterns": re.compile("x")}, r"patterns=\[re.compile\('x'\)\]"),
        ({"patterns": "x+"}, r"patterns=\['x\+'\]"),
        ({"options": ["level"]}, "options= maps names to values"),
        ({"method": "BM25"}, "Did you mean 'bm25'"),
        ({"rank": 5}, "rank= must be a name or a Method, not int"),
        ({"min_sentence": "3"}, "min_sentence= must be a whole number of words, 0 or more, not '3'"),
        ({"min_sentence": -1}, "min_sentence= must be a whole number of words, 0 or more, not -1"),
    ],
)
def test_wrong_settings_say_what_is_wrong(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Compressor(**{"method": "bm25", **arguments})


def tokens(document, start, end, score):
    return TokenScores(*map(np.array, (document, start, end, score)))


@pytest.mark.parametrize("reads_query", [True, False])
@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (Scores(np.zeros(1)), "1 scores of documents, of which there are 2"),
        (Scores(np.zeros(2), np.zeros(5)), "5 scores of sentences, of which there are 3"),
        (Scores([0.5, 0.25]), "its scores of documents as list; give a numpy array"),
        ([0.5, 0.25], r"list; score\(\) must give Scores"),
        (Scores(np.array([0.5, np.nan])), "scores of documents that are no numbers, such as NaN"),
        (Scores(np.zeros(2), np.array([1, np.nan, 0])), "scores of sentences that are no numbers"),
        (Scores(np.array(["0.5", "1"])), "scores of documents that are no numbers"),
        (Scores(np.zeros(2), tokens=tokens([0, 1], [0, 0], [5, 6], [1.0, np.nan])), "scores of tokens that are no"),
        (Scores(np.zeros(2), tokens=tokens([0, 1], [0, 0], [5, 6], [1.0])), "tokens that are not four numpy arrays"),
        (Scores(np.zeros(2), tokens=TokenScores([0], [0], [5], [1.0])), "tokens that are not four numpy arrays"),
        (Scores(np.zeros(2), tokens=tokens([1, 2], [0, 0], [5, 6], [1.0, 2.0])), "tokens outside of the documents"),
        (Scores(np.zeros(2), tokens=tokens([0, 1], [0, 0], [5, 99], [1.0, 2.0])), "tokens outside of the documents"),
        (Scores(np.zeros(2), tokens=tokens([1, 0], [0, 0], [5, 6], [1.0, 2.0])), "tokens that are not ordered"),
    ],
)
def test_a_method_that_scores_something_else_is_named(scores, message, reads_query):
    class Wrong(BM25):
        name = "wrong"
        uses_query = reads_query

        def score(self, query, sources):
            return scores

    documents = ["Ships carried timber. Bread needs a starter.", "Swifts sleep on the wing."]
    for settings in ({"method": Wrong()}, {"method": "bm25", "rank": Wrong()}):
        with pytest.raises(ConfigurationError, match=f"'wrong' gave {message}"):
            Compressor(**settings).compress("timber", documents, Budget(tokens=9))


def test_a_budget_must_be_a_budget():
    with pytest.raises(ConfigurationError, match=r"Budget\(tokens=1500\)"):
        bm25().compress("q", DOCUMENTS, 1500)
    with pytest.raises(ConfigurationError, match=r"Budget\(tokens=1500\)"):
        bm25().compress("q", DOCUMENTS, WORDS).rebudget(1500)


def test_a_result_as_plain_values_is_json():
    import json

    result = bm25().compress("ferry tickets", DOCUMENTS, WORDS)
    data = json.loads(json.dumps(result.to_dict()))
    assert data["text"] == result.text
    assert data["documents"][0]["spans"][0] == [
        result.documents[0].spans[0].start,
        result.documents[0].spans[0].end,
    ]


LONG = "The ferry to the island leaves the east quay at nine, at noon and at five in summer."


def test_a_long_sentence_is_kept_of_one_document_by_default():
    documents = [f"{LONG} Dogs travel free.", f"In winter it rests. {LONG}", "Dogs travel free. Cats do not."]
    question = "When does the ferry to the island leave?"
    assert bm25().compress(question, documents, Budget(rate=1.0)).text.count(LONG) == 1
    for text in (bm25().compress(question, documents, Budget(tokens=40)).text, Compressor().compress(
        question, documents, Budget(tokens=40)).text):  # fmt: skip
        assert text.count(LONG) == 1
    everything = bm25(dedupe=None).compress(question, documents, Budget(rate=1.0))
    assert everything.text == "\n\n".join(documents)
    twice = bm25().compress(question, [LONG, LONG], Budget(rate=1.0))
    assert (twice.text, [document.reason for document in twice.dropped]) == (LONG, ["duplicate"])


def test_what_documents_may_share_is_kept_of_each_by_default():
    documents = [f"The {name} is for {where}. The warranty period is two years." for name, where in
                 (("Reed", "rivers"), ("Heron", "lakes"))]  # fmt: skip
    assert bm25().compress("warranty", documents, Budget(rate=1.0)).text == "\n\n".join(documents)
    assert bm25(dedupe=1.0).compress("warranty", documents, Budget(rate=1.0)).text.count("warranty") == 1
