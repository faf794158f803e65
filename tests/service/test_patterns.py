"""Regular expressions in requests: what they protect, and what they cannot do."""

from __future__ import annotations

import pytest

pytest.importorskip("regex", reason="needs the extra [service]")

TEXT = "The Pelican goes down to 120 m. The battery lasts 36 months. Order it as PEL-10042 or as PEL 10042."


def test_matches_are_those_of_a_regular_expression():
    from boildown.service.patterns import read_patterns

    (pattern,) = read_patterns([r"\bPEL-\d{5}\b"])
    assert pattern.pattern == r"\bPEL-\d{5}\b"
    assert [m.span() for m in pattern.finditer(TEXT)] == [(TEXT.index("PEL-"), TEXT.index("PEL-") + 9)]


def test_patterns_are_protected(client):
    asked = {"query": "How is it ordered?", "documents": [TEXT], "unit": "word", "protect": [], "budget": {"rate": 0.7}}
    answer = client.post("/v1/compress", json={**asked, "patterns": [r"PEL-\d{5}"]}).json()
    (document,) = answer["documents"]
    assert [TEXT[p["start"] : p["end"]] for p in document["protected"]] == ["PEL-10042"]


def test_a_search_without_end_is_ended(client):
    asked = {"query": "a", "documents": ["a" * 5000 + "b"], "budget": {"rate": 0.5}, "patterns": ["x", "(a|aa)+$"]}
    response = client.post("/v1/compress", json=asked)
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "patterns[1]"


def test_a_search_has_its_time_and_no_more():
    from boildown.service.errors import Refusal
    from boildown.service.patterns import read_patterns

    (pattern,) = read_patterns(["(a|aa)+$"])
    with pytest.raises(Refusal, match="too long"):
        list(pattern.finditer("a" * 200 + "b"))


@pytest.mark.parametrize(
    "pattern", ["(", "[a-", "a{3,2}", r"\p{Nonsense}", "((a{1000}){1000})", "a{99999999}", "(?P<x>a"]
)
def test_what_is_no_pattern(client, pattern):
    asked = {"query": "a", "documents": ["a b c"], "budget": {"rate": 0.5}, "patterns": ["fine", pattern]}
    response = client.post("/v1/compress", json=asked)
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["field"] == "patterns[1]"


def test_in_a_batch_the_field_says_where(client):
    asked = {"query": "a", "documents": ["a b c"], "budget": {"rate": 0.5}, "patterns": ["("]}
    response = client.post("/v1/compress/batch", json={"requests": [asked]})
    assert response.status_code == 422
    assert response.json()["error"]["field"] == "requests[0].patterns[0]"
