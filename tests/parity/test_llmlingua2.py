"""LLMLingua-2: the exact mode's text is the reference's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tiny_models import ALL, CHINESE, ENGLISH

LONG = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(5)]
CONTEXTS = {"short": ENGLISH, "mixed": ALL, "one": [" ".join(LONG * 2)], "chinese": CHINESE}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "default": {},
    "low rate": {"rate": 0.3},
    "whole": {"rate": 1.0},
    "target": {"target_token": 100},
    "no context level": {"use_context_level_filter": False, "rate": 0.4},
    "two contexts, labels": {"target_context": 2, "rate": 0.6, "return_word_label": True},
    "force tokens": {
        "force_tokens": ["\n", "?", "!", ".", "The ", "ship"], "drop_consecutive": True, "rate": 0.33,
    },
    "digits, first": {
        "force_reserve_digit": True,
        "token_to_word": "first",
        "return_word_label": True,
        "use_context_level_filter": False,
    },
    "forced context": {"context_level_rate": 0.5, "force_context_ids": [0], "use_token_level_filter": False},
    "both targets": {"context_level_target_token": 120, "target_token": 80},
}  # fmt: skip
CASES = [
    *((model, "mixed", case) for model in ("xlm_roberta", "bert") for case in ARGUMENTS),
    *((model, contexts, "low rate") for model in ("xlm_roberta", "bert") for contexts in ("short", "one", "chinese")),
    ("bert", "one", "force tokens"),
    ("xlm_roberta", "one", "force tokens"),
]


@pytest.mark.parametrize(("model", "contexts", "case"), CASES)
def test_compress_prompt(
    reference: Callable[[str], Any], ours: Callable[[str], Any], model: str, contexts: str, case: str
) -> None:
    arguments = ARGUMENTS[case]
    expected = reference(model).compress_prompt(list(CONTEXTS[contexts]), **copy.deepcopy(arguments))
    assert ours(model).compress_prompt(list(CONTEXTS[contexts]), **arguments) == expected


def test_where_the_reference_fails(reference: Callable[[str], Any], ours: Callable[[str], Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        reference("bert").compress_prompt([ENGLISH[0], ""])
    with pytest.raises(ValueError, match="Percentiles"):
        reference("bert").compress_prompt(ENGLISH[:1], rate=0.0)
    assert ours("bert").compress_prompt([ENGLISH[0], ""])["compressed_prompt"].strip()
    assert ours("bert").compress_prompt(ENGLISH[:1], rate=0.0)["compressed_prompt"] == ""
