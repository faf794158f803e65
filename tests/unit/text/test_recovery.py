from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown import InputError, Span
from boildown.text.recovery import Match, Recovery, recover

REPORT = (
    "The annual profit of the company rose, to everyone's surprise, by 5.2 % in 2023. "
    "Nothing else of note happened. The board approved a dividend of 40 cents."
)


def keep(text: str, *pieces: str) -> tuple[Span, ...]:
    """Spans of the pieces, which stand in the text in this order."""
    spans, position = [], 0
    for piece in pieces:
        start = text.index(piece, position)
        position = start + len(piece)
        spans.append(Span(start, position))
    return tuple(spans)


def recover_one(answer: str, text: str, *pieces: str) -> Recovery:
    return recover(answer, [(0, keep(text, *pieces))], [text])


def replaced(answer: str, recovery: Recovery, texts: list[str]) -> str:
    """The documented relation between `matches` and `text`, spelled out anew."""
    for match in reversed(recovery.matches):
        wording = texts[match.document][match.source.start : match.source.end]
        answer = answer[: match.answer.start] + wording + answer[match.answer.end :]
    return answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Part QX-4411 was checked", "Part QX\u20114411 was checked"),
        ("The state-of-the-art pump", "The state\u2013of\u2013the\u2013art pump"),
        ("They can\u2018t open it", "They can't open it"),
        ("The cafe\u0301 was closed", "The caf\u00e9 was closed"),
        ("The soft\u00adware was old", "The software was old"),
    ],
)
def test_letters_and_dashes_are_the_same_however_they_are_encoded(text: str, answer: str) -> None:
    recovery = recover_one(answer, text, text)
    assert recovery.matches == (Match(Span(0, len(answer)), 0, Span(0, len(text))),)
    assert recovery.text == text


def test_puts_dropped_words_back() -> None:
    recovery = recover_one(
        "As reported, profit rose by 5.2 % in 2023.", REPORT, "annual profit ", "rose, ", "by 5.2 % in 2023."
    )
    wording = "profit of the company rose, to everyone's surprise, by 5.2 % in 2023"
    assert recovery.text == f"As reported, {wording}."
    (match,) = recovery.matches
    assert match == Match(Span(13, 41), 0, Span(11, 79))
    assert match.source.of(REPORT) == wording


@pytest.mark.parametrize(
    "answer",
    [
        "the annual profit rose",
        "THE ANNUAL PROFIT ROSE",
        "the  annual\tprofit   rose",
        "the annual profit, rose",
    ],
)
def test_case_spaces_and_punctuation_do_not_matter(answer: str) -> None:
    recovery = recover_one(answer, REPORT, "The annual profit ", "rose, ")
    assert recovery.text == "The annual profit of the company rose"


def test_curly_apostrophes_match_straight_ones() -> None:
    assert recover_one("everyone’s surprise", REPORT, "everyone's surprise").text == "everyone's surprise"


def test_the_longest_run_wins_and_a_shorter_one_keeps_its_free_part() -> None:
    texts = ["we saw the new river", "the new york city budget grew quickly"]
    kept = [(i, (Span(0, len(text)),)) for i, text in enumerate(texts)]
    recovery = recover("we saw the new york city budget", kept, texts)
    assert [(m.document, m.source.of(texts[m.document])) for m in recovery.matches] == [(1, "the new york city budget")]
    texts[0] = "yesterday we finally saw the new river"
    kept[0] = (0, keep(texts[0], "we ", "saw the new river"))
    recovery = recover("we saw the new york city budget", kept, texts)
    assert recovery.text == "we saw the new york city budget"  # "we saw" has too few letters to be traced
    texts[0] = "yesterday everybody finally noticed the new river"
    kept[0] = (0, keep(texts[0], "everybody ", "noticed the new river"))
    recovery = recover("everybody noticed the new york city budget", kept, texts)
    assert recovery.text == "everybody finally noticed the new york city budget"


def test_of_several_places_the_one_with_the_least_dropped_text_is_taken() -> None:
    texts = ["annual and, as always, late report", "the annual report"]
    kept = [(0, keep(texts[0], "annual ", "report")), (1, keep(texts[1], "annual report"))]
    recovery = recover("annual report", kept, texts)
    assert recovery.text == "annual report"
    assert recovery.matches[0].document == 1
    within = "annual great big report. Later an annual old report."
    assert recover_one("annual report", within, "annual ", "report. ", "annual ", "report").text == "annual old report"


def test_runs_do_not_reach_from_one_document_into_the_next() -> None:
    texts = ["ends with profit", "rose gardens"]
    recovery = recover("profit rose", [(0, (Span(0, 16),)), (1, (Span(0, 12),))], texts)
    assert recovery == Recovery("profit rose", ())


@pytest.mark.parametrize("dropped", ["of " * 80, "fell. Sales ", "fell\n\n- and ", "fell! Then it "])
def test_wide_gaps_and_sentence_ends_are_not_crossed(dropped: str) -> None:
    text = f"The profit {dropped}rose again."
    recovery = recover_one("profit rose again", text, "The profit ", "rose again")
    assert recovery.text == "profit rose again"
    assert [m.source.of(text) for m in recovery.matches] == ["rose again"]


@pytest.mark.parametrize("dropped", ["of approx. 3.5 million, i.e. Dr. Smith's unit, ", "of the firm\nand all "])
def test_stops_inside_a_sentence_are_crossed(dropped: str) -> None:
    text = f"The profit {dropped}rose again."
    assert recover_one("profit rose again", text, "The profit ", "rose again").text == f"profit {dropped}rose again"


def test_markup_and_line_breaks_of_the_answer_stay() -> None:
    pieces = ("annual profit ", "rose, ", "by 5.2 % in 2023.")
    recovery = recover_one("- **annual profit** rose by 5.2 %\n- in 2023", REPORT, *pieces)
    assert recovery.text == "- **annual profit** rose, to everyone's surprise, by 5.2 %\n- in 2023"
    table = recover_one("| annual profit | rose |\n|---|---|", REPORT, *pieces)
    assert table.text == "| annual profit | rose |\n|---|---|"


def test_short_runs_are_left_alone() -> None:
    text = "of whatever sort the thing was"
    assert recover_one("of the", text, "of ", "the thing was") == Recovery("of the", ())
    assert recover_one("extraordinarily", "extraordinarily", "extraordinarily").matches == ()


def test_parts_of_words_are_traced() -> None:
    recovery = recover_one(
        "the board reanged furniture", "the board rearranged furniture", "the board re", "anged furniture"
    )
    assert recovery.text == "the board rearranged furniture"


def test_a_word_made_of_far_apart_pieces_is_not_traced() -> None:
    text = "the board re" + "x" * 300 + "anged furniture there"
    recovery = recover_one("the board reanged furniture there", text, "the board re", "anged furniture there")
    assert [m.source.of(text) for m in recovery.matches] == ["the board", "furniture there"]


def test_chinese_is_traced_by_characters() -> None:
    text = "根据年度报告，该公司去年在海外市场的净利润大幅增长了百分之五。"
    recovery = recover_one("答：净利润增长了百分之五。", text, "净利润", "增长了百分之五")
    assert recovery.text == "答：净利润大幅增长了百分之五。"


def test_three_characters_are_traced_and_two_are_not() -> None:
    text = "该公司去年在海外市场的净利润大幅增长。"
    assert [m.source.of(text) for m in recover_one("净利润", text, text).matches] == ["净利润"]
    assert recover_one("利润", text, text).matches == ()


def test_what_an_answer_says_twice_is_traced_twice() -> None:
    text = "The harbour of the town was rebuilt after the storm by two hundred men from the hills."
    answer = "The harbour of the town was rebuilt after a storm. The harbour of the town was rebuilt, after all."
    once = "The harbour of the town was rebuilt"
    assert [m.source.of(text) for m in recover_one(answer, text, text).matches] == [f"{once} after", f"{once} after"]


def test_hindi_words_stay_whole() -> None:
    text = "कंपनी का वार्षिक शुद्ध लाभ बढ़ गया"
    recovery = recover_one("वार्षिक लाभ बढ़ गया", text, "वार्षिक ", "लाभ बढ़ गया")
    assert recovery.text == "वार्षिक शुद्ध लाभ बढ़ गया"


@pytest.mark.parametrize("answer", ["", " ", "  double  spaces  ", "\n\n", "***", "\ud800 \x00", "x" * 10])
def test_answers_that_quote_nothing_come_back_unchanged(answer: str) -> None:
    assert recover_one(answer, REPORT, "annual profit") == Recovery(answer, ())


def test_without_kept_text_nothing_is_traced() -> None:
    assert recover("annual profit rose", [], [REPORT]) == Recovery("annual profit rose", ())
    assert recover("annual profit rose", [(0, ())], [REPORT]) == Recovery("annual profit rose", ())


@pytest.mark.parametrize("answer", [None, b"annual profit", 3])
def test_answers_that_are_not_text_are_refused(answer: object) -> None:
    with pytest.raises(InputError, match=f"not {type(answer).__name__}"):
        recover(answer, [], [])  # type: ignore[arg-type]


def test_the_result_is_immutable() -> None:
    recovery = recover_one("annual profit rose", REPORT, "annual profit ", "rose")
    with pytest.raises(dataclasses.FrozenInstanceError):
        recovery.text = ""  # type: ignore[misc]


words = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "Profit.", "**x**", "净利润", "of"]), max_size=30)


@given(st.lists(words, max_size=3), words, st.data())
def test_matches_explain_the_text_and_hold_the_answer_words(
    documents: list[list[str]], answer_words: list[str], data: st.DataObject
) -> None:
    texts = [" ".join(document) for document in documents]
    kept = []
    for index, text in enumerate(texts):
        cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
        kept.append((index, tuple(Span(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False))))
    answer = "  ".join(answer_words)
    recovery = recover(answer, kept, texts)
    assert replaced(answer, recovery, texts) == recovery.text
    end = 0
    for match in recovery.matches:
        assert match.answer.start >= end
        end = match.answer.end
        spans = dict(kept)[match.document]
        covered = {i for span in spans for i in range(span.start, span.end)}
        source = range(match.source.start, match.source.end)
        letters = [texts[match.document][i] for i in source if i in covered and texts[match.document][i].isalnum()]
        assert "".join(letters).casefold() == "".join(filter(str.isalnum, match.answer.of(answer))).casefold()


@given(words)
def test_a_whole_quote_comes_back_as_it_stands(document: list[str]) -> None:
    text = " ".join(document)
    recovery = recover(text, [(0, (Span(0, len(text)),))], [text])
    assert recovery.text == text
