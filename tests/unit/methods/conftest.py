"""The small models of `tests/tiny_models.py` as fixtures, one of them to change, and counts of what models read."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from cached_scores import Reads
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


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    from boildown.runtime.causal import CausalLM
    from boildown.runtime.reader import CrossReader
    from boildown.runtime.token_classifier import TokenClassifier

    seen = Reads()

    def counted(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def wrapper(self: Any, first: Any, *rest: Any, **named: Any) -> Any:
            seen.count += len(rest[0]) if owner is CrossReader else len(first)
            return original(self, first, *rest, **named)

        monkeypatch.setattr(owner, name, wrapper)

    counted(TokenClassifier, "probabilities")
    counted(CrossReader, "read")
    counted(CausalLM, "token_nll")
    return seen


@pytest.fixture
def models(bert: Path, gpt2: Path, prune_model: Path) -> dict[str, dict[str, Any]]:
    """Arguments of a compressor for each method that the cache serves."""
    here = {"device": "cpu", "dtype": "float32"}
    return {
        "llmlingua2": {"method": "llmlingua2", "model": str(bert), **here},
        "securitylingua": {"method": "securitylingua", "model": str(bert), **here},
        "llmlingua": {"method": "llmlingua", "model": str(gpt2), **here},
        "selective_context": {"method": "selective_context", "model": str(gpt2), **here},
        "phrases": {"method": "selective_context", "model": str(gpt2), "options": {"level": "phrase"}, **here},
        "prune": {"method": "prune", "model": str(prune_model), **here},
    }
