"""What the instrumentation of LlamaIndex is told about a compression."""

from __future__ import annotations

from typing import Any

from llama_index.core.instrumentation.events.rerank import ReRankEndEvent

__all__ = ["CompressionEndEvent"]


class CompressionEndEvent(ReRankEndEvent):
    """The end of a compression. Handlers that know only `ReRankEndEvent` see the kept nodes.

    Attributes:
        nodes: the nodes of which text was kept.
        statistics: counts, times and notes, and under "dropped" the other nodes with the reason; see
            `boildown.settings.statistics`.
    """

    statistics: dict[str, Any]

    @classmethod
    def class_name(cls) -> str:
        """Class name."""
        return "CompressionEndEvent"
