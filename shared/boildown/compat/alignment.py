"""Where the words of a compressed text stand in the original, when only the two texts are left."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from boildown.text.recovery import recover
from boildown.text.words import split_words
from boildown.types import Span

__all__ = ["aligned_spans", "recover_text"]


def aligned_spans(original: str, compressed: str) -> tuple[Span, ...]:
    """Spans of the original that spell the compressed text, as far as it can be found there in order."""
    places = split_words(original).tolist()
    words = [original[s:e].strip() for s, e in places]
    wanted = [compressed[s:e].strip() for s, e in split_words(compressed).tolist()]
    found: list[Span] = []
    for place in _aligned(words, wanted):
        start, end = places[place]
        if found and found[-1].end == start:
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return tuple(found)


def _aligned(words: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Which words are the wanted ones, as many as are found, in order; runs rather than words here and there."""
    blocks = SequenceMatcher(None, words, wanted, autojunk=False).get_matching_blocks()
    aligned = [place for block in blocks for place in range(block.a, block.a + block.size)]
    if len(aligned) == len(wanted):
        return aligned
    # A run taken early can stand in the way of words that are all there, which the first place of each shows.
    rest = iter(range(len(words)))
    first = [next((place for place in rest if words[place] == word), -1) for word in wanted]
    if -1 in first:
        return aligned
    for i in range(len(first) - 2, -1, -1):
        if words[first[i + 1] - 1] == wanted[i]:
            first[i] = first[i + 1] - 1
    return first


def recover_text(original: str, compressed: str, response: str) -> str:
    """The response with what it repeats of the compressed text in the original's wording."""
    return recover(response, [(0, aligned_spans(original, compressed))], [original]).text
