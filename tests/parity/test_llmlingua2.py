"""LLMLingua-2: the exact mode's text is the reference's."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from tiny_models import ALL, CHINESE, ENGLISH

from boildown import Budget, Compressor

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


SPANS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "rate": ({"rate": 0.4}, {}),
    "low rate": ({"rate": 0.1}, {}),
    "whole": ({"rate": 1.0}, {}),
    "tokens": ({"target_token": 90}, {}),
    "forced": ({"rate": 0.33, "force_tokens": ["\n", "?", "The ", "ship"], "force_reserve_digit": True},) * 2,
}


@pytest.mark.parametrize("case", SPANS)
@pytest.mark.parametrize("contexts", ["mixed", "one", "chinese"])
@pytest.mark.parametrize("model", ["xlm_roberta", "bert"])
def test_the_compressor_cuts_the_words_that_the_reference_keeps(
    reference: Callable[[str], Any], request: pytest.FixtureRequest, model: str, contexts: str, case: str
) -> None:
    arguments, options = SPANS[case]
    texts = list(CONTEXTS[contexts])
    folder = str(request.getfixturevalue(model))
    options = {name: value for name, value in options.items() if name.startswith("force")}
    compressor = Compressor("llmlingua2", model=folder, device="cpu", options={"exact": True, **options})
    tokens = arguments.get("target_token")
    budget = Budget(tokens=tokens, rate=None if tokens else arguments["rate"], counter="cl100k_base")
    result = compressor.compress("Who?", texts, budget)
    expected = reference(model).compress_prompt(texts, **copy.deepcopy(arguments))["compressed_prompt_list"]
    # White space is the document's own here; what a tokenizer normalises or does not know is not compared.
    got = [squeezed(document.text) for document in result.documents]
    assert got == [text for text in map(squeezed, expected) if text]
    for document in result.documents:
        assert document.text == "".join(span.of(texts[document.index]) for span in document.spans)


def squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text.replace("<unk>", "").replace("[UNK]", "")).split())
