"""What takes no part in the cut, whatever it scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from boildown.budget import Budget
from boildown.select.duplicates import find_duplicates, long_texts
from boildown.select.order import rank
from boildown.select.plan import Dedupe, Plan
from boildown.select.units import Candidates
from boildown.sources import Sources

__all__ = ["exclude"]


def exclude(
    candidates: Candidates,
    priority: NDArray[np.int64],
    sources: Sources,
    relevance: NDArray[np.float64],
    budget: Budget,
    plan: Plan,
    without: Collection[int] = (),
) -> NDArray[np.object_]:
    """For each candidate why it takes no part in the cut, or an empty string.

    Args:
        candidates: pieces of the documents.
        priority: shape (candidates,), indices of candidates, best first.
        sources: the documents.
        relevance: shape (documents,).
        budget: how many documents may be kept.
        plan: whether repetitions are dropped.
        without: documents of which nothing may be kept; others take their places.

    Returns:
        shape (candidates,).
    """
    reasons = np.full(len(candidates), "", dtype=object)
    if budget.documents is not None:
        beyond = np.ones(len(sources), dtype=bool)
        filled = [d for d in rank(relevance).tolist() if sources.texts[d].strip() and d not in without]
        beyond[filled[: budget.documents]] = False
        reasons[beyond[candidates.units.document]] = "documents"
    reasons[np.isin(candidates.units.document, list(without))] = "budget"
    if plan.dedupe is not None and len(candidates) and (plan.dedupe != "long" or _may_repeat(sources)):
        # A repetition of what is excluded already is the only one left.
        reasons[_repeated(candidates, priority[reasons[priority] == ""], sources, plan.dedupe)] = "duplicate"
    return reasons


def _may_repeat(sources: Sources) -> bool:
    """Whether any longer text stands in two documents: mostly none does, and this is known of a text seen before."""
    spans = dict(zip(sources.texts, sources.pieces, strict=True))
    found = sources.derive(
        ("long texts", sources.min_sentence),
        lambda text: long_texts(text, spans[text]),
        lambda longer: sum(map(len, longer)),
    )
    return len(frozenset().union(*found)) < sum(map(len, found))


def _repeated(
    candidates: Candidates, priority: NDArray[np.int64], sources: Sources, dedupe: Dedupe
) -> NDArray[np.bool_]:
    """Which candidates belong to a repeated sentence; of those in `priority`, the best candidate's sentence stays."""
    units = candidates.units
    first = np.diff(candidates.group, prepend=-1) != 0
    sentences = units.joined(np.flatnonzero(first))
    sentence = np.cumsum(first) - 1
    ranked = sentence[priority]
    best = np.sort(np.unique(ranked, return_index=True)[1])
    texts, owners, order = sources.cut(sentences), sentences.document, ranked[best]
    repeated = find_duplicates(texts, owners, order, 1.0 if dedupe == "long" else dedupe, long=dedupe == "long")
    pairs = candidates.needs if len(candidates.needs) else sentences.containing(sources.sentences)[sources.needs]
    _keep_needed(repeated, pairs)
    return np.take(repeated, sentence)


def _keep_needed(repeated: NDArray[np.bool_], pairs: NDArray[np.int64]) -> None:
    """Takes out of `repeated` what others need, such as the header that all parts of a split table begin with.

    In one pass, since what is needed may need something in turn, and so on through the whole document.

    Args:
        repeated: shape (sentences,); it is changed.
        pairs: shape (pairs, 2), of a sentence and of the one that it needs.
    """
    needs = defaultdict(list)
    for other, needed in pairs.tolist():
        needs[other].append(needed)
    waiting = [other for other in needs if not repeated[other]]
    while waiting:
        for needed in needs.get(waiting.pop(), ()):
            if repeated[needed]:
                repeated[needed] = False
                waiting.append(needed)
