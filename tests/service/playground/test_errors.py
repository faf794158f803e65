"""What the page says when the service refuses, is busy, or is gone."""

from __future__ import annotations

import json

import pytest

from .conftest import HARBOUR, TABLE, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
pytest.importorskip("fastapi", reason="needs the extra [service]")


def test_a_refusal_is_told_in_words(browser, opened):
    from boildown.service.settings import Limits

    with serving(limits=Limits(documents=2)) as address:
        playground = opened(url=address)
        alert = playground.page.get_by_role("alert")
        sync_api.expect(alert).to_contain_text("documents")
        assert "{" not in alert.inner_text()
        assert playground.page.locator("#tokens-in").inner_text() == "–"
        assert playground.page.locator(".text mark").count() == 0
        playground.put("When does the harbour open?", HARBOUR, TABLE)
        playground.shown()
        assert playground.page.locator("#problem").is_hidden()


def test_a_token_is_asked_for_and_not_stored(opened):
    with serving(tokens=("open-sesame",)) as address:
        playground = opened(url=address)
        page = playground.page
        sync_api.expect(page.get_by_role("alert")).to_contain_text("asks for a token")
        for wrong in ("wrong", "open\u200b-sesame", "wrong again", "öffne-dich"):
            page.get_by_label("Token", exact=True).fill(wrong)
            page.get_by_role("button", name="Use it").click()
            sync_api.expect(page.get_by_role("alert")).to_contain_text("does not take")
        page.get_by_label("Token", exact=True).fill("open-sesame")
        page.get_by_label("Token", exact=True).press("Enter")
        playground.shown()
        assert page.locator("#problem").is_hidden()
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0


def test_a_server_that_is_gone_is_told_and_found_again(opened):
    playground = opened()
    playground.shown()
    page = playground.page
    page.context.set_offline(True)
    page.get_by_label("Keep at most").press("End")
    sync_api.expect(page.get_by_role("alert")).to_contain_text("does not answer")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    playground.shown()
    assert page.locator("#problem").is_hidden()


def test_a_busy_server_is_asked_again_when_it_says(opened):
    playground = opened()
    playground.shown()
    page = playground.page
    error = {"error": {"type": "overloaded", "message": "The queue is full.", "request_id": "1"}}

    def refuse(route):
        route.fulfill(status=429, headers={"Retry-After": "1"}, content_type="application/json", body=json.dumps(error))

    page.route("**/v1/compress", refuse, times=1)
    page.get_by_label("Keep at most").press("End")
    sync_api.expect(page.get_by_role("alert")).to_have_text("The server is busy. Asking again in 1 second.")
    playground.shown()
    assert page.locator("#problem").is_hidden()
    assert page.locator("#percent").inner_text() == "100 %"
