"""The published pipeline on this package's engine: context level, sentence level, and one cut by offsets."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boildown.compat.arguments import Arguments
from boildown.compat.counting import report
from boildown.compat.cutter import SectionCutter, Spans, fit
from boildown.compat.levels import after_sentence_level, choose_contexts, forced_contexts
from boildown.compat.scorers import Scorers
from boildown.counters import Counter
from boildown.methods.exact.coarse import reading_order
from boildown.sources import Sources
from boildown.text.structured import Section
from boildown.types import Scores, TokenScores

__all__ = ["compress", "score"]

_BLANK_LINES = re.compile(r"\n\s*\n")


def compress(
    scorers: Scorers,
    counter: Counter,
    contexts: Sequence[str],
    a: Arguments,
    sections: Sequence[Sequence[Section]] | None = None,
) -> dict[str, Any]:
    """`compress_prompt`.

    Without sections, the result never counts more than the rate of the whole prompt, or than `target_token` for the
    contexts; with sections each one has its own rate.
    """
    sources = Sources(contexts)
    scores, relevance = score(scorers, sources, a)
    tokens_in = counter.count(a.original(contexts))
    if a.target_token >= 0:
        limit = target = math.floor(a.target_token)
        measure = counter.count
    else:
        limit = math.floor(a.rate * tokens_in + 1e-9)
        target = limit - counter.count(a.prompt(""))

        def measure(text: str) -> int:
            return counter.count(a.prompt(text))

    structured = sections is not None
    rows = (
        [list(row) for row in sections] if sections is not None else [_whole(text, a.keep_split) for text in contexts]
    )
    costs = counter.count_many(list(contexts))
    used = list(range(len(contexts)))
    if len(contexts) > 1 and a.use_context_level_filter:
        fixed = [i for i, row in enumerate(rows) if structured and any(not s.compress for s in row)]
        forced = fixed if a.strict_preserve_uncompressed else []
        taken = choose_contexts(relevance, costs, max(target, 0), forced, a, scorers.classifier)
        used = reading_order(taken, a.reorder_context)
    scores = after_sentence_level(scores, relevance, scorers.rank, sources, used, rows, counter, max(target, 0), a)
    if structured:
        total = sum(costs)
        rate = min(a.target_token / total, 1.0) if a.target_token >= 0 and total else a.rate
        rows = [[replace(s, rate=rate if s.rate is None else s.rate) for s in row] for row in rows]

    # A forced context is cut as much as all are, and not against the others, of which it may be the least relevant.
    used_cost = sum(costs[i] for i in used)
    shares = {i: costs[i] / max(used_cost, 1) for i in forced_contexts(a, len(contexts)) if i in used}
    cutter = SectionCutter(sources, scores, relevance, rows, used, a, counter, scorers.threshold, shares)

    def joined(spans: list[Spans]) -> str:
        return "\n\n".join([text for text in _texts(contexts, used, spans) if text.strip()])

    by_rates = structured or scorers.threshold is not None or not a.use_token_level_filter
    spans = cutter.spans(target) if by_rates else fit(cutter.spans, lambda s: measure(joined(s)), limit, target)
    text = a.prompt(joined(spans))
    result = report(text, tokens_in, counter.count(text))
    if scorers.classifier:
        result["compressed_prompt_list"] = _texts(contexts, used, spans)
        if a.return_word_label:
            labels = _word_labels(sources, dict(zip(used, spans, strict=True)))
            result["fn_labeled_original_prompt"] = a.word_sep.join(f"{w}{a.label_sep}{n}" for w, n in labels)
    return result


def score(scorers: Scorers, sources: Sources, a: Arguments) -> tuple[Scores, NDArray[np.float64]]:
    """Scores of the units, and the relevance by which contexts are ranked."""
    scores = scorers.method.score(scorers.query, sources)
    relevance = scores.relevance if scorers.same else scorers.rank.score(a.question, sources).relevance
    if scorers.classifier and a.token_to_word == "first" and scores.tokens is not None:
        scores = replace(scores, tokens=_first_of_words(sources, scores.tokens))
    return scores, relevance


def _whole(text: str, keep_split: bool) -> list[Section]:
    """One section; or with the blank lines as sections that stay."""
    if not keep_split:
        return [Section(0, len(text))]
    found, seen = [], 0
    for match in _BLANK_LINES.finditer(text):
        found += [Section(seen, match.start()), Section(match.start(), match.end(), None, False)]
        seen = match.end()
    return [s for s in [*found, Section(seen, len(text))] if s.end > s.start]


def _texts(contexts: Sequence[str], used: Sequence[int], spans: Sequence[Spans]) -> list[str]:
    return ["".join([contexts[d][start:end] for start, end in row]) for d, row in zip(used, spans, strict=True)]


def _first_of_words(sources: Sources, tokens: TokenScores) -> TokenScores:
    """Only the first token of each word."""
    first = np.diff(sources.words.containing(tokens), prepend=-1) != 0
    return TokenScores(tokens.document[first], tokens.start[first], tokens.end[first], tokens.score[first])


def _word_labels(sources: Sources, kept: dict[int, Spans]) -> list[tuple[str, int]]:
    """Each word of the contexts, with 1 if it was kept and 0 if not.

    A mark after white space, such as the one in "5 %", is cut with its word but gets a label of its own: readers of
    labels split each line at the white space before the label.
    """
    inside = sources.touched(sources.words, kept).tolist()
    words = zip(sources.cut(sources.words), inside, strict=True)
    return [(part, int(flag)) for text, flag in words for part in text.split()]
