"""What the documentation says is what happens: each of its Python snippets runs, and shown output is real output."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import shlex
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from boildown.cli import main
from boildown.methods.registry import DEFAULT_METHOD, method_names

# LlamaIndex imports langchain-community where it is installed, and that warns of its own end when it is imported.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    import llama_index.core.bridge.langchain  # noqa: F401

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the snippets take as given: a retriever, an index, and a model of each framework."""
    from langchain_core.documents import Document
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.vectorstores import InMemoryVectorStore
    from llama_index.core import VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.schema import TextNode

    class ChatModel(FakeListChatModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self

    quickstart = load(ROOT / "examples" / "quickstart.py")
    pages = {path.name: path.read_text("utf-8") for path in (ROOT / "examples" / "data" / "handbook").glob("*.md")}
    store = InMemoryVectorStore(quickstart.LangChainWords())
    store.add_documents([Document(text, metadata={"source": name}) for name, text in pages.items()])
    nodes = [TextNode(text=text, metadata={"source": name}) for name, text in pages.items()]
    return {
        "retriever": store.as_retriever(search_kwargs={"k": 8}),
        "chat_model": ChatModel(responses=["Every three months."]),
        "tools": [],
        "index": VectorStoreIndex(nodes, embed_model=quickstart.LlamaIndexWords()),
        "llm": MockLLM(),
    }


@pytest.mark.parametrize("number", range(len(blocks(README, "python"))))
def test_snippets_of_the_readme_run(number: int, names: dict[str, Any]) -> None:
    snippets = blocks(README, "python")
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


def test_shown_output_is_what_is_printed() -> None:
    assert blocks(README, "text")[0] == run(blocks(README, "python")[0], {})


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


@pytest.mark.parametrize(
    "line", [line for block in blocks(README, "bash") for line in block.splitlines() if line.startswith("boildown ")]
)
def test_commands_of_the_readme_run(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(line)[1:]) == 0
    assert "every three months" in capsys.readouterr().out


def test_the_table_of_methods_is_complete() -> None:
    rows = re.findall(r"^\| `(\w+)`( \(default\))? \|", README, re.MULTILINE)
    assert sorted(name for name, _ in rows) == method_names()
    assert [name for name, default in rows if default] == [DEFAULT_METHOD]


def test_files_that_the_readme_links_to_exist() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README + CONTRIBUTING)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_worked_example_of_a_new_method_runs() -> None:
    given: dict[str, Any] = {}
    printed = [run(snippet, given) for snippet in blocks(CONTRIBUTING, "python")]
    assert blocks(CONTRIBUTING, "text") == [printed[-1]]
    assert "2.1 kg" in printed[-1]
    assert given["result"].method == "figures"
