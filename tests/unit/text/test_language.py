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
        "| Model | Weight | Depth |\n|---|---|---|\n| Reed | 2.1 kg | 40 m |\n| Pelican | 11.5 kg | 120 m |",
        "Weight: 2.1 kg\nDepth rating: 40 m\nBattery life: 9 months\nSupply voltage: 12 V, 500 µA\nLoad: 50 Ω",
        "import numpy as np\n\nclass Reader:\n    def read(self, path):\n        return np.load(path, mmap_mode='r')",
        "- Rugged housing\n- Low power consumption\n- Fast startup\n- Field-replaceable sensors\n- Solar charging",
        "Teams: Los Angeles Rams, Los Angeles Lakers, Los Angeles Clippers, San Diego Padres and Los Angeles Dodgers",
        "Universidad de la Plata was founded by the painter José de Ibarra, who is known for the altars of León.",
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
        "Cette société vend des appareils de mesure pour les rivières et les lacs.",
        "De toren werd in 1871 gebouwd en is nu een museum in het centrum van de stad.",
        "Wieża została zbudowana w 1871 roku i dziś jest muzeum.",
        "Tornet byggdes år 1871 och är i dag ett museum som ägs av staden.",
        "La torre fu costruita nel 1871 e oggi è un museo della città.",
        "Башня была построена в 1871 году.",
        "塔は1871年に建てられ、現在は博物館です。",
    ],
)
def test_other_languages(text):
    assert not is_english(text)
