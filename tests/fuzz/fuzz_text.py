"""The text layer: sentences, words, protected spans, counts, and recovery."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from fuzz_checks import check_spans, covers, target
from fuzz_inputs import LINES, PATTERNS, TEXT
from hypothesis import example
from hypothesis import strategies as st

from boildown import Span
from boildown.counters import resolve_counter
from boildown.sources import Sources
from boildown.text.graphemes import is_boundary
from boildown.text.protected import PROTECTED_KINDS, find_protected
from boildown.text.recovery import recover
from boildown.text.sentences import split_sentences
from boildown.text.words import split_words, terms


@target("text", share=3, text=LINES, longest=st.sampled_from([1000, 1000, 40, 8, 1, 0]))
@example(text="The tower is 41.5 m high.> quoted„ja“\u200bv1.2.3-rc1?!themastermasterすし、うまい。", longest=40)
def sentences(text: str, longest: int) -> None:
    """Sentences cover the text, hold a word each, and are no longer than allowed."""
    spans = split_sentences(text, longest)
    assert covers(spans, len(text))
    for start, end in spans.tolist() if longest > 8 else ():
        inside = range(start + 1, start + len(text[start:end].rstrip()))
        # A cluster of marks longer than that stays whole.
        assert len(inside) < longest or not any(is_boundary(text, at, start) for at in inside)
    for least in (0, 3):
        joined = Sources([text], least).sentences
        assert covers(np.stack([joined.start, joined.end], axis=1), len(text))


@target("text", share=3, text=LINES)
def words(text: str) -> None:
    """Words cover the text; its terms are text without white space around it."""
    assert covers(split_words(text), len(text))
    assert all(term and term == term.strip() for term in terms(text))


@target("text", share=3, text=LINES, kinds=st.lists(st.sampled_from(PROTECTED_KINDS), unique=True), patterns=PATTERNS)
def protected(text: str, kinds: list[str], patterns: Any) -> None:
    """Protected spans lie in the text, in order, apart from each other; JSON is JSON."""
    spans = find_protected(text, kinds, patterns)
    check_spans(spans, len(text))
    assert {span.label for span in spans} <= {*kinds, "pattern"}
    if kinds == ["json"] and not patterns:
        for span in spans:
            json.loads(span.of(text))


@target("text", share=1.5, text=TEXT, others=st.lists(TEXT, max_size=4))
def counting(text: str, others: list[str]) -> None:
    """The estimate counts a text the same alone and among others, and never less for more of it."""
    count = resolve_counter(None)
    assert count.count_many([*others, text]) == [count.count(t) for t in [*others, text]]
    assert 0 <= count.count(text) <= len(text)
    assert count.count(text + "x") >= count.count(text)


@target("text", share=1.5, texts=st.lists(LINES, min_size=1, max_size=3), answer=TEXT, seed=st.integers(0, 1 << 16))
def recovery(texts: list[str], answer: str, seed: int) -> None:
    """What is traced stands where it is said to, and the rest of the answer is as it was."""
    kept = []
    for i, text in enumerate(texts):
        spans = split_words(text)
        some = spans[np.random.default_rng(seed + i).random(len(spans)) < 0.6]
        kept.append((i, tuple(Span(s, e) for s, e in some.tolist())))
    repeated = "".join(span.of(texts[0]) for span in kept[0][1])[:200]
    for said in (answer, repeated, f"{answer} {repeated}"):
        found = recover(said, kept, texts)
        check_spans([match.answer for match in found.matches], len(said))
        at, rebuilt = 0, []
        for match in found.matches:
            assert 0 <= match.source.start < match.source.end <= len(texts[match.document])
            rebuilt += [said[at : match.answer.start], match.source.of(texts[match.document])]
            at = match.answer.end
        assert found.text == "".join([*rebuilt, said[at:]])
