"""Uvicorn, with a phase between the signal to end and the end."""

from __future__ import annotations

import math
import signal
from time import monotonic
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic_core import to_json
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from boildown.errors import ConfigurationError
from boildown.service.errors import Refusal, error_body
from boildown.service.logs import LOGGING
from boildown.service.settings import Limits
from boildown.service.state import State

__all__ = ["Server", "build_server"]

_GRACE = 5.0
"""Seconds beyond the longest deadline after which what still runs is given up."""
_KEEP_ALIVE = 75
"""Seconds; longer than load balancers keep an idle connection, so that none sends into one that is being closed."""


class Server(uvicorn.Server):
    """Ends in three steps on SIGTERM: /ready says no while requests are still taken, so that a load balancer can turn
    away; then no connection is taken any more; what was accepted is answered. SIGINT leaves out the first step.

    Args:
        config: uvicorn's.
        state: of the application.
        drain: seconds of the first step.
    """

    def __init__(self, config: uvicorn.Config, state: State, drain: float) -> None:
        super().__init__(config)
        self._state, self._drain = state, drain
        self._end = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Notes a signal; a second one ends at once what still runs."""
        self.force_exit = self._state.draining
        first_step = self._drain if sig == signal.SIGTERM and not self._state.draining else 0.0
        self._state.draining = True
        self._end = monotonic() + first_step

    async def on_tick(self, counter: int) -> bool:
        """Says ten times a second whether to stop taking connections."""
        over = monotonic() >= self._end or self._state.failure is not None
        return await super().on_tick(counter) or over


_Protocol: Any = AutoHTTPProtocol


class _JSONErrors(_Protocol):  # type: ignore[misc]
    """Uvicorn's protocol, with the errors of this service for what is not even HTTP."""

    def send_400_response(self, msg: str) -> None:
        """Answers and closes the connection."""
        body = to_json(error_body(Refusal(400, "invalid_http", msg), None))
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def build_server(app: FastAPI, host: str, port: int, drain: float, limits: Limits) -> Server:
    """A server for an application of `create_app`.

    Args:
        app: the application.
        host: the address to listen at.
        port: 0 takes a free one, which the log tells.
        drain: seconds between SIGTERM and the end of new connections.
        limits: the application's.

    Raises:
        ConfigurationError: there is no such port, or the seconds are no such number.
    """
    if not 0 <= port <= 65_535:
        raise ConfigurationError(f"There is no port {port}: ports go from 0, which takes a free one, to 65535.")
    if not 0 <= drain < math.inf:
        raise ConfigurationError(f"The drain must be a number of seconds from 0, not {drain!r}.")
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=LOGGING,
        http=_JSONErrors,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=int(limits.timeout + limits.body_seconds + _GRACE),
    )
    return Server(config, app.state.service, drain)
