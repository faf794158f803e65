"""What every request passes: it gets an id, shows its token, hands in its body in time, and is logged and counted."""

from __future__ import annotations

import hmac
import logging
import re
import traceback
from collections.abc import Mapping, Sequence
from hashlib import sha256
from time import perf_counter
from typing import Any
from uuid import uuid4

from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from boildown.service.bodies import Bodies, Body
from boildown.service.errors import ClientGone, Refusal, error_body, internal
from boildown.service.metrics import Metrics
from boildown.service.state import State

__all__ = ["OPEN_PATHS", "Gate"]

OPEN_PATHS = frozenset({"/", "/health", "/ready", "/openapi.json"})
"""What is served without a token: nothing of it tells about documents, or costs more than its answer."""

_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,100}")
_CLIENT_GONE = 499
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = logging.getLogger("boildown.service")


class Gate:
    """ASGI middleware around the whole application.

    Args:
        app: what is behind it.
        state: of the service.
        metrics: where requests are counted.
        tokens: any of them opens the service; none leaves it open.
        bodies: reads them.
        routes: of the application.
    """

    def __init__(
        self,
        app: ASGIApp,
        state: State,
        metrics: Metrics,
        tokens: Sequence[str],
        bodies: Bodies,
        routes: Sequence[BaseRoute],
    ) -> None:
        self._app, self._state, self._metrics, self._bodies, self._routes = app, state, metrics, bodies, routes
        self._digests = [sha256(token.encode()).digest() for token in tokens]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or answers it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode("ascii") if _ID.fullmatch(given) else uuid4().hex
        facts: dict[str, Any] = {}  # for the log line: numbers and names, never text of documents or queries
        scope.setdefault("state", {}).update(request_id=request_id, facts=facts)
        status = 0
        begin = perf_counter()
        body = Body(self._bodies)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                body.release()  # the work is done; how slowly its answer is read is another matter
                extra = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
                if self._state.draining:
                    extra.append((b"connection", b"close"))
                message = {**message, "headers": [*message.get("headers", ()), *extra]}
            await send(message)

        self._metrics.in_flight.inc()
        try:
            self._check_token(scope, headers)
            await self._app(scope, await body.read(headers, receive), answer)
        except Refusal as refusal:
            await _refuse(refusal, request_id, scope, receive, answer)
        except ClientGone:
            status = _CLIENT_GONE
        except Exception as error:
            # The message of an error may quote a document, so only its kind and place are logged.
            frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)[-12:]]
            facts.update(error=type(error).__name__, frames=frames)
            if status == 0:
                await _refuse(internal(), request_id, scope, receive, answer)
        finally:
            body.release()
            self._metrics.in_flight.dec()
            self._account(scope, status, perf_counter() - begin, request_id, facts)

    def _account(self, scope: Scope, status: int, seconds: float, request_id: str, facts: Mapping[str, Any]) -> None:
        """Counts and logs a request that has been answered."""
        route = self._route(scope)
        # A client may make up methods, and each would be a series of its own for ever.
        method = scope["method"] if scope["method"] in _METHODS and route != "unmatched" else "other"
        self._metrics.requests.labels(route, method, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        level = logging.ERROR if status >= 500 and status not in (503, 504) else logging.INFO
        fields = {"request_id": request_id, "method": method, "route": route, "status": status}
        _log.log(level, "request", extra={"fields": {**fields, "seconds": round(seconds, 6), **facts}})

    def _route(self, scope: Scope) -> str:
        """The path of a request's route, as it was declared."""
        found = scope.get("route")
        if found is None:  # it was answered here
            found = next((r for r in self._routes if r.matches(scope)[0] is not Match.NONE), None)
        return getattr(found, "path", None) or "unmatched"

    def _check_token(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        # Below the place where the application is mounted, such as a route prefix of Ray Serve.
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not self._digests or path in OPEN_PATHS:
            return
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        # Digests are of one length, and all are compared, so that the time tells nothing.
        given = sha256(token.strip()).digest()
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]
        if kind.lower() != b"bearer" or not any(matches):
            raise Refusal(401, "unauthorized", "Send a valid token in the header: Authorization: Bearer TOKEN.")


async def _refuse(refusal: Refusal, request_id: str, scope: Scope, receive: Receive, send: Send) -> None:
    response = JSONResponse(error_body(refusal, request_id), refusal.status_code, headers=refusal.headers)
    await response(scope, receive, send)
