import itertools
import re
import sys

import pytest

from boildown.cli import main
from boildown.cli.terminal import model_progress, progress, status


@pytest.fixture
def slow(monkeypatch):
    """A clock on which every look takes a second, so that the bar finds time to show."""
    monkeypatch.setattr("tqdm.std.time", itertools.count().__next__)


def test_a_bar_on_a_terminal_says_how_far_it_is_and_goes(terminal, slow):
    written = terminal("stderr")
    with progress(200, "file") as step:
        step(50)
        step(150)
    shown = written()
    assert "50/200" in shown
    assert "file" in shown
    assert shown.endswith(" \r")


def test_what_a_model_has_read_is_counted(terminal, prune_model, tmp_path, capsys):
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text(f"Buoy {number} is red. " * 30)
    written = terminal("stderr")
    call = ["compress", "--query", "Which buoy is red?", "--rate", "1", "--model", str(prune_model)]
    assert main([*call, str(tmp_path / "*.txt")]) == 0
    shown = written()
    assert "Scoring 9 documents: 100%" in shown
    read, of = re.search(r"100%\|.*?\| ([\d.k]+)/([\d.k]+) \[", shown).groups()
    assert read == of != "0.00"
    assert shown.endswith(" \r")
    assert "\r" not in capsys.readouterr().out


def test_a_status_goes_when_the_work_is_done_or_fails(terminal):
    written = terminal("stderr")
    with status("Scoring..."):
        pass
    assert written() == "Scoring...\r\x1b[K"
    with pytest.raises(ZeroDivisionError), status("Scoring..."):
        raise ZeroDivisionError
    assert written() == "Scoring...\r\x1b[K"


def test_nothing_is_shown_where_no_terminal_is(capsys):
    with progress(2, "file") as step, status("Scoring..."), model_progress("Scoring"):
        step(2)
    assert capsys.readouterr().err == ""


def test_a_bar_never_mixes_with_the_output(tmp_path, terminal, slow, capsys):
    for number in range(30):
        (tmp_path / f"{number}.txt").write_text(f"Buoy {number} is red.")
    written = terminal("stderr")
    call = ["compress", "--query", "Which buoy is red?", "--rate", "1", "--method", "bm25", str(tmp_path / "*.txt")]
    assert main(call) == 0
    output = capsys.readouterr().out
    assert output.count("is red.") == 30
    assert "\r" not in output
    assert "29/30" in written()
    assert sys.stderr.isatty()
