"""LlamaIndex ingestion: nodes are scored once, in the pipeline, and no model runs when they are retrieved.

This works for methods that don't read the question, such as LLMLingua-2:

    pip install '.[langchain,llamaindex]' && python examples/llamaindex_ingest.py

Without --model, the published weights are downloaded once. The index compares counted words, so that no embedding
model has to be downloaded too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import MockLLM
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document
from quickstart import LlamaIndexWords

from llama_index.postprocessor.boildown import BoildownPostprocessor, BoildownTransform, CompressionEndEvent

HANDBOOK = Path(__file__).parent / "data" / "handbook"
QUESTION = "How often does the pH sensor have to be calibrated?"


def main() -> None:
    """Ingests the handbook twice, the second time from the pipeline's cache, and asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank")
    model = parser.parse_args().model

    pages = [
        Document(id_=path.name, text=path.read_text("utf-8"), metadata={"source": path.name})
        for path in sorted(HANDBOOK.glob("*.md"))
    ]
    embedding = LlamaIndexWords()
    pipeline = IngestionPipeline(
        transformations=[
            SentenceSplitter(chunk_size=200, chunk_overlap=0),
            BoildownTransform(method="llmlingua2", model=model),
            embedding,
        ]
    )
    nodes = pipeline.run(documents=pages)
    assert [n.metadata for n in pipeline.run(documents=pages)] == [n.metadata for n in nodes]  # from the cache
    size = sum(len(node.metadata["boildown_scores"]) for node in nodes)
    print(f"{len(nodes)} nodes, with {size / len(nodes):.0f} characters of scores each.")

    get_dispatcher().add_event_handler(Report())
    engine = VectorStoreIndex(list(nodes), embed_model=embedding).as_query_engine(
        llm=MockLLM(),  # repeats its prompt; put your LLM here
        similarity_top_k=4,
        node_postprocessors=[BoildownPostprocessor(method="llmlingua2", model=model, rate=0.5)],
    )
    for node in engine.query(QUESTION).source_nodes:
        print(f"   {node.metadata['source']}: {node.text[:70]!r}")


class Report(BaseEventHandler):
    """Prints what the postprocessor reports of each call."""

    def handle(self, event: Any, **kwargs: Any) -> None:
        """Prints tokens, the model's time and notes."""
        if isinstance(event, CompressionEndEvent):
            data = event.statistics
            print(f"{data['tokens_in']} -> {data['tokens_out']} tokens, {data['seconds']['model']:.3f} s in the model.")
            print("".join(f"   Note: {note}\n" for note in data["notes"]), end="")


if __name__ == "__main__":
    main()
