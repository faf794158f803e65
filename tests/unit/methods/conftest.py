"""The small models of `tests/tiny_models.py` as fixtures, and one to change whose forwards are counted."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from stored_documents import Forwards
from tiny_models import bert, gpt2, llama, xlm_roberta

__all__ = ["bert", "gpt2", "llama", "xlm_roberta"]


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> Forwards:
    from boildown.runtime.token_classifier import TokenClassifier

    seen = Forwards()
    load, probabilities = TokenClassifier.load, TokenClassifier.probabilities

    def counted_load(*arguments: Any) -> Any:
        seen.loads += 1
        return load(*arguments)

    def counted_probabilities(self: Any, ids: Any) -> Any:
        seen.calls += 1
        seen.texts += len(ids)
        return probabilities(self, ids)

    monkeypatch.setattr(TokenClassifier, "load", counted_load)
    monkeypatch.setattr(TokenClassifier, "probabilities", counted_probabilities)
    return seen


@pytest.fixture
def folder(token_classifiers: dict[str, Path], tmp_path: Path) -> Path:
    """A checkpoint of the test's own, to change."""
    return shutil.copytree(token_classifiers["bert"], tmp_path / "model")
