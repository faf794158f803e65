"""The real service on a free loopback port, in a thread of the test's process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

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

    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.02)
        url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        while httpx.get(f"{url}/ready").status_code != 200:
            thread.join(0.05)
        yield url
    finally:
        server.should_exit = True
        thread.join()
