"""What operators and pages ask for: health, readiness, metrics, models, the playground."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.routing import BaseRoute

from boildown import __version__
from boildown.service.engines import Served
from boildown.service.errors import Refusal
from boildown.service.schemas import ModelList, ModelOut, Ready
from boildown.service.service import Service
from boildown.service.wire import json_response

__all__ = ["add_routes"]

_PAGE_HEADERS = {
    # The page brings everything it needs, and talks to nobody but the service it came from.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_routes(app: FastAPI, service: Service) -> list[BaseRoute]:
    """Adds them all, and gives what was added."""
    router = APIRouter()

    @router.head("/health", include_in_schema=False)
    @router.get("/health", response_model=Ready, summary="Whether the process lives")
    async def health() -> Response:
        """Always, while it answers at all."""
        return json_response({"status": "ok", "version": __version__})

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready", response_model=Ready, summary="Whether to send work")
    async def ready() -> Response:
        """503 until the models are loaded, and while the service drains."""
        service.state.check_ready()
        return json_response({"status": "ready"})

    @router.get("/metrics", response_class=Response, summary="Metrics, in Prometheus' format")
    def metrics() -> Response:  # on a thread, since the cache's file is asked, and may be busy
        """Counts of this process."""
        return Response(service.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    def described(served: Served) -> dict[str, Any]:
        return {
            "id": served.name,
            "object": "model",
            "created": service.engines.since,
            "owned_by": "boildown",
            "method": served.method,
            "reads_query": served.reads_query,
            "default": served.name == service.engines.default,
        }

    @router.get("/v1/models", response_model=ModelList, summary="What requests may name")
    async def models() -> Response:
        """Models, counters and limits."""
        engines = service.engines
        return json_response(
            {
                "object": "list",
                "data": [described(served) for served in engines.models.values()],
                "counters": list(engines.counters),
                "limits": {**asdict(service.limits), "queries": service.limits.batch},
                "version": __version__,
            }
        )

    @router.get("/v1/models/{model}", response_model=ModelOut, summary="One of the models")
    async def model(model: str) -> Response:
        """As it stands in the list of all."""
        served = service.engines.models.get(model)
        if served is None:
            known = ", ".join(service.engines.models)
            raise Refusal(404, "not_found", f"There is no model of this name here. There are: {known}.", "model")
        return json_response(described(served))

    @router.get("/", include_in_schema=False)
    async def playground() -> Response:
        """A page to try it on."""
        page = files("boildown.service").joinpath("playground.html").read_text(encoding="utf-8")
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    app.include_router(router)
    return router.routes
