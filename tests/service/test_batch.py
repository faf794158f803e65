"""Requests of a batch are answered or refused one by one."""

from __future__ import annotations

import pytest

from .asking import GOOD, error_of


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "requests"),
        ({"requests": []}, "requests"),
        ({"requests": GOOD}, "requests"),
        ({"requests": [GOOD], "timeout": 0}, "timeout"),
        ({"requests": [GOOD], "Timeout": 1}, "Timeout"),
    ],
)
def test_wrong_fields_of_a_batch_are_named(client, given, field):
    error_of(client.post("/v1/compress/batch", json=given), 422, "invalid_request", field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": "x"}, "requests[0].model"),
        ({"rank": "x"}, "requests[0].rank"),
        ({"patterns": ["("]}, "requests[0].patterns[0]"),
        ({"budget": {"rate": 0.3, "counter": "x"}}, "requests[0].budget.counter"),
        ({"budget": {"tokens": -1}}, "requests[0].budget.tokens"),
        ({"budget": {}}, "requests[0].budget"),
        ({"protect": ["zz"]}, "requests[0].protect[0]"),
        ({"documents": ["a", None]}, "requests[0].documents[1]"),
        ({"timeout": -1}, "requests[0].timeout"),
        ({"Query": "a"}, "requests[0].Query"),
    ],
)
def test_a_request_that_cannot_be_done_does_not_fail_the_others_of_its_batch(client, change, field):
    response = client.post("/v1/compress/batch", json={"requests": [{**GOOD, **change}, GOOD]})
    assert response.status_code == 200
    wrong, good = response.json()["results"]
    assert wrong["error"]["field"] == field
    assert wrong["error"]["request_id"] == response.headers["x-request-id"]
    assert good["text"] == "The tide turns at noon."


@pytest.mark.parametrize(
    ("wrong", "field"), [(5, "requests[1]"), ({"query": "a", "budget": {"tokens": 3}}, "requests[1].documents")]
)
def test_what_is_no_request_does_not_fail_the_others_of_its_batch(client, wrong, field):
    response = client.post("/v1/compress/batch", json={"requests": [GOOD, wrong, GOOD]})
    assert response.status_code == 200
    answers = response.json()["results"]
    assert answers[1]["error"]["type"] == "invalid_request"
    assert answers[1]["error"]["field"] == field
    assert answers[1]["error"]["message"].startswith(f"{field}: ")
    assert [answers[i]["text"] for i in (0, 2)] == ["The tide turns at noon."] * 2
