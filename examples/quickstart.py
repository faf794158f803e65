"""The main job through both frameworks: retrieve, boil down to a token budget, keep the sources.

Runs from a checkout without network, API key or GPU:

    pip install '.[langchain,llamaindex]' && python examples/quickstart.py

Only the retrievers are stand-ins: they compare counted words, so that no embedding model has to be downloaded.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
import zlib
from pathlib import Path

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode

from boildown.counters import resolve_counter
from langchain_boildown import BoildownCompressor, source_spans
from llama_index.postprocessor.boildown import BoildownPostprocessor

DATA = Path(__file__).parent / "data"
RETRIEVED = 8
TOKENS = 160  # at most, of all documents together
DOCUMENTS = 3  # at most

count_tokens = resolve_counter(None).count  # boildown's estimate; a Budget takes your LLM's tokenizer instead


def main() -> None:
    """Asks three questions through LangChain, and two through LlamaIndex."""
    pages = {path.name: path.read_text("utf-8") for path in sorted((DATA / "handbook").glob("*.md"))}
    lines = (DATA / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    total = sum(count_tokens(page) for page in pages.values())
    print(f"The documents: {len(pages)} pages of a company's handbook, about {total:,} tokens.")
    print(f"Each question retrieves {RETRIEVED} of them; of the best {DOCUMENTS}, at most {TOKENS} tokens are kept.")
    print("What is kept is cut from the page as it stands; the numbers say which characters of the page it is.")
    with_langchain(pages, questions[:3])
    with_llamaindex(pages, questions[3:5])
    print(
        "\nNext: put BoildownCompressor(tokens=1500) or BoildownPostprocessor(tokens=1500) behind your own "
        "retriever.\nThis file shows how, and README.md the rest."
    )


def with_langchain(pages: dict[str, str], questions: list[str]) -> None:
    """The compressor stands between a retriever and whatever comes next."""
    print_title("LangChain: a ContextualCompressionRetriever with BoildownCompressor")
    store = InMemoryVectorStore(LangChainWords())
    store.add_documents([Document(text, metadata={"source": name}) for name, text in pages.items()])
    retriever = store.as_retriever(search_kwargs={"k": RETRIEVED})
    compressing = ContextualCompressionRetriever(
        base_compressor=BoildownCompressor(tokens=TOKENS, documents=DOCUMENTS), base_retriever=retriever
    )
    for question in questions:
        before = [document.page_content for document in retriever.invoke(question)]
        kept = compressing.invoke(question)
        sources = [(d.metadata["source"], source_spans(d), d.page_content) for d in kept]
        print_result(question, before, sources)


def with_llamaindex(pages: dict[str, str], questions: list[str]) -> None:
    """The postprocessor stands between a retriever and the response synthesizer."""
    print_title("LlamaIndex: a query engine with BoildownPostprocessor")
    nodes = [TextNode(text=text, metadata={"source": name}) for name, text in pages.items()]
    index = VectorStoreIndex(nodes, embed_model=LlamaIndexWords())
    retriever = index.as_retriever(similarity_top_k=RETRIEVED)
    engine = index.as_query_engine(
        llm=MockLLM(),  # repeats its prompt; put your LLM here
        similarity_top_k=RETRIEVED,
        node_postprocessors=[BoildownPostprocessor(tokens=TOKENS, documents=DOCUMENTS)],
    )
    for question in questions:
        before = [node.text for node in retriever.retrieve(question)]
        kept = engine.query(question).source_nodes
        spans = [json.loads(node.metadata["boildown_spans"]) for node in kept]
        sources = [(n.metadata["source"], s, n.text) for n, s in zip(kept, spans, strict=True)]
        print_result(question, before, sources)


def print_title(title: str) -> None:
    print(f"\n\n{title}\n{'=' * len(title)}")


def print_result(question: str, before: list[str], sources: list[tuple[str, list[tuple[int, int]], str]]) -> None:
    """Prints the tokens before and after, and each document's kept text under its source."""
    tokens_in = count_tokens("\n\n".join(before))
    tokens_out = count_tokens("\n\n".join(text for _, _, text in sources))
    print(f"\nQ: {question}")
    pages = f"{len(sources)} page{'' if len(sources) == 1 else 's'}"
    print(f"   {tokens_in:,} tokens in {len(before)} pages  ->  {tokens_out} tokens from {pages}")
    for source, spans, text in sources:
        places = ", ".join(f"{start}-{end}" for start, end in spans)
        print(f"\n   {source} [{places}]")
        for line in text.splitlines():
            for part in textwrap.wrap(line, 95, break_on_hyphens=False) or [""]:
                print(f"   | {part}".rstrip())


def word_vector(text: str, size: int = 2048) -> list[float]:
    """How often each word of four letters or more occurs, hashed into a vector; long words weigh more.

    A text without such words gets a vector all the same, since one of zeros has no direction that could be compared.
    """
    vector = [0.0] * size
    for word in re.findall(r"\w{4,}", text.lower()):
        vector[zlib.crc32(word.rstrip("s").encode()) % size] += math.log(len(word))
    if not any(vector):
        vector[0] = 1.0
    return vector


class LangChainWords(Embeddings):
    """`word_vector` as LangChain wants it."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector of each text."""
        return [word_vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """The query's vector."""
        return word_vector(text)


class LlamaIndexWords(BaseEmbedding):
    """`word_vector` as LlamaIndex wants it."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return word_vector(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return word_vector(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return word_vector(query)


if __name__ == "__main__":
    main()
