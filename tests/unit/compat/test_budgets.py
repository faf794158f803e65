"""The rate or the number of tokens that is asked for is met."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from compat_texts import DATA, LONG, MODELS, QUESTION, Make, is_met
from tiny_models import CODE, ENGLISH

from boildown.compat import PromptCompressor
from boildown.sources import Sources
from boildown.types import Scores, TokenScores


class AnyScores:
    """A method whose scores are drawn: the same on every machine, and as unlike each other as can be."""

    name = "any"
    uses_query = False

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def score(self, query: str, sources: Sources) -> Scores:
        random_numbers = np.random.RandomState(self.seed)
        words = sources.words
        tokens = TokenScores(words.document, words.start, words.end, random_numbers.random_sample(len(words)))
        return Scores(random_numbers.random_sample(len(sources)), tokens=tokens)


def words_and_marks(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("texts", [LONG, (ENGLISH + CODE) * 3], ids=["prose", "mixed"])
@pytest.mark.parametrize(
    "request_",
    [*({"rate": tenth / 10} for tenth in range(1, 10)), *({"target_token": n} for n in (50, 100, 200, 300, 400))],
    ids=str,
)
def test_the_budget_is_met_within_three_per_cent(seed: int, texts: list[str], request_: dict[str, Any]) -> None:
    result = PromptCompressor(AnyScores(seed), counter=words_and_marks).compress_prompt(texts, **request_)
    assert words_and_marks(result["compressed_prompt"]) == result["compressed_tokens"]
    limit = int(request_.get("target_token", request_.get("rate", 0) * result["origin_tokens"] + 1e-9))
    assert 0.97 * limit - 0.5 <= result["compressed_tokens"] <= limit


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_rate_is_met(make: Make, cl100k: Any, model: str, rate: float) -> None:
    result = make(model).compress_prompt(LONG, rate=rate)
    assert len(cl100k.encode_ordinary(result["compressed_prompt"])) == result["compressed_tokens"]
    assert is_met(result, rate * result["origin_tokens"])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("target", [50, 100, 200, 300, 400])
def test_the_target_is_met(make: Make, model: str, target: int) -> None:
    assert is_met(make(model).compress_prompt(LONG, target_token=target), target)


def test_instruction_and_question_count_towards_the_rate(make: Make) -> None:
    arguments: dict[str, Any] = {"instruction": "Answer in one word.", "question": QUESTION, "rank_method": "bm25"}
    for model in ("gpt2", "bert"):
        result = make(model).compress_prompt(LONG, rate=0.3, **arguments)
        assert is_met(result, 0.3 * result["origin_tokens"])
        assert result["compressed_prompt"].startswith("Answer in one word.\n\n")
        assert result["compressed_prompt"].endswith("\n\n" + QUESTION)
        without = make(model).compress_prompt(LONG, rate=0.3, **arguments, concate_question=False)
        assert QUESTION not in without["compressed_prompt"]


def test_a_long_question_leaves_no_negative_budget(make: Make) -> None:
    result = make("gpt2").compress_prompt(ENGLISH[:1], question=" ".join(ENGLISH), rate=0.2)
    assert result["compressed_prompt"] == " ".join(ENGLISH)


@pytest.mark.parametrize("count", [60, 150, 220, 300])
def test_short_prompts_and_the_last_window_are_compressed(make: Make, count: int) -> None:
    compressor = make("gpt2")
    words = " ".join(ENGLISH).split()
    text = " ".join(words[: count // 2])
    result = compressor.compress_prompt([text], rate=0.5)
    assert result["compressed_tokens"] <= 0.5 * result["origin_tokens"]
    tail = " ".join(words[count // 2 - 20 : count // 2])
    assert not result["compressed_prompt"].endswith(tail)


@pytest.mark.parametrize("model", MODELS)
def test_rates_of_nothing_and_of_all(make: Make, model: str) -> None:
    texts = [CODE[0], "  indented\n\n\tand tabbed ", ENGLISH[0]]
    nothing = make(model).compress_prompt(texts, rate=0.0)
    assert (nothing["compressed_prompt"], nothing["compressed_tokens"], nothing["rate"]) == ("", 0, "0.0%")
    whole = make(model).compress_prompt(texts, rate=1.0, use_context_level_filter=False)["compressed_prompt"]
    assert whole.split() == "\n\n".join(texts).split()
    assert "\n    return a + b" in whole


@pytest.mark.parametrize("model", MODELS)
def test_all_is_all(make: Make, model: str) -> None:
    texts = [*LONG, *CODE]
    for arguments in ({"rate": 1.0}, {"target_token": 10_000}, {"rate": 0.98, "concate_question": False}):
        result = make(model).compress_prompt(texts, question=QUESTION * 9, **arguments)
        assert result["compressed_prompt"].startswith("\n\n".join(texts))
    assert make(model).compress_json(DATA, rate=1.0)["compressed_prompt"] == {**DATA, "tags": list(DATA["tags"])}


def test_llmlingua2_does_not_compound_its_rate(make: Make) -> None:
    result = make("bert").compress_prompt(LONG, rate=0.5, use_context_level_filter=True)
    assert is_met(result, 0.5 * result["origin_tokens"])


def test_a_question_beyond_the_window(make: Make) -> None:
    question = " ".join(ENGLISH * 3)
    result = make("llama").compress_prompt(
        LONG, question=question, rank_method="longllmlingua", concate_question=False, target_token=200
    )
    assert 0 < result["compressed_tokens"] <= 200
