"""The real service on a free loopback port, in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx


@contextmanager
def running(settings: object = None) -> Iterator[str]:
    """Serves until the block ends.

    Args:
        settings: `boildown.service.settings.Settings`; None takes the defaults.

    Yields:
        The address, once the service is ready.
    """
    import uvicorn

    from boildown.service.app import create_app

    with started(uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="warning", ws="none"))) as url:
        yield url


@contextmanager
def started(server: Any) -> Iterator[str]:
    """Runs a server of uvicorn until the block ends, and yields its address once the service is ready."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.02)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        while httpx.get(f"{url}/ready").status_code != 200:
            assert thread.is_alive(), "the server has ended"
            thread.join(0.05)
        yield url
    finally:
        server.should_exit = True
        thread.join()
