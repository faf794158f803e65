import json

import pytest

from boildown import Compressor
from boildown.cli import main
from boildown.cli.bench import cold_start, timed

SMALL = ["bench", "--documents", "2", "--tokens", "40", "--runs", "2"]


def test_the_report_names_the_machine_and_every_method(capsys):
    assert main([*SMALL, "--starts", "0", "--method", "prune", "--method", "bm25"]) == 0
    machine, versions, empty, head, *rows = capsys.readouterr().out.splitlines()
    assert "cpu" in machine
    assert "torch" in versions
    assert not empty
    assert head.split()[:3] == ["method", "documents", "tokens"]
    assert [row.split()[:2] for row in rows] == [["prune", "2"], ["bm25", "2"]]


def test_json_has_every_number(capsys):
    assert main([*SMALL, "--starts", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["device"] == "cpu"
    start = found["cold_start"]
    assert 0 < start["import_seconds"] < start["first_result_seconds"]
    (entry,) = found["methods"]
    assert entry["runs"] == 2
    assert entry["tokens"] == pytest.approx(80, rel=0.5)
    assert 0 < entry["p50_ms"] <= entry["p95_ms"]
    assert 0 < entry["outside_model"] < 1


def test_no_run_is_answered_by_a_cache():
    found = timed(Compressor(cache=False), "Who?", [["The first text is short."]] * 4)
    assert found["outside_model"] < 1


@pytest.mark.parametrize(
    "wrong", [["--documents", "0"], ["--runs", "0"], ["--method", "llmlingua2"], ["--tokens", "1"]]
)
def test_wrong_arguments(wrong, capsys):
    assert main(["bench", *wrong]) == 2
    assert capsys.readouterr().err.startswith("boildown: ")


def test_a_process_that_fails_says_why():
    from boildown.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="no device"):
        cold_start("cuda:99", ["Text."])
