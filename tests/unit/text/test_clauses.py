"""Where sentences may be cut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from boildown.text.clauses import asides, behind_name, clause_ends
from boildown.text.protected import PROTECTED_KINDS, find_protected
from boildown.text.sentences import split_sentences
from boildown.types import Span


def parts(text: str, protect: bool = False) -> list[str]:
    spans = find_protected(text, PROTECTED_KINDS) if protect else []
    edges = [0, *clause_ends(text, spans), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def test_punctuation_and_parentheses_end_clauses() -> None:
    text = (
        "The harbour was rebuilt in 1931, after the great storm (the third of that year), which had sunk it; no more."
    )
    assert parts(text) == [
        "The harbour was rebuilt in 1931, ",
        "after the great storm ",
        "(the third of that year), ",
        "which had sunk it; no more.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Patients with renal failure (GFR below 30 ml/min) must not take this medicine.",
        "Patients with renal failure (GFR below 30 [in ml/min]) must not take this medicine.",
        "Patients with renal failure [GFR below 30 ml/min] must not take this medicine.",
        "Patienten mit Niereninsuffizienz (GFR unter 30 ml/min)\ndürfen das Mittel nicht nehmen.",
    ],
)
def test_no_clause_ends_before_its_verb(text: str) -> None:
    assert parts(text) == [text]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("Ada Lovelace (1815-1852) ", "wrote the first program for a machine."),
        ("Hercules (released in Spain as Hércules) ", "is an Italian film with many stars."),
        ("", "Patients (from the age of 70) must not take this medicine."),
        ("", "Patienten mit Niereninsuffizienz (GFR unter 30) dürfen das nicht nehmen."),
        ("", "The Lantern Widow, a film (of the year 1931), was shot there."),
    ],
)
def test_a_name_may_stand_alone_with_its_bracket(name: str, rest: str) -> None:
    assert behind_name(name + rest) == len(name)
    assert (len(name) in clause_ends(name + rest)) == bool(name)


def test_after_its_verb_a_clause_may_end_at_a_bracket() -> None:
    text = (
        "She came to the town in 1931, a champion of the long jump (and of the high one since 1929) without any rival."
    )
    assert parts(text)[1:] == [
        "a champion of the long jump ",
        "(and of the high one since 1929) ",
        "without any rival.",
    ]
    text = text.replace("a champion", "and a champion")
    assert len(parts(text)) == 2


def test_brackets_within_a_clause_may_be_left_out() -> None:
    def found(text: str, *whole: Span) -> list[str]:
        return [span.of(text) for span in asides(text, len(text), whole)]

    text = "Patients with renal failure (GFR below 30 ml/min) and men (over the age of 70) must not take it (yet)."
    assert found(text) == ["(GFR below 30 ml/min) ", "(over the age of 70) "]
    assert found(text, Span(text.index("30"), text.index("men"))) == ["(over the age of 70) "]
    assert found("The film SS(also known as SS Special) is of 1976.") == ["(also known as SS Special)"]
    assert found("It (a comedy) is in the [list](https://example.com/films) of 1976.") == []


def test_a_part_of_few_letters_is_none() -> None:
    assert parts("Well, it was rebuilt, too.") == ["Well, it was rebuilt, too."]
    assert parts("Однако, это совсем не относится к делу.") == ["Однако, это совсем не относится к делу."]
    assert parts("租期届满，承租人遷出並清償債務。") == ["租期届满，承租人遷出並清償債務。"]
    assert parts("") == [""]


def test_a_name_of_two_parts_stays_whole() -> None:
    assert parts("She died in late autumn in Shaftsbury, Vermont, where she had taught.") == [
        "She died in late autumn in Shaftsbury, Vermont, ",
        "where she had taught.",
    ]
    assert parts("It was built in Rostock, Mecklenburg Vorpommern; then it was sold.")[0].endswith("Vorpommern; ")
    assert parts("They took the boat to Rostock, Mecklenburg and then went home.")[0].endswith("Rostock, ")
    assert parts("It was painted in blue and grey, Mecklenburg, where it stood, told me.")[0].endswith("grey, ")


@pytest.mark.parametrize(
    "marked",
    [
        "The answer holds at most 1,000 readings ‖and, if there are more of them, ‖a link to the next page.",
        "The answer holds at most 1,000 readings ‖and (if there are more of them) a link to the next page.",
        "Die Antwort enthält höchstens 1000 Messwerte ‖und, falls es mehr davon gibt, ‖einen Verweis auf die Seite.",
        "La réponse contient au plus 1000 mesures ‖et, s'il y en a davantage, ‖un lien vers la page suivante.",
        "Ответ содержит не более 1000 значений ‖и, если их больше, ‖ссылку на следующую страницу.",
    ],
)
def test_no_clause_ends_with_a_conjunction(marked: str) -> None:
    assert parts(marked.replace("‖", "")) == marked.split("‖")


def test_indentation_goes_with_its_line() -> None:
    text = "def add_numbers(first, second):\n    return first_number(first) + second\n"
    assert parts(text) == ["def add_numbers(first, ", "second):\n    return first_number(first) + second\n"]
    text = "if first_number_is_set:\n\n    return first_number + second_number"
    assert parts(text) == ["if first_number_is_set:\n\n", "    return first_number + second_number"]


def test_chinese_needs_fewer_characters() -> None:
    text = "港口在一九三一年重建\uff0c工程师来自鹿特丹\uff0c工作持续了很多年。"
    assert parts(text) == ["港口在一九三一年重建\uff0c", "工程师来自鹿特丹\uff0c", "工作持续了很多年。"]


def test_spans_that_are_whole_are_not_cut() -> None:
    text = 'The keeper moved in on Tuesday, May 5, 1931 and called it "a house, a home, a castle" in all his letters.'
    assert len(parts(text)) > 1
    assert parts(text, protect=True)[-1].endswith(
        'May 5, 1931 and called it "a house, a home, a castle" in all his letters.'
    )


def test_arabic_and_urdu_marks_end_clauses() -> None:
    text = "أعيد بناء الميناء بعد العاصفة، وجاء المهندسون من روتردام؛ واستمر العمل سنوات."
    assert parts(text) == ["أعيد بناء الميناء بعد العاصفة، ", "وجاء المهندسون من روتردام؛ ", "واستمر العمل سنوات."]


@pytest.mark.parametrize(
    "mark", [*"،؛၊፣፤፥", "\uff0c", "\uff1b", "\uff1a", "、", "､", *(f"{m} " for m in ",;:–—"), " - ", " ("]
)
def test_a_unit_that_is_too_long_is_cut_where_a_sentence_may_be(mark: str) -> None:
    text = f"thirty letters without any comma{mark}and{'x' * 40}"
    (end,) = clause_ends(text)
    assert text[:end].rstrip(" (") == text.partition("and")[0].rstrip(" (")
    assert split_sentences(text, max_length=50).tolist()[0] == [0, end]


@pytest.mark.parametrize("dash", ["-", "–", "—"])
def test_an_items_mark_ends_no_clause(dash: str) -> None:
    items = f"{dash} payment by card\n  {dash} cash on delivery"
    assert parts(items) == [items]
    assert parts(f"payment by card only {dash} or in cash on delivery")[0] == f"payment by card only {dash} "


def test_a_mark_inside_a_number_ends_no_clause() -> None:
    text = "The harbour handled 1,250,000 tons at a ratio of 3:1 until 10:45 in the evening."
    assert parts(text) == [text]


@pytest.mark.parametrize("run", [" " * 100_000, "\t\n" * 50_000], ids=["blanks", "tabs and newlines"])
def test_a_long_run_of_white_space_is_read_once(run: str) -> None:
    """A pattern that begins anew at each of its characters would take minutes."""
    before, after = "The harbour was rebuilt", "after the great storm."
    end = len(before) + len(run)
    assert clause_ends(f"{before}{run}{after}") == []
    assert clause_ends(f"{before}{run}({after})") == [end]
    assert clause_ends(f"{before},{run}{after}") == [end + 1]
    assert clause_ends(f"{before}{run}- {after}") == ([] if "\n" in run else [end + 2])


@pytest.mark.parametrize("name", ["12/05/2024, 18:15 - Ben Holt: ", "[12.05.2024, 18:15:02] Ben Holt: "])
def test_no_clause_ends_between_a_time_and_who_speaks_then(name: str) -> None:
    text = f"{name}You can have the key tomorrow, though the door is open all day."
    assert [text[:end] for end in clause_ends(text)] == [f"{name}You can have the key tomorrow, "]
