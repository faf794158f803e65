"""boildown for LangChain: retrieved documents and tool results, boiled down to what the question needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boildown.errors import MissingExtraError

try:
    import langchain_core  # noqa: F401
except ImportError:
    raise MissingExtraError("langchain-core", "langchain", "langchain_boildown") from None

from boildown.tools.shorten import ToolRule
from langchain_boildown.compressor import BoildownCompressor
from langchain_boildown.documents import source_spans
from langchain_boildown.reranker import RerankerMethod
from langchain_boildown.transformer import BoildownTransformer

if TYPE_CHECKING:
    from langchain_boildown.middleware import BoildownToolMiddleware

__all__ = [
    "BoildownCompressor",
    "BoildownToolMiddleware",
    "BoildownTransformer",
    "RerankerMethod",
    "ToolRule",
    "source_spans",
]


def __getattr__(name: str) -> Any:
    # The middleware needs the langchain package with its agents; the compressor does without.
    if name == "BoildownToolMiddleware":
        try:
            from langchain_boildown.middleware import BoildownToolMiddleware
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] not in ("langchain", "langgraph"):
                raise
            raise MissingExtraError("langchain", "langchain", name) from None
        return BoildownToolMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
