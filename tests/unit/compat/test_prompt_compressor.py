"""The corrected mode behind the published interface: the reference's faults, one by one, and what must not change."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import ALL, CHINESE, CODE, ENGLISH, MIXED, tiny_bert

from boildown.compat import PromptCompressor
from boildown.errors import ConfigurationError, InputError, ModelError

LONG = [" ".join(ENGLISH[i:] + ENGLISH[:i]) for i in range(5)]
QUESTION = "Who counted the ships, and how many were there in 1874?"
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


@pytest.mark.parametrize("model", ["gpt2", "bert"])
@pytest.mark.parametrize("rate", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_the_rate_is_met(make: Make, cl100k: Any, model: str, rate: float) -> None:
    result = make(model).compress_prompt(LONG, rate=rate)
    counted = len(cl100k.encode_ordinary(result["compressed_prompt"]))
    assert counted == result["compressed_tokens"]
    assert 0.97 * rate * result["origin_tokens"] <= counted <= rate * result["origin_tokens"]


@pytest.mark.parametrize("model", ["llama", "xlm_roberta"])
@pytest.mark.parametrize("target", [50, 100, 200, 300, 400])
def test_the_target_is_met(make: Make, model: str, target: int) -> None:
    result = make(model).compress_prompt(LONG, target_token=target)
    word = 6  # tokens of a long word, which is never split
    assert target - max(word, 0.03 * target) <= result["compressed_tokens"] <= target


def test_instruction_and_question_count_towards_the_rate(make: Make) -> None:
    arguments: dict[str, Any] = {"instruction": "Answer in one word.", "question": QUESTION, "rank_method": "bm25"}
    for model in ("gpt2", "bert"):
        result = make(model).compress_prompt(LONG, rate=0.3, **arguments)
        assert 0.97 * 0.3 * result["origin_tokens"] <= result["compressed_tokens"] <= 0.3 * result["origin_tokens"]
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
@pytest.mark.parametrize("texts", [CHINESE, MIXED, CODE, ["naïve café 👩‍👩‍👧‍👦 🇫🇷 é\u0301 ﬁn"]])
def test_no_character_breaks_and_no_word_is_glued(make: Make, model: str, texts: list[str]) -> None:
    result = make(model).compress_prompt(texts, rate=0.5, use_context_level_filter=False)["compressed_prompt"]
    assert "\ufffd" not in result
    assert is_subsequence(result, "".join(texts))
    for text in texts:
        if text in MIXED or text in CODE:
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
    assert make(model).compress_prompt(texts, rate=0.0)["compressed_prompt"] == ""
    whole = make(model).compress_prompt(texts, rate=1.0, use_context_level_filter=False)["compressed_prompt"]
    assert whole.split() == "\n\n".join(texts).split()
    assert "\n    return a + b" in whole


def test_llmlingua2_does_not_compound_its_rate(make: Make) -> None:
    result = make("bert").compress_prompt(LONG, rate=0.5, use_context_level_filter=True)
    assert result["compressed_tokens"] >= 0.485 * result["origin_tokens"]


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
        assert 0.97 * 0.3 * result["origin_tokens"] <= result["compressed_tokens"] <= 0.3 * result["origin_tokens"]


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


@pytest.mark.parametrize("model", MODELS)
def test_structured_prompts(make: Make, model: str) -> None:
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
    between = text[len(fixed) : -len("\nEnd.")]
    assert 0.25 * len(LONG[0]) < len(between) < 0.4 * len(LONG[0])


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
    assert make("gpt2").compress_json('{"a": ["x", 1]}', rate=1.0)["compressed_prompt"] == {"a": ["x", 1]}


@pytest.mark.parametrize("text", [ENGLISH[0], CHINESE[0]])
def test_recover(make: Make, text: str) -> None:
    compressor = make("gpt2")
    compressed = compressor.compress_prompt([text], rate=0.6)["compressed_prompt"]
    sentence = compressed.split(".")[0].split("。")[0]
    recovered = compressor.recover(text, compressed, sentence)
    assert len(recovered) >= len(sentence)
    assert recovered.strip(" .。") in text
    assert compressor.recover(text, compressed, "no  such   words") == "no  such   words"


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
            assert 0.97 * 0.4 * result["origin_tokens"] <= result["compressed_tokens"] <= 0.4 * result["origin_tokens"]


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
    ],
)
def test_wrong_arguments(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make("gpt2").compress_prompt(ENGLISH, **arguments)


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


def test_threads(make: Make) -> None:
    for model in ("gpt2", "bert"):
        expected = make(model).compress_prompt(LONG, rate=0.4)
        with ThreadPoolExecutor(4) as pool:
            assert all(
                r == expected for r in pool.map(lambda _, m=model: make(m).compress_prompt(LONG, rate=0.4), range(6))
            )


def test_whole_documents_are_spans_of_the_input(make: Make) -> None:
    for model in MODELS:
        text = make(model).compress_prompt(ALL, rate=0.6, use_context_level_filter=False)["compressed_prompt"]
        assert is_subsequence(text, "".join(ALL))
