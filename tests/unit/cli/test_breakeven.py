import json
import re

import pytest

from boildown import Compressor
from boildown.cli import main
from boildown.cli.breakeven import measure

WORLD = ["breakeven", "--tokens", "4000", "--rate", "0.25", "--llm-tokens-per-second", "5000", "--other-seconds", "2.2"]
MONEY = ["--llm-price", "2.5", "--machine-price", "3.6"]
FAST = ["--compressor-tokens-per-second", "20000", "--overhead-ms", "40"]
SLOW = ["--compressor-tokens-per-second", "1000"]


def test_the_report_of_a_case_that_gains(capsys):
    assert main([*WORLD, *MONEY, *FAST]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "compressor: 20,000 tokens/s (given)"
    assert "time, s 3.000 2.640 0.360" in lines
    assert "1,000 requests: money 10.0000 2.7400 7.2600" in lines
    assert "Compression saves 0.360 s, 12.0% of the request. It saves 7.2600 on 1,000 requests." in lines
    assert "from tokens a request 400 22" in lines
    assert "LLM, tokens/s, at most 12,500 -" in lines
    assert "250 -0.015 -0.7% 0.4162" in lines  # 0.0375 s saved, 0.0525 s spent, of 2.25 s
    assert "compressor, hours of one machine 2.50" in lines


def test_the_report_of_a_case_that_loses(capsys):
    assert main([*WORLD, *SLOW, "--llm-price", "0.1", "--machine-price", "3.6"]) == 0
    out = capsys.readouterr().out
    assert "Compression makes the request 3.400 s slower, 113.3% of the request." in out
    assert "It costs 3.7000 more than it saves on 1,000 requests." in out
    assert "never pays for itself: it can take 900 requests an hour." in out  # 4 s each; 3.6 / 0.0003 needed
    assert next(line.split()[-2:] for line in out.splitlines() if line.startswith("from tokens")) == ["never", "never"]


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (["--rate", "1", "--llm-price", "2.5"], "It neither saves nor costs money."),
        (["--rate", "1", "--llm-price", "2.5", "--machine-price", "3.6"], "It costs 0.2400 more than it saves on"),
        (["--rate", "0.25", "--llm-price", "0"], "It neither saves nor costs money."),
        (["--rate", "0.25", "--llm-price", "2.5"], "It saves 7.5000 on 1,000 requests."),
    ],
)
def test_nothing_is_less_than_zero_by_nothing(capsys, world, said):
    assert main([*WORLD, *world, *FAST]) == 0
    out = capsys.readouterr().out
    assert said in out
    assert not re.search(r"-0\.0+%?(?!\S)", out)
    speed = next(line.split()[-2] for line in out.splitlines() if line.startswith("LLM, tokens/s"))
    assert speed == ("never" if "1" in world else "12,500")


def test_json_has_the_same_numbers(capsys):
    assert main([*WORLD, *MONEY, *FAST, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["measured"] is None
    assert found["request"]["seconds"]["saved"] == pytest.approx(0.36)
    assert found["break_even"]["time"]["tokens"] == pytest.approx(400)
    assert [line["tokens"] for line in found["lengths"]][:3] == [250, 500, 1000]
    assert found["million_chunks"]["money_saved"] == pytest.approx(272.25)


def test_seconds_per_thousand_tokens_are_the_same_as_a_speed(capsys):
    call = ["breakeven", "--tokens", "4000", "--rate", "0.25", *FAST, "--json"]
    assert main([*call, "--llm-seconds-per-1k", "0.2"]) == 0
    assert json.loads(capsys.readouterr().out)["case"]["llm_speed"] == pytest.approx(5000)


def test_what_is_not_given_is_measured(capsys):
    assert (
        main(["breakeven", "--tokens", "600", "--rate", "0.5", "--llm-price", "1", "--method", "bm25", "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["measured"]["method"] == "bm25"
    assert 450 < found["measured"]["tokens"] < 750
    assert found["case"]["compressor_speed"] == found["measured"]["tokens_per_second"] > 0
    assert found["break_even"]["time"] is None


def test_no_document_is_compressed_twice():
    """A cache of scores would make the second run look faster than it is."""
    seen = []

    class Watching(Compressor):
        def compress(self, query, documents, budget):
            seen.extend(documents)
            return super().compress(query, documents, budget)

    tokens, seconds = measure(Watching("bm25"), 700, 0.5, None, 100)
    assert len(seen) == len(set(seen)) > 20
    assert seconds > 0
    assert 550 < tokens < 850


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tokens", "10", "--rate", "0.5", *FAST], "how fast the LLM reads"),
        (["--tokens", "10", "--rate", "2", "--llm-price", "1"], "from 0 to 1"),
        (["--tokens", "10", "--rate", "0.5", "--llm-seconds-per-1k", "0"], "--llm-seconds-per-1k must be above 0"),
        (["--tokens", "10", "--rate", "0.5", "--llm-price", "1", "--method", "none"], "Unknown method 'none'"),
    ],
)
def test_errors_are_one_line(capsys, arguments, message):
    assert main(["breakeven", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
