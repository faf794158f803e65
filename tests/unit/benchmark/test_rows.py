import pytest

from boildown.benchmark.models import SIZES
from boildown.benchmark.processes import ALONE
from boildown.benchmark.rows import ROWS, Task, choose_rows, file_name, listing
from boildown.errors import ConfigurationError


def test_every_row_has_a_model_and_something_that_measures_it():
    for row in ROWS.values():
        assert not row.model or row.model in SIZES
        assert row.task in ALONE or row.task in ("classify", "rank", "prompt", "question", "rerank", "embed")


def test_lengths_are_mixed_and_have_the_rows_average():
    lengths = Task("rerank-minilm", "", "cpu").lengths
    assert len(lengths) == 20
    assert sum(lengths) == 20 * 150
    assert (min(lengths), max(lengths)) == (40, 260)
    assert lengths != sorted(lengths)
    assert Task("llmlingua2-bert", "", "cpu").lengths == [150] * 20
    assert Task("llmlingua2-long", "", "cpu").lengths == [8192]
    assert Task("llmlingua2-long", "", "cpu", tiny=True).lengths == [700]
    assert sum(Task("rerank-minilm", "", "cpu", tiny=True).lengths) == 4 * 40


def test_all_rows_are_those_that_the_device_can_do():
    assert set(ROWS) - set(choose_rows([], "cpu")) == {"llmlingua2-100k"}
    assert set(ROWS) - set(choose_rows([], "cuda:0")) == {"bundled-int8"}
    assert choose_rows(["cold", "llmlingua2-100k", "cold"], "cpu") == ["cold", "llmlingua2-100k"]
    with pytest.raises(ConfigurationError, match="for CPUs"):
        choose_rows(["bundled-int8"], "cuda:0")
    with pytest.raises(ConfigurationError, match="Did you mean 'rank-qwen'"):
        choose_rows(["rank-quen"], "cpu")


def test_every_row_has_a_file_and_is_listed():
    assert file_name("rank-gpt2") == "speed_rank-gpt2.json"
    assert (file_name("cached"), file_name("concurrency")) == ("cached.json", "concurrency.json")
    assert [line.split()[0] for line in listing().splitlines()] == list(ROWS)
