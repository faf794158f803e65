from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from boildown import ConfigurationError, MissingExtraError, ModelError
from boildown.counters import resolve_counter, well_formed


@pytest.fixture
def tokenizer() -> Tokenizer:
    built = Tokenizer(WordLevel({"[UNK]": 0, "one": 1, "two": 2, "[PAD]": 3}, unk_token="[UNK]"))
    built.pre_tokenizer = Whitespace()
    return built


def test_the_estimate_needs_nothing_and_is_near_on_prose():
    estimate = resolve_counter(None)
    assert estimate is resolve_counter("estimate")
    assert estimate.count("") == 0
    text = "The committee met on 12 March 2021 and approved a budget of $1,250,000 for the new library building."
    assert 20 <= estimate.count(text) <= 30


@given(st.text())
def test_the_estimate_counts_any_text_and_grows_with_it(text):
    estimate = resolve_counter(None)
    assert 0 <= estimate.count(text) <= len(text)
    assert estimate.count(text) <= estimate.count(text + " more")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("cats", 1),
        ("elephants", 2),
        ("12345", 2),
        ("a b", 2),
        ("a   b", 3),
        ("a\n\n\nb", 3),
        ("|-----|", 4),
        ("=" * 18, 3),
        ("北京。", 3),
        ("Größe", 3),
    ],
)
def test_the_estimate_by_the_rule(text, tokens):
    assert resolve_counter(None).count(text) == tokens


@given(st.lists(st.text(), max_size=6))
def test_the_estimate_counts_each_text_apart(texts):
    estimate = resolve_counter(None)
    assert estimate.count_many(texts) == [estimate.count(text) for text in texts]


def test_a_callable_counts():
    counter = resolve_counter(len)
    assert (counter.count("four"), counter.count_many(["a", "bc"]), counter.name) == (4, [1, 2], "len")


def test_parts_of_a_token_count_as_one():
    counter = resolve_counter(lambda text: len(text) / 4)
    assert counter.count_many(["", "one", "four", "seven"]) == [0, 1, 1, 2]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "many", -1])
def test_a_callable_must_return_a_number(value):
    with pytest.raises(ConfigurationError, match="must return the number of tokens"):
        resolve_counter(lambda text: value).count("text")


def test_a_callable_that_returns_a_list_is_told_so():
    with pytest.raises(ConfigurationError, match=r"len\(function\(text\)\)"):
        resolve_counter(str.split).count("a b")


def test_tiktoken_encodings_count_any_text(cl100k):
    counter = resolve_counter(cl100k)
    assert counter.count("the thing") == len(cl100k.encode("the thing"))
    assert counter.count("lone \ud800 surrogate") > 0
    assert counter.count("<|endoftext|>") > 1


def test_hugging_face_tokenizers_count_without_padding_or_special_tokens(tokenizer, tmp_path, monkeypatch):
    tokenizer.enable_padding(pad_id=3, pad_token="[PAD]")
    assert resolve_counter(tokenizer).count_many(["one two two", "one", ""]) == [3, 1, 0]
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert resolve_counter(str(tmp_path)).count("one two") == 2
    assert resolve_counter(str(tmp_path / "tokenizer.json")).count("one \ud800") == 2
    assert resolve_counter(tmp_path) is resolve_counter(str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_counter("~/tokenizer.json").count("one") == 1


@pytest.mark.parametrize(("length", "stride"), [(3, 0), (3, 2), (1, 0)])
@pytest.mark.parametrize("direction", ["left", "right"])
def test_hugging_face_tokenizers_count_all_of_a_text_that_they_would_truncate(tokenizer, length, stride, direction):
    tokenizer.enable_truncation(length, stride=stride, direction=direction)
    tokenizer.enable_padding(pad_id=3, pad_token="[PAD]")
    counter = resolve_counter(tokenizer)
    assert counter.count_many(["one " * count for count in range(8)]) == list(range(8))
    assert tokenizer.truncation["max_length"] == length
    tokenizer.no_truncation()
    assert counter.count("one two one two") == 4


def test_transformers_tokenizers_count(tokenizer):
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]")
    assert resolve_counter(fast).count("one two three") == 3
    fast("one two three", truncation=True, max_length=2)  # which stays with it
    assert resolve_counter(fast).count("one two three") == 3


def test_an_empty_name_is_not_the_working_directory():
    pytest.importorskip("tiktoken")
    with pytest.raises(ConfigurationError, match="Unknown token counter ''"):
        resolve_counter("")


def test_a_missing_tokenizer_says_what_was_looked_for(tmp_path):
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        resolve_counter(str(tmp_path))


def test_a_hub_id_is_looked_for_as_a_model_is(monkeypatch, tmp_path, tokenizer):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as error:
        resolve_counter("somebody/no-tokenizer")
    for part in ("'somebody/no-tokenizer'", "Looked for a folder", str(tmp_path), constants.ENDPOINT):
        assert part in str(error.value)
    downloaded = tmp_path / "models--somebody--tokenizer"
    (downloaded / "snapshots" / "abc").mkdir(parents=True)
    (downloaded / "refs").mkdir()
    (downloaded / "refs" / "main").write_text("abc")
    tokenizer.save(str(downloaded / "snapshots" / "abc" / "tokenizer.json"))
    assert resolve_counter("somebody/tokenizer").count("the cat") == 2


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match="cl100k_base"):
        resolve_counter("no-such-model")


def test_without_tiktoken_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(MissingExtraError, match=r"boildown\[tiktoken\]"):
        resolve_counter("gpt-4o-that-nobody-asked-for-before")


def test_other_things_are_refused():
    with pytest.raises(ConfigurationError, match="cannot be a int"):
        resolve_counter(3)


def test_well_formed_keeps_offsets():
    assert well_formed("a\ud800b\udfff🙂") == "a\ufffdb\ufffd🙂"
    assert well_formed("plain") == "plain"
