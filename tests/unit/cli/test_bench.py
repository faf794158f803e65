import json
import sys

import pytest

from boildown import Compressor
from boildown.cli import main
from boildown.cli.bench import cold_start, timed
from boildown.cli.made_up import made_up_documents
from boildown.counters import resolve_counter

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


@pytest.mark.parametrize(("documents", "tokens"), [(3, 50), (1, 20), (7, 23), (20, 150)])
def test_there_are_as_many_documents_as_asked_for(documents, tokens):
    count = resolve_counter(None).count
    made = made_up_documents(documents * tokens, tokens, count, run=0)
    assert len(made) == len(set(made)) == documents
    assert sum(map(count, made)) == pytest.approx(documents * tokens, rel=0.5)


def test_the_llmlingua_package_runs_beside_on_the_same_weights(bert, llmlingua, capsys):
    method = f"llmlingua2={bert}"
    arguments = [*SMALL, "--starts", "0", "--method", "bm25", "--method", method, "--llmlingua"]
    assert main([*arguments, "--json"]) == 0
    others, entry = json.loads(capsys.readouterr().out)["methods"]
    assert "llmlingua" not in others
    package = entry["llmlingua"]
    assert package["runs"] == entry["runs"] == 2
    assert 0 < package["p50_ms"] <= package["p95_ms"]
    times = package["times_slower"]
    assert 0 < times["least"] <= times["median"] <= times["most"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "times slower, each in turn" in lines[2]
    assert lines[-1].startswith("the llmlingua package")


def test_without_the_llmlingua_package_it_says_what_to_install(bert, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "llmlingua", None)
    assert main([*SMALL, "--starts", "0", "--method", f"llmlingua2={bert}", "--llmlingua"]) == 2
    assert "pip install 'boildown[llmlingua]'" in capsys.readouterr().err


def test_what_the_llmlingua_package_cannot_load_is_an_error_of_ours(llmlingua, tmp_path):
    from boildown.cli.side_by_side import timed_package
    from boildown.errors import ModelError

    with pytest.raises(ModelError, match="llmlingua could not load"):
        timed_package(str(tmp_path), "cpu", 0.5, [["Text."]], list)


def test_no_run_is_answered_by_a_cache():
    found = timed(Compressor(cache=False), "Who?", [["The first text is short."]] * 4)
    assert found["outside_model"] < 1


@pytest.mark.parametrize(
    "wrong", [["--llmlingua"], ["--documents", "0"], ["--runs", "0"], ["--method", "llmlingua2"], ["--tokens", "1"]]
)
def test_wrong_arguments(wrong, capsys):
    assert main(["bench", *wrong]) == 2
    assert capsys.readouterr().err.startswith("boildown: ")


def test_a_process_that_fails_says_why():
    from boildown.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="no device"):
        cold_start("cuda:99", ["Text."])
