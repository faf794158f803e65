from __future__ import annotations

import pytest

from boildown.errors import InputError
from boildown.text.structured import Section, parse_tags


def test_text_without_tags_is_one_section() -> None:
    assert parse_tags("a < b") == ("a < b", [Section(0, 5)])
    assert parse_tags("") == ("", [])


def test_options_in_any_order_and_spacing() -> None:
    text = "<llmlingua,rate = 0.25 ,compress=True>ab</llmlingua><llmlingua, compress=False, rate=1>cd</llmlingua >"
    assert parse_tags(text) == ("abcd", [Section(0, 2, 0.25), Section(2, 4, 1.0, False)])


def test_text_between_and_around_tags_is_kept() -> None:
    plain, sections = parse_tags("x <llmlingua, rate=0.5>y</llmlingua> z")
    assert plain == "x y z"
    assert sections == [Section(0, 2), Section(2, 3, 0.5), Section(3, 5)]


def test_outer_tags_may_be_missing() -> None:
    assert parse_tags("a</llmlingua><llmlingua, rate=0.5>b")[1] == [Section(0, 1), Section(1, 2, 0.5)]


def test_other_markup_is_text() -> None:
    text = "<p>1 < 2 </p><llmlinguist> & <llmlingua, compress=False><b>x</b></llmlingua>"
    plain, sections = parse_tags(text)
    assert plain == "<p>1 < 2 </p><llmlinguist> & <b>x</b>"
    assert not sections[-1].compress
    compared = "It took less time than < llmlingua, and </p> ends."
    assert parse_tags(compared) == (compared, [Section(0, len(compared))])


def test_sections_cover_the_text() -> None:
    text = "é<llmlingua>漢字</llmlingua>\n\n<llmlingua, rate=0></llmlingua><llmlingua, rate=0.1>😀 b</llmlingua>"
    plain, sections = parse_tags(text)
    assert "".join(plain[s.start : s.end] for s in sections) == plain == "é漢字\n\n😀 b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a <llmlingua rate=0.5>b</llmlingua>", "character 2 cannot be read at character 12"),
        ("<llmlingua, rate=-1>b</llmlingua>", "rate=-1 at character 12"),
        ("<llmlingua, compress=maybe>b</llmlingua>", "compress=maybe at character 12"),
        ("<llmlingua>a</llmlingua> b </llmlingua>", "character 27 closes no tag"),
        ("<llmlingua>a <llmlingua>b", "character 13 stands inside the one at character 0"),
        ("text <llmlingua, rate=0.5", "character 5 has no closing '>'"),
        ("<llmlingua>text</ llmlingua> more", "character 15 has .* a space after its '<' or '/'"),
        ("<llmlingua>text< /llmlingua> more", "character 15 has"),
        ("<llmlingua>text</llmlingua more", "character 15 has no closing '>'"),
        ("a < llmlingua, rate=0.5>b</llmlingua>", "closes no tag|character 2 has"),
        ("a < llmlingua>b", "character 2 has"),
    ],
)
def test_errors_say_where(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_tags(text)
