"""One tool result within its budget, and what goes with it."""

from __future__ import annotations

import copy
import itertools
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boildown import Compressor, ConfigurationError
from boildown.counters import resolve_counter
from boildown.tools.content import Content
from boildown.tools.large import MOST_READ
from boildown.tools.shorten import Memory, ToolRule, question_of, read_page, shorten

BM25 = Compressor("bm25")
NOTE = "[Shortened.]"
QUESTION = "How high is the tower?"
FACT = "The tower is 41.5 m high."
NOISE = " ".join(f"Entry {i} of the harbour log notes calm weather." for i in range(100))
LONG = f"{NOISE} {FACT} {NOISE}"


def count(text: str) -> int:
    return resolve_counter(None).count(text)


def test_a_short_result_stays() -> None:
    content = Content(LONG)
    trigger = count(LONG)
    assert shorten(content, QUESTION, ToolRule(50, trigger), NOTE, BM25, None) is None
    assert shorten(content, QUESTION, ToolRule(50, trigger - 1), NOTE, BM25, None) is not None


def test_the_note_counts_and_the_counts_are_those_of_the_whole() -> None:
    content = Content([LONG, {"type": "text", "text": NOISE}])
    short = shorten(content, QUESTION, ToolRule(60, 60), NOTE, BM25, None)
    assert short is not None
    whole = content.text_with(short.texts, NOTE)
    assert FACT in whole
    assert short.tokens_in == count(content.text)
    assert short.tokens_out == count(whole) <= 60


@pytest.mark.parametrize("tokens", [0, 1])
def test_a_budget_that_not_even_the_note_fits_leaves_the_note(tokens: int) -> None:
    short = shorten(Content(LONG), QUESTION, ToolRule(tokens, 10), NOTE, BM25, None)
    assert short is not None
    assert short.texts == ("",)


def test_what_the_note_would_make_longer_stays() -> None:
    assert shorten(Content("Two words."), QUESTION, ToolRule(0, 0), f"[{NOISE}]", BM25, None) is None


class Once:
    """An engine whose results are final."""

    def compress(self, query: str, documents: Any, budget: Any) -> Any:
        result = BM25.compress(query, documents, budget)
        return replace(result, scores=replace(result.scores, final=True))


def test_an_engine_of_which_nothing_can_be_cut_again() -> None:
    # Quotes and line ends take more room in JSON than in the text, so that a second cut is needed.
    rows = json.dumps([{"body": '"A" \\ "B"\n' * 60 + FACT}])
    again = shorten(Content(rows), QUESTION, ToolRule(80, 100), NOTE, BM25, None)
    assert shorten(Content(rows), QUESTION, ToolRule(80, 100), NOTE, Once(), None) == again  # type: ignore[arg-type]
    assert again is not None
    assert again.tokens_out <= 80


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=300), min_size=1, max_size=5), st.integers(10, 80), st.booleans())
def test_any_texts_fit_the_budget(texts: list[str], tokens: int, as_json: bool) -> None:
    content = Content(json.dumps(texts)) if as_json else Content(list(texts))
    short = shorten(content, QUESTION, ToolRule(tokens, tokens), NOTE, BM25, None)
    floor = count(content.text_with([""] * len(content.texts), NOTE))
    most = max(tokens, floor + (tokens - count(NOTE)) // 2)
    if short is None:
        assert count(content.text) <= most or not content.texts
        return
    assert short.tokens_out <= most
    for piece, text in zip(short.texts, content.texts, strict=True):
        rest = iter(text)
        assert all(character in rest for character in piece.replace("[…]\n", "")), "pieces are cut, never rewritten"


def test_the_text_of_data_is_not_lost_to_what_must_stay() -> None:
    rows = [
        {"url": f"https://example.org/{i}?page={i}", "score": i / 7, "content": f"{NOISE[:800]} {i} {FACT * (i == 7)}"}
        for i in range(12)
    ]
    content = Content(json.dumps(rows))
    fixed = count(content.text_with([""] * 12, NOTE))
    assert fixed > 200
    short = shorten(content, QUESTION, ToolRule(200, 300), NOTE, BM25, None)
    assert short is not None
    assert FACT in short.texts[7]
    assert fixed < short.tokens_out <= fixed + 100
    (note,) = short.notes
    assert f"has {short.tokens_out} tokens, more than tokens=200" in note
    assert f"takes {fixed} by itself" in note
    within = shorten(content, QUESTION, ToolRule(1200, 1300), NOTE, BM25, None)
    assert within is not None
    assert fixed + 400 < within.tokens_out <= 1200
    assert within.notes == ()


@pytest.mark.parametrize("functions", [60, 2000])
@pytest.mark.parametrize("as_json", [False, True])
def test_lines_without_a_mark_between_them_are_neighbours(functions: int, as_json: bool) -> None:
    code = "\n".join(
        f"def read_{i:04}(port):\n    value_{i:04} = port.read({i})\n    check(value_{i:04}, least={i})\n\n"
        f"    log('Value {i:04} was read. It may be too old. Read it again.')\n    return value_{i:04} * {i}\n"
        for i in range(functions)
    )
    content = Content(json.dumps({"file": code})) if as_json else Content(code)
    short = shorten(content, "Which values are logged as too old?", ToolRule(200, 300), NOTE, BM25, None)
    assert short is not None
    assert short.tokens_out <= 200
    assert bool(short.notes) == (functions > 1000)
    lines = [line for line in code.splitlines() if line.strip()]
    seen = [line.strip() for line in short.texts[0].splitlines() if line.strip()]
    assert seen.count("[…]") > 5
    assert short.tokens_out > 150
    for one, other in itertools.pairwise(seen):
        if "[…]" not in (one, other):
            assert any(a.endswith(one) and b.lstrip().startswith(other) for a, b in itertools.pairwise(lines))


def test_the_engine_does_not_read_all_of_a_very_large_result() -> None:
    class Engine:
        def __init__(self) -> None:
            self.read: list[str] = []

        def compress(self, query: str, documents: Any, budget: Any) -> Any:
            self.read = [document.text for document in documents]
            return BM25.compress(query, documents, budget)

        async def acompress(self, query: str, documents: Any, budget: Any) -> Any:
            return self.compress(query, documents, budget)

    engine = Engine()
    texts = [f"{NOISE} {NOISE}"] * 12
    texts[9] = LONG
    short = shorten(Content(json.dumps(texts)), QUESTION, ToolRule(100, 200), NOTE, engine, None)
    assert short is not None
    assert FACT in short.texts[9]
    assert short.tokens_out <= 100
    assert sum(map(count, engine.read)) <= MOST_READ < sum(map(count, texts))
    (note,) = short.notes
    assert note.startswith(f"BM25 chose at most 10,000 of {sum(map(count, texts)):,} tokens for the engine to read")
    some = shorten(Content(json.dumps(texts[8:])), QUESTION, ToolRule(100, 200), NOTE, engine, None)
    assert some is not None
    assert some.notes == ()
    assert engine.read == texts[8:]


def test_what_the_engine_says_is_in_the_notes() -> None:
    short = shorten(Content(LONG), " ", ToolRule(100, 200), NOTE, BM25, None)
    assert short is not None
    assert [note[:18] for note in short.notes] == ["The query is blank"]


@pytest.mark.parametrize(
    ("tokens", "trigger", "message"),
    [
        (5, 4, "Raise trigger_tokens="),
        (-1, 5, "^tokens= must be a whole number of at least 0, not -1"),
        (True, 5, "^tokens= must be"),
        (2.5, 5, "^tokens= must be"),
        (5, None, "^trigger_tokens= must be a whole number of at least 0, not None"),
        (5, "2000", "^trigger_tokens= must be"),
    ],
)
def test_wrong_rules_say_which_argument_is_wrong(tokens: Any, trigger: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ToolRule(tokens, trigger)


def test_the_question_holds_the_text_among_the_arguments() -> None:
    assert question_of("Why?", {"topic": "boats", "page": 3, "where": "quay"}) == "Why?\nboats quay"
    deep = {"filter": {"and": [{"field": "boats"}, ["quay", 3, None]]}, "query": "harbour"}
    assert question_of("Why?", deep) == "Why?\nboats quay harbour"
    assert question_of("", {}) == ""
    assert len(question_of("", {"text": "x" * 10_000})) == 500


def test_pages_join_to_the_full_text() -> None:
    assert read_page("short", 0) == "short"
    text, read, start = LONG * 3, "", 0
    while start < len(text):
        page, _, foot = read_page(text, start).rpartition("\n\n[Characters ")
        assert foot.startswith(f"{start} to {start + len(page)} of {len(text)}.")
        read, start = read + page, start + len(page)
    assert read == text
    assert read_page("short", 99) == "\n\n[Characters 5 to 5 of 5.]"
    assert read_page("short", -1) == "short"


def test_the_memory_is_bounded_and_copies_begin_empty() -> None:
    memory = Memory(2)
    assert [memory.recall(key, lambda key=key: key) for key in (1, 2, 3)] == [1, 2, 3]  # type: ignore[misc]
    assert memory.recall(3, lambda: 0) == 3
    assert memory.recall(1, lambda: 0) == 0
    for clone in (copy.deepcopy(memory), pickle.loads(pickle.dumps(memory))):
        assert clone.recall(3, lambda: 0) == 0


def test_threads_share_the_memory() -> None:
    memory, made, lock = Memory(8), [], threading.Lock()

    def make(key: int) -> int:
        with lock:
            made.append(key)
        return key * key

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: memory.recall(i % 5, lambda: make(i % 5)), range(200)))
    assert found == [(i % 5) ** 2 for i in range(200)]
    assert set(made) == set(range(5))
