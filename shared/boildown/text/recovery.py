"""The original wording behind an answer that quotes compressed text.

The idea is LongLLMLingua's (Jiang et al. 2023, section 4.4, "subsequence recovery"): a model repeats the
compressed text word for word, and what it repeats can be traced to the original. Here words are traced by
their offsets, so nothing is searched for in the original, and the whole takes time linear in the kept text.
"""

from __future__ import annotations

import heapq
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from boildown.errors import InputError
from boildown.text.scripts import WITHOUT_SPACES
from boildown.text.sentences import split_sentences
from boildown.text.words import split_words
from boildown.types import Span

__all__ = ["Match", "Recovery", "recover"]

_MIN_WORDS = 2
_MIN_LETTERS = 8
"""Shorter runs ("of the", "in a") stand in any text, so they say nothing about where they come from."""
_UNSPACED_LETTERS = 3
"""A character of a script without spaces tells about as much as three letters."""
_MAX_GAP = 200
"""In characters. A run does not reach over more dropped text than that, nor over the end of a sentence:
what is put back should read as the sentence that was quoted, not as a paragraph the model never saw."""

_UNSPACED = re.compile(f"[{WITHOUT_SPACES}]")
_MAY_END_SENTENCE = re.compile(r"[^\w\s,'’\-–—]|\n")
_MARKUP = re.compile(r"[*`~|<>\[\]\r\n]|__")
"""Between two words of an answer these end a run: replacing across them would leave a lone mark behind."""
_TYPED_ALIKE = str.maketrans("‘’ʼ‐‒–—−", "'''-----", "\u00ad\u200b\u2060")
"""Apostrophes and dashes, which models write as they like; and what is not seen: soft hyphens, places to break."""


@dataclass(frozen=True, slots=True)
class Match:
    """Characters `answer` of the answer repeat `document`, an index into the input, at `source`."""

    answer: Span
    document: int
    source: Span


@dataclass(frozen=True, slots=True)
class Recovery:
    """An answer in the original's wording: `text`, and what of it was traced, in the order of the answer."""

    text: str
    matches: tuple[Match, ...]


def recover(answer: str, kept: Sequence[tuple[int, tuple[Span, ...]]], texts: Sequence[str]) -> Recovery:
    """Replaces what the answer repeats of the kept text by the original's wording, dropped words included.

    A run is at least two words (and eight letters) of the answer that follow each other in one document's
    kept text, whatever their case, the white space and the punctuation between them, and however their accents,
    ligatures, apostrophes and dashes are encoded. Longer runs are taken first; of several places where a run stands,
    the one with the least dropped text between its words.
    Words are put back only within a sentence, and at most 200 characters in one place.

    Args:
        answer: any text.
        kept: for each document with kept text, its index in `texts` and its spans in ascending order.
        texts: the original texts.

    Returns:
        The answer with each match's `answer` characters replaced by the `source` characters of its document.

    Raises:
        InputError: the answer is not text.
    """
    if not isinstance(answer, str):
        raise InputError(f"answer must be text, not {type(answer).__name__}.")
    quoted = _answer_words(answer)
    original = _Words()
    for document, spans in kept:
        _add_kept_words(original, document, spans, texts[document])
    matches = [
        Match(
            Span(quoted.start[first], quoted.end[last]),
            original.document[source - last + first],
            Span(original.start[source - last + first], original.end[source]),
        )
        for first, last, source in _longest_first(quoted, _runs(quoted, original))
    ]
    pieces = []
    position = 0
    for match in matches:
        pieces += [answer[position : match.answer.start], match.source.of(texts[match.document])]
        position = match.answer.end
    return Recovery("".join([*pieces, answer[position:]]), tuple(matches))


class _Words:
    """Words as columns. A break is a word whose key equals no other's, so that no run contains it."""

    def __init__(self) -> None:
        self.key: list[object] = []
        self.start: list[int] = []
        self.end: list[int] = []
        self.document: list[int] = []

    def add(self, key: object, start: int, end: int, document: int = -1) -> None:
        self.key.append(key)
        self.start.append(start)
        self.end.append(end)
        self.document.append(document)

    def add_break(self) -> None:
        self.add(object(), 0, 0)


def _cores(text: str) -> list[tuple[int, int]]:
    """Where each word stands, without the punctuation around it."""
    cores = []
    for start, end in split_words(text).tolist():
        while start < end and _is_edge(text[start]):
            start += 1
        while start < end and _is_edge(text[end - 1]):
            end -= 1
        if start < end:
            cores.append((start, end))
    return cores


def _is_edge(character: str) -> bool:
    return not character.isalnum() and unicodedata.category(character)[0] != "M"


def _key(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold().translate(_TYPED_ALIKE)


def _answer_words(answer: str) -> _Words:
    words = _Words()
    for start, end in _cores(answer):
        if words.end and _MARKUP.search(answer, words.end[-1], start):
            words.add_break()
        words.add(_key(answer[start:end]), start, end)
    return words


def _add_kept_words(words: _Words, document: int, spans: tuple[Span, ...], text: str) -> None:
    """Adds the words of one document's kept text, with their offsets in the original."""
    words.add_break()
    kept = "".join([span.of(text) for span in spans])
    here, base = 0, 0  # the span that holds the position at hand, and where it begins in the kept text

    def locate(position: int) -> int:
        nonlocal here, base
        while position - base >= spans[here].end - spans[here].start:
            base += spans[here].end - spans[here].start
            here += 1
        return spans[here].start + position - base

    previous = (0, 0, 0)
    for at, until in _cores(kept):
        start, first = locate(at), here
        end, last = locate(until - 1) + 1, here
        begun, gap, before = previous
        if before != first and not _joins(text, begun, gap, start, end):
            words.add_break()
        if first == last or end - start <= _MAX_GAP:
            words.add(_key(kept[at:until]), start, end, document)
        else:
            words.add_break()
        previous = (start, end, last)


def _joins(text: str, start: int, gap: int, resume: int, end: int) -> bool:
    """Whether the dropped text between two kept words is short and inside one sentence."""
    if resume - gap > _MAX_GAP:
        return False
    return not _MAY_END_SENTENCE.search(text, gap, resume) or len(split_sentences(text[start:end])) == 1


def _runs(quoted: _Words, original: _Words) -> list[tuple[int, int, int]]:
    """Maximal runs of the answer that stand in the kept text: first and last word, and the last one's source.

    The answer's suffix automaton (Blumer et al. 1985) reads the kept text once: after each word, its state is
    the longest run that ends there and stands in the answer.
    """
    following, link, length, at_word = _suffix_automaton(quoted.key)
    # For each state its best run: the number of words, minus their extent in characters, and the last word.
    found = [(0, 0, -1)] * len(link)

    def extent(words: int, last: int) -> tuple[int, int, int]:
        return words, original.start[last - words + 1] - original.end[last], last

    state = words = 0
    for last, key in enumerate(original.key):
        while state and key not in following[state]:
            state = link[state]
            words = length[state]
        if key in following[state]:
            state = following[state][key]
            words += 1
            if words >= found[state][0] and (run := extent(words, last))[:2] > found[state][:2]:
                found[state] = run
    # What stands somewhere ends in all its suffixes, so they stand there too.
    by_length = sorted(range(1, len(link)), key=length.__getitem__)
    for state in reversed(by_length):
        words, _, source = found[state]
        shorter = link[state]
        if words and shorter and (run := extent(length[shorter], source))[:2] > found[shorter][:2]:
            found[shorter] = run
    for state in by_length:
        if not found[state][0]:
            found[state] = found[link[state]]
    runs = []
    for last, state in enumerate(at_word):
        words, _, source = found[state]
        extended = last + 1 < len(at_word) and found[at_word[last + 1]][0] == words + 1
        if words >= _MIN_WORDS and not extended:
            runs.append((last - words + 1, last, source))
    return runs


def _suffix_automaton(
    keys: Sequence[object],
) -> tuple[list[dict[object, int]], list[int], list[int], list[int]]:
    """Transitions, suffix links and lengths of the states (0: the empty run), and each prefix's state."""
    following: list[dict[object, int]] = [{}]
    link, length, at_word = [-1], [0], []
    last = 0
    for key in keys:
        state = len(link)
        following.append({})
        link.append(0)
        length.append(length[last] + 1)
        back = last
        while back >= 0 and key not in following[back]:
            following[back][key] = state
            back = link[back]
        if back >= 0:
            target = following[back][key]
            if length[target] != length[back] + 1:
                copy = len(link)
                following.append(dict(following[target]))
                link.append(link[target])
                length.append(length[back] + 1)
                while back >= 0 and following[back].get(key) == target:
                    following[back][key] = copy
                    back = link[back]
                link[target] = copy
                target = copy
            link[state] = target
        at_word.append(state)
        last = state
    return following, link, length, at_word


def _longest_first(quoted: _Words, runs: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Runs that do not overlap, in the answer's order; a run that meets a longer one keeps its free part."""
    letters = [0]
    for key in quoted.key:
        word = key if isinstance(key, str) else ""
        letters.append(letters[-1] + len(word) * (_UNSPACED_LETTERS if _UNSPACED.match(word) else 1))

    def entry(first: int, last: int, source: int) -> tuple[int, int, int, int]:
        return letters[first] - letters[last + 1], first, last, source

    queue = [entry(*run) for run in runs]
    heapq.heapify(queue)
    taken = [False] * len(quoted.key)
    chosen = []
    while queue:
        size, first, last, source = heapq.heappop(queue)
        if -size < _MIN_LETTERS:
            break
        begin, stop = first, last
        while begin <= stop and taken[begin]:
            begin += 1
        while begin <= stop and taken[stop]:
            stop -= 1
        if (begin, stop) == (first, last):
            taken[first : last + 1] = [True] * (last + 1 - first)
            chosen.append((first, last, source))
        elif stop - begin + 1 >= _MIN_WORDS:
            heapq.heappush(queue, entry(begin, stop, source - last + stop))
    return sorted(chosen)
