"""The metrics, defined once.

Answer retention: of the questions of which some gold answer stands in the original documents, the share where a gold
answer still stands in the compressed text. Gold retention: the share of the gold documents that still have at least
one kept sentence; with one gold document per question that is the share of questions that keep theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from boildown.sources import Sources
from boildown.text.scripts import dominant_script
from boildown.types import Span

__all__ = ["gold_retention", "holds_answer", "sentences_kept"]


def holds_answer(texts: Iterable[str], answers: Collection[str]) -> bool:
    """Whether any of the answers stands in any of the texts.

    Case is folded and so is white space; where the answer is written in Chinese, Japanese or Korean, all white space
    is left out. Blank answers stand nowhere.
    """
    spaced = {_folded(answer) for answer in answers if dominant_script(answer) != "cjk"} - {""}
    dense = {_dense(answer) for answer in answers if dominant_script(answer) == "cjk"}
    for text in texts:
        if spaced:
            folded = _folded(text)
            if any(answer in folded for answer in spaced):
                return True
        if dense:
            folded = _dense(text)
            if any(answer in folded for answer in dense):
                return True
    return False


def gold_retention(gold: Sequence[int], kept: Mapping[int, str]) -> float | None:
    """The share of the gold documents of which some text was kept; None where no document is gold.

    Args:
        gold: indices of documents.
        kept: the kept text by document.
    """
    if not gold:
        return None
    return sum(bool(kept.get(index, "").strip()) for index in gold) / len(gold)


def sentences_kept(sources: Sources, spans: Mapping[int, Sequence[Span]]) -> float:
    """The share of the sentences of which some text was kept; 1.0 where there are no sentences.

    Args:
        sources: the original documents.
        spans: the kept spans by document, sorted.
    """
    sentences = sources.sentences
    if not len(sentences):
        return 1.0
    places = {document: [(span.start, span.end) for span in own] for document, own in spans.items()}
    return float(np.mean(sources.touched(sentences, places)))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _dense(text: str) -> str:
    return "".join(text.casefold().split())
