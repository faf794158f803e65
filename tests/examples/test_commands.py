"""The commands on the documentation's pages: all are ones that the command line takes, and what can run here runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boildown.cli import build_parser, main
from boildown.evaluation.records import read_data_set

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (*ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")) if "data" not in path.parts]


def shell_lines(page: Path) -> list[str]:
    """The commands of a page's `bash` and `console` blocks, each with its continuation lines."""
    lines = []
    for language, block in re.findall(r"^```(bash|console)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            if language == "bash" or line.startswith("$ "):
                lines += [part.strip() for part in line.removeprefix("$ ").split(" && ")]
    return lines


def ours(page: Path) -> list[list[str]]:
    """The arguments of each call of `boildown`; variables for the environment may stand before it."""
    found = []
    for line in shell_lines(page):
        words = shlex.split(line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            del words[0]
        if words[:1] == ["boildown"]:
            found.append(words[1:])
    return found


COMMANDS = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in ours(page)]


@pytest.mark.parametrize(("page", "arguments"), COMMANDS, ids=[f"{page}-{words[0]}" for page, words in COMMANDS])
def test_the_command_line_takes_them(page: str, arguments: list[str]) -> None:
    assert callable(build_parser().parse_args(arguments).run)


def test_files_of_questions_are_of_the_kind_that_is_read() -> None:
    files = [file for _, words in COMMANDS if words[0] == "eval" for file in build_parser().parse_args(words).data]
    assert files
    for file in files:
        assert read_data_set(ROOT / file, limit=1).records


def test_each_subcommand_that_needs_arguments_is_shown() -> None:
    assert {words[0] for _, words in COMMANDS} >= {"compress", "eval", "train", "bench", "breakeven", "score", "serve"}


@pytest.mark.parametrize(
    "arguments",
    [[*words, "--runs", "1", "--starts", "0"] if words[0] == "bench" else words
     for _, words in COMMANDS if words[0] in ("bench", "breakeven")],
)  # fmt: skip
def test_what_measures_this_machine_runs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "tokens/s" in capsys.readouterr().out


def test_the_services_page_asks_what_the_service_answers() -> None:
    pytest.importorskip("fastapi", exc_type=ImportError)
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        from running_service import running
    finally:
        sys.path.remove(str(ROOT / "tests"))

    asked = [line for line in shell_lines(ROOT / "examples" / "service.md") if line.startswith("curl ")]
    assert len(asked) == 2
    with running() as url:
        for line in asked:
            words = [url + w.removeprefix("localhost:8000") if "localhost" in w else w for w in shlex.split(line)]
            command = [words[0], "--silent", "--noproxy", "*", *words[1:]]
            done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
            answer = json.loads(done.stdout)
            text = answer["text"] if "text" in answer else answer["data"]["compressed_prompt"]
            assert "Jane Austen" in text
