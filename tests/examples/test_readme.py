"""What the documentation says is what happens: each of its Python snippets runs, and shown output is real output."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import warnings
from pathlib import Path
from typing import Any

import pytest

from boildown.cli import main
from boildown.methods.registry import DEFAULT_METHOD, method_names

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PAGES = ("README.md", "examples/engine.md", "examples/service.md")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def snippets_of(page: str) -> list[str]:
    return blocks((ROOT / page).read_text("utf-8"), "python")


@pytest.mark.parametrize(("page", "number"), [(page, n) for page in PAGES for n in range(len(snippets_of(page)))])
def test_snippets_run(page: str, number: int, names: dict[str, Any]) -> None:
    snippets = snippets_of(page)
    given = dict(names)
    if number > 0:
        run(snippets[0], given)
    printed = run(snippets[number], given)
    if "print(" in snippets[number]:
        assert printed.strip()


def run(snippet: str, given: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), given)
    return printed.getvalue()


@pytest.mark.parametrize("page", ["README.md", "examples/engine.md"])
def test_shown_output_is_what_is_printed(page: str) -> None:
    assert blocks((ROOT / page).read_text("utf-8"), "text")[0] == run(snippets_of(page)[0], {})


def test_framework_snippets_keep_the_answer_and_the_budget(names: dict[str, Any]) -> None:
    given = dict(names)
    for snippet in blocks(README, "python"):
        if "as_query_engine" in snippet or "ContextualCompressionRetriever" in snippet or "as_runnable" in snippet:
            run(snippet, given)
    question = "How often is the pH sensor calibrated?"
    by_langchain = "\n\n".join(d.page_content for d in given["compressing"].invoke(question))
    by_chain = "\n\n".join(d.page_content for d in given["documents_for_the_prompt"])
    by_llamaindex = "\n\n".join(n.text for n in given["engine"].query(question).source_nodes)
    from boildown.counters import resolve_counter

    for text in (by_langchain, by_chain, by_llamaindex):
        assert "has to be calibrated every three months" in text
        assert resolve_counter(None).count(text) <= 300


def test_the_agent_snippet_answers(names: dict[str, Any]) -> None:
    given = dict(names)
    run(next(s for s in blocks(README, "python") if "create_agent" in s), given)
    state = given["agent"].invoke({"messages": [("user", "How often is the pH sensor calibrated?")]})
    assert state["messages"][-1].content == "Every three months."


ENGINE_PAGE = (ROOT / "examples" / "engine.md").read_text("utf-8")
COMMAND_LINE = (ROOT / "examples" / "command_line.md").read_text("utf-8")


@pytest.mark.parametrize(
    "line",
    [line for block in blocks(COMMAND_LINE, "bash") for line in block.splitlines() if line.startswith("boildown ")],
)
def test_commands_run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(line)[1:]) == 0
    assert "every three months" in capsys.readouterr().out


def test_the_table_of_methods_is_complete() -> None:
    rows = re.findall(r"^\| `(\w+)`( \(default\))? \|", README, re.MULTILINE)
    assert sorted(name for name, _ in rows) == method_names()
    assert [name for name, default in rows if default] == [DEFAULT_METHOD]


@pytest.mark.parametrize(
    "page", [str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md"))]
)
def test_what_a_page_links_to_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for name, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f"{name}#{anchor}"


def anchors(page: Path) -> set[str]:
    """What links into a page may name: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


ELSEWHERE = {
    "CONTRIBUTING.md",
    "examples/langchain.md",
    "examples/llamaindex.md",
    "examples/migrating_from_llmlingua.md",
}
"""Pages whose Python runs in a test of their own: below, and in test_framework_pages.py."""


def test_no_page_has_python_that_no_test_runs() -> None:
    pages = [path for path in (*ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")) if "data" not in path.parts]
    with_python = {path.relative_to(ROOT).as_posix() for path in pages if blocks(path.read_text("utf-8"), "python")}
    assert with_python == {*PAGES, *ELSEWHERE}


def test_the_change_to_the_drop_in_runs(model: str) -> None:
    page = (ROOT / "examples" / "migrating_from_llmlingua.md").read_text("utf-8")
    (snippet,) = blocks(page, "python")
    hub_id = "microsoft/llmlingua-2-xlm-roberta-large-meetingbank"
    assert hub_id in snippet
    given: dict[str, Any] = {"contexts": ["The keeper counted the ships in the harbour. The sea was calm all day."]}
    with warnings.catch_warnings():  # Without a table of cl100k_base the model's own tokenizer counts, with a warning.
        warnings.simplefilter("ignore", UserWarning)
        run(snippet.replace(hub_id, model), given)
    assert 0 < len(given["result"]["compressed_prompt"]) < len(given["contexts"][0])


def test_every_page_and_script_can_be_found_from_the_readme() -> None:
    links = set(re.findall(r"\]\((examples/[^)#]+)", README))
    there = {str(p.relative_to(ROOT)) for p in (ROOT / "examples").glob("*.*")}
    there -= {"examples/quickstart.py"}  # is in a command
    assert there <= links | {f"examples/{name}" for name in re.findall(r"\]\(([^)#/]+)", ENGINE_PAGE)}


def test_the_worked_example_of_a_new_method_runs() -> None:
    given: dict[str, Any] = {}
    printed = [run(snippet, given) for snippet in blocks(CONTRIBUTING, "python")]
    assert blocks(CONTRIBUTING, "text") == [printed[-1]]
    assert "2.1 kg" in printed[-1]
    assert given["result"].method == "figures"
