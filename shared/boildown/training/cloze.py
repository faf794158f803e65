"""Makes long queries: a run of sentences, whose passage must be found without them.

Annotated questions are short, but people also paste what happened to them, and agents what they have read. A run of
sentences that is taken out of a passage is such a query, and the rest of the passage belongs to it: the inverse cloze
task (Lee et al. 2019, section 4). Nobody knows which of the other sentences matter, so these questions mark none.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from .data import Passage, Question
from .examples import Splitter

__all__ = ["SOURCE", "cloze"]

SOURCE = "cloze"
"""The source that these questions carry, for weights and the model card."""

_LONGEST = 600
"""Characters of a query."""
_REST = 3
"""Sentences that a passage must keep."""


def cloze(questions: Iterable[Question], count: int, split: Splitter, seed: int) -> list[Question]:
    """Makes questions of one to four sentences whose passage is the text around them.

    Args:
        questions: their English passages are used, whether relevant or not.
        count: how many to make at most.
        split: text to sentence spans, shape (sentences, 2).
        seed: of all random choices.

    Returns:
        Questions of source `cloze` with one relevant passage each and no marked sentences; fewer than `count` where
        there are fewer passages of enough sentences.
    """
    passages = list({p.text: p for q in questions for p in q.positives + q.negatives}.values())
    rng = random.Random(seed)
    rng.shuffle(passages)
    made: list[Question] = []
    for passage in passages:
        if len(made) == count:
            break
        spans = split(passage.text)
        if len(spans) <= _REST:
            continue
        length = rng.randint(1, min(4, len(spans) - _REST))
        first = rng.randint(0, len(spans) - length)
        start, end = int(spans[first, 0]), int(spans[first + length - 1, 1])
        text = passage.text[start:end].strip()
        if not 20 <= len(text) <= _LONGEST:
            continue
        rest = Passage(passage.title, passage.text[:start] + passage.text[end:], (), (), True)
        made.append(Question(f"{SOURCE}-{seed}-{len(made)}", text, SOURCE, "en", [rest]))
    return made
