"""What is fuzzed, and what must hold for any input: no crash, the budget, exact spans, and inputs as they were.

Each target is a property of hypothesis. What was found by one stays with it as an `@example`.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
from fuzz_inputs import (
    BUDGET,
    CUTTING,
    DOCUMENTS,
    JSON,
    LINES,
    PATTERNS,
    PLAN,
    PROTECTION,
    QUERY,
    TEXT,
    as_json,
)
from hypothesis import given
from hypothesis import strategies as st

from boildown import Budget, Compression, Compressor, Document, InputError, Span
from boildown.cache import ScoreCache
from boildown.counters import resolve_counter
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.methods.stored import Stored
from boildown.select.cut import Cut, cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY, pack_scores, unpack_scores
from boildown.text.json_text import json_strings, map_strings, read_json
from boildown.text.protected import PROTECTED_KINDS, find_protected
from boildown.text.recovery import recover
from boildown.text.sentences import split_sentences
from boildown.text.structured import parse_tags
from boildown.text.words import split_words, terms
from boildown.tools.content import Content
from boildown.tools.shorten import ToolRule, shorten
from boildown.types import CompressedDocument, Scores, TokenScores

__all__ = ["COUNTS", "TARGETS"]

TARGETS: dict[str, Callable[[], None]] = {}
"""Every target by name."""
COUNTS: Counter[str] = Counter()
"""How many inputs each has run."""


def target(**strategies: Any) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Makes a target of a function; `strategies` are its arguments."""

    def add(function: Callable[..., None]) -> Callable[[], None]:
        name = function.__name__

        def counted(**arguments: Any) -> None:
            COUNTS[name] += 1
            function(**arguments)

        counted.__name__ = counted.__qualname__ = name
        counted.__doc__ = function.__doc__
        TARGETS[name] = given(**strategies)(counted)
        return TARGETS[name]

    return add


def covers(spans: Any, length: int) -> bool:
    """Whether spans cover a text of this length, in order, without gaps and without empty ones."""
    pairs = spans.tolist()
    if not pairs:
        return length == 0
    return (
        pairs[0][0] == 0
        and pairs[-1][1] == length
        and all(s < e for s, e in pairs)
        and all(a[1] == b[0] for a, b in pairwise(pairs))
    )


def check_spans(spans: Sequence[Span], length: int) -> None:
    """Spans lie in the text, in order, are not empty and do not overlap."""
    assert all(0 <= s.start < s.end <= length for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


def check_cut(result: Cut | Compression, documents: Sequence[Document], budget: Budget, plan: Plan) -> None:
    """All that a cut promises."""
    counter = resolve_counter(budget.counter)
    everyone = [*result.documents, *result.dropped]
    assert sorted(d.index for d in everyone) == list(range(len(documents)))
    for kept in result.documents:
        source = documents[kept.index]
        check_spans(kept.spans, len(source.text))
        assert kept.text == "".join(s.of(source.text) for s in kept.spans)
        assert kept.text
        assert kept.text == kept.text.strip()
        assert (kept.id, kept.reason) == (source.id, "")
        assert all(any(s.start <= p.start and p.end <= s.end for s in kept.spans) for p in kept.protected)
    for dropped in result.dropped:
        assert (dropped.text, dropped.spans, dropped.protected, dropped.tokens_out) == ("", (), (), 0)
        assert dropped.reason in ("budget", "documents", "duplicate", "empty")
    assert result.text == plan.separator.join(d.text for d in result.documents)
    assert result.tokens_out == (counter.count(result.text) if result.text else 0)
    if budget.tokens is not None:
        assert result.tokens_out <= budget.tokens
    if budget.rate is not None:
        assert result.tokens_out <= budget.rate * result.tokens_in + 1e-6
    if budget.documents is not None:
        assert len(result.documents) <= budget.documents


def kept_whole(documents: Sequence[CompressedDocument]) -> list[tuple[int, tuple[Span, ...]]]:
    return [(d.index, d.spans) for d in documents]


# Text


@target(text=LINES, longest=st.sampled_from([1000, 1000, 40, 8, 1, 0]))
def sentences(text: str, longest: int) -> None:
    """Sentences cover the text, hold a word each, and are no longer than allowed."""
    spans = split_sentences(text, longest)
    assert covers(spans, len(text))
    if longest > 8 and spans.size:
        assert max(len(text[s:e].rstrip()) for s, e in spans.tolist()) <= longest
    for least in (0, 3):
        joined = Sources([text], least).sentences
        assert covers(np.stack([joined.start, joined.end], axis=1), len(text))


@target(text=LINES)
def words(text: str) -> None:
    """Words cover the text; its terms are text without white space around it."""
    assert covers(split_words(text), len(text))
    assert all(term and term == term.strip() for term in terms(text))


@target(text=LINES, kinds=st.lists(st.sampled_from(PROTECTED_KINDS), unique=True), patterns=PATTERNS)
def protected(text: str, kinds: list[str], patterns: Any) -> None:
    """Protected spans lie in the text, in order, apart from each other; JSON is JSON."""
    spans = find_protected(text, kinds, patterns)
    check_spans(spans, len(text))
    assert {span.label for span in spans} <= {*kinds, "pattern"}
    if kinds == ["json"] and not patterns:
        for span in spans:
            json.loads(span.of(text))


@target(text=TEXT, others=st.lists(TEXT, max_size=4))
def counting(text: str, others: list[str]) -> None:
    """The estimate counts a text the same alone and among others, and never less for more of it."""
    count = resolve_counter(None)
    assert count.count_many([*others, text]) == [count.count(t) for t in [*others, text]]
    assert 0 <= count.count(text) <= len(text)
    assert count.count(text + "x") >= count.count(text)


@target(
    parts=st.lists(
        TEXT | st.sampled_from(["<llmlingua>", "</llmlingua>", "<llmlingua, rate=0.3>", "<llmlingua, compress=False>"]),
        max_size=8,
    )
)
def tags(parts: list[str]) -> None:
    """Tags are read, or refused with a message; the sections cover the text without them."""
    text = "".join(parts)
    try:
        plain, sections = parse_tags(text)
    except InputError:
        return
    assert "".join(plain[s.start : s.end] for s in sections) == plain
    assert [s.start for s in sections] == [0, *(s.end for s in sections)][: len(sections)]
    assert all(s.rate is None or 0 <= s.rate <= 1 for s in sections)
    assert len(plain) <= len(text)
    if "llmlingua" not in text:
        assert plain == text


@target(data=JSON, text=TEXT)
def json_values(data: Any, text: str) -> None:
    """Strings are found and changed in place; what is no JSON is refused with a message."""
    before = copy.deepcopy(data)
    found = list(json_strings(data))
    assert map_strings(data, lambda path, value: value) == data
    seen = iter(found)
    assert map_strings(data, lambda path, value: next(seen) == (path, value) and value) == data
    assert data == before
    assert read_json(json.dumps(data)) == data
    with suppress(InputError):
        read_json(text)


@target(texts=st.lists(LINES, min_size=1, max_size=3), answer=TEXT, seed=st.integers(0, 1 << 16))
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


# Selection


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


@target(documents=DOCUMENTS, budget=BUDGET, plan=PLAN, seed=st.integers(0, 1 << 16), shape=st.integers(0, 3))
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


# Stored scores

REAL = st.floats(-1e9, 1e9)


@target(
    gaps=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40), REAL), max_size=30),
    of_sentences=st.none() | st.lists(REAL, max_size=9),
    relevance=REAL,
    damage=st.lists(st.tuples(st.integers(0, 400), st.characters()), max_size=3),
    junk=TEXT,
)
def stored_scores(gaps: Any, of_sentences: Any, relevance: float, damage: Any, junk: str) -> None:
    """What is packed is unpacked; what is damaged or foreign is refused, or gives offsets inside the text."""
    start = np.cumsum([gap for gap, _, _ in gaps], dtype=np.int64)
    end = start + np.array([size for _, size, _ in gaps], dtype=np.int64)
    tokens = TokenScores(np.zeros_like(start), start, end, np.array([v for _, _, v in gaps], dtype=np.float64))
    sentences = None if of_sentences is None else np.array(of_sentences, dtype=np.float64)
    length = int(end.max(initial=0))
    packed = pack_scores(Scores(np.array([relevance]), sentences=sentences, tokens=tokens))
    assert packed.isascii()
    again = unpack_scores(packed, length)
    assert again.tokens is not None
    assert np.array_equal(again.tokens.start, start)
    assert np.array_equal(again.tokens.end, end)
    characters = list(packed)
    for place, character in damage:
        characters[place % len(characters)] = character
    for text in ("".join(characters), junk):
        try:
            read = unpack_scores(text, length)
        except ValueError:
            continue
        if read.tokens is not None:
            assert (read.tokens.end <= length).all()
            assert (read.tokens.start >= 0).all()
            assert np.isfinite(read.tokens.score).all()


class _Words(LLMLingua2):
    """A method that can be stored and runs no model, so that a hundred thousand calls take minutes."""

    def score(self, query: str, sources: Sources) -> Scores:
        words = sources.words
        tokens = TokenScores(words.document, words.start, words.end, (words.end - words.start) / 10)
        return Scores(np.array([len(text) / 100 for text in sources.texts]), tokens=tokens)


@target(
    documents=DOCUMENTS,
    values=st.lists(st.none() | TEXT | st.integers() | st.sampled_from(["1.2.3.4.5", "1.any.x.y.z"]), max_size=6),
)
def stored_in_metadata(documents: list[Document], values: list[Any]) -> None:
    """Whatever stands where stored scores belong: the scores are right."""
    from boildown.runtime.models import shared_model

    shared_model(("identity", "words"), lambda: "words")
    method = _Words("words", "cpu", "float32")
    plain = [Document(d.text) for d in documents]
    expected = method.score("", Sources(plain))
    good = Stored(method).values(Sources(plain))
    carried = [
        Document(d.text, metadata={STORED_KEY: values[i] if i < len(values) and values[i] is not None else good[i]})
        for i, d in enumerate(documents)
    ]
    found = Stored(method).score("", Sources(carried, cache=ScoreCache()))
    assert np.allclose(found.relevance, expected.relevance)
    assert found.tokens is not None
    assert expected.tokens is not None
    assert np.array_equal(found.tokens.start, expected.tokens.start)
    assert np.allclose(found.tokens.score, expected.tokens.score, atol=1e-2)


# Tools and frameworks

RULE = st.tuples(st.integers(0, 80), st.integers(0, 80)).map(lambda pair: ToolRule(min(pair), max(pair)))
BLOCK = st.one_of(
    LINES,
    LINES.map(lambda text: {"type": "text", "text": text}),
    st.just({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}),
    st.dictionaries(TEXT, TEXT, max_size=2),
)
CONTENT = st.one_of(LINES, JSON.map(as_json), st.lists(BLOCK, max_size=4))


@target(content=CONTENT, query=QUERY, rule=RULE)
def tool_results(content: Any, query: str, rule: ToolRule) -> None:
    """A tool's result is shortened within its limit; JSON stays JSON, and what is no text stays."""
    before = copy.deepcopy(content)
    parsed = Content(content)
    short = shorten(parsed, query, rule, "[note]", Compressor("bm25"), None)
    assert content == before
    if short is None:
        return
    count = resolve_counter(None).count
    text = parsed.text_with(short.texts, "[note]")
    assert short.tokens_out == count(text) < short.tokens_in
    # Where nothing more can be left out, what must stay may be more than the limit.
    least = count(parsed.text_with([""] * len(parsed.texts), "[note]"))
    assert short.tokens_out <= max(rule.tokens, least)
    replaced = parsed.replaced(short.texts, "[note]")
    assert isinstance(replaced, type(content))
    if isinstance(content, list):
        assert [b for b in replaced if not isinstance(b, str) and b.get("type") == "image_url"] == [
            b for b in content if not isinstance(b, str) and b.get("type") == "image_url"
        ]


@target(documents=DOCUMENTS, query=QUERY, tokens=st.integers(0, 60), unit=st.sampled_from(["sentence", "word"]))
def langchain(documents: list[Document], query: str, tokens: int, unit: Any) -> None:
    """LangChain's documents come out as themselves, shorter, and those that went in are as they were."""
    from langchain_core.documents import Document as LangChainDocument

    from langchain_boildown import BoildownCompressor, source_spans

    given_ = [LangChainDocument(page_content=d.text, id=d.id, metadata=dict(d.metadata)) for d in documents]
    before = copy.deepcopy(given_)
    kept = BoildownCompressor(method="bm25", tokens=tokens, unit=unit).compress_documents(given_, query)
    assert given_ == before
    for document in kept:
        source = given_[document.metadata["boildown_index"]]
        assert document.page_content == "".join(source.page_content[s:e] for s, e in source_spans(document))
        assert document.id == source.id
    assert resolve_counter(None).count("\n\n".join(d.page_content for d in kept)) <= tokens


@target(
    documents=DOCUMENTS, query=st.none() | QUERY, tokens=st.integers(0, 60), unit=st.sampled_from(["sentence", "word"])
)
def llamaindex(documents: list[Document], query: str | None, tokens: int, unit: Any) -> None:
    """LlamaIndex's nodes come out as themselves, shorter, and those that went in are as they were."""
    from llama_index.core.schema import NodeWithScore, TextNode

    from llama_index.postprocessor.boildown import BoildownPostprocessor

    nodes = [
        NodeWithScore(node=TextNode(id_=f"n{i}", text=d.text, metadata=dict(d.metadata)), score=float(i))
        for i, d in enumerate(documents)
    ]
    before = copy.deepcopy(nodes)
    kept = BoildownPostprocessor(method="bm25", tokens=tokens, unit=unit).postprocess_nodes(nodes, query_str=query)
    assert nodes == before
    by_id = {node.node_id: node for node in nodes}
    assert len({node.node_id for node in kept}) == len(kept)
    for node in kept:
        source = by_id[node.node_id].node.get_content()
        spans = json.loads(node.metadata["boildown_spans"])
        assert node.node.get_content() == "".join(source[s:e] for s, e in spans)
    assert resolve_counter(None).count("\n\n".join(node.node.get_content() for node in kept)) <= tokens
