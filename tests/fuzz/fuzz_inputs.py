"""What the targets are fed: texts that are hard on text processing, budgets, plans and counters."""

from __future__ import annotations

import json
import random
import re
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

from boildown import Budget, Document
from boildown.select.plan import Plan

# Each stands for something that some rule of the text layer looks at.
_PIECES = [
    # Prose, abbreviations, numbers, dates, quotations
    "The tower is 41.5 m high.", "It was built in 1889!", "Why?", "Dr. J. K. Hale, e.g.,", "No. 5 vs. no. 7",
    "and", "A",
    "“He said: 'no'.”", "«Bien sûr»", "„ja“", "1.", "(b).", "IV.", "$4.2 million", "15 °C", "3-4 March 2021",
    "2021-03-04T10:00Z",
    "-12,345.678e-9 %", "½", "²", "1 000 000",
    # Scripts with and without spaces, right to left, combining marks, emoji, and what is no character at all
    "港口很冷。船只来了！", "すし、うまい。", "안녕하세요.", "สวัสดีครับ ยินดีต้อนรับ", "नमस्ते। कैसे हैं?",
    "مرحبا، كيف حالك؟", "Привет, мир! 1990 г.",
    "é", "e\u0301\u0323", "👩‍👩‍👧‍👦", "👍🏽", "🇫🇷🇩", "\u200b", "\u200d", "\ufeff", "\u202e", "\ud83d",
    "\udc4d", "\x00", "\ufffd", "ﬁ", "İ", "ß",
    # White space and lines
    " ", "  ", "\t", "\n", "\r\n", "\r", "\n\n", "\u2028", "\u3000", "\xa0", "\x0b", "\x85",
    # Structures
    "- item", "* [x] done", "1) first", "# Heading", "| a | b |", "|---|---|", "> quoted",
    "```python\nx = 1\n```", "```", "~~~",
    "`code`", "``a`b``", "<b>", "</b>", "&amp;", "---",
    # URLs, addresses, identifiers
    "https://example.org/a_(b)?q=1#x.", "www.x.io/", "me@example.co.uk", "ABC-1234", "snake_case", "camelCase",
    "f(x)", "a.b.c()", "--opt",
    "/usr/lib/x.so", "C:\\temp", "v1.2.3-rc1", "0xFF", "10.1000/182", "7f3a9c1",
    "550e8400-e29b-41d4-a716-446655440000", "$HOME", "@user",
    # JSON, and things that only look like it
    '{"a": [1, "b {c}"], "d": null}', '{"a": ', "[1, 2", "[12]", '"', "\\u00e9", "{}", "]", "}",
    # Tags of structured prompts
    "<llmlingua, rate=0.5>", "<llmlingua, compress=False>", "<llmlingua>", "</llmlingua>", "<llmlingua, rate=",
    "<llmlingua rate=2>", "<",
    # Marks that the formats of this package use
    "<#ref0#>", "boildown_scores", "...", "…", "?!", "。。", "--", "“", "”", "'", "(", ")", "[", "«", "*", "_",
    "~",
]  # fmt: skip
_PLAIN = [
    "the",
    "harbour",
    "master",
    "counted",
    "ships",
    "and",
    "nobody",
    "knew",
    "why.",
    "Water",
    "goes",
    "there,",
    "too!",
]

_MARKS = " \n\r\t.,!?\"'`{}[]<>|#-_*~()0aA:/\\@漢ั้\u0301\u200d"


def _text(seed: int) -> str:
    """A text of the kinds that `DRAWN` has, from one number: it is made ten times as fast, and does not shrink."""
    source = random.Random(seed)
    kind, many = source.randrange(6), source.choice([0, 1, 2, 3, 5, 8, 13, 25, 60])
    if kind < 2:
        return source.choice(["", " ", " ", "\n"]).join(source.choices(_PIECES + _PLAIN, k=min(many, 25)))
    if kind == 2:
        return " ".join(source.choices(_PLAIN, k=many))
    if kind == 3:
        ranges = source.choices([0x80, 0x600, 0x3000, 0xE000, 0x110000], k=many)
        return "".join(chr(source.randrange(top)) for top in ranges)
    if kind == 4:
        return "".join(source.choices(_MARKS, k=many))
    return source.choice(_PIECES) * many


PIECES = st.lists(st.one_of(st.sampled_from(_PIECES), st.sampled_from(_PLAIN)), max_size=25)
DRAWN = st.one_of(
    PIECES.map(" ".join),
    PIECES.map("".join),
    st.lists(st.sampled_from(_PLAIN), max_size=60).map(" ".join),
    st.text(st.characters(), max_size=60),
    st.text(alphabet=_MARKS, max_size=80),
    st.builds(lambda piece, count: piece * count, st.sampled_from(_PIECES), st.integers(0, 120)),
)
SEEDED = st.integers(0, (1 << 40) - 1).map(_text)
TEXT = st.one_of(SEEDED, SEEDED, SEEDED, st.deferred(lambda: DRAWN))
LINES = st.one_of(TEXT, st.lists(TEXT, max_size=5).map("\n".join))
QUERY = st.one_of(st.sampled_from(["", " ", "How high is the tower?", "港口", "1889", "Who counted the ships?"]), TEXT)
VALUE = st.one_of(
    TEXT, st.none(), st.integers(), st.floats(), st.binary(max_size=3), st.lists(TEXT, max_size=2), st.just({"a": [1]})
)
METADATA = st.dictionaries(st.sampled_from(["title", "Title", "source", "boildown_scores", "n", ""]), VALUE, max_size=3)
DOCUMENT = st.builds(
    Document, text=LINES, id=st.none() | st.sampled_from(["a", "b"]), title=st.just("") | TEXT, metadata=METADATA
)
DOCUMENTS = st.lists(DOCUMENT, max_size=6)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _odd(text: str) -> int:
    return len(text) % 7


def _many(text: str) -> int:
    return 5 + len(text.encode("utf-8", "replace"))


def _letters(text: str) -> int:
    return len(re.findall(r"\w|\n", text)) * 3


def _words(text: str) -> int:
    return len(text.split())


TOKENIZER = str(files("boildown") / "assets" / "prune-minilm")
"""A real tokenizer, by its folder; it cleans text before it counts."""

COUNTER = st.sampled_from([None, None, None, "estimate", TOKENIZER, len, _words, _odd, _many, _letters])
LIMITS = {"documents": st.none() | st.integers(0, 4), "counter": COUNTER}
BUDGET = st.one_of(
    st.builds(Budget, tokens=st.one_of(st.integers(0, 60), st.integers(0, 10**9)), **LIMITS),
    st.builds(Budget, rate=st.floats(0, 1), **LIMITS),
    st.builds(Budget, threshold=st.floats(-2, 5), **LIMITS),
)
PROTECTION = st.sampled_from([None, (), ("number", "quote"), ("code", "json"), ("url", "email", "date", "identifier")])
PATTERNS = st.sampled_from([(), (r"\w+\s+\w+",), (r"[A-Z]{3}-\d+", "$"), (re.compile(r"(?s).{5,9}"),)])
SEPARATOR = st.sampled_from(["\n\n", "", " | ", "\n"])
CUTTING = {
    "order": st.sampled_from(["original", "score", "edges"]),
    "allocation": st.sampled_from(["global", "linear", "equal"]),
    "spread": st.sampled_from([0.0, 0.25, 1.0]),
    "dedupe": st.sampled_from([None, None, 0.3, 1.0]),
    "separator": SEPARATOR,
}
PLAN = st.builds(
    Plan,
    unit=st.sampled_from([None, "sentence", "word", "token"]),
    protect=PROTECTION,
    patterns=PATTERNS,
    **CUTTING,
)


def as_json(data: Any) -> str:
    """JSON as a tool would return it; lone surrogates are escaped, as json does it."""
    return json.dumps(data)
