"""Tags, JSON, and whole prompts with either."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
from fuzz_checks import target
from fuzz_inputs import JSON, QUERY, TEXT
from hypothesis import strategies as st

from boildown import InputError
from boildown.compat import PromptCompressor
from boildown.counters import resolve_counter
from boildown.methods.bm25 import BM25
from boildown.text.json_text import json_strings, map_strings, read_json
from boildown.text.structured import parse_tags


@target(
    "structured",
    share=3,
    parts=st.lists(
        TEXT | st.sampled_from(["<llmlingua>", "</llmlingua>", "<llmlingua, rate=0.3>", "<llmlingua, compress=False>"]),
        max_size=8,
    ),
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


@target("structured", share=2, data=JSON, text=TEXT)
def json_values(data: Any, text: str) -> None:
    """Strings are found and changed in place; what is no JSON is refused with a message."""
    before = copy.deepcopy(data)
    found = list(json_strings(data))
    assert map_strings(data, lambda path, value: value) == data
    seen = iter(found)
    assert map_strings(data, lambda path, value: next(seen) == (path, value) and value) == data
    assert data == before
    written = json.dumps(data)
    assert read_json(written) == json.loads(written)  # which joins the halves of a character that were apart
    with suppress(InputError):
        read_json(text)


# Whole prompts, by BM25, which needs no model

COUNTER = resolve_counter(None)
PROMPTS = PromptCompressor(BM25(), counter=COUNTER)
_OPTIONS = st.sampled_from(
    ["", ", rate=0", ", rate=0.4", ", rate=1.0", ", compress=False", ", rate=0.2, compress=True"]
)
TAGGED = st.lists(
    TEXT | st.tuples(_OPTIONS, TEXT).map(lambda pair: f"<llmlingua{pair[0]}>{pair[1]}</llmlingua>"), max_size=5
).map("".join)


def is_cut_from(text: str, source: str) -> bool:
    """Whether a text's characters stand in its source in this order, white space aside."""
    left = iter(source)
    return all(character in left for character in text if not character.isspace())


@target(
    "structured", share=0.5, contexts=st.lists(TAGGED, min_size=1, max_size=3), question=QUERY, rate=st.floats(0, 1)
)
def tagged_prompts(contexts: list[str], question: str, rate: float) -> None:
    """What must not be compressed stays to the letter, and the rest is cut from the contexts, without their tags."""
    before = list(contexts)
    arguments: dict[str, Any] = {"question": question, "rate": rate, "concate_question": False}
    try:
        parsed = [parse_tags(text) for text in contexts]
    except InputError:
        with pytest.raises(InputError):
            PROMPTS.structured_compress_prompt(contexts, **arguments)
        return
    result = PROMPTS.structured_compress_prompt(contexts, use_context_level_filter=False, **arguments)
    text = result["compressed_prompt"]
    assert is_cut_from(text, "".join(plain for plain, _ in parsed))
    for plain, sections in parsed:
        for section in sections:
            kept = plain[section.start : section.end]
            assert section.compress or not kept.strip() or kept in text
    assert result["compressed_tokens"] == COUNTER.count(text)
    assert contexts == before
    PROMPTS.structured_compress_prompt(contexts, use_sentence_level_filter=True, **arguments)


@target(
    "structured",
    share=0.3,
    contexts=st.lists(TEXT, min_size=1, max_size=4),
    instruction=TEXT,
    question=QUERY,
    rate=st.floats(0, 1),
    tokens=st.none() | st.integers(0, 60),
    split=st.booleans(),
)
def prompts(contexts: list[str], instruction: str, question: str, rate: float, tokens: int | None, split: bool) -> None:
    """The rate holds for the whole prompt, or the number of tokens for the contexts; both stand around the cut text."""
    limit: dict[str, Any] = {"rate": rate} if tokens is None else {"target_token": tokens}
    alone = PROMPTS.compress_prompt(contexts, question=question, concate_question=False, keep_split=split, **limit)
    assert is_cut_from(alone["compressed_prompt"], "".join(contexts))
    # Blank lines that are to be kept are counted, but stay.
    most = rate * alone["origin_tokens"] if tokens is None else tokens
    assert split or alone["compressed_tokens"] <= most + 1e-6
    whole = PROMPTS.compress_prompt(contexts, instruction, question, **limit)["compressed_prompt"]
    assert whole.startswith(instruction)
    assert whole.endswith(question)


@target("structured", share=0.4, data=JSON, question=QUERY, rate=st.floats(0, 1), key_level=st.booleans())
def json_prompts(data: Any, question: str, rate: float, key_level: bool) -> None:
    """JSON stays JSON of the same shape, of which only strings are cut, within the rate as far as the rest allows."""
    before = copy.deepcopy(data)
    given = json.dumps(data) if isinstance(data, str) else data
    result = PROMPTS.compress_json(given, question=question, rate=rate, use_keyvalue_level_filter=key_level)
    made = result["compressed_prompt"]
    assert data == before
    assert json.loads(json.dumps(made)) == made
    blank = map_strings(data, lambda path, text: "" if text.strip() else text)
    assert map_strings(made, lambda path, text: "") == map_strings(data, lambda path, text: "")
    shorter = dict(json_strings(made))
    for path, text in json_strings(data):
        assert is_cut_from(shorter[path], text)
    least = COUNTER.count(json.dumps(blank, ensure_ascii=False))
    tokens_in = COUNTER.count(json.dumps(data, ensure_ascii=False))
    assert result["origin_tokens"] == tokens_in
    assert result["compressed_tokens"] <= max(rate * tokens_in, least) + 1e-6
    assert PROMPTS.compress_json(json.dumps(data), question=question, rate=rate)["origin_tokens"] == tokens_in
