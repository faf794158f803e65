"""LangChain ingestion: chunks are scored once, when they are stored, and no model runs when they are retrieved.

This works for methods that don't read the question, such as LLMLingua-2:

    pip install '.[langchain,llamaindex]' && python examples/langchain_ingest.py

Without --model, the published weights are downloaded once. The retriever compares counted words, so that no embedding
model has to be downloaded too.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from quickstart import LangChainWords

from langchain_boildown import BoildownCompressor, BoildownTransformer

HANDBOOK = Path(__file__).parent / "data" / "handbook"
QUESTION = "How often does the pH sensor have to be calibrated?"


def main() -> None:
    """Ingests the handbook, and asks before and after a page has changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="microsoft/llmlingua-2-bert-base-multilingual-cased-meetingbank")
    model = parser.parse_args().model

    pages = [Document(p.read_text("utf-8"), metadata={"source": p.name}) for p in sorted(HANDBOOK.glob("*.md"))]
    chunks = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=0).split_documents(pages)
    scored = BoildownTransformer("llmlingua2", model=model).transform_documents(chunks)
    store = InMemoryVectorStore(LangChainWords())
    store.add_documents(scored, ids=[str(i) for i in range(len(scored))])
    size = sum(len(document.metadata["boildown_scores"]) for document in scored)
    print(f"{len(scored)} chunks stored, with {size / len(scored):.0f} characters of scores each.")

    retriever = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(method="llmlingua2", model=model, rate=0.5),
        base_retriever=store.as_retriever(search_kwargs={"k": 4}),
    )
    kept = retriever.invoke(QUESTION, {"callbacks": [Report()]})
    print(f"   {kept[0].metadata['source']}: {kept[0].page_content[:70]!r}")

    found = store.similarity_search(QUESTION, k=1)[0]
    text = found.page_content.replace("three months", "four months")
    store.add_documents([Document(text, metadata=found.metadata)], ids=[str(found.id)])
    print("A chunk was changed behind the scores' back:")
    retriever.invoke(QUESTION, {"callbacks": [Report()]})


class Report(BaseCallbackHandler):
    """Prints what the compressor reports of each call."""

    def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
        """Prints tokens, the model's time and notes."""
        if name == "boildown":
            print(f"{data['tokens_in']} -> {data['tokens_out']} tokens, {data['seconds']['model']:.3f} s in the model.")
            print("".join(f"   Note: {note}\n" for note in data["notes"]), end="")


if __name__ == "__main__":
    main()
