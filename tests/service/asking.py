"""A request that is answered, and what one that is refused is told."""

from __future__ import annotations

GOOD = {"query": "a", "documents": ["The tide turns at noon."], "budget": {"tokens": 10}}


def error_of(response, status, kind, field=None):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    error = response.json()["error"]
    assert error["type"] == kind
    assert error.get("field") == field
    assert error["message"]
    assert error["request_id"] == response.headers["x-request-id"]
    return error
