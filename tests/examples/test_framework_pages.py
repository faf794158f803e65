"""The pages about the frameworks say what happens: their snippets run in order, and their tables name what is there."""

from __future__ import annotations

import ast
import contextlib
import gc
import inspect
import io
import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from boildown import Budget, Compressor
from boildown.counters import resolve_counter

EXAMPLES = Path(__file__).parents[2] / "examples"
ANSWER = "has to be calibrated every three months"


def page(name: str) -> str:
    return (EXAMPLES / name).read_text("utf-8")


def run(name: str, given: dict[str, Any]) -> list[str]:
    """What each snippet of a page prints; later ones see the names of earlier ones, as a reader does."""
    printed = []
    for snippet in re.findall(r"^```python\n(.*?)^```$", page(name), re.DOTALL | re.MULTILINE):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(snippet, name, "exec"), given)
        printed.append(out.getvalue())
        assert bool(out.getvalue().strip()) == ("print(" in snippet), snippet
    return printed


def test_the_snippets_for_langchain_run(names: dict[str, Any]) -> None:
    given = dict(names)
    run("langchain.md", given)
    for documents in (given["kept"], given["step"].invoke("How often is the pH sensor calibrated?")):
        assert documents
    shown = "\n\n".join(d.page_content for d in given["step"].invoke("How often is the pH sensor calibrated?"))
    assert ANSWER in shown
    assert resolve_counter(None).count(shown) <= 300
    assert all("boildown_scores" in d.metadata for d in given["scored"])
    same = given["same_method"]  # LLMLinguaCompressor reorders, and spreads by 0.4, by default
    assert (same.method, same.order, same.allocation, same.spread) == ("longllmlingua", "score", "linear", 0.4)


@pytest.mark.filterwarnings("ignore:The `.*` attribute is deprecated")
@pytest.mark.filterwarnings("ignore:Accessing the 'model_.*")
async def test_the_snippets_for_llamaindex_run(names: dict[str, Any]) -> None:
    from llama_index.core.instrumentation import get_dispatcher

    given, handlers = dict(names), list(get_dispatcher().event_handlers)
    try:
        printed = run("llamaindex.md", given)
    finally:
        get_dispatcher().event_handlers[:] = handlers
    nodes = given["engine"].query("How often is the pH sensor calibrated?").source_nodes
    shown = "\n\n".join(node.text for node in nodes)
    assert ANSWER in shown
    assert resolve_counter(None).count(shown) <= 300
    assert all("boildown_scores" in node.metadata for node in given["nodes"])
    assert "read_full_result" in {tool.metadata.name for tool in given["agent"].tools}
    assert re.search(r"\d+ -> \d+ tokens", "".join(printed))
    same = given["same_method"]  # LongLLMLinguaPostprocessor does neither by default
    assert (same.method, same.order, same.allocation) == ("longllmlingua", "original", "global")
    with warnings.catch_warnings():  # A chat engine's own memory leaves its data base open.
        warnings.simplefilter("ignore", ResourceWarning)
        given.clear()
        gc.collect()


@pytest.mark.parametrize("name", ["langchain.md", "llamaindex.md"])
def test_the_migration_table_names_arguments_that_are_there(name: str) -> None:
    known = {*inspect.signature(Compressor).parameters, *inspect.signature(Budget).parameters, "engine"}
    table = page(name).partition("## Coming from")[2]
    ours = [row.split(" | ", 1)[1] for row in table.splitlines() if row.startswith("| ") and " | " in row][1:]
    named = set(re.findall(r"\b([a-z_]+)=", " ".join(ours)))
    assert {"method", "model", "device", "tokens", "rank", "order", "allocation", "documents"} <= named
    assert named <= known
    for mentioned in re.findall(r"options=(\{.*?\})", " ".join(ours)):
        Compressor("longllmlingua", model="any", options=ast.literal_eval(mentioned))


def test_every_argument_of_the_old_wrappers_has_a_row() -> None:
    pytest.importorskip("langchain_community")
    from langchain_community.document_compressors import LLMLinguaCompressor

    table = page("langchain.md").partition("## Coming from")[2]
    for field, info in LLMLinguaCompressor.model_fields.items():
        assert re.search(rf"^\|.*\b({field}|{info.alias or field}|lingua)\b", table, re.MULTILINE)
        assert f"`{field}" in table
    for argument in LLMLinguaCompressor.model_fields["additional_compress_kwargs"].default:
        assert f'["{argument}"]' in table
    defaults = LLMLinguaCompressor.model_fields["additional_compress_kwargs"].default
    assert (defaults["reorder_context"], defaults["dynamic_context_compression_ratio"]) == ("sort", 0.4)


def test_every_argument_of_llmlingua_has_a_row() -> None:
    reference = pytest.importorskip("llmlingua").PromptCompressor
    rows = [line for line in page("migrating_from_llmlingua.md").splitlines() if line.startswith("|")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])}
    text = page("migrating_from_llmlingua.md")
    for method in (reference.__init__, reference.compress_prompt, reference.compress_prompt_llmlingua2):
        arguments = set(inspect.signature(method).parameters) - {"self", "kwargs"}
        assert arguments <= named, json.dumps(sorted(arguments - named))
    for method in (reference.structured_compress_prompt, reference.compress_json, reference.recover):
        for argument in set(inspect.signature(method).parameters) - {"self", "kwargs"}:
            assert re.search(rf"\b{argument}\b", text), argument
