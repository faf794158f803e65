from __future__ import annotations

from collections.abc import Mapping

from boildown import Document
from boildown.methods.reranked import Reranked
from boildown.sources import Sources


class Sent(Reranked):
    """A service to which all must be sent as UTF-8."""

    def _ranked(self, query: str, texts: Mapping[str, str]) -> list[tuple[str, float]]:
        return [(label, float(len(f"{query}{text}".encode()))) for label, text in texts.items()]


def test_half_a_surrogate_pair_is_sent() -> None:
    sources = Sources([Document("Ships \ud83d sail.", title="\ud83d"), "Bread."])
    assert Sent().score("\ud83d ships", sources).relevance.argmax() == 0
