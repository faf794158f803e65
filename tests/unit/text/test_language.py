from __future__ import annotations

import pytest

from boildown.text.language import is_english


@pytest.mark.parametrize(
    "text",
    [
        "Who wrote the first book of the series?",
        "The battery of the Pelican lasts 36 months, and its packs travel by road.",
        "",
        "12 45 77",
        "def add(a, b): return a + b  # the sum of both",
    ],
)
def test_english(text):
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Où se trouve la cathédrale, et qui l'a construite au Moyen Âge ?",
        "Der Turm wurde im Jahr 1871 gebaut und ist heute ein Museum in der Stadt.",
        "¿Quién escribió la primera novela de la serie y en qué año?",
        "Turnul a fost construit în anul 1871 și este astăzi un muzeu.",
        "Kule 1871 yılında inşa edildi ve bugün bir müzedir.",
        "Tòa tháp được xây dựng vào năm 1871 và ngày nay là một bảo tàng.",
        "Menara itu dibangun pada tahun 1871 dan sekarang menjadi museum.",
    ],
)
def test_other_languages(text):
    assert not is_english(text)
