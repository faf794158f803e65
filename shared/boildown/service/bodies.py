"""Bodies of requests: read whole and in time, none too long, and all together within a bound."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from boildown.service.errors import ClientGone, Refusal
from boildown.service.settings import Limits

__all__ = ["Bodies", "Body"]

_RETRY = 1.0


class Bodies:
    """The bodies of one service; used on its event loop alone.

    Args:
        limits: for each and for all.

    Attributes:
        held: bytes in memory, of bodies that are being read and of those whose requests are being worked on.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits, self.held = limits, 0


class Body:
    """One body, which counts among those that are held until it is released.

    Args:
        bodies: it is one of them.
    """

    def __init__(self, bodies: Bodies) -> None:
        self._bodies, self._held = bodies, 0

    async def read(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """Reads it, so that nothing behind waits for a slow client.

        Args:
            headers: of the request.
            receive: gives it in pieces.

        Returns:
            What gives it as one piece.

        Raises:
            Refusal: it is too long, comes too slowly, or there is no room for it now.
            ClientGone: it will not come any more.
        """
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            return receive
        limits = self._bodies.limits
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > limits.body_bytes:
            raise _too_long(limits.body_bytes)
        try:
            body = await asyncio.wait_for(self._read(receive), limits.body_seconds)
        except asyncio.TimeoutError:
            raise Refusal(
                408, "body_timeout", f"The body was not there within {limits.body_seconds:g} seconds.", "body"
            ) from None
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        return replay

    def release(self) -> None:
        """Makes room for others. May be called again."""
        self._bodies.held -= self._held
        self._held = 0

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece = message.get("body", b"")
            self._take(len(piece))
            body += piece
            if not message.get("more_body", False):
                return bytes(body)

    def _take(self, count: int) -> None:
        """Counts bytes that have come, and not those that are announced: announcing costs a client nothing."""
        bodies = self._bodies
        if self._held + count > bodies.limits.body_bytes:
            raise _too_long(bodies.limits.body_bytes)
        if bodies.held + count > bodies.limits.all_body_bytes:
            raise Refusal(
                429,
                "overloaded",
                f"The bodies of all requests at work fill {bodies.limits.all_body_bytes:,} bytes. Try again after a "
                "while.",
                "body",
                retry_after=_RETRY,
            )
        bodies.held += count
        self._held += count


def _too_long(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"The body is longer than {limit:,} bytes. Send fewer documents at once.", "body")
