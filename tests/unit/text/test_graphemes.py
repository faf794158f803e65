from __future__ import annotations

import pytest

from boildown.text.graphemes import is_boundary, safe_cut


@pytest.mark.parametrize(
    "cluster",
    [
        "e\u0301",
        "\r\n",
        "👍🏽",
        "👩\u200d👧",
        "❤\ufe0f",
        "🇩🇪",
        "ก\u0e31",
        "เก",
        "กา",
        "क\u094dष",
        "\u1100\u1161\u11a8",
        "한\u11a8",
        "\ud83d\ude00",
        "a\u200c",
        "🏴\U000e0067",
    ],
)
def test_clusters_are_whole(cluster):
    assert not any(is_boundary(cluster, at) for at in range(1, len(cluster)))
    text = f"x{cluster}y"
    assert is_boundary(text, 1) or text[1] < "\u0300"
    assert is_boundary(text, len(text) - 1)


@pytest.mark.parametrize("text", ["ab", "a b", "你好", "🇩🇪🇫🇷", "👍👍", "क ष", "a\n", "\ude00\ud83d"])
def test_boundaries(text):
    assert is_boundary(text, len(text) // 2)


def test_safe_cut_prefers_the_last_boundary_before_the_limit():
    assert safe_cut("abcdef", 0, 4, 6) == 4
    assert safe_cut("abcde\u0301f", 0, 5, 7) == 4
    assert safe_cut("a" + "\u0301" * 6 + "b", 0, 4, 8) == 7
    assert safe_cut("a" + "\u0301" * 6, 0, 4, 7) == 7
