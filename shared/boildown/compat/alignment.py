"""Where the words of a compressed text stand in the original, when only the two texts are left."""

from __future__ import annotations

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
    for block in SequenceMatcher(None, words, wanted, autojunk=False).get_matching_blocks():
        for start, end in places[block.a : block.a + block.size]:
            if found and found[-1].end == start:
                found[-1] = Span(found[-1].start, end)
            else:
                found.append(Span(start, end))
    return tuple(found)


def recover_text(original: str, compressed: str, response: str) -> str:
    """The response with what it repeats of the compressed text in the original's wording."""
    return recover(response, [(0, aligned_spans(original, compressed))], [original]).text
