import os
import re
import subprocess
import sys

import pytest

import boildown
from boildown.cli import main

COMMANDS = ("compress", "demo", "eval", "train", "completion")


def test_version_and_help(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"boildown {boildown.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_begin_with_the_command(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    _, examples = capsys.readouterr().out.split("examples:\n")
    assert f"boildown {command} " in examples or f"boildown {command}\n" in examples


def test_every_command_is_in_the_overview(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(re.search(rf"^ +{command}\s+\S", shown, re.MULTILINE) for command in COMMANDS)


def test_the_parser_loads_no_model_library():
    code = (
        "import sys; from boildown.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'transformers', 'matplotlib', 'tqdm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def run(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "boildown", *arguments], capture_output=True, text=True, **options)


def test_errors_are_one_line_on_standard_error_and_code_2():
    done = run("compress", "--query", "Who?", "--rate", "2", "absent.txt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("boildown: Budget(rate=)")
    assert done.stderr.count("\n") == 1


DEMO = [sys.executable, "-m", "boildown", "demo", "--method", "bm25"]


def test_any_text_can_be_shown():
    done = subprocess.run(
        DEMO, capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=True
    )
    assert "The caf\\xe9 on" in " ".join(done.stdout.split())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line_and_code_2():
    with open("/dev/full", "w") as full:
        done = subprocess.run(DEMO, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("boildown: [Errno 28]")
    assert done.stderr.count("\n") == 1


def test_closed_streams_are_no_fault():
    for close in (">&-", "2>&-", ">&- 2>&- <&-"):
        done = subprocess.run(
            ["sh", "-c", f'"$@" {close}', "sh", *DEMO], stderr=subprocess.PIPE, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    page = tmp_path / "page.txt"
    page.write_text("The tower was built in 1889. " * 5_000)
    command = [sys.executable, "-m", "boildown", "compress", "--rate", "1", "--method", "bm25", "-q", "tower", page]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "breakeven" in capsys.readouterr().err


def test_files_may_stand_on_both_sides_of_an_option(tmp_path, capsys):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"This is {name}.")
    a, b = str(tmp_path / "a.txt"), str(tmp_path / "b.txt")
    for later in ([b], ["--protect", "number", "--", b]):
        assert main(["compress", a, "--query", "Which?", "--tokens", "50", "--method", "bm25", *later]) == 0
        assert capsys.readouterr().out == "This is a.txt.\n\nThis is b.txt.\n"


@pytest.mark.parametrize("arguments", [["compress", "a.txt", "--tokens", "5", "--question", "x"], ["demo", "a.txt"]])
def test_what_a_command_does_not_know_comes_with_its_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert re.match(rf"usage: boildown {arguments[0]} .*unrecognized arguments", capsys.readouterr().err, re.DOTALL)
