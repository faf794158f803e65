"""LLMLingua and LongLLMLingua: the exact mode's text is the reference's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from oracle import assert_reproduced
from tiny_models import ALL, CHINESE, ENGLISH

LONG = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(5)]
CONTEXTS = {"short": ENGLISH, "long": LONG, "mixed": ALL, "one": [" ".join(LONG)], "chinese": CHINESE * 2}
QUESTION = "Who counted the ships, and how many were there in 1874?"
LONG_QUESTION = {"question": QUESTION, "rank_method": "longllmlingua"}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "default": {},
    "low rate": {"rate": 0.3},
    "target": {"target_token": 150},
    "longllmlingua": LONG_QUESTION,
    "published longllmlingua": {
        **LONG_QUESTION,
        "condition_in_question": "after_condition",
        "reorder_context": "sort",
        "dynamic_context_compression_ratio": 0.3,
        "condition_compare": True,
        "rate": 0.55,
    },
    "before": {
        **LONG_QUESTION,
        "condition_in_question": "before_condition",
        "reorder_context": "two_stage",
        "dynamic_context_compression_ratio": 0.2,
    },
    "instruction, small windows": {
        "question": QUESTION,
        "instruction": "Answer the question.",
        "iterative_size": 100,
        "context_budget": "*2",
        "keep_split": True,
    },
    "sentences by bm25": {
        "question": QUESTION, "rank_method": "bm25", "use_sentence_level_filter": True, "rate": 0.4,
    },
    "sentences kept": {
        **LONG_QUESTION,
        "use_sentence_level_filter": True,
        "keep_first_sentence": 1,
        "keep_last_sentence": 1,
        "keep_sentence_number": 1,
        "rate": 0.4,
    },
    "gzip, whole contexts": {
        "question": QUESTION, "rank_method": "gzip", "use_token_level_filter": False, "rate": 0.3,
    },
    "forced, unasked": {
        "question": QUESTION,
        "condition_compare": True,
        "add_instruction": True,
        "instruction": "Be brief.",
        "force_context_ids": [1],
        "concate_question": False,
    },
}  # fmt: skip
CASES = [
    *((model, "long", case) for model in ("gpt2", "llama") for case in ARGUMENTS),
    *((model, contexts, "default") for model in ("gpt2", "llama") for contexts in ("short", "mixed", "one", "chinese")),
    ("gpt2", "one", "published longllmlingua"),
    ("llama", "mixed", "published longllmlingua"),
    ("llama", "chinese", "longllmlingua"),
    ("gpt2", "short", "sentences kept"),
]


@pytest.mark.parametrize(("model", "contexts", "case"), CASES)
def test_compress_prompt(
    reference: Callable[[str], Any], ours: Callable[[str], Any], model: str, contexts: str, case: str
) -> None:
    def ask(compressor: Any) -> Any:
        return compressor.compress_prompt(list(CONTEXTS[contexts]), **copy.deepcopy(ARGUMENTS[case]))

    assert_reproduced(reference(model), ask, ask(ours(model)))


TAGGED = [
    "<llmlingua, compress=False>Speaker 1:</llmlingua><llmlingua, rate=0.4> "
    + LONG[0]
    + "</llmlingua><llmlingua, compress=False> End.</llmlingua>",
    "<llmlingua, rate=0.7>" + LONG[1] + "</llmlingua>",
    ENGLISH[2],
]


@pytest.mark.parametrize("model", ["gpt2", "llama"])
@pytest.mark.parametrize(
    "arguments", [{}, {"target_token": 200}, {"use_sentence_level_filter": True, "question": "Who?", "rate": 0.4}]
)
def test_structured(
    reference: Callable[[str], Any], ours: Callable[[str], Any], model: str, arguments: dict[str, Any]
) -> None:
    def ask(compressor: Any) -> Any:
        return compressor.structured_compress_prompt(list(TAGGED), **arguments)

    assert_reproduced(reference(model), ask, ask(ours(model)))


def test_json(reference: Callable[[str], Any], ours: Callable[[str], Any]) -> None:
    data = {"id": 7, "name": "Notes", "notes": LONG[0], "tags": ["a long tag here", "another tag"], "open": True}
    kinds = {"id": "int", "name": "str", "notes": "str", "tags": "list", "open": "bool"}
    rules = {
        key: {"rate": 0.4, "compress": key in ("notes", "tags"), "value_type": kind, "pair_remove": key == "open"}
        for key, kind in kinds.items()
    }

    def ask(compressor: Any) -> Any:
        return compressor.compress_json(copy.deepcopy(data), copy.deepcopy(rules), rate=0.5)

    assert_reproduced(reference("gpt2"), ask, ask(ours("gpt2")))


@pytest.mark.parametrize("model", ["gpt2", "llama"])
def test_recover(reference: Callable[[str], Any], ours: Callable[[str], Any], model: str) -> None:
    original = "\n\n".join(ENGLISH)
    compressed = ours(model).compress_prompt([original])["compressed_prompt"]
    words = compressed.split(" ")
    for response in (" ".join(words[3:12]), "He said " + " ".join(words[20:26]) + " indeed", compressed[:200]):
        expected = reference(model).recover(original, compressed, response)
        assert ours(model).recover(original, compressed, response) == expected


def test_where_the_reference_fails(reference: Callable[[str], Any], ours: Callable[[str], Any]) -> None:
    with pytest.raises(IndexError):
        reference("gpt2").recover("The ship passed.", "ship passed", "no  ship")
    assert ours("gpt2").recover("The ship passed.", "ship passed", "no  way") == "no  way"


def test_takes_over_the_reference_with_its_weights(reference: Callable[[str], Any]) -> None:
    from boildown.compat import PromptCompressor

    theirs = reference("llama")
    taken = PromptCompressor(theirs, exact=True)
    assert taken.model is theirs.model

    def ask(compressor: Any) -> Any:
        return compressor.compress_prompt(list(LONG), rate=0.4)

    assert_reproduced(theirs, ask, ask(taken))
    corrected = PromptCompressor(theirs).compress_prompt(LONG, rate=0.4)
    assert corrected["compressed_tokens"] <= 0.4 * corrected["origin_tokens"]
