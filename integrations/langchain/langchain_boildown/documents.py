"""Between LangChain's documents and the engine's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.documents import Document

import boildown
from boildown import CompressedDocument, Compression, InputError
from boildown.checks import series
from boildown.settings import RETRIEVAL_SCORE, copied, has_scores, report, reported_spans, title_of
from boildown.stored_scores import STORED_KEY

__all__ = ["check_documents", "from_langchain", "source_spans", "to_langchain"]


def check_documents(documents: Iterable[Document]) -> list[Document]:
    """The documents as a list.

    Raises:
        InputError: they are not a series of LangChain `Document`s.
    """
    found = series(documents, Document, "documents must be a list of LangChain Documents")
    for i, document in enumerate(found):
        if not isinstance(document, Document):
            raise InputError(
                f"documents[{i}] must be a langchain_core.documents.Document, not {type(document).__name__}. "
                "Wrap plain text as Document(page_content=text)."
            )
    return found


def from_langchain(documents: Sequence[Document]) -> list[boildown.Document]:
    """The engine's view of LangChain documents."""
    return [
        boildown.Document(d.page_content, id=d.id, title=title_of(d.metadata), metadata=d.metadata) for d in documents
    ]


def to_langchain(result: Compression, originals: Sequence[Document]) -> list[Document]:
    """What was kept, as new plain documents in reading order; the originals are matched by index."""
    scored = has_scores(result)
    return [_to_langchain(kept, originals[kept.index], result, scored) for kept in result.documents]


def _to_langchain(kept: CompressedDocument, original: Document, result: Compression, scored: bool) -> Document:
    # A plain Document even where a subclass came in: EmbeddingsRedundantFilter and its like hand on a subclass
    # that carries the embedding of the uncompressed text.
    metadata = {**copied(original.metadata or {}), "boildown_index": kept.index, **report(kept, result)}
    metadata.pop(STORED_KEY, None)  # They are the scores of the whole text.
    if scored:
        if "relevance_score" in metadata:
            metadata[RETRIEVAL_SCORE] = _plain(metadata.get(RETRIEVAL_SCORE, metadata["relevance_score"]))
        metadata["relevance_score"] = float(kept.score)
    return Document(id=original.id, page_content=kept.text, metadata=metadata)


def _plain(score: Any) -> Any:
    # Retrievers and rerankers leave numpy's and torch's numbers behind, which JSON cannot hold.
    return float(score) if getattr(score, "ndim", None) == 0 else score


def source_spans(document: Document) -> list[tuple[int, int]]:
    """Where a compressed document's text stands in the document it was cut from.

    Args:
        document: as `BoildownCompressor` returned it.

    Returns:
        Character offsets (start, end) in the text that went into the compressor, in order: the pieces
        `original.page_content[start:end]`, joined without glue, are `document.page_content`.

    Raises:
        InputError: it is no document, or does not come from a `BoildownCompressor`.
    """
    if not isinstance(document, Document):
        kind = type(document).__name__
        raise InputError(f"source_spans takes one Document, as BoildownCompressor returned it, not a {kind}.")
    return reported_spans(document.metadata, "document", "BoildownCompressor")
