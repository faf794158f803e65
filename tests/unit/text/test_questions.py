"""What a query asks."""

from __future__ import annotations

import pytest

from boildown.text.questions import asking_part, split_questions


@pytest.mark.parametrize(
    ("query", "questions"),
    [
        ("How high is it, and when was the lamp new?", ["How high is it?", "when was the lamp new?"]),
        ("who built the tower and in which year", ["who built the tower?", "in which year? who built the tower?"]),
        ("When was it built and why?", ["When was it built?", "why? When was it built?"]),
        ("who is Ada? where does Ulf live?", ["who is Ada?", "where does Ulf live?"]),
        ("1. Who is Ada?\n2. Where is Ulf?", ["1. Who is Ada?", "2. Where is Ulf?"]),
        ("How long does the boat sail?  May dogs come?", ["How long does the boat sail?", "May dogs come?"]),
        (
            "I have a Pelican. How heavy is the Pelican? How deep may it go?",
            [
                "I have a Pelican. How heavy is the Pelican?",
                "I have a Pelican. How deep may it go? How heavy is the Pelican?",
            ],
        ),
        ("Do you keep data? If so, how long?", ["Do you keep data?", "If so, how long? Do you keep data?"]),
        ("灯塔有多高？谁建造了灯塔？", ["灯塔有多高？", "谁建造了灯塔？"]),
        ("Was kostet die Fahrt? Wann fährt das Boot?", ["Was kostet die Fahrt?", "Wann fährt das Boot?"]),
    ],
)
def test_questions_are_told_apart(query: str, questions: list[str]) -> None:
    assert split_questions(query) == questions


@pytest.mark.parametrize(
    "query",
    [
        "",
        "  two  spaces ",
        "What?!",
        "Who is Ada?",
        "Is 'Who's There?' a film by Ada Fell?",
        "When was the St. Bartholomew's Day massacre?",
        "Which film stars both Ada and Ulf?",
        "Where do cats and dogs sleep?",
        "Summarise the meeting. Thanks.",
        "When the queue is full, it stops.",
        "Since the update the station sends no readings, and its lamp blinks red. What is wrong? What should I do?",
        "Who was the man whose boat sank and whose dog swam?",
        "and " * 3000,
        " " * 50_000 + "?",
        "Why? " + "?" * 5000,
    ],
)
def test_one_question_stays_as_it_is(query: str) -> None:
    assert split_questions(query) == [query]


@pytest.mark.parametrize(
    ("query", "read"),
    [
        (
            "Hi all, I hope you are well. How high is it? Thanks!",
            "How high is it? Hi all, I hope you are well. Thanks!",
        ),
        ("Answer briefly.\nQuestion: who built it?", "Question: who built it? Answer briefly."),
        ("Who is Ada? Please help.", "Who is Ada? Please help."),
    ],
)
def test_greetings_and_instructions_go_behind_the_question(query: str, read: str) -> None:
    assert split_questions(query) == [read]


@pytest.mark.parametrize(
    "said",
    ["I have a Pelican.", "It shows 404.", "We read “the long tide”.", "It fails in load_file.", "The iPod is old."],
)
def test_what_names_a_thing_stays_before_the_question(said: str) -> None:
    assert split_questions(f"{said} What does it mean?") == [f"{said} What does it mean?"]


def test_many_questions_become_four() -> None:
    asked = [f"What is the height of tower {name}?" for name in ("Ada", "Berg", "Cole", "Dee", "Esk")]
    assert split_questions(" ".join(asked)) == [*asked[:3], " ".join(asked[3:])]


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("Hi all. How high is the tower? Thanks!", "How high is the tower?"),
        ("The lamp blinks. Why does it? Please help.", "Why does it?"),
        ("Ich habe eine Frage. Wie hoch ist der Turm?", "Wie hoch ist der Turm?"),
        ("How high is it? How old?", "How high is it? How old?"),
        ("Summarise the meeting. Be brief.", "Summarise the meeting. Be brief."),
        ("", ""),
    ],
)
def test_the_part_that_asks(query: str, part: str) -> None:
    assert asking_part(query) == part
