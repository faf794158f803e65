"""Methods of other packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from boildown.errors import ConfigurationError
from boildown.methods import registry

MODULE = """
from boildown.methods.bm25 import BM25

class Open(BM25):
    def __init__(self, *layers, depth, **rest):
        self.given = layers, depth, rest
"""


@pytest.fixture(autouse=True)
def method_of_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere.py").write_text(MODULE)
    facts = tmp_path / "elsewhere-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    lines = ["[boildown.methods]", "open = elsewhere:Open", "gone = nowhere:Gone", "shut = elsewhere:Shut"]
    (facts / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "elsewhere", raising=False)


def test_it_may_take_any_option() -> None:
    method = registry.create_method("open", {"depth": 2, "width": 3, "height": None}, {"device": "cpu"})
    assert method.given == ((), 2, {"width": 3})


def test_it_may_need_one() -> None:
    with pytest.raises(ConfigurationError, match="needs depth="):
        registry.create_method("open", {"width": 3})


def test_it_is_known_by_name() -> None:
    assert "open" in registry.method_names()
    with pytest.raises(ConfigurationError, match="Did you mean 'open'"):
        registry.create_method("opne", {})


@pytest.mark.parametrize(("name", "where"), [("gone", "nowhere:Gone"), ("shut", "elsewhere:Shut")])
def test_one_that_cannot_be_imported_names_its_entry_point(name: str, where: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name!r} is {where} of another package, which cannot be imported"):
        registry.create_method(name, {})
