"""boildown for LlamaIndex: retrieved nodes and tool results, boiled down to what the question needs."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from boildown.errors import MissingExtraError

# This package makes `llama_index` importable by itself, so only its core tells whether LlamaIndex is there.
if find_spec("llama_index.core") is None:
    raise MissingExtraError("llama-index-core", "llamaindex", "llama_index.postprocessor.boildown")

from boildown.tools.shorten import ToolRule
from llama_index.postprocessor.boildown.events import CompressionEndEvent
from llama_index.postprocessor.boildown.nodes import source_spans
from llama_index.postprocessor.boildown.postprocessor import BoildownPostprocessor
from llama_index.postprocessor.boildown.reranker import RerankerMethod
from llama_index.postprocessor.boildown.transform import BoildownTransform

if TYPE_CHECKING:
    from llama_index.postprocessor.boildown.agent import BoildownAgent, BoildownFunctionAgent, ToolShortener

__all__ = [
    "BoildownAgent",
    "BoildownFunctionAgent",
    "BoildownPostprocessor",
    "BoildownTransform",
    "CompressionEndEvent",
    "RerankerMethod",
    "ToolRule",
    "ToolShortener",
    "source_spans",
]


def __getattr__(name: str) -> Any:
    # Agents bring LlamaIndex's whole workflow engine; the postprocessor does without.
    if name in ("BoildownAgent", "BoildownFunctionAgent", "ToolShortener"):
        from llama_index.postprocessor.boildown import agent

        return getattr(agent, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
