"""The application: what `boildown serve` runs, and what any other ASGI server can run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from boildown import __version__
from boildown.service.bodies import Bodies
from boildown.service.engines import Engines
from boildown.service.errors import add_handlers
from boildown.service.gate import Gate
from boildown.service.metrics import Metrics
from boildown.service.routes import compress, legacy, rerank, system
from boildown.service.schemas import ErrorResponse
from boildown.service.service import Service
from boildown.service.settings import Settings
from boildown.service.state import State
from boildown.service.work import Work

__all__ = ["create_app"]

_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorResponse, "description": description}
    for status, description in {
        400: "The body is not JSON in UTF-8",
        401: "No valid token",
        408: "The body came too slowly",
        413: "Over a limit",
        415: "Not JSON",
        422: "A field is wrong",
        429: "The queue or the memory for bodies is full; try again after Retry-After",
        503: "Not ready",
        504: "The deadline passed",
    }.items()
}
_log = logging.getLogger("boildown.service")


def create_app(settings: Settings | None = None) -> FastAPI:
    """Builds the application. Nothing is loaded before its lifespan begins, and no state is shared with another one.

    Args:
        settings: None takes the defaults: the bundled model, open to all that reach it.

    Returns:
        The application; `app.state.service` is its `State`.

    Raises:
        ConfigurationError: a model or a counter of the settings is not possible.
    """
    settings = settings or Settings()
    state = State()
    work = Work(settings.threads, settings.limits.queue)
    bodies = Bodies(settings.limits)
    metrics = Metrics(
        lambda: work.depth, lambda: bodies.held, lambda: state.loaded and not state.draining, settings.cache
    )
    service = Service(settings, state, Engines(settings), work, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.ensure_future(_load(service))
        try:
            yield
        finally:
            state.draining = True
            loading.cancel()
            await asyncio.to_thread(work.close)

    app = FastAPI(
        title="boildown",
        version=__version__,
        summary="Boils documents down to what a question needs, within a token budget.",
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        responses=_ERRORS,
    )
    app.state.service = state
    add_handlers(app)
    known = list(app.routes)  # of the schema
    for contract in (compress, rerank, legacy, system):
        known += contract.add_routes(app, service)
    app.add_middleware(Gate, state=state, metrics=metrics, tokens=settings.tokens, bodies=bodies, routes=known)
    if settings.cors:  # outside of the gate, since a browser's preflight shows no token
        headers = ["Authorization", "Content-Type", "X-Timeout", "X-Request-ID"]
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=headers,
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    return app


async def _load(service: Service) -> None:
    try:
        await asyncio.to_thread(service.engines.load)
    except Exception as error:
        service.state.failure = error
        _log.error("the models could not be loaded", extra={"fields": {"error": f"{type(error).__name__}: {error}"}})
    else:
        service.state.loaded = True
        _log.info("ready", extra={"fields": {"models": list(service.engines.models)}})
