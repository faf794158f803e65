"""What requests and answers look like; the OpenAPI schema is made from it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    WrapValidator,
    model_validator,
)
from pydantic.json_schema import WithJsonSchema

from boildown.compressor import EmptyQuery
from boildown.select.plan import Allocation, Order
from boildown.text.protected import PROTECTED_KINDS
from boildown.types import DropReason, Unit

__all__ = [
    "BatchRequest",
    "BatchResponse",
    "BudgetIn",
    "CompressRequest",
    "CompressResponse",
    "DocumentIn",
    "DocumentOut",
    "ErrorResponse",
    "Many",
    "ModelList",
    "Ready",
    "as_object",
]

Name = Annotated[str, Field(min_length=1, max_length=100)]
# Strict, since true is no number and "0.5" no share, to the engine neither; a whole number will do for a float.
Share = Annotated[float, Field(strict=True, ge=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Seconds = Annotated[float, Field(strict=True, gt=0, le=1e6)]
T = TypeVar("T")
Many = Annotated[list[T], Field(max_length=100_000, fail_fast=True)]
"""A list whose length the operator limits further. The first wrong item is enough: a complaint about each of a million
takes minutes and gigabytes."""

_MOST_FIELDS = 100


def as_object(value: Any) -> Any:
    """A document that is a string, as an object."""
    if isinstance(value, str):
        return {"text": value}
    if not isinstance(value, (dict, BaseModel)):
        raise ValueError("a document is a string, or an object with a text")
    return value


def _kind(value: str) -> str:
    if value not in PROTECTED_KINDS:
        raise ValueError(f"there is no such kind of protected span; there are {', '.join(PROTECTED_KINDS)}")
    return value


_Kind = Annotated[str, AfterValidator(_kind), Field(json_schema_extra={"enum": list(PROTECTED_KINDS)})]

_EXAMPLE: dict[str, Any] = {
    "query": "How long does the battery of the Pelican last?",
    "documents": [
        "The Reed weighs 2.1 kg. Its battery lasts nine months.",
        {"text": "The battery of the Pelican lasts 36 months.", "id": "pelican", "metadata": {"page": 4}},
    ],
    "budget": {"tokens": 15},
}


class _Strict(BaseModel):
    """A misspelt field must not pass as one that was left out."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _not_too_many(cls, value: Any) -> Any:
        # Each would get a complaint of its own.
        if isinstance(value, dict) and len(value) > _MOST_FIELDS:
            raise ValueError(f"{len(value)} fields are more than {_MOST_FIELDS}, the most")
        return value


class DocumentIn(_Strict):
    """A document; a plain string is its text."""

    text: str
    id: Annotated[str, Field(max_length=1000)] | None = None
    title: str = ""
    metadata: dict[str, JsonValue] = Field(default={}, description="Comes back as it is.")


_Document = Annotated[DocumentIn, BeforeValidator(as_object, json_schema_input_type=str | DocumentIn)]


class BudgetIn(_Strict):
    """How much to keep: exactly one of tokens, rate and threshold."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"tokens": 300}],
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "number"}}}
                for name in ("tokens", "rate", "threshold")
            ],
        }
    )

    tokens: Count | None = Field(None, description="Keep at most so many tokens, over all documents.")
    rate: Share | None = Field(None, description="Keep at most this share of the tokens.")
    threshold: Annotated[float, Field(strict=True, ge=-1e9, le=1e9)] | None = Field(
        None, description="Keep everything that scores at least this."
    )
    documents: Count | None = Field(None, description="Keep text of at most so many documents.")
    counter: Name | None = Field(None, description="Who counts tokens: a name from /v1/models.")

    @model_validator(mode="after")
    def _one_of_three(self) -> BudgetIn:
        given = [name for name in ("tokens", "rate", "threshold") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of tokens, rate and threshold, not {' and '.join(given) or 'none'}")
        return self


_Degree = Annotated[float, Field(strict=True, gt=0, le=1)]
_Dedupe = Annotated[  # no union, whose errors would name its parts and not the field
    _Degree,
    WrapValidator(
        lambda value, degree: value if value == "long" else degree(value),
        json_schema_input_type=Literal["long"] | _Degree,
    ),
]


class CompressRequest(_Strict):
    """A query, its documents, and how much of them to keep."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    query: str = ""
    documents: Many[_Document]
    budget: BudgetIn
    model: Name | None = Field(None, description="A name from /v1/models; the default one if null.")
    method: Name | None = Field(None, description="In place of `model`: the first served model of this method.")
    rank: Name | None = Field(None, description="A model or method that ranks the documents, if another one.")
    unit: Unit | None = Field(None, description="What is kept or dropped as one piece.")
    order: Order = Field("original", description="Of the documents in the result.")
    allocation: Allocation = Field("global", description="How documents share the budget.")
    spread: Share = 0.25
    protect: Annotated[list[_Kind], Field(max_length=20)] | None = Field(
        None, description="Kinds of spans that stay whole; null for all."
    )
    patterns: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default=[], max_length=16, description="Regular expressions for more such spans."
    )
    dedupe: _Dedupe | None = Field(  # type: ignore[assignment]
        "long", description="Drop sentences that repeat another document's: long ones, or all to this degree."
    )
    separator: Annotated[str, Field(max_length=1000)] = "\n\n"
    min_sentence: Annotated[int, Field(strict=True, ge=0, le=1000)] = 3
    on_empty_query: EmptyQuery = "passthrough"
    units: bool = Field(False, strict=True, description="Also give the score of every unit.")
    timeout: Seconds | None = Field(None, description="Seconds; the service has a maximum.")


_Unread = Annotated[Any, PlainValidator(lambda value: value, json_schema_input_type=CompressRequest)]
"""A request of a batch, which the route reads, so that a wrong one does not fail the others."""


class BatchRequest(_Strict):
    """Several queries, each with its documents."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requests": [_EXAMPLE]}]})

    requests: Annotated[Many[_Unread], Field(min_length=1)]
    timeout: Seconds | None = Field(None, description="Seconds, for all of them.")


Offsets = Annotated[
    list[list[int]],
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
            "description": "[start, end) in Unicode code points of the document's text.",
        }
    ),
]


class Protected(BaseModel):
    """A span that had to stay whole."""

    start: int
    end: int
    kind: str


class UnitOut(BaseModel):
    """A piece that is scored as a whole."""

    start: int
    end: int
    score: float | None
    kept: bool = Field(description="Whether any of it was: at the border of a budget sentences are kept by clauses.")


class DocumentOut(BaseModel):
    """What became of a document."""

    index: int = Field(description="Its place in the request.")
    id: str | None
    title: str
    metadata: dict[str, JsonValue]
    text: str = Field(description="What was kept: exactly the characters of `spans`.")
    score: float | None = Field(description="Its relevance; null where there is none.")
    spans: Offsets
    protected: list[Protected]
    tokens_in: int
    tokens_out: int
    reason: DropReason = Field(description="Why nothing of it was kept.")
    units: list[UnitOut] | None = None


class CompressResponse(BaseModel):
    """The kept text, and where each piece of it comes from."""

    model: str
    method: str
    text: str
    documents: list[DocumentOut] = Field(description="Of which text was kept, in reading order.")
    dropped: list[DocumentOut] = Field(description="The others, best first.")
    tokens_in: int
    tokens_out: int
    rate: float = Field(description="Tokens kept / tokens in.")
    counter: str
    order: Order
    separator: str
    budget: dict[str, JsonValue] = Field(description="As asked.")
    cached: int = Field(description="Documents whose scores were cached.")
    notes: list[str]
    seconds: dict[str, float]


class ErrorDetail(BaseModel):
    """What is wrong."""

    type: str
    message: str
    field: str | None = None
    request_id: str | None = None


class ErrorResponse(BaseModel):
    """The shape of every error."""

    error: ErrorDetail


class BatchResponse(BaseModel):
    """A result for each request, in order; one that failed has an error in its place."""

    results: list[CompressResponse | ErrorResponse]


class ModelOut(BaseModel):
    """A model that requests may name."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    method: str
    reads_query: bool
    default: bool


class ModelList(BaseModel):
    """What the service offers."""

    object: Literal["list"]
    data: list[ModelOut]
    counters: list[str]
    limits: dict[str, float]
    version: str


class Ready(BaseModel):
    """That it is."""

    status: str
