"""The small models of `tests/tiny_models.py` as fixtures, and the compressors that load them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from compat_texts import CLASSIFIERS, Make
from tiny_models import bert, gpt2, llama, xlm_roberta

from boildown.compat import PromptCompressor

__all__ = ["bert", "gpt2", "llama", "xlm_roberta"]


@pytest.fixture(scope="session")
def make(request: pytest.FixtureRequest, cl100k: Any) -> Make:
    """A compressor by the name of its model; all tests share the one without options."""
    made: dict[str, PromptCompressor] = {}

    def build(name: str, **options: Any) -> PromptCompressor:
        folder = str(request.getfixturevalue(name))
        classifier = name in CLASSIFIERS
        if options:
            return PromptCompressor(folder, "cpu", use_llmlingua2=classifier, counter=cl100k, **options)
        if name not in made:
            made[name] = PromptCompressor(folder, "cpu", use_llmlingua2=classifier, counter=cl100k)
        return made[name]

    return build
