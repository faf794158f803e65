"""LLMLingua-2: the exact mode's text is the reference's."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from oracle import assert_reproduced, load_reference
from tiny_models import ALL, CHINESE, ENGLISH, tiny_bert, tiny_xlm_roberta

from boildown import Budget, Compressor
from boildown.compat import PromptCompressor

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
    def ask(compressor: Any) -> Any:
        return compressor.compress_prompt(list(CONTEXTS[contexts]), **copy.deepcopy(ARGUMENTS[case]))

    assert_reproduced(reference(model), ask, ask(ours(model)))


def test_where_the_reference_fails(reference: Callable[[str], Any], ours: Callable[[str], Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        reference("bert").compress_prompt([ENGLISH[0], ""])
    with pytest.raises(ValueError, match="Percentiles"):
        reference("bert").compress_prompt(ENGLISH[:1], rate=0.0)
    assert ours("bert").compress_prompt([ENGLISH[0], ""])["compressed_prompt"].strip()
    assert ours("bert").compress_prompt(ENGLISH[:1], rate=0.0)["compressed_prompt"] == ""


@pytest.mark.parametrize("model", ["bert", "xlm_roberta"])
def test_takes_over_the_reference_with_its_weights_and_its_kind(reference: Callable[[str], Any], model: str) -> None:
    theirs = reference(model)
    taken = PromptCompressor(theirs, exact=True)
    assert taken.model is theirs.model

    def ask(compressor: Any) -> Any:
        return compressor.compress_prompt(list(ENGLISH), rate=0.4, force_tokens=["?", "The "])

    assert_reproduced(theirs, ask, ask(taken))
    corrected = PromptCompressor(theirs).compress_prompt(ENGLISH, rate=0.4)
    assert 0 < corrected["compressed_tokens"] <= 0.4 * corrected["origin_tokens"]


@pytest.mark.parametrize("kind", ["bert-base-multilingual-cased", "xlm-roberta-large"])
def test_rows_for_placeholders_as_in_the_published_checkpoints(tmp_path: Path, kind: str) -> None:
    """They have been trained; what llmlingua adds to other models is drawn at random."""
    import torch
    from transformers import AutoModelForTokenClassification

    folder = (tiny_bert if kind.startswith("bert") else tiny_xlm_roberta)(tmp_path / kind)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model.resize_token_embeddings(model.config.vocab_size + 100, mean_resizing=False)
    model.save_pretrained(folder)

    def ask(compressor: Any) -> Any:
        return compressor.compress_prompt(list(ENGLISH), rate=0.4, force_tokens=["The ", "ship", "\n"])

    ours = PromptCompressor(str(folder), "cpu", use_llmlingua2=True, exact=True)
    assert_reproduced(load_reference(folder, llmlingua2=True), ask, ask(ours))


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

    # White space is the document's own here; what a tokenizer normalises or does not know is not compared.
    def ask(compressor: Any) -> list[str]:
        found = compressor.compress_prompt(list(texts), **copy.deepcopy(arguments))["compressed_prompt_list"]
        return [text for text in map(squeezed, found) if text]

    assert_reproduced(reference(model), ask, [squeezed(document.text) for document in result.documents])
    for document in result.documents:
        assert document.text == "".join(span.of(texts[document.index]) for span in document.spans)


def squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text.replace("<unk>", "").replace("[UNK]", "")).split())
