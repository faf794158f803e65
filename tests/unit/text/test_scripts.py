from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boildown.errors import ConfigurationError
from boildown.text.scripts import SCRIPTS, dominant_script, script_share


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


def test_shares():
    assert script_share("abcд", "latin") == 0.75
    assert script_share("abcд", "latin", "cyrillic") == 1.0
    assert script_share("abcд", "latin", "latin") == 0.75
    assert script_share("12", "latin") == 0.0
    with pytest.raises(ConfigurationError, match="klingon"):
        script_share("x", "klingon")


@given(st.text())
def test_shares_add_up(text):
    total = sum(script_share(text, script) for script in SCRIPTS)
    assert total == pytest.approx(1.0) or total == 0.0
    assert script_share(text, dominant_script(text)) > 0 or total == 0.0
