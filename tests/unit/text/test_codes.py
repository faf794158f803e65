from __future__ import annotations

import pytest

from boildown.text.codes import code_pattern


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("Which connector has PRB-1047?", ["PRB-1047"]),
        ("ora-00942 after the upgrade to 8.5.5.3", ["ORA-00942", "8.5.5.3"]),
        ("What became of ticket 48213, and when?", ["48213"]),
        ("Is CVE-2021-44228 fixed in v2.17.1?", ["CVE-2021-44228", "v2.17.1"]),
    ],
)
def test_codes(query: str, codes: list[str]) -> None:
    pattern = code_pattern(query)
    assert pattern is not None
    for code in codes:
        assert pattern.search(f"It is ({code}).")
        assert pattern.search(f"It is {code.lower()}, too")
        assert not pattern.search(f"It is {code}7 or x{code} or {code}.7 or 9.{code}.")


@pytest.mark.parametrize(
    "query", ["Who won in 2021?", "Is IPv6 on?", "the 3rd step of section 4.2", "a 500-mile race", "the 1990s", ""]
)
def test_no_codes(query: str) -> None:
    assert code_pattern(query) is None
