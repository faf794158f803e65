"""A small corpus, a real index over it, an LLM that keeps the prompts it is given, and a model to score with."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.bridge.pydantic import Field
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.schema import Document, NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from ingested_nodes import Loads
from tiny_models import bert

__all__ = ["bert"]

# LlamaIndex imports langchain-community where it is installed, and that warns of its own end when it is imported.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.filterwarnings("ignore", "`langchain-community` is being sunset", DeprecationWarning)
    import llama_index.core.bridge.langchain  # noqa: F401

QUERY = "In which year was the lighthouse of Harrow Point lit for the first time?"

TEXTS = {
    "lighthouse": (
        "Harrow Point is a headland on the north coast. The lighthouse of Harrow Point was lit for the first time "
        "in 1874. Its lamp burned rape oil until the keepers changed to paraffin. Puffins nest in the cliffs below "
        "from April to July. The path to the gallery has 212 steps."
    ),
    "harbour": (
        "The harbour lies a mile to the east. Its first stone pier was finished in 1831 and washed away two winters "
        "later. Fishing boats land herring and crab. A market is held on the quay every Thursday. The year of the "
        "great storm is carved over the door of the customs house."
    ),
    "bakery": (
        "Mrs Oduya bakes eleven kinds of bread. Rye loaves are ready at six in the morning. The oven was built by "
        "her grandfather from bricks of the old brewery. On Sundays the shop is closed."
    ),
}


class RecordingLLM(CustomLLM):
    """Answers by a function of the prompt, and keeps every prompt."""

    prompts: list[str] = Field(default_factory=list)
    answer: Callable[[str], str] = lambda prompt: "It was lit in 1874."

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="recording", context_window=8192, num_output=256)

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.prompts.append(prompt)
        return CompletionResponse(text=self.answer(prompt))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Iterator[CompletionResponse]:
        self.prompts.append(prompt)
        text = ""
        for word in self.answer(prompt).split(" "):
            delta = word if not text else f" {word}"
            text += delta
            yield CompletionResponse(text=text, delta=delta)


@pytest.fixture
def query() -> str:
    return QUERY


@pytest.fixture
def llm() -> Iterator[RecordingLLM]:
    """Set as the default LLM too, since some engines ask for it whatever they are given."""
    before = Settings._llm, Settings._embed_model
    llm = RecordingLLM()
    Settings.llm, Settings.embed_model = llm, MockEmbedding(embed_dim=4)
    yield llm
    Settings._llm, Settings._embed_model = before


@pytest.fixture
def text_nodes() -> list[TextNode]:
    """One node for each text, cut from a document with a preface, so that offsets are not those of the node."""
    preface = "From the almanac. "
    return [
        TextNode(
            id_=name,
            text=text,
            metadata={"file_name": f"{name}.txt", "tags": ["coast", {"deep": "value"}]},
            excluded_llm_metadata_keys=["tags"],
            relationships={
                NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc-{name}", metadata={"owner": "library"})
            },
            start_char_idx=len(preface),
            end_char_idx=len(preface) + len(text),
        )
        for name, text in TEXTS.items()
    ]


@pytest.fixture
def nodes(text_nodes: list[TextNode]) -> list[NodeWithScore]:
    return [NodeWithScore(node=node, score=0.9 - 0.1 * i) for i, node in enumerate(text_nodes)]


@pytest.fixture
def index(llm: RecordingLLM) -> VectorStoreIndex:
    documents = [Document(id_=name, text=text, metadata={"source": name}) for name, text in TEXTS.items()]
    return VectorStoreIndex.from_documents(documents, embed_model=MockEmbedding(embed_dim=4))


@pytest.fixture
def nothing_loaded() -> Iterator[None]:
    """No model is loaded before the test, and none stays."""
    from boildown.runtime.models import release

    release()
    yield
    release()


@pytest.fixture
def model(bert: Path) -> Path:
    """The token classifier that scores nodes."""
    return bert


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Counts models loaded and forwards run in this process."""
    from boildown.runtime.token_classifier import TokenClassifier

    seen = Loads()
    load, probabilities = TokenClassifier.load, TokenClassifier.probabilities

    def counted_load(*arguments: Any) -> Any:
        seen.count += 1
        return load(*arguments)

    def counted_probabilities(self: Any, ids: Any) -> Any:
        seen.forwards += 1
        return probabilities(self, ids)

    monkeypatch.setattr(TokenClassifier, "load", counted_load)
    monkeypatch.setattr(TokenClassifier, "probabilities", counted_probabilities)
    return seen
