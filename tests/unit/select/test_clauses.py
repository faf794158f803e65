"""Where whole sentences leave room, or take too much of it, sentences are kept in part."""

from __future__ import annotations

import numpy as np
import pytest

from boildown.budget import Budget
from boildown.select.cut import Cut, cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores, TokenScores

LONG = "The harbour was rebuilt in 1931, after the great storm, by engineers who had come from Rotterdam for the work."
SHORT = "Fish is sold there."
COLD = "Winters are cold."


def words(text: str) -> int:
    return len(text.split())


def cut_sentences(texts: list[str], scores: list[float], budget: Budget, **plan: object) -> Cut:
    sources = Sources(texts, 1)
    assert len(sources.sentences) == len(scores)
    relevance = np.zeros(len(texts))
    return cut(sources, Scores(relevance=relevance, sentences=np.array(scores)), budget, Plan(**plan))  # type: ignore[arg-type]


def tokens(count: int) -> Budget:
    return Budget(tokens=count, counter=words)


def test_a_sentence_that_does_not_fit_gives_its_first_clause() -> None:
    result = cut_sentences([f"{LONG} {COLD}"], [0.9, 0.1], tokens(8))
    assert result.text == "The harbour was rebuilt in 1931,"
    (document,) = result.documents
    assert [(s.start, s.end) for s in document.spans] == [(0, 32)]


def test_as_many_clauses_as_fit() -> None:
    assert cut_sentences([f"{LONG} {COLD}"], [0.9, 0.1], tokens(10)).text.endswith("after the great storm,")


def test_the_better_sentence_goes_before_lesser_whole_ones_which_stay_where_they_fit() -> None:
    texts = [f"{SHORT} {LONG} {COLD}"]
    assert cut_sentences(texts, [0.9, 0.8, 0.1], tokens(11)).text == f"{SHORT} The harbour was rebuilt in 1931,"
    assert cut_sentences(texts, [0.9, 0.8, 0.1], tokens(13)).text == f"{SHORT} The harbour was rebuilt in 1931, {COLD}"


def test_nothing_is_preferred_where_all_are_alike() -> None:
    result = cut_sentences([f"{LONG} {COLD}"], [np.inf, np.inf], tokens(8))
    assert result.text == "The harbour was rebuilt in 1931,"


def test_no_clause_fits_and_the_lesser_sentence_stays() -> None:
    assert cut_sentences([f"{LONG} {COLD}"], [0.9, 0.1], tokens(4)).text == COLD


def test_a_beginning_of_few_words_is_not_worth_it() -> None:
    text = "Well, the harbour was rebuilt by engineers who had come from far away for a work of many years."
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(4)).text == COLD


def test_protected_spans_are_not_cut() -> None:
    text = "The keeper moved in on May 5, 1931 and stayed there for the rest of a long and quiet life."
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(9)).text == COLD
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(9), protect=()).text == "The keeper moved in on May 5,"


def test_chinese_clauses() -> None:
    text = "港口在一九三一年重建\uff0c工程师来自鹿特丹\uff0c工作持续了很多年。"
    sources = Sources([text], 1)
    budget = Budget(tokens=12, counter=len)
    result = cut(sources, Scores(relevance=np.zeros(1), sentences=np.array([0.5])), budget, Plan())
    assert result.text == "港口在一九三一年重建\uff0c"


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("冬は寒いです。", "充電中は本体が温かくなることがありますが、異常ではありません。"),
        ("겨울은 추워요. ", "이어폰 본체는 생활 방수를 지원하지만, 케이스는 되지 않습니다."),
    ],
    ids=["Japanese", "Korean"],
)
def test_nothing_is_cut_off_before_the_verb(short: str, long: str) -> None:
    budget = Budget(tokens=len(short + long) - 3, counter=len)
    assert cut_sentences([short + long], [0.9, 0.8], budget).text == short.strip()
    assert cut_sentences([short + long], [0.8, 0.9], budget).text == long


def pointing(text: str, points: dict[str, float], budget: Budget, scores: list[float], **plan: object) -> Cut:
    """The cut of one text whose method sees points in some words."""
    sources = Sources([text], 1)
    start = np.array([text.index(word) for word in points], dtype=np.int64)
    order = np.argsort(start)
    end = start + [len(word) for word in points]
    columns = (np.zeros(len(start), dtype=np.int64), start[order], end[order], np.array(list(points.values()))[order])
    found = Scores(relevance=np.zeros(1), sentences=np.array(scores), points=TokenScores(*columns))
    return cut(sources, found, budget, Plan(**plan))  # type: ignore[arg-type]


def test_after_the_beginning_comes_the_clause_with_the_point() -> None:
    points = {"harbour": 0.0, "storm": 0.0, "Rotterdam": 8.0, "Winters": 0.0}
    told = "The harbour was rebuilt in 1931, by engineers who had come from Rotterdam for the work."
    assert pointing(f"{LONG} {COLD}", points, tokens(17), [0.9, 0.5]).text == told
    assert pointing(f"{LONG} {COLD}", points, tokens(20), [0.9, 0.5]).text == f"{told} {COLD}"
    assert pointing(f"{LONG} {COLD}", points, tokens(20), [0.9, 0.05]).text == LONG


def test_a_sentence_gives_up_clauses_without_a_point_for_another_sentences_point() -> None:
    text = f"{LONG} The work was paid for by the town, which sold two forests."
    points = {"harbour": 3.0, "storm": -4.0, "engineers": -4.0, "paid": 4.0, "forests": -4.0}
    result = pointing(text, points, tokens(14), [0.9, 0.8])
    assert result.text == "The harbour was rebuilt in 1931, The work was paid for by the town,"
    alike = dict.fromkeys(points, 0.0)
    assert pointing(text, alike, tokens(20), [0.9, 0.8]).text == LONG


def test_nothing_of_a_sentence_is_kept_without_its_beginning() -> None:
    points = {"harbour": -8.0, "storm": 8.0, "Rotterdam": 8.0, "Winters": 0.0}
    for limit in range(1, 30):
        text = pointing(f"{LONG} {COLD}", points, tokens(limit), [0.9, 0.1]).text
        assert text.startswith("The harbour") or text in ("", COLD)


@pytest.mark.parametrize(
    "last",
    [
        "(at most two litres a day)",
        "which nobody has seen since",
        "mainly because of the drought",
        "vor allem wegen der Trockenheit",
        "so that nobody went thirsty",
    ],
)
def test_what_speaks_of_the_clause_before_is_not_kept_without_it(last: str) -> None:
    text = f"The harbour was rebuilt in 1931, the lighthouse keeper gave them water, {last}"
    points = {"harbour": 0.0, "lighthouse": -8.0, last.split()[-1]: 8.0, "Winters": 0.0}
    for limit in range(1, len(text.split()) + 2):
        kept = pointing(f"{text}. {COLD}", points, tokens(limit), [0.9, 0.1]).text
        assert last not in kept or "gave them water" in kept


def test_no_list_is_kept_without_what_it_is_a_list_of() -> None:
    text = "It is safe for adults, risky for infants, pregnant women and people with asthma."
    points = {"adults": 0.0, "infants": -8.0, "women": 8.0, "Winters": 0.0}
    for limit in range(1, 18):
        kept = pointing(f"{text} {COLD}", points, tokens(limit), [0.9, 0.1]).text
        assert "women" not in kept or "risky for infants" in kept
    assert pointing(f"{text} {COLD}", points, tokens(14), [0.9, 0.1]).text == text


def test_no_subject_is_kept_without_its_verb_behind_a_bracket() -> None:
    text = "The old lighthouse on the pier (built in the year 1931) gave all of them water, which was not expected."
    points = {"lighthouse": 8.0, "built": 0.0, "gave": -8.0, "expected": -8.0, "Winters": 0.0}
    for limit in range(1, 25):
        kept = pointing(f"{text} {COLD}", points, tokens(limit), [0.9, 0.1]).text
        assert "lighthouse on the pier" not in kept or "gave" in kept
    told = "The old lighthouse on the pier gave all of them water,"
    assert pointing(f"{text} {COLD}", points, tokens(11), [0.9, 0.1]).text == told
    assert cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(11)).text == told


def test_nothing_is_kept_behind_a_name_without_what_is_said_of_it() -> None:
    text = "Ada Lovelace Byron (of London, 1815) was a writer of programs, for a machine of brass, which never ran."
    points = {"Ada": 0.0, "London": -8.0, "writer": -4.0, "brass": 8.0, "never": -8.0, "Winters": 0.0}
    for limit in range(1, 25):
        kept = pointing(f"{text} {COLD}", points, tokens(limit), [0.9, 0.1]).text
        assert "brass" not in kept or "was a writer" in kept


def test_a_bracket_with_the_point_stays_rather_than_what_follows_it() -> None:
    text = "The old lighthouse on the pier (built in the year 1931) gave all of them water, which was not expected."
    points = {"lighthouse": -2.0, "built": 6.0, "gave": -8.0, "expected": -8.0, "Winters": -8.0}
    told = "The old lighthouse on the pier (built in the year 1931)"
    assert pointing(f"{text} {COLD}", points, tokens(11), [0.9, 0.1]).text == told
    for limit in range(1, 25):
        kept = pointing(f"{text} {COLD}", points, tokens(limit), [0.9, 0.1]).text
        assert "lighthouse on the pier" not in kept or "1931" in kept


def test_where_the_budget_holds_all_sentences_none_is_cut() -> None:
    points = {"harbour": -4.0, "storm": -4.0, "Rotterdam": 4.0, "Winters": 0.0}
    assert pointing(f"{LONG} {COLD}", points, tokens(30), [0.9, 0.1]).text == f"{LONG} {COLD}"


def test_a_clause_with_a_span_that_the_plan_names_stays_with_its_sentence() -> None:
    points = {"harbour": 4.0, "storm": -4.0, "Rotterdam": -4.0, "Winters": 0.0}
    plan = {"patterns": ("Rotterdam",)}
    for limit in range(1, 30):
        text = pointing(f"{LONG} {COLD}", points, tokens(limit), [0.9, 0.1], **plan).text
        assert words(text) <= limit
        assert ("harbour" in text) <= ("Rotterdam" in text)
    kept = pointing(f"{LONG} {COLD}", points, tokens(16), [0.9, 0.1], **plan).text
    assert kept == "The harbour was rebuilt in 1931, by engineers who had come from Rotterdam for the work."


def test_a_clause_with_a_span_that_the_plan_names_is_not_kept_without_its_beginning() -> None:
    """The beginning is longer than what comes after it, so that there is room for either of them only."""
    text = "The station is sold by the firm that built it a long time ago, at a price of 4,200 euros, without a case."
    for limit in range(1, 25):
        kept = cut_sentences([f"{text} {COLD}"], [0.9, 0.1], tokens(limit), protect=("number",)).text
        assert ("4,200" in kept) == ("station" in kept)


def test_where_the_budget_holds_many_sentences_points_do_not_matter() -> None:
    facts = [f"Lamp {i} was lit on the northern pier, and it burned the whole night." for i in range(40)]
    text = " ".join(facts)
    points = {f"Lamp {i} ": 4.0 for i in range(40)} | {
        f"{fact[-30:]} Lamp {i + 1} ": -4.0 for i, fact in enumerate(facts[:-1])
    }
    assert pointing(text, points, tokens(14 * 30), [1 - i / 1000 for i in range(40)]).text == " ".join(facts[:30])


def test_only_sentences_near_the_border_are_taken_apart() -> None:
    facts = [f"Lamp {i} was lit on the northern pier, and it burned the whole night." for i in range(200)]
    result = cut_sentences([" ".join(facts)], [1 - i / 1000 for i in range(200)], tokens(1400))
    assert result.text.startswith(" ".join(facts[:99]))
    assert words(result.text) == 1400


def test_a_threshold_keeps_whole_sentences() -> None:
    result = cut_sentences([f"{LONG} {COLD}"], [0.1, 0.9], Budget(threshold=0.5, counter=words))
    assert result.text == COLD


@pytest.mark.parametrize("allocation", ["global", "linear", "equal"])
@pytest.mark.parametrize("limit", range(1, 60, 3))
def test_the_budget_holds_and_text_is_cut_from_the_source(allocation: str, limit: int) -> None:
    texts = [f"{LONG} {SHORT} {COLD}", f"{SHORT} {LONG}"]
    scores = [0.9, 0.2, 0.1, 0.3, 0.8]
    result = cut_sentences(texts, scores, tokens(limit), allocation=allocation)
    assert words(result.text) <= limit
    for document in result.documents:
        assert document.text == "".join(texts[document.index][s.start : s.end] for s in document.spans)


@pytest.mark.parametrize(
    "text",
    [" \n\u3000\t" * 50_000, "`A, B`. " * 25_000],
    ids=["white space", "fragments of code"],
)
def test_time_grows_with_the_text_and_not_with_its_square(text: str) -> None:
    """Each of these took minutes, or half of one."""
    sources = Sources([f"The harbour was rebuilt in 1931, after the great storm{text}x"])
    scores = Scores(relevance=np.zeros(1), sentences=np.full(len(sources.sentences), 0.9))
    result = cut(sources, scores, tokens(7), Plan())
    assert words(result.text) <= 7
