"""The cut, by any scores, and the whole way by BM25."""

from __future__ import annotations

import copy
import json
from html.parser import HTMLParser
from typing import Any

import numpy as np
from fuzz_checks import check_cut, target
from fuzz_inputs import BUDGET, CUTTING, DOCUMENTS, PATTERNS, PLAN, PROTECTION, QUERY
from hypothesis import strategies as st

from boildown import Budget, Compressor, Document
from boildown.cache import ScoreCache
from boildown.select.cut import cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores, TokenScores


def random_scores(sources: Sources, seed: int, shape: int) -> Scores:
    """Scores of words, of sentences, or of both, with ties, gaps and extremes."""
    rng = np.random.default_rng(seed)

    def draw(count: int) -> Any:
        values = rng.choice([rng.random(count), rng.integers(0, 3, count).astype(float), np.zeros(count)])
        return np.where(rng.random(count) < 0.02, np.inf, values) if shape == 3 else values

    at = sources.words
    some = rng.random(len(at)) < 0.9
    tokens = TokenScores(at.document[some], at.start[some], at.end[some], draw(int(some.sum())))
    return Scores(
        relevance=draw(len(sources)),
        sentences=draw(len(sources.sentences)) if shape != 1 else None,
        tokens=tokens if shape != 2 else None,
    )


@target(
    "selection",
    share=0.7,
    documents=DOCUMENTS,
    budget=BUDGET,
    plan=PLAN,
    seed=st.integers(0, 1 << 16),
    shape=st.integers(0, 3),
)
def selection(documents: list[Document], budget: Budget, plan: Plan, seed: int, shape: int) -> None:
    """Any scores, cut by any plan within any budget."""
    if plan.unit == "token" and shape == 2:
        shape = 0
    sources = Sources(documents)
    scores = random_scores(sources, seed, shape)
    before = copy.deepcopy(scores)
    check_cut(cut(sources, scores, budget, plan), documents, budget, plan)
    assert np.array_equal(scores.relevance, before.relevance)
    assert scores.sentences is None or np.array_equal(scores.sentences, before.sentences)
    assert scores.tokens is None or np.array_equal(scores.tokens.score, before.tokens.score)


@target(
    "selection",
    share=0.2,
    query=QUERY,
    documents=DOCUMENTS,
    budget=BUDGET,
    other=BUDGET,
    options=st.fixed_dictionaries(
        {"unit": st.sampled_from([None, "sentence", "word"]), "protect": PROTECTION, "patterns": PATTERNS, **CUTTING}
    ),
)
def facade(query: str, documents: list[Document], budget: Budget, other: Budget, options: dict[str, Any]) -> None:
    """The whole way by BM25, cut again, recovered, shown and written as JSON; the same with a cache and without."""
    before = copy.deepcopy(documents)
    plain = Compressor("bm25", **options, cache=False).compress(query, documents, budget)
    check_cut(plain, documents, budget, plain.plan)
    again = plain.rebudget(other)
    check_cut(again, documents, other, plain.plan)
    assert again.rebudget(budget).text == plain.text
    cached = Compressor("bm25", **options, cache=ScoreCache(memory=20_000))
    for _ in range(2):
        result = cached.compress(query, documents, budget)
        assert {**result.to_dict(), "seconds": 0} == {**plain.to_dict(), "seconds": 0}
    plain.recover(plain.text[:100])
    json.dumps(plain.to_dict())
    parser = HTMLParser()
    parser.feed(plain.to_html())
    parser.close()
    assert documents == before
