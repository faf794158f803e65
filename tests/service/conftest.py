"""Real servers on loopback ports, and a method that waits until a test lets it go on."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tiny_models import bert

__all__ = ["bert"]

Serve = Callable[..., Any]


@contextmanager
def serving(**settings: Any) -> Iterator[Any]:
    """A client of a server with these settings, which is ready."""
    import httpx
    from running_service import started

    from boildown.service.app import create_app
    from boildown.service.server import build_server
    from boildown.service.settings import Settings

    chosen = Settings(**settings)
    headers = {"Authorization": f"Bearer {chosen.tokens[0]}"} if chosen.tokens else {}
    server = build_server(create_app(chosen), "127.0.0.1", 0, 0.0, chosen.limits)
    with started(server) as url, httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    """Of a service with the default settings, on the bundled model."""
    with serving() as found:
        yield found


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a service with other settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(serving(**settings))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A method named "held", as another package could bring one, whose forward waits for `held.go`.

    `held.begun` counts the forwards that began, `held.ended` those that were let go.
    """
    from boildown.methods.registry import METHODS
    from boildown.runtime import requests
    from boildown.types import Scores

    control = SimpleNamespace(go=threading.Event(), begun=0, ended=0)
    control.go.set()
    lock = threading.Lock()

    class Held:
        name = "held"
        uses_query = True

        def score(self, query: str, sources: Any) -> Scores:
            wanted = requests.current()
            if wanted is not None:
                wanted.check()  # as every method does before a forward
            with lock:
                control.begun += 1
            assert control.go.wait(30)
            with lock:
                control.ended += 1
            return Scores(relevance=np.zeros(len(sources)), sentences=np.zeros(len(sources.sentences)))

    module = ModuleType("boildown_test_held")
    module.Held = Held  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(METHODS, "held", f"{module.__name__}:Held")
    yield control
    control.go.set()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something holds, which another thread brings about."""

    def wait(holds: Callable[[], bool]) -> None:
        for _ in range(1000):
            if holds():
                return
            time.sleep(0.01)
        raise AssertionError("it did not come about")

    return wait
