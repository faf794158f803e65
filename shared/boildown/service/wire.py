"""JSON of requests and answers, read and written strictly and fast."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json, to_json

from boildown.service.errors import Refusal

__all__ = ["StrictRoute", "json_response", "parse_json"]


def parse_json(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        Refusal: with 400: it is not JSON, not UTF-8, nested too deep, or has a lone surrogate.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal(400, "invalid_json", f"The body is not JSON in UTF-8: {error}.", "body") from None


def json_response(value: Any) -> Response:
    """An answer. What is not finite becomes null, since JSON has no word for it."""
    return Response(to_json(value, inf_nan_mode="null"), media_type="application/json")


class _StrictRequest(Request):
    async def json(self) -> Any:
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """A route whose JSON body is read by `parse_json`, and that says so where the body is of another type."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler around the strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if self.body_field is not None:
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
                    raise Refusal(
                        415, "unsupported_media_type", "Send JSON, with the header Content-Type: application/json."
                    )
            return await handler(_StrictRequest(request.scope, request.receive))

        return strict
