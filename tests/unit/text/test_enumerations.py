"""Items of a list within a sentence."""

from __future__ import annotations

import pytest
from thread_seconds import thread_seconds

from boildown.text.clauses import clause_ends
from boildown.text.enumerations import listed

# "‖" marks where clauses begin, and "|" those of them that go on a list.
SENTENCES = {
    "a list": "It is safe for adults, ‖risky for infants, |pregnant women and people with asthma.",
    "a list that goes on": "It runs on Linux alone, ‖no longer on Windows 7, |Windows 8 and Solaris, ‖and needs 2 GB.",
    "of many": "It is safe for adults, ‖risky for infants under two, |toddlers under three, |women and the old.",
    "a comma before and": "It is safe for adults, ‖risky for small infants, |pregnant women, |and people with asthma.",
    "behind or": "Hotels are paid up to 140 a night, ‖or up to 190 in London, |Paris and all of Zurich.",
    "and for": "It is safe for adults, ‖risky for infants under two, |and for pregnant women.",
    "of what is done": "It runs on Linux and Unix, ‖no longer supports Windows, ‖and needs two gigabytes.",
    "by whom": "The harbour was rebuilt in 1931, ‖after the great storm, ‖by engineers and sailors.",
    "another clause": "It is safe for adults; ‖risky for small infants; ‖women and men are free to take it.",
    "German": "Er ist sicher für Erwachsene, ‖riskant für Säuglinge, |schwangere Frauen und Menschen mit Asthma.",
    "French": "Il est sûr pour les adultes, ‖risqué pour les nourrissons, |les femmes enceintes et les asthmatiques.",
    "Spanish": "Es segura para adultos, ‖arriesgada para lactantes, |mujeres embarazadas y personas con asma.",
    "Russian": "Вакцина безопасна для взрослых, ‖опасна для младенцев, |беременных женщин и людей с астмой.",
    "Chinese": "该疫苗对成年人来说是安全的\uff0c‖对两岁以下的婴幼儿、|妊娠期和哺乳期的妇女有风险。",
}


@pytest.mark.parametrize("marked", SENTENCES.values(), ids=SENTENCES.keys())
def test_items_go_on_the_list_that_they_stand_in(marked: str) -> None:
    text = marked.replace("‖", "").replace("|", "")
    ends = clause_ends(text)
    found = listed(text, ends)
    for end in reversed(ends):
        text = f"{text[:end]}{'|' if end in found else '‖'}{text[end:]}"
    assert text == marked


def test_a_sentence_of_one_clause_has_no_list() -> None:
    assert listed("It is safe for women and men.", []) == set()


def test_time_grows_with_the_text() -> None:
    text = "It is safe for all adults, risky for infants, women and men, " * 5_000
    assert thread_seconds(lambda: listed(text, clause_ends(text))) < 2
