"""One shape for every answer of 400 or more: {"error": {"type", "message", "field"?, "request_id"}}."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from boildown.errors import (
    BoildownError,
    CancelledError,
    ClosedError,
    ConfigurationError,
    DeadlineError,
    InputError,
    OverloadedError,
)

__all__ = [
    "ClientGone",
    "Refusal",
    "add_handlers",
    "error_body",
    "field_name",
    "from_validation",
    "internal",
    "invalid",
    "refusal_of",
]

_OTHERS = {
    404: ("not_found", "There is no such route here. /openapi.json has those that there are."),
    405: ("method_not_allowed", "This route takes another method. /openapi.json has the one."),
}
_INTERNAL = "Something went wrong here. The service's log has more under this request_id."
_ROOTS = ("body", "query", "path", "header")


class Refusal(HTTPException):
    """An answer that says why not.

    Args:
        status: of the HTTP response.
        type: as in the table of error types.
        message: what is wrong, and what to do.
        field: what of the request it is about.
        retry_after: seconds; sent in whole ones.
    """

    def __init__(
        self, status: int, type: str, message: str, field: str | None = None, retry_after: float | None = None
    ) -> None:
        headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        super().__init__(status, message, headers)
        self.type, self.message, self.field = type, message, field

    def within(self, prefix: str) -> Refusal:
        """The same about a request that is a part of another, where `prefix` is its place."""
        return Refusal(self.status_code, self.type, self.message, ".".join(filter(None, (prefix, self.field))))


class ClientGone(Exception):
    """The client has closed the connection, so that there is nobody to answer."""


def invalid(message: str, field: str | None = None) -> Refusal:
    """The refusal of a request of which a field is wrong."""
    return Refusal(422, "invalid_request", message, field)


def refusal_of(error: BaseException) -> Refusal | None:
    """How an error of the engine is answered; None for one that is a fault of ours."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DeadlineError):
        return Refusal(504, "deadline_exceeded", str(error))
    if isinstance(error, OverloadedError):
        return Refusal(429, "overloaded", str(error), retry_after=error.retry_after)
    if isinstance(error, (ClosedError, CancelledError)):
        return Refusal(503, "unavailable", str(error), retry_after=1.0)
    if isinstance(error, (ConfigurationError, InputError)):
        return invalid(str(error))
    return None


def error_body(refusal: Refusal, request_id: str | None) -> dict[str, Any]:
    """The JSON of an error."""
    error: dict[str, Any] = {"type": refusal.type, "message": refusal.message}
    if refusal.field is not None:
        error["field"] = refusal.field
    if request_id is not None:
        error["request_id"] = request_id
    return {"error": error}


def internal() -> Refusal:
    """The answer to a fault of ours, which tells nothing about it."""
    return Refusal(500, "internal", _INTERNAL)


def field_name(location: Sequence[int | str]) -> str:
    """A pydantic location as one writes it: documents[2].text."""
    name = ""
    for part in location[1:] if location and location[0] in _ROOTS else location:
        if str(part).startswith("<"):  # the variant of a union, which is no part of the request
            continue
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else str(part)
    return name


def from_validation(errors: Sequence[Mapping[str, Any]], place: tuple[int | str, ...] = ()) -> Refusal:
    """The first of pydantic's complaints; its field may be the body itself.

    Args:
        errors: at least one.
        place: where in the request that stands which was validated, as a pydantic location.
    """
    first = errors[0]
    field = field_name((*place, *first["loc"])) or "body"
    message = str(first["msg"]).removeprefix("Value error, ")
    if str(first["type"]).startswith("model_"):
        message = "must be a JSON object"
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    return invalid(f"{field}: {message}{more}", field)


def add_handlers(app: FastAPI) -> None:
    """Puts all errors of the application into the one shape."""

    def answer(request: Request, refusal: Refusal) -> JSONResponse:
        body = error_body(refusal, getattr(request.state, "request_id", None))
        return JSONResponse(body, refusal.status_code, headers=refusal.headers)

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if not isinstance(error, Refusal):
            headers = error.headers
            named = _OTHERS.get(error.status_code, ("invalid_request", str(error.detail)))
            error = Refusal(error.status_code, *named)
            error.headers = headers
        return answer(request, error)

    async def validation(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, (RequestValidationError, ValidationError))
        return answer(request, from_validation(error.errors()))

    async def engine(request: Request, error: Exception) -> JSONResponse:
        refusal = refusal_of(error)
        if refusal is None:
            raise error
        return answer(request, refusal)

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(BoildownError, engine)
