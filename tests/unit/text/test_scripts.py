from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.text.scripts import SCRIPTS, dominant_script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello, Wörld 123", "latin"),
        ("Tiếng Việt", "latin"),
        ("数据库系统 database", "cjk"),
        ("ひらがなとカタカナ", "cjk"),
        ("한국어", "cjk"),
        ("اللغة العربية", "arabic"),
        ("हिन्दी में", "devanagari"),
        ("ภาษาไทย", "thai"),
        ("русский язык", "cyrillic"),
        ("ελληνικά", "greek"),
        ("עברית", "other"),
        ("ខ្មែរ", "other"),
        ("123 ... 👍", "other"),
        ("", "other"),
        ("\ud800", "other"),
    ],
)
def test_dominant_script(text, script):
    assert dominant_script(text) == script


@given(st.text(alphabet="abcдежすबप1 ."))
def test_a_script_dominates_only_where_it_has_letters(text):
    found = dominant_script(text)
    assert found in SCRIPTS
    letters = {"latin": "abc", "cyrillic": "деж", "cjk": "す", "devanagari": "बप", "other": ""}
    assert found == "other" or any(letter in text for letter in letters[found])
    assert found != "other" or not any(letter in text for letter in "abcдежすबप")
