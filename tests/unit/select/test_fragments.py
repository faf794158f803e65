"""Text that the whole budget cannot hold as it is written gives what fits of it."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from boildown import Budget
from boildown.select.cut import Cut, cut
from boildown.select.fragments import fragment_ends, line_ends, line_parents
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores, Span, TokenScores

SPEECH = "so we went to the harbour and looked at the station and then somebody said that its battery was low and " * 8
STATIONS = [{"id": i, "name": f"station {i}", "depth": 3.5 * i, "note": "the battery is low"} for i in range(60)]
ONE_LINE = json.dumps(STATIONS)
LINES = json.dumps(STATIONS, indent=1)
COMPACT = json.dumps(STATIONS, separators=(",", ":"))
ROW = ",".join(f"field-{i}" for i in range(300))
TABLE = f"<table>{''.join(f'<tr><td>{i}</td><td>station-{i}</td></tr>' for i in range(60))}</table>"
CODE = "```python\n" + "\n".join(f"def read_{i}(x):\n    return x + {i}" for i in range(60)) + "\n```"


def characters(text: str) -> int:
    return len(text)


def cut_alike(text: str, limit: int, **plan: Any) -> Cut:
    sources = Sources([text])
    scores = Scores(relevance=np.zeros(1), sentences=np.full(len(sources.sentences), 0.5))
    return cut(sources, scores, Budget(tokens=limit, counter=characters), Plan(**plan))


@pytest.mark.parametrize("unit", ["sentence", "word"])
@pytest.mark.parametrize("text", [SPEECH, ONE_LINE, LINES, COMPACT, ROW, TABLE, CODE])
@pytest.mark.parametrize("limit", [100, 400, 700])
def test_a_text_without_sentences_fills_most_of_the_budget(text: str, limit: int, unit: str) -> None:
    result = cut_alike(text, limit, unit=unit)
    assert limit / 2 < len(result.text) <= limit
    assert text.startswith(result.text[:25])
    assert result.notes == ()


@pytest.mark.parametrize("text", [CODE, CODE[:900] + "\n```", LINES, LINES[:900]])
@pytest.mark.parametrize("limit", [150, 300])
def test_lines_stay_whole(text: str, limit: int) -> None:
    sources = Sources([text])
    start = np.array([i for i, letter in enumerate(text) if letter in "3d"])
    points = TokenScores(np.zeros(len(start), dtype=np.int64), start, start + 1, np.sin(start) * 8)
    scores = Scores(relevance=np.zeros(1), sentences=np.full(len(sources.sentences), 0.5), points=points)
    kept = cut(sources, scores, Budget(tokens=limit, counter=characters), Plan()).text.splitlines()
    assert {line.strip() for line in kept} <= {line.strip() for line in text.splitlines()}


@pytest.mark.parametrize("plan", [{"protect": ("json",)}, {"patterns": (r"(?s)\[.*\]",)}], ids=["kind", "pattern"])
@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_what_the_plan_names_is_not_cut(plan: dict[str, Any], unit: str) -> None:
    result = cut_alike(f"The stations are these: {ONE_LINE}", 400, unit=unit, **plan)
    assert "id" not in result.text
    assert cut_alike(f"The stations are these: {ONE_LINE}", 9_000, unit=unit, **plan).text.endswith(ONE_LINE)


def test_a_pattern_inside_of_what_is_taken_apart_stays_whole() -> None:
    for limit in range(20, 400, 10):
        text = cut_alike(COMPACT, limit, patterns=(r"station \d+\W+depth",)).text
        assert text.count("station") == text.count("depth")


def test_a_short_whole_sentence_goes_before_scraps_of_a_better_one() -> None:
    sources = Sources([f"{SPEECH}. Winters are cold there."])
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0.1]))
    assert cut(sources, scores, Budget(tokens=40, counter=characters), Plan()).text == "Winters are cold there."


@pytest.mark.parametrize("limit", [25, 40, 60, 80, 100])
def test_a_sentence_too_long_for_the_budget_is_kept_from_its_beginning_without_gaps(limit: int) -> None:
    text = "The Pelican must not be charged at temperatures below zero degrees and never by a charger without a fuse."
    point = text.index("zero")
    points = TokenScores(
        np.zeros(2, dtype=np.int64), np.array([0, point]), np.array([3, point + 4]), np.array([0.0, 9.0])
    )
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9]), points=points)
    kept = cut(Sources([text]), scores, Budget(tokens=limit, counter=characters), Plan()).text
    assert limit / 2 < len(kept) <= limit
    assert text.startswith(kept)


def test_of_a_long_text_without_an_end_the_part_with_the_point_is_kept() -> None:
    speech = SPEECH[: len(SPEECH) // 2]
    text = f"{speech}it was the blue pelican that had lost its anchor {speech}"
    start = np.array([0, text.index("pelican")])
    points = TokenScores(np.zeros(2, dtype=np.int64), start, start + 3, np.array([0.0, 9.0]))
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9]), points=points)
    kept = cut(Sources([text]), scores, Budget(tokens=200, counter=characters), Plan()).text
    assert kept.startswith("so we went to the harbour")
    assert "pelican" in kept


def test_no_fragment_ends_right_before_what_takes_it_back() -> None:
    text = "The daily dose may be doubled after two weeks (not in children under twelve or in pregnancy), if at all."
    for limit in range(20, 100):
        assert not cut_alike(text, limit).text.endswith(("weeks", "weeks (", "pregnancy),", "pregnancy)"))
    for longest in range(15, 60):
        ends = fragment_ends(text, [], [], longest, lambda part: False)[0]
        assert not any(text[:end].rstrip("( ").endswith("weeks") for end in ends)


def test_fragments_end_at_lines_or_words_and_leave_spans_whole() -> None:
    text = "one two three four\nfive six seven eight nine ten"

    def parts(longest: int, *whole: Span) -> list[str]:
        ends = [0, *fragment_ends(text, [], whole, longest, lambda part: len(part) <= longest)[0], len(text)]
        return [text[a:b] for a, b in pairwise(ends)]

    assert parts(25) == ["one two three four\n", "five six seven eight ", "nine ten"]
    assert parts(12) == ["one two ", "three four\n", "five six ", "seven eight ", "nine ten"]
    assert parts(12, Span(4, 23)) == ["one ", "two three four\nfive ", "six seven ", "eight nine ", "ten"]
    assert parts(100) == [text]


def test_fragments_leave_tags_whole() -> None:
    text = '<b class="one two" id="three">four five</b><i title="six seven eight">nine</i>'
    ends = [0, *fragment_ends(text, [], [], 12, lambda part: len(part) <= 12)[0], len(text)]
    parts = [text[a:b] for a, b in pairwise(ends)]
    assert parts == ['<b class="one two" id="three">four ', "five</b>", '<i title="six seven eight">nine</i>']


@pytest.mark.parametrize("text", [ONE_LINE, LINES, COMPACT, f"```json\n{LINES}\n```"])
def test_objects_that_fit_stay_whole(text: str) -> None:
    for limit in range(100, 400, 30):
        kept = cut_alike(text, limit).text
        assert kept.count("{") == kept.count("}") == kept.count('"depth"') > 0


@pytest.mark.parametrize("indent", [None, 1])
def test_no_key_is_kept_without_its_value(indent: int | None) -> None:
    text = json.dumps({name: {"port": 5, "host": f"db.{name}.io"} for name in ("live", "test", "home")}, indent=indent)
    for limit in range(30, len(text), 3):
        kept = cut_alike(text, limit).text
        assert kept
        assert not re.search(r":\s*(?:,|\}|\Z)|\{\s*\{", kept)


def test_a_fragment_is_no_title_alone_and_ends_with_a_clause_where_it_can() -> None:
    text = "The pier\n\nIt was rebuilt in the year of the storm, by engineers from the south"
    ends = [0, *fragment_ends(text, [], [], 55, lambda part: len(part) <= 55)[0], len(text)]
    parts = [text[a:b] for a, b in pairwise(ends)]
    assert parts == ["The pier\n\nIt was rebuilt in the year of the storm, ", "by engineers from the south"]


YAML = "```yaml\nserver:\n  port: 80\n  tls:\n    cert: agent.crt\ntelemetry:\n  enabled: true\n  interval: 60s\n```"


def test_a_line_is_not_kept_without_what_it_is_a_part_of() -> None:
    ends = line_ends(YAML, [])
    assert line_parents(YAML, ends) == [0, 1, 1, 3, 0, 5, 5, 0]
    parents = {"port": "server:", "tls": "server:", "cert": "tls:", "enabled": "telemetry:", "interval": "telemetry:"}
    sources = Sources([YAML])
    assert len(sources.sentences) == 1
    for word in parents:
        start = np.array([YAML.index(word)])
        points = TokenScores(np.zeros(1, dtype=np.int64), start, start + 1, np.array([8.0]))
        scores = Scores(relevance=np.zeros(1), sentences=np.array([0.5]), points=points)
        for limit in range(1, len(YAML), 4):
            kept = cut(sources, scores, Budget(tokens=limit, counter=characters), Plan()).text
            assert all(parent in kept for child, parent in parents.items() if child in kept)
            assert kept.count("```") in (0, 2)


def test_a_setting_is_not_kept_without_the_name_above_it() -> None:
    ini = "```ini\nlog = off\n[cache]\nport = 6379\nttl = 300\n\n[mail]\nport = 587\n```"
    assert line_parents(ini, line_ends(ini, [])) == [0, 0, 2, 2, 0, 5, 5]


SQL = (
    "```sql\nSELECT c.id\nFROM customers c\nLEFT JOIN orders o\nWHERE o.id = 0\n  AND c.off IS NULL\nORDER BY c.id\n```"
)


@pytest.mark.parametrize("lead", ["", "To find them:\n\n"])
@pytest.mark.parametrize("word", ["SELECT", "off", "ORDER", "```\n"])
def test_of_fenced_code_the_beginning_is_kept_between_both_fences(lead: str, word: str) -> None:
    text = f"{lead}{SQL}\n"
    sources = Sources([text], 1)
    start = np.array([text.index(word)])
    points = TokenScores(np.zeros(1, dtype=np.int64), start, start + 1, np.array([8.0]))
    scores = Scores(relevance=np.zeros(1), sentences=np.full(len(sources.sentences), 0.5), points=points)
    some = set()
    for limit in range(1, len(text)):
        kept = cut(sources, scores, Budget(tokens=limit, counter=characters), Plan()).text
        _, *fences = kept.split("```")
        if fences:
            begin, rest = fences
            assert not rest
            assert SQL.startswith(f"```{begin.rstrip()}")
            some.add(begin)
    assert len(some) > 2
    assert not any(begin.strip() == "sql" for begin in some)
