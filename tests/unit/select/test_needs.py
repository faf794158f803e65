"""Headers, announcements and answers are kept with what needs them."""

from __future__ import annotations

import numpy as np
import pytest

from boildown.budget import Budget
from boildown.select.cut import Cut, cut
from boildown.select.plan import Plan
from boildown.sources import Sources
from boildown.types import Scores

HEADER = "| Kind | Unopened | Opened |\n|---|---|---|\n"
SUMMER = "| Summer sale | 14 days | 0 days |\n"
WINTER = "| Winter sale | 7 days | 0 days |\n"
OTHER = "\nGift cards are sold at the counter of every shop."


def cut_table(budget: Budget, *, final: bool = False) -> Cut:
    sources = Sources([f"{HEADER}{SUMMER}{WINTER}{OTHER}"])
    assert len(sources.sentences) == 4
    scores = np.array([0.1, 0.2, 0.9, 0.5])
    return cut(sources, Scores(relevance=np.zeros(1), sentences=scores, final=final), budget, Plan())


def words(count: int) -> Budget:
    return Budget(tokens=count, counter=lambda text: len(text.split()))


def test_any_row_comes_with_its_header() -> None:
    sources = Sources([f"{HEADER}{SUMMER}{WINTER}{OTHER}"])
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.1, 0.9, 0.2, 0.5]))
    assert cut(sources, scores, Budget(threshold=0.9), Plan()).text == f"{HEADER}{SUMMER}".rstrip()
    assert cut_table(words(18)).text == f"{HEADER}{WINTER}".rstrip()
    assert cut_table(Budget(threshold=0.9)).text == f"{HEADER}{WINTER}".rstrip()


@pytest.mark.parametrize("tokens", [13, 18, 25, 40])
def test_scores_below_zero_are_compared_as_others_are(tokens: int) -> None:
    sources = Sources([f"{HEADER}{SUMMER}{WINTER}{OTHER}"])
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.0, 0.2, 0.9, 0.5]))
    below = Scores(relevance=np.zeros(1), sentences=np.array([0.0, 0.2, 0.9, 0.5]) - 7)
    kept = cut(sources, scores, words(tokens), Plan()).text
    assert kept
    assert cut(sources, below, words(tokens), Plan()).text == kept


def test_a_header_is_not_kept_for_a_row_that_does_not_fit() -> None:
    assert cut_table(words(13)).text == WINTER.rstrip()


def test_a_row_that_fills_what_is_left_brings_its_header() -> None:
    longer = SUMMER.replace("14 days", "14 working days after the day of the sale at the counter")
    sources = Sources([OTHER, f"{HEADER}{longer}{WINTER}", CITIES])  # of which no heading is needed
    scores = Scores(relevance=np.zeros(3), sentences=np.array([0.9, 0.1, 0.8, 0.4, 0, 0, 0, 0]))
    assert cut(sources, scores, words(28), Plan()).text == f"{OTHER.strip()}\n\n{HEADER}{WINTER}".rstrip()


@pytest.mark.parametrize(
    "served",
    [f"{HEADER}{SUMMER}", "We take these means of payment:\n- coins and notes of any currency but the yen\n"],
    ids=["table", "list"],
)
def test_what_only_announces_is_not_kept_alone_whatever_it_scores(served: str) -> None:
    sources = Sources([served, OTHER])
    scores = Scores(relevance=np.zeros(2), sentences=np.array([0.8, 0.2, 0.5]))
    assert cut(sources, scores, words(12), Plan()).text == OTHER.strip()
    assert cut(sources, scores, Budget(threshold=0.3), Plan()).text == OTHER.strip()
    assert cut(sources, scores, Budget(threshold=0.2), Plan()).text == f"{served.strip()}\n\n{OTHER.strip()}"


def test_items_share_the_score_of_what_announces_them_with_a_short_first_one() -> None:
    listed = "Not covered are:\n\n- minibar\n- fines of any kind\n- upgrades of a seat\n"
    sources = Sources([f"{listed}{OTHER}"])
    assert len(sources.sentences) == 4
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0.0, 0.0, 0.2]))
    assert cut(sources, scores, words(15), Plan()).text == listed.rstrip()


RETURNS = "Goods may be returned within a month.\n\n"
EXCLUDED = "These goods may not be returned to us:\n"
ITEM = "- perfume of any kind\n"


@pytest.mark.parametrize("best", [EXCLUDED, ITEM])
def test_an_item_does_not_come_to_stand_below_what_does_not_announce_it(best: str) -> None:
    pieces = [RETURNS, 6 * "They go to the shop by post or by car. ", "\n\n", EXCLUDED, "- software\n", ITEM]
    sources = Sources(["".join(pieces)], 1)
    texts = sources.sentence_texts()
    assert texts[-3:] == [EXCLUDED, "- software\n", ITEM]
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.8 + 0.1 * (text == best) for text in texts]))
    for limit in range(24, 80):  # a third of which is what the announcement may cost
        kept = cut(sources, scores, words(limit), Plan()).text
        assert ITEM.strip() not in kept or EXCLUDED in kept or RETURNS.strip() not in kept


def test_an_announcement_that_costs_too_much_does_not_take_the_place_of_what_is_asked() -> None:
    costly = f"{15 * 'and also '}of these goods we take back none:\n"
    sources = Sources([f"{costly}{ITEM}", OTHER])
    scores = Scores(relevance=np.zeros(2), sentences=np.array([0.1, 0.9, 0.5]))
    assert cut(sources, scores, words(44), Plan()).text == f"{ITEM.strip()}\n\n{OTHER.strip()}"


CITIES = (
    "# Bristol\n\nIt is closed on Sundays. Dogs may come in.\n\n# Cardiff\n\nIt is open on Sundays. Nobody asked us."
)


@pytest.mark.parametrize("budget", [*map(words, range(1, 26)), Budget(threshold=0.3), Budget(threshold=0.8)])
def test_nothing_comes_to_stand_below_the_heading_of_another(budget: Budget) -> None:
    sources = Sources([CITIES])
    assert len(sources.sentences) == 4
    for scores in ([0.9, 0.1, 0.8, 0.2], [0.2, 0.9, 0.8, 0.1], [0.1, 0.4, 0.4, 0.9]):
        kept = cut(sources, Scores(relevance=np.zeros(1), sentences=np.array(scores)), budget, Plan()).text
        bristol, heading, cardiff = kept.partition("# Cardiff")
        assert cardiff.strip() or not heading
        assert kept in CITIES or not ("# Bristol" in bristol and ("It is open" in bristol or "Nobody" in bristol))
        assert not kept.startswith("# Bristol\n\n# Cardiff")


def test_what_would_be_misread_takes_no_room_from_others() -> None:
    sources = Sources([CITIES, "Cats sleep here all day."])
    scores = Scores(relevance=np.zeros(2), sentences=np.array([0.9, 0.1, 0.8, 0.2, 0.3]))
    kept = cut(sources, scores, words(12), Plan()).text  # no room for the heading of Cardiff
    assert kept == "# Bristol\n\nIt is closed on Sundays.\n\nCats sleep here all day."


def test_a_heading_is_brought_by_what_stands_below_it() -> None:
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.1, 0.1, 0.2, 0.9]))
    assert cut(Sources([CITIES]), scores, words(6), Plan()).text == "# Cardiff\n\nNobody asked us."
    assert cut(Sources([CITIES]), scores, Budget(threshold=0.9), Plan()).text == "# Cardiff\n\nNobody asked us."


def test_the_items_of_what_is_asked_for_go_before_what_is_not() -> None:
    text = "These goods are excluded from returns:\n- perfume of any kind\n- used software\n\n" + OTHER.strip()
    sources = Sources([text], 1)
    assert len(sources.sentences) == 4
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0.01, 0.01, 0.1]))
    assert cut(sources, scores, words(16), Plan()).text == text.removesuffix("\n\n" + OTHER.strip())
    lesser = Scores(relevance=np.zeros(1), sentences=np.array([0.4, 0.01, 0.01, 0.9]))
    assert cut(sources, lesser, words(12), Plan()).text == OTHER.strip()


def test_what_only_fills_is_not_misread_though_what_it_needs_costs_too_much() -> None:
    announcement = "It may be ended at once by any of the two if the other one of them does as follows:\n"
    long = "Nobody in the whole of the town could say who of them had been the first to ask for that much of it."
    items = f"{announcement}- It becomes insolvent.\n\n"
    text = f"It is renewed in each year.\n{items}{long} The fee is due in May of each year.\n"
    sources = Sources([text])
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0.1, 0.4, 0.5, 0.3]))
    assert len(sources.sentences) == 5
    kept = cut(sources, scores, words(15), Plan()).text
    assert kept == "It is renewed in each year.\n\nThe fee is due in May of each year."


def test_a_header_alone_does_not_fill_what_is_left() -> None:
    sources = Sources([f"{HEADER}{SUMMER}{WINTER}", OTHER])
    scores = Scores(relevance=np.zeros(2), sentences=np.array([0.1, 0.2, 0.3, 0.9]))
    assert HEADER.rstrip() not in cut(sources, scores, words(19), Plan()).text


def test_what_a_method_kept_in_the_end_stays_as_it_is() -> None:
    assert cut_table(Budget(threshold=0.9), final=True).text == WINTER.rstrip()


def test_an_item_comes_with_its_announcement_and_a_question_with_its_answer() -> None:
    text = (
        "The plan may be ended at once if:\n(a) the fee is not paid; or\n(b) a term is breached.\n"
        "It is a yearly plan that begins on the first day of a month and is paid for before that day."
    )
    sources = Sources([text])
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.1, 0.2, 0.9, 0.5]))
    kept = cut(sources, scores, words(24), Plan()).text
    assert kept.startswith("The plan may be ended at once if:\n")
    assert "(b) a term is breached." in kept
    sources = Sources(["Ann: Who writes the notes?\nBen: I can do that.\nAnn: Lunch is at twelve today."])
    scores = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0.1, 0.5]))
    assert cut(sources, scores, words(10), Plan()).text == "Ann: Who writes the notes?\nBen: I can do that."


def test_lines_that_all_announce_fill_the_budget() -> None:
    text = "".join(f"The keeper of number {i} is listed here:\n" for i in range(400))
    sources = Sources([text])
    scores = Scores(relevance=np.zeros(1), sentences=np.linspace(0.2, 0.8, len(sources.sentences)))
    kept = cut(sources, scores, words(1000), Plan()).text
    assert len(kept.split()) > 900


@pytest.mark.parametrize("lead", ["Ask a doctor before you take it if you", "**Ask** a doctor if, before it, you"])
def test_what_breaks_off_is_not_kept_without_an_item(lead: str) -> None:
    sources = Sources([f"{lead}\n- take any thinners of the blood\n- are older than sixty\n\nTake one each day."])
    alone = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0, 0, 0.6]))
    assert cut(sources, alone, Budget(threshold=0.5), Plan()).text == "Take one each day."
    with_item = Scores(relevance=np.zeros(1), sentences=np.array([0.9, 0, 0.8, 0.1]))
    assert cut(sources, with_item, Budget(threshold=0.5), Plan()).text == f"{lead}\n- are older than sixty"
