"""Methods of other packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from boildown.errors import ConfigurationError
from boildown.methods import registry
from boildown.methods.bm25 import BM25


class Open(BM25):
    """Takes whatever it is given, and a depth."""

    def __init__(self, *layers: int, depth: int, **rest: Any) -> None:
        self.given = layers, depth, rest


@pytest.fixture(autouse=True)
def method_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("open", "elsewhere:Open", "boildown.methods")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Open)
    monkeypatch.setattr(registry, "_entry_points", lambda: [point])


def test_it_may_take_any_option() -> None:
    method = registry.create_method("open", {"depth": 2, "width": 3, "height": None}, {"device": "cpu"})
    assert isinstance(method, Open)
    assert method.given == ((), 2, {"width": 3})


def test_it_may_need_one() -> None:
    with pytest.raises(ConfigurationError, match="needs depth="):
        registry.create_method("open", {"width": 3})


def test_it_is_known_by_name() -> None:
    assert "open" in registry.method_names()
    with pytest.raises(ConfigurationError, match="Did you mean 'open'"):
        registry.create_method("opne", {})
