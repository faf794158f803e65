"""Prompts with sections, each of which has a rate or must stay."""

from __future__ import annotations

from typing import Any

import pytest
from compat_texts import LONG, MODELS, Make
from tiny_models import ENGLISH

from boildown.errors import ConfigurationError, InputError
from boildown.methods.exact.structured import read_tags


@pytest.mark.parametrize("model", MODELS)
def test_structured_prompts(make: Make, cl100k: Any, model: str) -> None:
    fixed = "Speaker 1: if a < b && b > c, then <s>stop</s>.\n"
    tagged = (
        f"<llmlingua, compress=False>{fixed}</llmlingua> <llmlingua, rate=0.3>{LONG[0]}</llmlingua>\n"
        "<llmlingua, compress=False, rate=0.1>\nEnd.</llmlingua>"
    )
    result = make(model).structured_compress_prompt([tagged, "<llmlingua, rate=0>" + ENGLISH[1] + "</llmlingua>"])
    text = result["compressed_prompt"]
    assert text.startswith(fixed)
    assert text.endswith("\nEnd.")
    assert "llmlingua" not in text
    kept, whole = (len(cl100k.encode_ordinary(part)) for part in (text[len(fixed) : -len("\nEnd.")], LONG[0]))
    assert 0.3 * whole - 11 <= kept <= 0.3 * whole + 3  # the white space around it comes on top


def test_sections_that_are_given_as_lists(make: Make, cl100k: Any) -> None:
    texts = ["Speaker 1: " + LONG[0], LONG[1]]
    sections: dict[str, Any] = {
        "context_segs": [["Speaker 1: ", LONG[0]], [LONG[1]]],
        "context_segs_rate": [[0.1, 0.2], [0.6]],
        "context_segs_compress": [[False, True], [True]],
    }
    for model in ("gpt2", "bert"):
        result = make(model).compress_prompt(texts, use_context_level_filter=False, **sections)["compressed_prompt"]
        first, second = result.split("\n\n")
        assert first.startswith("Speaker 1: ")
        counts = [len(cl100k.encode_ordinary(text)) for text in (first, LONG[0], second, LONG[1])]
        assert 0.2 * counts[1] - 11 <= counts[0] - 9 <= 0.2 * counts[1] + 3
        assert 0.6 * counts[3] - 11 <= counts[2] <= 0.6 * counts[3]


def test_structured_context_with_fixed_text_is_never_dropped(make: Make) -> None:
    contexts = [*LONG, "<llmlingua, compress=False>Keep me.</llmlingua> " + LONG[0]]
    result = make("gpt2").structured_compress_prompt(
        contexts, question="violin", rank_method="bm25", rate=0.2, context_budget="+0", use_sentence_level_filter=True
    )
    assert "Keep me." in result["compressed_prompt"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab <llmlingua, rate=x>c</llmlingua>", r"context\[0\]: rate=x at character 15"),
        ("<llmlingua, rate=1.5>c</llmlingua>", "from 0 to 1"),
        ("<llmlingua>a<llmlingua>b</llmlingua>", "character 12 stands inside"),
        ("<llmlingua>a</llmlingua>b</llmlingua>", "character 25 closes no tag"),
        ("abc <llmlingua, rate=0.2 no end", "character 4 has no closing"),
        ("<llmlingua, speed=2>c</llmlingua>", "Unknown option 'speed' at character 12"),
    ],
)
def test_malformed_tags(make: Make, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make("gpt2").structured_compress_prompt([text])


def test_a_rate_that_is_no_number_is_named_in_the_exact_mode_too() -> None:
    with pytest.raises(ConfigurationError, match=r"<llmlingua, rate=0\.5\.> has a rate that is no number"):
        read_tags(["<llmlingua, rate=0.5.>c</llmlingua>"], 0.5)
