"""Nodes that are scored at ingest and compressed at query time, by one model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core.schema import Document, NodeWithScore, TextNode

from llama_index.postprocessor.boildown import BoildownPostprocessor, BoildownTransform

KEY = "boildown_scores"
SETTINGS: dict[str, Any] = {"method": "llmlingua2", "device": "cpu", "dtype": "float32"}


class Loads:
    def __init__(self) -> None:
        self.count = self.forwards = 0


def transform(model: Path, **settings: Any) -> BoildownTransform:
    return BoildownTransform(**{**SETTINGS, "model": str(model), **settings})


def postprocessor(model: Path, **settings: Any) -> BoildownPostprocessor:
    return BoildownPostprocessor(**{**SETTINGS, "model": str(model), "rate": 0.5, "cache": False, **settings})


def compressed(model: Path, nodes: list[Any], **settings: Any) -> list[str]:
    scored = [NodeWithScore(node=node, score=0.5) for node in nodes]
    return [n.node.get_content() for n in postprocessor(model, **settings).postprocess_nodes(scored, query_str="When?")]


def documents(texts: list[TextNode]) -> list[Document]:
    return [Document(id_=node.node_id, text=node.text, metadata={"source": node.node_id}) for node in texts]
