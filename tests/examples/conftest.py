"""What the documentation's snippets take as given."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

# LlamaIndex imports langchain-community where it is installed, and that warns of its own end when it is imported.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    import llama_index.core.bridge.langchain  # noqa: F401

ROOT = Path(__file__).parents[2]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small LLMLingua-2 model of random weights."""
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        from tiny_models import tiny_bert
    finally:
        sys.path.remove(str(ROOT / "tests"))
    return str(tiny_bert(tmp_path_factory.mktemp("model") / "model"))


@pytest.fixture(scope="module")
def names(model: str) -> dict[str, Any]:
    """What the snippets call their reader's own: retrievers, an index, documents, and a model of each framework."""
    from langchain_core.documents import Document
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.vectorstores import InMemoryVectorStore
    from llama_index.core import VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.llms.mock import MockFunctionCallingLLM
    from llama_index.core.schema import Document as Page
    from llama_index.core.schema import TextNode

    class ChatModel(FakeListChatModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self

    quickstart = load(ROOT / "examples" / "quickstart.py")
    pages = {path.name: path.read_text("utf-8") for path in (ROOT / "examples" / "data" / "handbook").glob("*.md")}
    documents = [Document(text, metadata={"source": name}) for name, text in pages.items()]
    store = InMemoryVectorStore(quickstart.LangChainWords())
    store.add_documents(documents)
    nodes = [TextNode(text=text, metadata={"source": name}) for name, text in pages.items()]
    return {
        "retriever": store.as_retriever(search_kwargs={"k": 8}),
        "store": InMemoryVectorStore(quickstart.LangChainWords()),
        "documents": documents,
        "embeddings": quickstart.LangChainWords(),
        "chat_model": ChatModel(responses=["Every three months."]),
        "tools": [],
        "index": VectorStoreIndex(nodes, embed_model=quickstart.LlamaIndexWords()),
        "pages": [Page(id_=name, text=text, metadata={"source": name}) for name, text in pages.items()],
        "embedding": quickstart.LlamaIndexWords(),
        "llm": MockLLM(),
        "function_calling_llm": MockFunctionCallingLLM(),
        "model": model,
    }
