from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.text.function_words import FUNCTION_WORDS
from boildown.text.graphemes import is_boundary
from boildown.text.words import split_words, stems, terms

# fmt: off
PIECES = st.sampled_from(
    [
        "word", " ", "  ", "\n", ", ", "—", " — ", "(", ")", "“", "”", "你好", "カタカナ", "ひら", "。", "、", "สวัสดี",
        "เ", "ခြ", "ភ្នំ", "हिन्दी", "العَرَبية", "\U0001f469\u200d\U0001f467", "👍🏽", "🇫🇷", "e\u0301", "\ud800",
        "\x00", "$5", "x_y", "- ", "ー", "ｶﾞ", "\u3000"
    ]
)
# fmt: on
TEXTS = st.lists(PIECES, max_size=30).map("".join)
ANY = TEXTS | st.text(max_size=100)


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in split_words(text).tolist()]


@given(ANY)
def test_words_cover_the_text_in_order(text):
    spans = split_words(text)
    assert spans.dtype == np.int64
    assert spans.shape == (len(spans), 2)
    assert "".join(words(text)) == text
    assert (spans[:, 0] < spans[:, 1]).all()
    assert all(not word[0].isspace() for word in words(text)[1:])


@given(TEXTS)
def test_no_character_is_torn(text):
    for _, end in split_words(text).tolist()[:-1]:
        assert is_boundary(text, end) or text[end - 1].isspace() or text[end - 1] == "เ"


# "‖" marks the expected boundaries.
CASES = {
    "spaces": "  Hello, ‖world",
    "line end": "one\n\n‖two",
    "lone dash": "one — ‖two",
    "bullet": "one\n‖- ‖two",
    "brackets": "one ‖(two) ‖“three” ‖four",
    "money and links": "pay ‖$5 ‖at ‖https://a.org/b?c=d#e",
    "Chinese": "他‖说：‖“你‖好”。‖价‖格‖$5‖和‖hello‖吧",
    "Japanese": "カタカナ‖と‖ひ‖ら‖が‖な。",
    "Korean": "한국어 ‖단어",
    "Thai": "ส‖วั‖ส‖ดี ‖เก่‖ง",
    "Khmer": "ភ្នំ‖ពេ‖ញ",
    "Myanmar": "မြ‖န်‖မာ",
    "Hindi": "हिन्दी ‖में।",
    "Arabic": "العَرَبية، ‖نعم؟",
    "emoji": "👩\u200d👧 ‖👍🏽 ‖ok ‖🇫🇷🇩🇪",
    "dakuten": "か\u3099‖き",
}


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES.keys())
def test_words(marked):
    assert words(marked.replace("‖", "")) == marked.split("‖")


def test_empty_text_has_no_words():
    assert split_words("").shape == (0, 2)
    assert terms("") == []


@given(ANY)
def test_terms_are_folded_and_never_empty(text):
    for term in terms(text):
        assert term
        assert not any(character.isspace() for character in term)


@given(st.text(alphabet="abcdefgh ABCDEFGH", max_size=60))
def test_terms_do_not_depend_on_case(text):
    assert terms(text) == terms(text.upper())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Dogs of Kenya’s CITIES", ["dog", "kenya", "city"]),
        ("gas glass virus analysis bus", ["gas", "glass", "virus", "analysis", "bus"]),
        ("ties", ["tie"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("in 2021: 3 cats, ABC-123", ["2021", "3", "cat", "abc", "123"]),
        ("snake_case", ["snake_case"]),
        ("数据库", ["数据", "据库"]),
        ("我 is hello世界x", ["我", "hello", "世界", "x"]),
        ("データベース", ["デー", "ータ", "タベ", "ベー", "ース"]),
        ("ไทย", ["ไทย"]),
        ("สวัสดี", ["สวั", "วัส", "ัสด", "สดี"]),
        ("हिन्दी की किताब", ["हिन्दी", "किताब"]),
        ("والكتاب عَلى الطاولة", ["كتاب", "طاوله"]),
        ("الله", ["الله"]),
        ("１２３ ﬁn", ["123", "fin"]),
        ("La capitale de la France", ["capitale", "france"]),
        ("...", []),
        ("İndirimli İSTANBUL", ["indirimli", "istanbul"]),
        ("IŞIK ışık", ["isik", "isik"]),
        ("L'âge à Évry, les États", ["age", "evry", "etat"]),
        ("un thé vert", ["the", "vert"]),
        ("Thủ đô Đà Nẵng", ["thu", "do", "da", "nang"]),
        ("Η ΑΘΗΝΑ της Ευρώπης", ["αθηνα", "ευρωπησ"]),
        ("ёлка елка", ["елка", "елка"]),
        ("سنة ٢٠٢٤، २०२४", ["سنه", "2024", "2024"]),
        ("کتابی", ["كتابي"]),
        ("סֵפֶר", ["ספר"]),
        ("연차휴가는 연차를", ["연차", "차휴", "휴가", "가는", "연차", "차를"]),
        ("返品できますか", ["返品", "品で"]),
        ("多少押金", ["少押", "押金"]),
    ],
)
def test_terms(text, expected):
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("refunded refunds", ["refun", "refun"]),
        ("ORD-20240117 A4", ["ord", "20240117", "a4"]),
        ("大学的北京", ["大学", "大", "学", "学的", "的北", "北", "北京", "京"]),
        ("北 和", ["北"]),
        ("المكتبة", ["مكت", "كتب", "تبه"]),
        ("הספרים", ["הספ", "ספר", "פרי", "רים"]),
        ("או", ["או"]),
        ("연차휴가", ["연차", "차휴", "휴가"]),
    ],
)
def test_stems(text, expected):
    assert stems(terms(text)) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("مكتبة", "ومكتباتها"),
        ("ספר", "בספרים"),
        ("北京大学", "北大"),
        ("Müllabfuhr", "mullabfuhr"),
        ("refund", "refunds"),
    ],
)
def test_forms_of_a_word_have_a_stem_in_common(one, other):
    assert set(stems(terms(one))) & set(stems(terms(other)))


def test_function_words_stay_where_there_is_nothing_else():
    assert terms("Who is it?") == ["who", "is", "it"]
    assert {"the", "de", "और", "في"} <= FUNCTION_WORDS
    assert not {"die", "war", "kim", "d"} & FUNCTION_WORDS
    assert {word.casefold() for word in FUNCTION_WORDS} == FUNCTION_WORDS
