"""The question that is asked of the documents, what those cost that are kept for it, and how long models ran."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document

from boildown.counters import resolve_counter

QUESTION = "How high is the tower of the Carrick Bell lighthouse, and when was it built?"


def joined_tokens(documents: list[Document], counter: Any = None, separator: str = "\n\n") -> int:
    return resolve_counter(counter).count(separator.join(d.page_content for d in documents))


class Runs(BaseCallbackHandler):
    """How many seconds a model ran in each call."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
        self.seconds.append(data["seconds"]["model"])
