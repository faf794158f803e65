"""POST /v1/rerank, in the words of Cohere's API (v1 and v2) and of text-embeddings-inference.

Both clients put the path together themselves, so the same route answers under /v2/rerank and /rerank too. Which of the
two speaks shows in the name of the list: `documents` or `texts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import uuid4

import numpy as np
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag
from starlette.routing import BaseRoute

from boildown.budget import Budget
from boildown.result import Compression
from boildown.select.order import rank as best_first
from boildown.service.schemas import Many, Name, as_object
from boildown.service.service import Service
from boildown.service.wire import StrictRoute, json_response
from boildown.types import Document

__all__ = ["add_routes"]

_DOCUMENTS: list[JsonValue] = ["The Reed weighs 2.1 kg.", "The battery of the Pelican lasts 36 months."]
_QUERY = "How long does the battery last?"
_COHERE: dict[str, JsonValue] = {"query": _QUERY, "documents": _DOCUMENTS, "top_n": 1}
_TEI: dict[str, JsonValue] = {"query": _QUERY, "texts": _DOCUMENTS}


class TextDocument(BaseModel):
    """A document; a plain string is its text. Fields other than `text` are not read."""

    model_config = ConfigDict(extra="allow")

    text: str


class CohereRequest(BaseModel):
    """As Cohere's clients send it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_COHERE]})

    model: Name | None = None
    query: str
    documents: Many[Annotated[TextDocument, BeforeValidator(as_object, json_schema_input_type=str | TextDocument)]]
    top_n: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    return_documents: bool = False
    max_tokens_per_doc: JsonValue = Field(None, description="Accepted; documents are read whole.")
    max_chunks_per_doc: JsonValue = Field(None, description="Accepted; documents are read whole.")
    rank_fields: Annotated[list[Literal["text"]], Field(max_length=10)] | None = None


class TEIRequest(BaseModel):
    """As text-embeddings-inference's clients send it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEI]})

    query: str
    texts: Many[str]
    raw_scores: bool = Field(False, description="Accepted; scores are the method's own either way.")
    return_text: bool = False
    truncate: bool = Field(False, description="Accepted; texts are read whole.")
    truncation_direction: Literal["left", "right", "Left", "Right"] = "right"


class CohereResult(BaseModel):
    """A document's place and relevance."""

    index: int
    relevance_score: float
    document: dict[str, JsonValue] | None = None


class CohereResponse(BaseModel):
    """Best first."""

    id: str
    results: list[CohereResult]
    meta: dict[str, JsonValue]


class TEIResult(BaseModel):
    """A text's place and relevance."""

    index: int
    score: float
    text: str | None = None


def _dialect(value: Any) -> str:
    return "<tei>" if isinstance(value, dict) and "texts" in value else "<cohere>"


RerankRequest = Annotated[
    Annotated[CohereRequest, Tag("<cohere>")] | Annotated[TEIRequest, Tag("<tei>")], Discriminator(_dialect)
]


def add_routes(app: FastAPI, service: Service) -> list[BaseRoute]:
    """Adds the route under its three paths, and gives what was added."""
    router = APIRouter(route_class=StrictRoute)

    @router.post("/v1/rerank", response_model=CohereResponse | list[TEIResult], summary="Rank documents for a query")
    @router.post("/v2/rerank", response_model=CohereResponse | list[TEIResult], include_in_schema=False)
    @router.post("/rerank", response_model=CohereResponse | list[TEIResult], include_in_schema=False)
    async def rerank(body: RerankRequest, request: Request) -> Response:
        """Gives each document's relevance, best first; nothing is cut."""
        if isinstance(body, TEIRequest):
            ranked, _ = await ranking(request, body.query, [Document(text) for text in body.texts], None, "texts")
            return json_response(
                [
                    {"index": i, "score": score, **({"text": body.texts[i]} if body.return_text else {})}
                    for i, score in ranked
                ]
            )
        documents = [Document(d.text) for d in body.documents]
        ranked, notes = await ranking(request, body.query, documents, body.model, "documents")
        results: list[dict[str, Any]] = [{"index": i, "relevance_score": score} for i, score in ranked[: body.top_n]]
        if body.return_documents:
            for result in results:
                result["document"] = body.documents[result["index"]].model_dump()
        version = "2" if request.scope["route"].path.startswith("/v2/") else "1"
        meta: dict[str, Any] = {"api_version": {"version": version}, "billed_units": {"search_units": 1}}
        if notes:
            meta["warnings"] = list(notes)
        return json_response({"id": str(uuid4()), "results": results, "meta": meta})

    async def ranking(
        request: Request, query: str, documents: Sequence[Document], model: str | None, field: str
    ) -> tuple[list[tuple[int, float]], tuple[str, ...]]:
        service.check_count(len(documents), field)
        served = service.engines.reader(model)
        compressor = service.engines.compressor(served)

        def call() -> Compression:
            service.check_tokens([query, *(d.text for d in documents)], field)
            return compressor.compress(query, documents, Budget(tokens=0))

        result = await service.run(request, call)
        service.note(request, served, result)
        # A blank document comes last by every method. JSON lacks minus infinity, and the clients want a number.
        blank = np.array([not document.text.strip() for document in documents], dtype=bool)
        relevance = np.where(blank, -np.inf, result.scores.relevance)
        order = best_first(relevance).tolist()
        lowest = relevance[np.isfinite(relevance)].min(initial=0.0)
        scores = np.where(np.isfinite(relevance), relevance, lowest)[order].tolist()
        return list(zip(order, scores, strict=True)), result.scores.notes

    app.include_router(router)
    return router.routes
