"""Documents that carry their scores, and what a model was asked for since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from boildown import Document
from boildown.methods.llmlingua2 import LLMLingua2
from boildown.methods.stored import Stored
from boildown.sources import Sources
from boildown.stored_scores import STORED_KEY
from boildown.types import Scores

TEXTS = [
    "The harbour master counted 312 ships. Moving the sound post changes the tone! Nobody knew where the water went.",
    "",
    "灯塔守护人记录了船只。当地的面包师把面种养了几十年。",
    " \n\t ",
    "Where does the water go? Größere Straßen 👍🏽 führen\nüber die Brücke, \ud83d naturellement.",
    "The drawings were lost in the flood of 1951 (see page 12). Bakers keep a starter alive for decades.",
]
READ = 4
"""So many of the texts have a token for the model to read."""


class Forwards:
    """Counts what goes through the token classifier: models loaded, calls, and texts."""

    def __init__(self) -> None:
        self.loads = self.calls = self.texts = 0


def method(folder: Path, **options: Any) -> LLMLingua2:
    return LLMLingua2(str(folder), **{"device": "cpu", "dtype": "float32", **options})


def stored(folder: Path, texts: list[str], **options: Any) -> list[Document]:
    values = Stored(method(folder, **options)).values(Sources(texts))
    return [Document(t, metadata={STORED_KEY: v}) for t, v in zip(texts, values, strict=True)]


def release() -> None:
    from boildown.runtime.models import release

    release()


def assert_close(found: Scores, expected: Scores, tolerance: float = 1e-4) -> None:
    assert np.allclose(found.relevance, expected.relevance, atol=tolerance)
    assert (found.sentences is None) == (expected.sentences is None)
    if found.sentences is not None and expected.sentences is not None:
        assert np.allclose(found.sentences, expected.sentences, atol=tolerance)
    assert (found.tokens is None) == (expected.tokens is None)
    if found.tokens is not None and expected.tokens is not None:
        for name in ("document", "start", "end"):
            assert np.array_equal(getattr(found.tokens, name), getattr(expected.tokens, name))
        assert np.allclose(found.tokens.score, expected.tokens.score, atol=tolerance)
