"""LlamaIndex: a citation query engine whose numbered sources are cut to what the question needs.

    pip install '.[langchain,llamaindex]' && python examples/llamaindex_citations.py

Each citation leads back to its page and to the characters of the page that the LLM was shown.
"""

from __future__ import annotations

from pathlib import Path

from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.core.schema import TextNode
from quickstart import LlamaIndexWords

from llama_index.postprocessor.boildown import BoildownPostprocessor, source_spans

HANDBOOK = Path(__file__).parent / "data" / "handbook"
QUESTION = "At which oxygen level are trout in danger?"


def main() -> None:
    """Asks, and prints each numbered source with its place."""
    pages = {path.name: path.read_text("utf-8") for path in sorted(HANDBOOK.glob("*.md"))}
    Settings.llm = MockLLM()  # repeats its prompt; put your LLM here
    index = VectorStoreIndex(
        [TextNode(id_=name, text=text) for name, text in pages.items()], embed_model=LlamaIndexWords()
    )
    engine = CitationQueryEngine.from_args(
        index,
        similarity_top_k=6,
        citation_chunk_size=2048,  # more than the budget, so that a page is one source
        node_postprocessors=[BoildownPostprocessor(tokens=150, documents=3)],
    )
    print(f"Q: {QUESTION}")
    for number, source in enumerate(engine.query(QUESTION).source_nodes, 1):
        page = source.metadata["boildown_node_id"]
        spans = source_spans(source, pages[page])
        print(f"\n[{number}] {page}, characters {', '.join(f'{start}-{end}' for start, end in spans)}")
        print("".join(pages[page][start:end] for start, end in spans).strip())


if __name__ == "__main__":
    main()
