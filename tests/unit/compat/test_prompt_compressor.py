"""The interface of `PromptCompressor`: models it takes, arguments, keys, counts and threads."""

from __future__ import annotations

import copy
import os
import pickle
import random
import signal
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from compat_texts import CLASSIFIERS, DATA, LONG, MODELS, QUESTION, Make, is_met, skeleton
from tiny_models import ENGLISH, tiny_bert

from boildown.compat import PromptCompressor
from boildown.errors import ConfigurationError, ModelError

KEYS = {"compressed_prompt", "origin_tokens", "compressed_tokens", "ratio", "rate", "saving"}


@pytest.mark.parametrize("model", MODELS)
def test_the_published_keys(make: Make, model: str) -> None:
    result = make(model).compress_prompt(ENGLISH, rate=0.5)
    assert set(result) == KEYS | ({"compressed_prompt_list"} if model in CLASSIFIERS else set())
    assert result["rate"].endswith("%")
    assert result["ratio"].endswith("x")
    assert "Saving $" in result["saving"]
    assert make(model)(ENGLISH, rate=0.5) == result


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


@pytest.mark.parametrize("labels", [("0", "1"), ("LABEL_0", "LABEL_1")])
def test_labels_that_are_numbers_are_read_as_the_published_ones(tmp_path: Path, cl100k: Any, labels: Any) -> None:
    found = []
    for number, names in enumerate((("drop", "keep"), labels)):
        folder = tiny_bert(tmp_path / str(number), labels=2, id2label=dict(enumerate(names)))
        compressor = PromptCompressor(str(folder), "cpu", use_llmlingua2=True, counter=cl100k)
        loaded = PromptCompressor(compressor, use_llmlingua2=True, counter=cl100k)
        found += [each.compress_prompt(LONG, rate=0.4)["compressed_prompt"] for each in (compressor, loaded)]
    assert found[2:] == found[:2]


def test_securitylingua_keeps_what_is_above_its_threshold(xlm_roberta: Path, cl100k: Any) -> None:
    compressor = PromptCompressor(str(xlm_roberta), "cpu", use_slingua=True, counter=cl100k)
    assert compressor.use_llmlingua2
    few = compressor.compress_prompt(LONG[:1], rate=0.9)
    many = compressor.compress_prompt(LONG[:1], rate=0.1)
    assert few["compressed_prompt"] == many["compressed_prompt"]
    assert 0 < few["compressed_tokens"] < few["origin_tokens"]


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
        ({"force_context_ids": [9], "use_context_level_filter": False}, "no context 9"),
        ({"rate": np.float32(1.5)}, "from 0 to 1"),
        ({"force_context_ids": 0}, "a list of whole numbers, not 0"),
        ({"force_context_number": "2"}, "a whole number, not '2'"),
        ({"keep_last_sentence": 1.5, "use_sentence_level_filter": True}, "a whole number, not 1.5"),
        ({"token_budget_ratio": None, "use_sentence_level_filter": True}, "token_budget_ratio= must be a number"),
        ({"dynamic_context_compression_ratio": "0.3"}, "a number, not '0.3'"),
        ({"condition_in_question": None}, "condition_in_question= must be text"),
        ({"rank_method": ["bm25"]}, "a name or a Method"),
        ({"force_tokens": [1]}, "a list of texts"),
        ({"context_segs": ENGLISH}, "a list for each context"),
        ({"context_segs": [["a"]]}, "the texts of `context`"),
        ({"context_segs": [[1]]}, "the texts of `context`"),
        ({"context_segs": [[text] for text in ENGLISH], "context_segs_rate": [[0.5]]}, "one value for each segment"),
    ],
)
def test_wrong_arguments(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make("gpt2").compress_prompt(ENGLISH, **arguments)


def test_a_device_map_among_the_models_options_is_named(gpt2: Path) -> None:
    compressor = PromptCompressor(str(gpt2), "cpu", {"device_map": "auto"}, counter="estimate")
    with pytest.raises(ConfigurationError, match="leave it out of model_config"):
        compressor.compress_prompt(ENGLISH)


def test_numbers_may_be_numpys(make: Make) -> None:
    plain = make("gpt2").compress_prompt(ENGLISH, rate=0.25, force_context_ids=[1])
    assert make("gpt2").compress_prompt(ENGLISH, rate=np.float32(0.25), force_context_ids=[np.int64(1)]) == plain
    target = make("gpt2").compress_prompt(ENGLISH, target_token=np.int64(60))
    assert target == make("gpt2").compress_prompt(ENGLISH, target_token=60)


def test_an_object_brings_its_weights_and_its_kind(make: Make, cl100k: Any) -> None:
    for model in MODELS:
        given = make(model)
        taken = PromptCompressor(given, counter=cl100k)
        assert (taken.model, taken.tokenizer, taken.use_llmlingua2) == (
            given.model,
            given.tokenizer,
            model in CLASSIFIERS,
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

    monkeypatch.setitem(sys.modules, "tiktoken", None)
    counters._named.cache_clear()
    compressor = PromptCompressor(str(gpt2), "cpu")
    with pytest.warns(UserWarning, match="compressor's own tokenizer"):
        result = compressor.compress_prompt(LONG, rate=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compressor.compress_prompt(LONG, rate=0.5)
    assert result["origin_tokens"] == compressor.get_token_length("\n\n".join(["", *LONG, ""]).strip(), False)


@pytest.mark.parametrize("model", ["gpt2", "bert"])
@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize("exact", [False, True])
def test_copies_and_pickles_carry_no_weights(model: str, clone: Any, exact: bool, request: Any) -> None:
    folder, classifier = str(request.getfixturevalue(model)), model in CLASSIFIERS
    compressor = PromptCompressor(folder, "cpu", use_llmlingua2=classifier, exact=exact, counter="estimate")
    before = compressor.compress_prompt(LONG[:1], rate=0.5)
    assert len(pickle.dumps(compressor)) < 1_000
    assert clone(compressor).compress_prompt(LONG[:1], rate=0.5) == before


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent(make: Make) -> None:
    compressor = make("bert", exact=True)
    recovered = compressor.recover(LONG[0], LONG[0], LONG[0])
    copied = copy.copy(compressor)
    with compressor._exact_guard, copied._exact_guard:  # as a thread that is at work
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(any(one.recover(LONG[0], LONG[0], LONG[0]) != recovered for one in (compressor, copied)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
