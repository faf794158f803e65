"""GET and POST /api/v1/compress_prompt: the contract of the service around LLMLingua that many clients speak.

The answer has exactly its keys and formats. The text is made by the corrected algorithms of `boildown.compat`, on the
default model: instruction, documents and question, with a blank line between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.routing import BaseRoute

from boildown.compat.prompt_compressor import PromptCompressor
from boildown.service.errors import Refusal, from_validation, invalid
from boildown.service.schemas import Many
from boildown.service.service import Service
from boildown.service.wire import json_response, parse_json

__all__ = ["add_routes"]

_KEYS = ("compressed_prompt", "origin_tokens", "compressed_tokens", "ratio", "saving")
_DEFAULT_RATE = 0.5
_Share = Annotated[float, Field(ge=0, le=1)]  # from a query string, so it comes as text


class LegacyRequest(BaseModel):
    """The published arguments that a request may give; others are left aside, as they always were."""

    model_config = ConfigDict(
        allow_inf_nan=False,
        json_schema_extra={
            "examples": [
                {"ratio": 0.2, "context": ["The battery lasts 36 months. It is red."], "question": "How long?"}
            ]
        },
    )

    context: Many[str]
    question: str = ""
    instruction: str = ""
    ratio: _Share | None = Field(None, description="The share of the tokens to take away.")
    rate: _Share | None = Field(None, description="The share to keep; in place of `ratio`.")
    target_token: float = Field(-1, ge=-1, le=1e9, description="Tokens to keep of the contexts; overrides both.")
    reorder_context: Literal["original", "two_stage", "sort"] = "original"
    rank_method: Literal["llmlingua", "longllmlingua", "bm25", "gzip"] = "llmlingua"
    dynamic_context_compression_ratio: float = Field(0.0, ge=0, le=1)
    force_context_ids: Many[int] | None = None
    use_sentence_level_filter: bool = False
    use_context_level_filter: bool = True
    use_token_level_filter: bool = True
    keep_split: bool = False
    keep_first_sentence: int = Field(0, ge=0, le=1000)
    keep_last_sentence: int = Field(0, ge=0, le=1000)
    concate_question: bool = True


class LegacyData(BaseModel):
    """As published."""

    compressed_prompt: str
    origin_tokens: int
    compressed_tokens: int
    ratio: str = Field(description='Such as "1.3x".')
    saving: str = Field(description='Such as ", Saving $0.1 in GPT-4.".')


class LegacyResponse(BaseModel):
    """As published."""

    data: LegacyData


_PARAMETERS = [
    {"name": "context", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
    {"name": "question", "in": "query", "schema": {"type": "string"}},
    {"name": "instruction", "in": "query", "schema": {"type": "string"}},
    {"name": "ratio", "in": "query", "schema": {"type": "number", "minimum": 0, "maximum": 1}},
    {"name": "rate", "in": "query", "schema": {"type": "number", "minimum": 0, "maximum": 1}},
]


def add_routes(app: FastAPI, service: Service) -> list[BaseRoute]:
    """Adds both methods, and gives what was added."""
    router = APIRouter()
    schema = LegacyRequest.model_json_schema()
    schema["properties"]["context"] = {"anyOf": [{"type": "string"}, schema["properties"]["context"]]}
    body = {"requestBody": {"content": {"application/json": {"schema": schema}}}}

    @router.get("/api/v1/compress_prompt", response_model=LegacyResponse, openapi_extra={"parameters": _PARAMETERS})
    @router.post("/api/v1/compress_prompt", response_model=LegacyResponse, openapi_extra=body)
    async def compress_prompt(request: Request) -> Response:
        """The legacy contract, with the arguments in the body or the query string; the body's come first."""
        given = _read(await request.body(), request.scope["query_string"])
        if given.rate is not None and given.ratio is not None:
            raise invalid("Give ratio, the share to take away, or rate, the share to keep, and not both.", "ratio")
        rate = given.rate if given.ratio is None else 1 - given.ratio
        service.check_count(len(given.context), "context")
        engines = service.engines
        served = engines.find(None)
        counter = engines.counter(None)
        arguments = given.model_dump(exclude={"ratio", "rate"}, exclude_unset=True)
        compressor = PromptCompressor(engines.compressor(served).method, counter=counter)

        def call() -> dict[str, Any]:
            service.check_tokens([given.question, given.instruction, *given.context], "context")
            return compressor.compress_prompt(**arguments, rate=_DEFAULT_RATE if rate is None else rate)

        result = await service.run(request, call)
        service.count(request, served, len(given.context), result["origin_tokens"], result["compressed_tokens"])
        return json_response({"data": {key: result[key] for key in _KEYS}})

    app.include_router(router)
    return router.routes


def _read(body: bytes, query_string: bytes) -> LegacyRequest:
    values: dict[str, Any] = _read_query(query_string)
    if body.strip():
        parsed = parse_json(body)
        if not isinstance(parsed, dict):
            raise invalid("The body must be a JSON object.", "body")
        values.update(parsed)
    if isinstance(values.get("context"), str):
        values["context"] = [values["context"]]
    try:
        return LegacyRequest.model_validate(values)
    except ValidationError as error:
        raise from_validation(error.errors(include_input=False, include_url=False)) from None


def _read_query(query_string: bytes) -> dict[str, Any]:
    """The arguments of a query string; UTF-8, percent-encoded or plain."""
    values: dict[str, Any] = {}
    lists: Sequence[str] = ("context", "force_context_ids")
    for part in query_string.split(b"&"):
        if not part:
            continue
        try:
            name, value = (unquote_to_bytes(p.replace(b"+", b" ")).decode() for p in part.partition(b"=")[::2])
        except UnicodeDecodeError:
            raise Refusal(400, "invalid_query", "The query string is not UTF-8.") from None
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    return values
