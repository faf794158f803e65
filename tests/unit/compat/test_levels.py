"""Which contexts, sentences and tokens are kept: rankers, levels, and what is forced to stay."""

from __future__ import annotations

from typing import Any

import pytest
from compat_texts import LONG, MODELS, QUESTION, Make, is_met
from tiny_models import ENGLISH

from boildown.compat import PromptCompressor
from boildown.errors import ConfigurationError
from boildown.methods.bm25 import BM25


def test_documents_beyond_the_window_are_ranked_and_cut(make: Make) -> None:
    long = " ".join(ENGLISH * 6)
    for condition in ("after", "before"):
        result = make("gpt2").compress_prompt(
            [long, ENGLISH[0], ENGLISH[1]],
            question=QUESTION,
            rank_method="longllmlingua",
            condition_in_question=condition + "_condition",
            condition_compare=True,
            rate=0.3,
        )
        assert is_met(result, 0.3 * result["origin_tokens"])


def test_context_level(make: Make) -> None:
    arguments: dict[str, Any] = {
        "question": "violin sound post",
        "rank_method": "bm25",
        "use_token_level_filter": False,
    }
    compressor = make("gpt2")
    one = compressor.compress_prompt(ENGLISH, **arguments, force_context_number=1)["compressed_prompt"]
    assert one == ENGLISH[1] + "\n\nviolin sound post"
    forced = [3]
    two = compressor.compress_prompt(ENGLISH, **arguments, force_context_ids=forced, force_context_number=2)
    assert two["compressed_prompt"] == "\n\n".join([ENGLISH[1], ENGLISH[3], "violin sound post"])
    assert forced == [3]
    best_first = compressor.compress_prompt(ENGLISH, **arguments, force_context_number=2, reorder_context="sort")
    assert best_first["compressed_prompt"].startswith(ENGLISH[1])
    ends = compressor.compress_prompt(ENGLISH, **arguments, context_budget="*100", reorder_context="two_stage")
    assert ends["compressed_prompt"].startswith(ENGLISH[1])
    with pytest.raises(ConfigurationError, match="no context 9"):
        compressor.compress_prompt(ENGLISH, **arguments, force_context_ids=[9])


@pytest.mark.parametrize("model", [*MODELS, BM25()], ids=[*MODELS, "bm25"])
@pytest.mark.parametrize("forced", range(len(ENGLISH)))
def test_a_forced_context_is_not_cut_away(make: Make, cl100k: Any, model: Any, forced: int) -> None:
    compressor = make(model) if isinstance(model, str) else PromptCompressor(model, counter=cl100k)
    others = " ".join(text for i, text in enumerate(ENGLISH) if i != forced).split()
    own = {word for word in ENGLISH[forced].split() if word not in others}
    for budget in ({"rate": 0.35}, {"target_token": 120}):
        kept = compressor.compress_prompt(
            ENGLISH, question=QUESTION, concate_question=False, force_context_ids=[forced], **budget
        )
        assert own & set(kept["compressed_prompt"].split())
        assert kept["compressed_tokens"] <= budget.get("target_token", 0.35 * kept["origin_tokens"])


def test_forced_contexts_alone_fill_the_budget(make: Make) -> None:
    kept = make("gpt2").compress_prompt(LONG, rate=0.2, force_context_ids=[1, 3], force_context_number=2)
    assert is_met(kept, 0.2 * kept["origin_tokens"])


def test_context_level_of_llmlingua2(make: Make) -> None:
    compressor = make("bert")
    arguments: dict[str, Any] = {"use_token_level_filter": False, "rank_method": "bm25", "question": "violin"}
    kept = compressor.compress_prompt(ENGLISH, target_context=2, **arguments)["compressed_prompt_list"]
    assert len(kept) == 2
    assert ENGLISH[1] in kept
    fewer = compressor.compress_prompt(ENGLISH, context_level_rate=0.3, **arguments)["compressed_prompt_list"]
    more = compressor.compress_prompt(ENGLISH, context_level_rate=0.9, **arguments)["compressed_prompt_list"]
    assert len(fewer) < len(more)


@pytest.mark.parametrize("budget", ["__import__('os')", "+", "100", "+1;2", "", "/0", "**9"])
def test_a_context_budget_is_never_evaluated(make: Make, budget: str) -> None:
    with pytest.raises(ConfigurationError, match="context_budget"):
        make("gpt2").compress_prompt(ENGLISH, context_budget=budget)


def test_sentences_that_must_stay_do(make: Make) -> None:
    arguments: dict[str, Any] = {
        "question": QUESTION, "rank_method": "longllmlingua", "use_sentence_level_filter": True,
        "use_token_level_filter": False, "concate_question": False, "rate": 0.1, "use_context_level_filter": False,
    }  # fmt: skip
    first = make("gpt2").compress_prompt(ENGLISH, keep_first_sentence=1, **arguments)["compressed_prompt"]
    last = make("gpt2").compress_prompt(ENGLISH, keep_last_sentence=1, **arguments)["compressed_prompt"]
    for text in ENGLISH:
        assert text.split(".")[0] in first
        assert text.rstrip(".").split(". ")[-1] in last
    assert len(first) < len("\n\n".join(ENGLISH))
    none = make("gpt2").compress_prompt(ENGLISH, **arguments)["compressed_prompt"]
    assert len(none) < len(first)
    best = make("gpt2").compress_prompt(ENGLISH, keep_sentence_number=1, **arguments)["compressed_prompt"]
    assert best.count("\n\n") == len(ENGLISH) - 1
    beyond = make("gpt2").compress_prompt(ENGLISH, keep_last_sentence=99, **arguments)["compressed_prompt"]
    assert beyond == "\n\n".join(ENGLISH)


def test_forced_tokens_and_digits(make: Make) -> None:
    compressor = make("bert")
    result = compressor.compress_prompt(LONG[:1], rate=0.4, force_reserve_digit=True)["compressed_prompt"]
    for number in ("1874", "312", "$4.2", "1951", "2,500"):
        assert number in result
    marked = "A note\nand a note\n\n\nand more of it, with a note\nat the end of all."
    kept = compressor.compress_prompt([marked], rate=0.6, force_tokens=["\n"], drop_consecutive=True)[
        "compressed_prompt"
    ]
    assert "\n\n" not in kept
    labelled = compressor.compress_prompt(ENGLISH[:1], rate=0.4, return_word_label=True, token_to_word="first")
    pairs = [line.rsplit(" ", 1) for line in labelled["fn_labeled_original_prompt"].split("\t\t|\t\t")]
    assert " ".join(word for word, _ in pairs) == ENGLISH[0]
    assert " ".join(word for word, label in pairs if label == "1") == labelled["compressed_prompt"]


def test_labels_are_read_as_the_published_notebooks_read_them(make: Make) -> None:
    text = "À quelle heure ferme-t-il ? Il perd 5 % par an : « trop », dit-elle !"
    labels = make("bert").compress_prompt(text, return_word_label=True)["fn_labeled_original_prompt"]
    pairs = [line.split(" ") for line in labels.split("\t\t|\t\t")]
    assert [word for word, _ in pairs] == text.split()


def test_repeated_force_tokens_become_one_but_not_in_what_must_stay(make: Make) -> None:
    fixed = "One\n\n\nTwo? ?"
    text = "A note\n\n\nand more? ??\nThe end of it all."
    arguments: dict[str, Any] = {"force_tokens": ["\n", "?"], "drop_consecutive": True, "rate": 1.0}
    for model in MODELS:
        result = make(model).structured_compress_prompt(
            [f"<llmlingua, compress=False>{fixed}</llmlingua>", f"<llmlingua, rate=0.99>{text}</llmlingua>"],
            use_context_level_filter=False,
            **arguments,
        )["compressed_prompt"]
        assert result.startswith(fixed + "\n\n")
        left = result[len(fixed) + 2 :]
        assert "\n\n" not in left
        assert left.count("?") <= 1
        data = make(model).compress_json({"text": text}, **arguments)["compressed_prompt"]
        assert data == {"text": "A note\nand more?\nThe end of it all."}


def test_the_dynamic_ratio_keeps_more_of_what_ranks_higher(make: Make) -> None:
    arguments: dict[str, Any] = {
        "question": "rye bread", "rank_method": "bm25", "reorder_context": "sort", "context_budget": "*10",
        "context_level_rate": 0.99, "concate_question": False, "rate": 0.5,
    }  # fmt: skip
    for model in MODELS:
        spread, flat = (
            [len(text) for text in make(model).compress_prompt(LONG, **arguments, dynamic_context_compression_ratio=d)[
                "compressed_prompt"].split("\n\n")]
            for d in (0.4, 0.0)
        )  # fmt: skip
        assert spread == sorted(spread, reverse=True)
        assert spread[0] > 3 * spread[-1]
        assert len(flat) == len(spread)


def test_rankers(make: Make) -> None:
    class Letters:
        """An embedding model: counts letters."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[text.lower().count(c) + 1.0 for c in "abcdefghijklmnopqrstuvwxyz"] for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    from boildown.methods.embedding import Embedding

    compressor = make("gpt2")
    arguments: dict[str, Any] = {"question": ENGLISH[2], "concate_question": False, "force_context_number": 1}
    for ranker in ("bm25", "gzip", Embedding(Letters())):
        kept = compressor.compress_prompt(ENGLISH, rank_method=ranker, use_token_level_filter=False, **arguments)
        assert kept["compressed_prompt"] == ENGLISH[2], ranker
    with pytest.raises(ConfigurationError, match="LangChain or LlamaIndex"):
        compressor.compress_prompt(ENGLISH, question="x", rank_method="cohere")
    with pytest.raises(ConfigurationError, match="bm25"):
        compressor.compress_prompt(ENGLISH, question="x", rank_method="bm52")
