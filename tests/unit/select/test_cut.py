"""Properties of the whole selection: the budget holds, spans are exact, nothing gets lost."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from boildown import Budget, ConfigurationError
from boildown.counters import resolve_counter
from boildown.select.cut import cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

WORDS = st.sampled_from(
    [
        "the",
        "budget",
        "is",
        "42",
        "km,",
        "holds!",
        "and:",
        "yes.",
        "“quoted”",
        "a_b",
        "ünï",
        "你好",
        "世界。",
        "🙂",
        "e.g.",
        "x\n\n",
        "�",
    ]
)
TEXT = st.one_of(
    st.lists(WORDS, max_size=60).map(" ".join),
    st.text(max_size=120),
)
COUNTERS = st.sampled_from(
    [
        None,
        len,
        lambda text: len(text.split()),
        lambda text: len(text) ** 2,
        lambda text: len(text) % 7,
        lambda text: 5 + len(text.encode("utf-8", "replace")),
        lambda text: len(re.findall(r"\w|\n", text)) * 3,
    ]
)


def scored(sources: Sources, seed: int, tokens: bool = False) -> Scores:
    rng = np.random.default_rng(seed)
    words = sources.words
    return Scores(
        relevance=rng.random(len(sources)),
        sentences=rng.random(len(sources.sentences)),
        tokens=TokenScores(words.document, words.start, words.end, rng.random(len(words))) if tokens else None,
    )


PLANS = st.builds(
    Plan,
    unit=st.sampled_from(["sentence", "word", "token"]),
    order=st.sampled_from(["original", "score", "edges"]),
    allocation=st.sampled_from(["global", "linear", "equal"]),
    spread=st.sampled_from([0.0, 0.3, 1.0]),
    protect=st.sampled_from([None, (), ("number", "quote", "identifier")]),
    patterns=st.sampled_from([(), (r"holds\W+and",)]),
    dedupe=st.sampled_from([None, "long", 0.5, 1.0]),
    separator=st.sampled_from(["\n\n", "", " | "]),
)
BUDGETS = st.one_of(
    st.builds(Budget, tokens=st.integers(0, 80), counter=COUNTERS, documents=st.none() | st.integers(0, 3)),
    st.builds(Budget, rate=st.floats(0, 1), counter=COUNTERS, documents=st.none() | st.integers(0, 3)),
    st.builds(Budget, threshold=st.floats(-0.5, 1.5), documents=st.none() | st.integers(0, 3)),
)


@given(st.lists(TEXT, max_size=5), BUDGETS, PLANS, st.integers(0, 9))
@settings(max_examples=300, deadline=None)
@example([], Budget(tokens=10), Plan(), 0)
@example([" ", ""], Budget(tokens=10), Plan(), 0)
def test_every_promise_holds(texts, budget, plan, seed):
    sources = Sources(texts)
    scores = scored(sources, seed, tokens=True)
    result = cut(sources, scores, budget, plan)
    counter = resolve_counter(budget.counter)

    # The budget is hard; only the empty text is allowed where even that counts more.
    limit = budget.tokens if budget.tokens is not None else None
    if budget.rate is not None:
        limit = int(budget.rate * result.tokens_in + 1e-9)
    if limit is not None and result.text:
        assert counter.count(result.text) <= limit
        assert result.tokens_out == counter.count(result.text)
    if budget.documents is not None:
        assert len(result.documents) <= budget.documents

    # Every document is reported exactly once, and its text is what its spans cut out.
    assert sorted(d.index for d in (*result.documents, *result.dropped)) == list(range(len(texts)))
    assert result.text == plan.separator.join(d.text for d in result.documents)
    for document in result.documents:
        text = texts[document.index]
        assert document.text == "".join(s.of(text) for s in document.spans)
        assert document.text.strip()
        assert document.reason == ""
        ends = [-1, *(s.end for s in document.spans)]
        for before, span in zip(ends, document.spans, strict=False):
            assert before < span.start < span.end <= len(text)
        for span in document.protected:
            assert any(s.start <= span.start and span.end <= s.end for s in document.spans)
    for document in result.dropped:
        assert (document.text, document.spans, document.tokens_out) == ("", (), 0)
        assert document.reason in ("budget", "documents", "duplicate", "empty")
        assert (document.reason == "empty") == (not texts[document.index].strip())


LONG = [" ".join(f"Fact {i}{j} says that item {i} weighs {j} kilograms today." for j in range(12)) for i in range(20)]


@pytest.mark.parametrize("unit", ["sentence", "word", "token"])
@pytest.mark.parametrize("allocation", ["global", "linear", "equal"])
@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("counter", [None, len, "tiktoken", lambda text: len(text.split())])
def test_the_budget_is_used_up_where_units_are_fine_enough(unit, allocation, rate, counter, cl100k):
    sources = Sources(LONG)
    counter = cl100k if counter == "tiktoken" else counter
    budget = Budget(rate=rate, counter=counter)
    result = cut(sources, scored(sources, 1, tokens=True), budget, Plan(unit=unit, allocation=allocation))
    limit = rate * result.tokens_in
    # Whole sentences are too coarse for two per cent of a small budget: there, no sentence more would fit.
    count = resolve_counter(counter).count
    slack = max(map(count, sources.cut(sources.sentences))) if unit == "sentence" else 1
    assert min(0.98 * limit, limit - slack) - 1 <= result.tokens_out <= limit


def test_shares_of_a_budget_go_to_lesser_documents_too():
    sources = Sources(LONG[:3])
    best = np.where(sources.sentences.document == 1, 0.9, 0.1)
    scores = Scores(relevance=np.array([0.5, 0.9, 0.1]), sentences=best)

    def shares(allocation):
        budget = Budget(tokens=90, counter=lambda text: len(text.split()))
        result = cut(sources, scores, budget, Plan(allocation=allocation, spread=0.1))
        return {d.index: d.tokens_out for d in result.documents}

    assert shares("global") == {1: 90}
    assert shares("equal") == {0: 30, 1: 30, 2: 30}
    assert shares("linear") == {0: 30, 1: 50, 2: 10}


def test_rate_one_keeps_everything_and_rate_zero_nothing():
    sources = Sources(["One sentence here. Another one there.", "  A second document follows.  "])
    whole = cut(sources, scored(sources, 0), Budget(rate=1.0), Plan())
    assert whole.text == "One sentence here. Another one there.\n\nA second document follows."
    nothing = cut(sources, scored(sources, 0), Budget(rate=0.0), Plan())
    assert nothing.text == ""
    assert [d.reason for d in nothing.dropped] == ["budget", "budget"]


def test_a_higher_score_is_kept_first():
    sources = Sources(["Bad sentence number one. Good sentence number two.", "Fair sentence number three."])
    scores = Scores(relevance=np.array([0.9, 0.1]), sentences=np.array([0.1, 0.9, 0.5]))
    result = cut(sources, scores, Budget(tokens=5, counter=lambda t: len(t.split())), Plan())
    assert result.text == "Good sentence number two."
    result = cut(sources, scores, Budget(threshold=0.5), Plan())
    assert result.text == "Good sentence number two.\n\nFair sentence number three."


def test_tokens_only_methods_are_cut_by_words():
    sources = Sources(["alpha beta gamma delta"])
    words = sources.words
    scores = Scores(
        relevance=np.ones(1),
        tokens=TokenScores(words.document, words.start, words.end, np.array([1.0, 0, 3, 2])),
    )
    assert cut(sources, scores, Budget(tokens=2, counter=lambda t: len(t.split())), Plan()).text == "gamma delta"


def test_a_word_scores_as_its_tokens_do_on_average_and_half_as_its_sentence():
    sources = Sources(["alpha beta. gamma delta."], 1)
    starts = np.array([0, 2, 4, 6, 12, 18])  # "alpha" is three tokens
    tokens = TokenScores(np.zeros(6, dtype=np.int64), starts, starts + 1, np.array([0.4, 0.4, 0.4, 0.8, 0.1, 0.6]))
    two = Budget(tokens=2, counter=lambda text: len(text.split()))
    assert cut(sources, Scores(np.ones(1), tokens=tokens), two, Plan()).text == "beta. delta."
    both = Scores(np.ones(1), sentences=np.array([0.0, 0.9]), tokens=tokens)
    assert cut(sources, both, two, Plan(unit="word")).text == "gamma delta."


def test_a_method_that_ranks_documents_keeps_whole_documents_best_first():
    sources = Sources(["First one stands here. It goes on.", "Second one stands here. It goes on."])
    scores = Scores(relevance=np.array([0.1, 0.7]))
    result = cut(sources, scores, Budget(tokens=7, counter=lambda t: len(t.split())), Plan())
    assert result.text == "Second one stands here. It goes on."


def test_tokens_cannot_be_cut_where_none_were_scored():
    sources = Sources(["Some text."])
    with pytest.raises(ConfigurationError, match='unit="sentence"'):
        cut(sources, scored(sources, 0), Budget(tokens=5), Plan(unit="token"))


def test_tokens_that_share_characters_or_leave_gaps_still_cover_the_text():
    text = "  a🙂b c"
    scores = Scores(
        relevance=np.ones(2),
        tokens=TokenScores(
            document=np.array([0, 0, 0, 0, 0]),
            start=np.array([2, 3, 3, 4, 6]),
            end=np.array([3, 4, 4, 5, 7]),
            score=np.array([1.0, 1.0, 1.0, 1.0, 1.0]),
        ),
    )
    result = cut(Sources([text, "left out by the method"]), scores, Budget(rate=1.0), Plan(unit="token"))
    assert result.text == "a🙂b c\n\nleft out by the method"


PROTECTED_TEXT = "The total was 1,250.50 EUR on 3 May 2021 in all. Nobody here said anything else about that matter."


@given(st.integers(0, 40), st.integers(0, 50))
@settings(max_examples=150, deadline=None)
def test_protected_spans_stay_whole_whenever_their_sentence_is_kept(tokens, seed):
    sources = Sources([PROTECTED_TEXT, PROTECTED_TEXT.replace("total", "sum")])
    scores = scored(sources, seed, tokens=True)
    plan = Plan(unit="word", protect=("number", "date"))
    result = cut(sources, scores, Budget(tokens=tokens, counter=lambda t: len(t.split())), plan)
    for document in result.documents:
        second = sources.texts[document.index].index("Nobody")
        if any(s.start < second for s in document.spans):
            assert "1,250.50 EUR" in document.text
            assert "3 May 2021" in document.text
            assert len(document.protected) == 2


@pytest.mark.parametrize("limit", [10, 30, 60])
def test_protected_spans_that_do_not_all_fit_let_others_of_their_sentence_be_kept(limit):
    sources = Sources(["The keys are 550e8400-e29b-41d4-a716-446655440000 and 7c9e6679-7425-40de-944b-e07fc1f90ae7."])
    scores = scored(sources, 0, tokens=True)
    assert cut(sources, scores, Budget(tokens=limit, counter=len), Plan(unit="word")).text


def test_a_counter_for_which_parts_cost_more_than_the_whole_leaves_something():
    def counter(text):
        return 100 if len(text) < 40 else len(text) // 10

    sources = Sources(["One sentence here. Another one there. A third one follows. It ends with this."])
    assert cut(sources, scored(sources, 0), Budget(tokens=6, counter=counter), Plan()).text


def test_a_json_object_over_several_sentences_is_one_unit():
    text = 'Before it all goes well. {"a": "One thing. Two things.", "b": "Three things. Four things."} After it too.'
    sources = Sources([text])
    sentence = cut(sources, scored(sources, 3), Budget(threshold=2.0), Plan())
    assert sentence.text == ""
    for seed in range(8):
        result = cut(sources, scored(sources, seed), Budget(tokens=80, counter=len), Plan())
        assert ("One thing" in result.text) == ("Four things" in result.text)


@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_where_nothing_fits_a_note_says_what_to_do(unit):
    sources = Sources(["x" * 300, " "])
    result = cut(sources, scored(sources, 0), Budget(tokens=20, counter=len), Plan(unit=unit))
    assert result.text == ""
    assert result.notes == ("Nothing was kept: no piece of the text fits into 20 tokens. Give a larger budget.",)
    named = cut(sources, scored(sources, 0), Budget(rate=0.001), Plan(unit=unit, patterns=("x+",)))
    assert "into 0 tokens. Give a larger budget, or name less in protect= and patterns=." in named.notes[0]


@pytest.mark.parametrize("budget", [Budget(tokens=0), Budget(rate=0), Budget(threshold=9), Budget(rate=1, documents=0)])
def test_where_nothing_was_asked_for_no_note_is_needed(budget):
    sources = Sources(["One sentence here. Another one there."])
    assert cut(sources, scored(sources, 0), budget, Plan()).notes == ()
    assert cut(Sources([" "]), scored(Sources([" "]), 0), Budget(tokens=5), Plan()).notes == ()


def test_documents_limit_keeps_the_most_relevant():
    sources = Sources(["", "Low relevance text here.", "High relevance text here.", "Middling relevance text."])
    scores = Scores(relevance=np.array([9.0, 0.1, 0.9, 0.5]), sentences=np.full(3, 0.5))
    result = cut(sources, scores, Budget(rate=0.999, documents=2), Plan())
    assert [d.index for d in result.documents] == [2, 3]
    assert {d.index: d.reason for d in result.dropped} == {0: "empty", 1: "documents"}


@pytest.mark.parametrize("gap", ["\n", "\n \n" * 40], ids=["line end", "blank lines"])
def test_white_space_that_is_cut_off_takes_no_room(gap: str) -> None:
    sources = Sources([f"It lasts three years.{gap}", "We are in Oslo."])
    scores = Scores(relevance=np.zeros(2), sentences=np.array([0.9, 0.1]))
    result = cut(sources, scores, Budget(tokens=21, counter=len), Plan())
    assert result.text == "It lasts three years."
