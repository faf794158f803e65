import json
import sys
from pathlib import Path

import pytest

from boildown.benchmark.made_up import made_up_documents
from boildown.benchmark.rows import ROWS
from boildown.cli import main
from boildown.counters import resolve_counter
from boildown.errors import ConfigurationError

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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--llmlingua"], "--llmlingua goes with --method"),
        (["--documents", "0"], "--documents must be at least 1"),
        (["--runs", "0"], "--runs must be at least 1"),
        (["--tokens", "1"], "--tokens must be at least 20"),
        (["--method", "llmlingua2"], "model="),
        (["no-such-row"], "Unknown row 'no-such-row'"),
        (["cold", "--method", "bm25"], "--method goes with methods, not with rows"),
        (["--all", "--dtype", "int8"], "--dtype goes with methods, not with rows"),
        (["--no-memory"], "--no-memory goes with rows, or with --all"),
        (["cold", "--all"], "name some, or give --all"),
        (["cold", "--repeat", "0"], "--repeat must be at least 1"),
        (["cold", "--device", "cuda:99"], "cuda:99"),
    ],
)
def test_wrong_arguments(wrong, message, capsys):
    assert main(["bench", *wrong]) == 2
    error = capsys.readouterr().err
    assert error.startswith("boildown: ")
    assert message in error


def test_the_rows_are_listed_with_their_goals(capsys):
    assert main(["bench", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(ROWS)
    assert lines[0].endswith("goals: auto 15, float32 8")


@pytest.fixture
def measured(monkeypatch):
    """Tasks that were given to a measurement that gives a number, and fails for the row "cold"."""
    tasks = []

    def measure(task, memory):
        tasks.append((task, memory))
        if task.name == "cold":
            raise ConfigurationError("The process for cold (time) failed; its message is above.")
        return {"machine": {"device": task.device}, "goals": {}, "number": 1.5}

    monkeypatch.setattr("boildown.benchmark.processes.measure", measure)
    return tasks


def test_a_row_is_printed_below_the_machine_and_written_only_where_asked(measured, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "linear", "--device", "cpu", "--tiny", "--repeat", "2", "--no-memory", "bundled"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "threads; cpu" in printed[0]
    assert "torch" in printed[1]
    assert [line.split(":")[0] for line in printed if ": " in line] == ["linear", "bundled"]
    assert [(task.name, task.repeat, task.tiny, memory) for task, memory in measured] == [
        ("linear", 2, True, False), ("bundled", 2, True, False),
    ]  # fmt: skip
    assert not Path(measured[0][0].models).exists()
    assert list(tmp_path.iterdir()) == []
    assert main(["bench", "linear", "--device", "cpu", "--models", "kept", "--out", "new/results"]) == 0
    assert json.loads((tmp_path / "new/results/speed_linear.json").read_text())["number"] == 1.5
    assert (measured[-1][0].models, measured[-1][0].tiny, measured[-1][1]) == ("kept", False, True)


def test_rows_as_json_stand_beside_the_machine(measured, capsys):
    assert main(["bench", "linear", "--device", "cpu", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machine"]["threads"] >= 1
    assert found["rows"]["linear"]["number"] == 1.5


def test_all_rows_that_can_be_measured_are_and_the_others_are_named(measured, tmp_path, capsys):
    assert main(["bench", "--all", "--device", "cpu", "--json", "--out", str(tmp_path)]) == 2
    assert "boildown: Not measured: cold; the messages are above." in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {
        "cached.json", "concurrency.json", *(f"speed_{name}.json" for name in ROWS),
    } - {f"speed_{name}.json" for name in ("cold", "cached", "concurrency", "llmlingua2-100k")}  # fmt: skip
