"""The small models of `tests/tiny_models.py`, the reference, and what it would download."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from tiny_models import bert, gpt2, llama, xlm_roberta  # noqa: E402

__all__ = ["bert", "gpt2", "llama", "xlm_roberta"]


@pytest.fixture(scope="session", autouse=True)
def offline() -> Iterator[None]:
    """llmlingua counts by a table of tiktoken and splits by NLTK's; llama-index-core brings both."""
    pytest.importorskip("llmlingua", reason="llmlingua is the oracle: pip install 'boildown[llmlingua]'")
    core = pytest.importorskip("llama_index.core", reason="llama-index-core brings the tables that llmlingua needs")
    static = Path(core.__file__).parent / "_static"
    if not (static / "tiktoken_cache").is_dir() or not (static / "nltk_cache").is_dir():
        pytest.skip("this llama-index-core brings no tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(static / "tiktoken_cache"))
        import nltk

        patch.setattr(nltk.data, "path", [str(static / "nltk_cache"), *nltk.data.path])
        yield


@pytest.fixture(scope="session")
def reference(offline: None, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """The reference on one of the models, by the fixture's name."""
    from oracle import load_reference

    loaded: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in loaded:
            folder = request.getfixturevalue(name)
            loaded[name] = load_reference(folder, llmlingua2=name in ("bert", "xlm_roberta"))
        return loaded[name]

    return load


@pytest.fixture(scope="session")
def ours(offline: None, request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Our exact mode on the same weights."""
    from boildown.compat import PromptCompressor

    loaded: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in loaded:
            folder = request.getfixturevalue(name)
            classifier = name in ("bert", "xlm_roberta")
            loaded[name] = PromptCompressor(str(folder), "cpu", use_llmlingua2=classifier, exact=True)
        return loaded[name]

    return load
