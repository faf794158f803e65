"""What a run takes over where its base is itself a boildown checkpoint, and what its own data add to that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boildown.methods.prune import knows_english_best
from boildown.runtime.reader_settings import read_settings
from boildown.text.language import is_english
from boildown.text.scripts import dominant_script

from .data import Question

__all__ = ["languages_of", "settings_of_base"]

_SAMPLE = 500
"""Characters that tell a text's script and language, as at inference."""
_QUESTIONS = 2000
"""Questions that tell the languages of all."""
_REAL_SHARE = 0.05
"""Of the texts: a script with less of them is one that the data merely mention."""
_MOSTLY = 0.8


def settings_of_base(base: str) -> dict[str, Any] | None:
    """The boildown.json of the base; None where the base is any other encoder.

    Raises:
        ModelError: it cannot be read, or a value is wrong.
    """
    folder = Path(base)
    return read_settings(folder) if (folder / "boildown.json").is_file() else None


def languages_of(questions: Sequence[Question], before: dict[str, Any] | None) -> dict[str, Any]:
    """The settings of a checkpoint that say which text it was trained for.

    Args:
        questions: of the training data.
        before: the settings of a base that was trained on questions before; what it learned then still counts.

    Returns:
        `languages`, as the records name them; `scripts`, as their text shows them; and `mostly_english`, whether text
        in another language is foreign to the model.
    """
    some = questions[:: -(-len(questions) // _QUESTIONS) or 1]
    scripts, texts, english = Counter[str](), 0, 0
    for question in some:
        passages = [passage.text[:_SAMPLE] for passage in question.positives + question.negatives]
        for text in (question.text, *passages):
            scripts[dominant_script(text)] += 1
            texts += 1
        english += is_english(" ".join([question.text, *passages]))
    # What has no script of its own can always be read, and so is never named.
    found = {script for script, count in scripts.items() if script != "other" and count >= _REAL_SHARE * texts}
    languages = {question.lang for question in questions if question.lang}
    mostly_english = english >= _MOSTLY * len(some)
    if before is not None:
        found |= set(before.get("scripts", ["latin"]))
        languages |= set(before.get("languages", []))
        mostly_english = mostly_english and knows_english_best(before)
    return {"languages": sorted(languages), "scripts": sorted(found), "mostly_english": mostly_english}
