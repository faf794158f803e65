"""The corrected mode behind the published interface: the reference's faults, one by one, and what must not change."""

from __future__ import annotations

import copy
import random
import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import ALL, CHINESE, CODE, ENGLISH, MIXED, tiny_bert

from boildown.compat import PromptCompressor
from boildown.errors import ConfigurationError, InputError, ModelError
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

LONG = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(5)]
QUESTION = "Who counted the ships, and how many were there in 1874?"
JAPANESE = ["灯台守は通り過ぎるすべての船を記録した。1874年には312隻を数え、ほとんどがタイムスを運ぶﾌﾈだった。"]
THAI = ["คนเฝ้าประภาคารจดเรือทุกลำที่แล่นผ่าน ในปี 1874 เขานับได้ 312 ลำ ส่วนใหญ่บรรทุกไม้จากทางเหนือ"]
SPACED = [
    "سجّل حارس المنارة كل سفينة مرت. في عام 1874 أحصى 312 سفينة، معظمها تحمل الأخشاب من الشمال.",
    "प्रकाशस्तंभ के रखवाले ने हर गुज़रते जहाज़ को लिखा। 1874 में उसने 312 जहाज़ गिने, अधिकतर उत्तर की लकड़ी लिए।",
    "שומר המגדלור רשם כל ספינה שעברה. בשנת 1874 הוא ספר 312 כלי שיט, רובם נושאי עצים מהצפון.",
]
OTHER_SCRIPTS = [JAPANESE, THAI, SPACED]
KEYS = {"compressed_prompt", "origin_tokens", "compressed_tokens", "ratio", "rate", "saving"}
MODELS = ("gpt2", "llama", "bert", "xlm_roberta")

Make = Callable[..., PromptCompressor]


@pytest.fixture(scope="session")
def make(request: pytest.FixtureRequest, cl100k: Any) -> Make:
    made: dict[str, PromptCompressor] = {}

    def build(name: str, **options: Any) -> PromptCompressor:
        folder = str(request.getfixturevalue(name))
        classifier = name in ("bert", "xlm_roberta")
        if options:
            return PromptCompressor(folder, "cpu", use_llmlingua2=classifier, counter=cl100k, **options)
        if name not in made:
            made[name] = PromptCompressor(folder, "cpu", use_llmlingua2=classifier, counter=cl100k)
        return made[name]

    return build


def is_subsequence(part: str, whole: str) -> bool:
    characters = iter(whole)
    return all(c in characters for c in part if not c.isspace())


@pytest.mark.parametrize("model", MODELS)
def test_the_published_keys(make: Make, model: str) -> None:
    result = make(model).compress_prompt(ENGLISH, rate=0.5)
    classifier = model in ("bert", "xlm_roberta")
    assert set(result) == KEYS | ({"compressed_prompt_list"} if classifier else set())
    assert result["rate"].endswith("%")
    assert result["ratio"].endswith("x")
    assert "Saving $" in result["saving"]
    assert make(model)(ENGLISH, rate=0.5) == result


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


def is_met(result: dict[str, Any], limit: float) -> bool:
    """Whether no word more would have fitted, or hardly one: the longest take eleven tokens here."""
    return bool(limit - max(11, 0.03 * limit) <= result["compressed_tokens"] <= limit)


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
@pytest.mark.parametrize("texts", [CHINESE, MIXED, CODE, *OTHER_SCRIPTS, ["naïve café 👩‍👩‍👧‍👦 🇫🇷 é\u0301 ﬁn"]])
def test_no_character_breaks_and_no_word_is_glued(make: Make, model: str, texts: list[str]) -> None:
    result = make(model).compress_prompt(texts, rate=0.5, use_context_level_filter=False)["compressed_prompt"]
    assert "\ufffd" not in result
    assert is_subsequence(result, "".join(texts))
    for text in texts:
        if text in [*MIXED, *CODE, *SPACED]:
            assert set(result.split()) <= {word for other in texts for word in other.split()}


def test_words_are_whole_over_chunk_borders(make: Make) -> None:
    text = " ".join(LONG * 2)
    for model in ("bert", "xlm_roberta"):
        for rate in (0.3, 0.7):
            result = make(model).compress_prompt([text], rate=rate)["compressed_prompt"]
            assert set(result.split()) <= set(text.split())


@pytest.mark.parametrize("model", MODELS)
def test_texts_that_look_like_special_tokens(make: Make, model: str) -> None:
    text = "The tag <s> strikes </s> out; [NEW0] and <mask>, <|endoftext|> or [SEP] are words too. " + ENGLISH[0]
    force = {"force_tokens": ["lighthouse keeper"]} if model in ("bert", "xlm_roberta") else {}
    assert make(model).compress_prompt([text], rate=1.0, **force)["compressed_prompt"] == text
    half = make(model).compress_prompt([text], rate=0.5, **force)["compressed_prompt"]
    assert is_subsequence(half, text)


@pytest.mark.parametrize("model", MODELS)
def test_rates_of_nothing_and_of_all(make: Make, model: str) -> None:
    texts = [CODE[0], "  indented\n\n\tand tabbed ", ENGLISH[0]]
    nothing = make(model).compress_prompt(texts, rate=0.0)
    assert (nothing["compressed_prompt"], nothing["compressed_tokens"], nothing["rate"]) == ("", 0, "0.0%")
    whole = make(model).compress_prompt(texts, rate=1.0, use_context_level_filter=False)["compressed_prompt"]
    assert whole.split() == "\n\n".join(texts).split()
    assert "\n    return a + b" in whole


def test_llmlingua2_does_not_compound_its_rate(make: Make) -> None:
    result = make("bert").compress_prompt(LONG, rate=0.5, use_context_level_filter=True)
    assert is_met(result, 0.5 * result["origin_tokens"])


@pytest.mark.parametrize("model", MODELS)
def test_an_empty_document_among_others(make: Make, model: str) -> None:
    for arguments in ({}, {"question": QUESTION, "rank_method": "bm25", "use_sentence_level_filter": True}):
        result = make(model).compress_prompt([ENGLISH[0], "", "  \n", ENGLISH[1]], rate=0.5, **arguments)
        assert result["compressed_prompt"].strip()
    assert make(model).compress_prompt([""])["compressed_prompt"] == ""
    assert make(model).compress_prompt([])["compressed_prompt"].strip() == ""
    assert make(model).compress_prompt("A single text is one context, and not a list of letters.", rate=0.6)


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


def test_a_question_beyond_the_window(make: Make) -> None:
    question = " ".join(ENGLISH * 3)
    result = make("llama").compress_prompt(
        LONG, question=question, rank_method="longllmlingua", concate_question=False, target_token=200
    )
    assert 0 < result["compressed_tokens"] <= 200


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


def test_blank_lines_stay_with_keep_split(make: Make) -> None:
    text = "\n\n".join(ENGLISH)
    result = make("gpt2").compress_prompt([text], rate=0.4, keep_split=True)
    assert result["compressed_prompt"].count("\n\n") == len(ENGLISH) - 1
    assert result["compressed_tokens"] <= 0.4 * result["origin_tokens"]


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


DATA: dict[str, Any] = {
    "id": 7,
    "price": 0.10000000000000001,
    "open": True,
    "none": None,
    "notes": 'He said: "look", twice.\\ ' + LONG[0],
    "nested": {"list": [1, {"deep": LONG[1]}, [CHINESE[0], False]], "empty": {}},
    "tags": ("one, two, three", "a tag"),
}


def skeleton(value: Any) -> Any:
    if isinstance(value, str):
        return str
    if isinstance(value, dict):
        return {key: skeleton(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [skeleton(inner) for inner in value]
    return value


@pytest.mark.parametrize("model", MODELS)
def test_json_stays_json(make: Make, model: str) -> None:
    before = copy.deepcopy(DATA)
    result = make(model).compress_json(DATA, rate=0.5)
    assert before == DATA
    assert skeleton(result["compressed_prompt"]) == skeleton(DATA)
    assert 0.9 * 0.5 * result["origin_tokens"] <= result["compressed_tokens"] <= 0.5 * result["origin_tokens"]
    assert is_subsequence(result["compressed_prompt"]["nested"]["list"][1]["deep"], LONG[1])


def test_json_rules(make: Make) -> None:
    rules = {
        "notes": {"rate": 0.1, "pair_remove": True},
        "nested.list.deep": {"compress": False},
        "tags": {"compress": False},
    }
    result = make("bert").compress_json(DATA, rules, rate=0.9)["compressed_prompt"]
    assert result["nested"]["list"][1]["deep"] == LONG[1]
    assert result["tags"] == list(DATA["tags"])
    assert len(result["notes"]) < 0.2 * len(DATA["notes"])
    few = make("bert").compress_json(DATA, rules, target_token=150, context_budget="+0", use_keyvalue_level_filter=True)
    assert "nested" in few["compressed_prompt"]
    with pytest.raises(ConfigurationError, match="no_such"):
        make("bert").compress_json(DATA, {"no_such": {"rate": 0.5}})
    with pytest.raises(ConfigurationError, match="speed"):
        make("bert").compress_json(DATA, {"notes": {"speed": 0.5}})


def test_json_rules_from_a_file(make: Make, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    file = tmp_path / "rules.yaml"
    file.write_text("notes:\n  compress: false\n", encoding="utf-8")
    assert make("bert").compress_json(DATA, str(file), rate=0.8)["compressed_prompt"]["notes"] == DATA["notes"]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make("bert").compress_json(DATA, str(tmp_path / "none.yaml"))


def test_malformed_json(make: Make) -> None:
    with pytest.raises(InputError, match="line 2, character 3"):
        make("gpt2").compress_json('{"a": 1,\n  b}')
    with pytest.raises(InputError, match=r"\['a'\]\[0\] holds a set"):
        make("gpt2").compress_json({"a": [{1}]})
    for text in ('{"a": NaN}', '{"a": 1e999}'):
        with pytest.raises(InputError, match="JSON cannot"):
            make("gpt2").compress_json(text)
    assert make("gpt2").compress_json('{"a": ["x", 1]}', rate=1.0)["compressed_prompt"] == {"a": ["x", 1]}


@pytest.mark.parametrize(
    ("text", "compressed", "answer", "recovered"),
    [
        (
            ENGLISH[0],
            "The keeper wrote every ship passed. counted 312 vessels, carrying timber the north.",
            "He  wrote every  ship passed",
            "He  wrote down every ship that passed",
        ),
        (
            CHINESE[0],
            "灯塔守护人记录每一艘船只。他数到了312艘。",
            "守护人记录每一艘船只",
            "守护人记录了每一艘经过的船只",
        ),
    ],
)
def test_recover(make: Make, text: str, compressed: str, answer: str, recovered: str) -> None:
    compressor = make("gpt2")
    assert compressor.recover(text, compressed, answer) == recovered
    assert compressor.recover(text, compressed, "no  such   words") == "no  such   words"


@pytest.mark.parametrize("model", MODELS)
def test_what_was_compressed_is_recovered(make: Make, model: str) -> None:
    compressed = make(model).compress_prompt(ENGLISH[:2], rate=0.8, use_context_level_filter=False)["compressed_prompt"]
    original = "\n\n".join(ENGLISH[:2])
    recovered = make(model).recover(original, compressed, compressed)
    assert len(compressed) < len(recovered) <= len(original)
    assert is_subsequence(compressed, recovered)
    assert is_subsequence(recovered, original)


def test_nothing_global_and_nothing_given_is_changed(make: Make, gpt2: Path, xlm_roberta: Path, cl100k: Any) -> None:
    config: dict[str, Any] = {"torch_dtype": torch.float32}
    contexts, force = list(LONG), ["\n", "."]
    before = random.getstate(), torch.random.get_rng_state()
    PromptCompressor(str(gpt2), "cpu", config, counter=cl100k).compress_prompt(contexts, force_context_ids=[0])
    for exact in (False, True):
        compressor = PromptCompressor(str(xlm_roberta), "cpu", config, use_llmlingua2=True, exact=exact, counter=cl100k)
        compressor.compress_prompt(contexts, force_tokens=force)
    assert random.getstate() == before[0]
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert config == {"torch_dtype": torch.float32}
    assert contexts == LONG
    assert force == ["\n", "."]


def test_code_of_a_checkpoint_does_not_run(gpt2: Path, tmp_path: Path, cl100k: Any) -> None:
    import json
    import shutil

    folder = tmp_path / "remote"
    shutil.copytree(gpt2, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    config["model_type"] = "of_my_own"
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('this ran')\n")
    with pytest.raises(ModelError):
        PromptCompressor(str(folder), "cpu", counter=cl100k).compress_prompt(ENGLISH)


def test_any_name_and_any_labels(tmp_path: Path, cl100k: Any) -> None:
    for number, labels in enumerate((["keep", "drop"], ["drop", "punctuation", "keep"])):
        names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
        folder = tiny_bert(tmp_path / f"my-model-{number}", labels=len(labels), **names)
        compressor = PromptCompressor(str(folder), "cpu", use_llmlingua2=True, counter=cl100k)
        loaded = PromptCompressor(compressor, use_llmlingua2=True, counter=cl100k)
        for each in (compressor, loaded):
            result = each.compress_prompt(LONG, rate=0.4)
            assert is_met(result, 0.4 * result["origin_tokens"])


def test_securitylingua_keeps_what_is_above_its_threshold(xlm_roberta: Path, cl100k: Any) -> None:
    compressor = PromptCompressor(str(xlm_roberta), "cpu", use_slingua=True, counter=cl100k)
    assert compressor.use_llmlingua2
    few = compressor.compress_prompt(LONG[:1], rate=0.9)
    many = compressor.compress_prompt(LONG[:1], rate=0.1)
    assert few["compressed_prompt"] == many["compressed_prompt"]
    assert 0 < few["compressed_tokens"] < few["origin_tokens"]


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


def test_any_method(cl100k: Any) -> None:
    from boildown.methods.bm25 import BM25

    compressor = PromptCompressor(BM25(), counter=cl100k)
    result = compressor.compress_prompt(LONG, question=QUESTION, rate=0.3)
    assert 0.9 * 0.3 * result["origin_tokens"] <= result["compressed_tokens"] <= 0.3 * result["origin_tokens"]
    assert "1874" in result["compressed_prompt"]
    tagged = compressor.structured_compress_prompt(
        ["<llmlingua, compress=False>Keep.</llmlingua> " + LONG[0]], question=QUESTION, rate=0.3
    )
    assert tagged["compressed_prompt"].startswith("Keep.")
    data = compressor.compress_json(DATA, question=QUESTION, rate=0.5)
    assert skeleton(data["compressed_prompt"]) == skeleton(DATA)
    with pytest.raises(ConfigurationError, match="exact"):
        PromptCompressor(BM25(), exact=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rate": 1.5}, "target_token="),
        ({"rank_method": "longllmlingua"}, "pass question="),
        ({"condition_in_question": "behind"}, "after, before, none"),
        ({"tokens": 3}, "Did you mean"),
        ({"rate": "half"}, "from 0 to 1; got 'half'"),
        ({"rate": float("nan")}, "got nan"),
        ({"target_token": float("nan")}, "a number of tokens, not nan"),
        ({"target_token": float("inf")}, "a number of tokens, not inf"),
        ({"question": None}, "question= must be text"),
        ({"force_context_ids": ["one"]}, "no context 'one'"),
        ({"context_segs": [["a"]]}, "the texts of `context`"),
        ({"context_segs": [[text] for text in ENGLISH], "context_segs_rate": [[0.5]]}, "one value for each segment"),
    ],
)
def test_wrong_arguments(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make("gpt2").compress_prompt(ENGLISH, **arguments)


def test_an_object_brings_its_weights_and_its_kind(make: Make, cl100k: Any) -> None:
    for model in MODELS:
        given = make(model)
        taken = PromptCompressor(given, counter=cl100k)
        assert (taken.model, taken.tokenizer, taken.use_llmlingua2) == (
            given.model,
            given.tokenizer,
            model in MODELS[2:],
        )
        assert is_met(taken.compress_prompt(LONG, rate=0.5), 0.5 * len(cl100k.encode_ordinary("\n\n".join(LONG))))


def test_llmlingua2_by_its_own_name(make: Make) -> None:
    compressor = make("bert")
    result = compressor.compress_prompt_llmlingua2(LONG, 0.4)
    assert is_met(result, 0.4 * result["origin_tokens"])
    assert len(result["compressed_prompt_list"]) == len(LONG)
    assert is_met(compressor.compress_prompt_llmlingua2(LONG, 0.4, 100), 100)
    with pytest.raises(ConfigurationError, match="use_llmlingua2=True"):
        make("gpt2").compress_prompt_llmlingua2(LONG)


def test_counts_fall_back_and_say_so(gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from boildown import counters

    def missing(name: str) -> Any:
        raise ModelError(f"no table for {name}")

    monkeypatch.setattr(counters, "_named", missing)
    compressor = PromptCompressor(str(gpt2), "cpu")
    with pytest.warns(UserWarning, match="compressor's own tokenizer"):
        result = compressor.compress_prompt(LONG, rate=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compressor.compress_prompt(LONG, rate=0.5)
    assert result["origin_tokens"] == compressor.get_token_length("\n\n".join(["", *LONG, ""]).strip(), False)


@pytest.mark.parametrize("model", ["gpt2", "bert"])
def test_threads(make: Make, model: str) -> None:
    """Each gets the answer to its own text; texts that are read together may round otherwise than alone."""

    def compress(text: str) -> list[str]:
        words: list[str] = make(model).compress_prompt([text], rate=0.4)["compressed_prompt"].split()
        return words

    expected = [compress(text) for text in LONG]
    with ThreadPoolExecutor(4) as pool:
        for alone, beside in zip(expected * 2, pool.map(compress, LONG * 2), strict=True):
            assert SequenceMatcher(None, alone, beside).ratio() > 0.9


def test_whole_documents_are_spans_of_the_input(make: Make) -> None:
    for model in MODELS:
        text = make(model).compress_prompt(ALL, rate=0.6, use_context_level_filter=False)["compressed_prompt"]
        assert is_subsequence(text, "".join(ALL))
