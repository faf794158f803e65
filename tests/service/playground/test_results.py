"""What the page shows of a result, and what the slider and the fields do."""

from __future__ import annotations

import re

import pytest

from .conftest import ARABIC, CHINESE, HARBOUR, TABLE, by_index

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
pytest.importorskip("fastapi", reason="needs the extra [service]")


def test_the_sample_is_compressed_when_the_page_opens(opened):
    playground = opened()
    playground.shown()
    page = playground.page
    before, after = (int(page.locator(f"#tokens-{way}").inner_text().replace(",", "")) for way in ("in", "out"))
    assert 0 < after <= 0.14 * before
    assert "cargo aircraft only" in "".join(playground.kept())
    assert page.locator(".document").count() == 6
    assert page.locator(".document[data-state=dropped] .facts").first.inner_text().endswith("better text")
    assert re.search(r"score 0\.\d+", page.locator(".facts").first.inner_text())
    assert playground.complaints == []
    assert {url.removeprefix(playground.address) for url in playground.urls if not url.startswith("data:")} == {
        "/", "/v1/models", "/v1/compress",
    }  # fmt: skip


def test_the_slider_cuts_again_without_a_model(opened):
    playground = opened()
    playground.put("When does the harbour open?", HARBOUR, TABLE)
    first = playground.page.locator("#tokens-out").inner_text()
    answer = playground.slide("End")
    assert answer["cached"] == 2
    assert answer["seconds"]["model"] == 0
    assert "No model ran" in playground.page.locator("#timing").inner_text()
    assert playground.page.locator("#tokens-out").inner_text() == str(answer["tokens_in"]) != first
    assert playground.kept() == playground.texts()
    assert playground.slide("Home")["tokens_out"] == 0
    assert playground.kept() == ["", ""]


def test_a_stale_request_is_cancelled(opened):
    playground = opened()
    playground.put("When does the harbour open?", HARBOUR)
    page, held, failed = playground.page, [], []
    page.on("requestfailed", lambda request: failed.append(request.post_data_json["budget"]))
    page.route("**/v1/compress", lambda route: held.append(route))
    slider = page.get_by_label("Keep at most")
    with page.expect_request("**/v1/compress"):
        slider.press("End")
    with page.expect_event("requestfailed"), page.expect_request("**/v1/compress"):
        slider.press("ArrowLeft")
    while len(held) < 2:
        page.wait_for_timeout(10)
    with playground.answer() as answer:
        held[1].continue_()
    assert failed == [{"rate": 1}]
    assert answer.value.json()["budget"]["rate"] == 0.99
    sync_api.expect(slider).to_have_attribute("aria-valuetext", re.compile("^99 percent"))


def test_a_slider_in_motion_asks_less_often_than_it_moves(opened):
    playground = opened()
    playground.put("When does the harbour open?", HARBOUR, TABLE)
    asked = len(playground.urls)
    slider = playground.page.get_by_label("Keep at most")
    slider.evaluate(
        "slider => { for (let i = 20; i <= 60; i++) { slider.value = i; slider.dispatchEvent(new Event('input')); } }"
    )
    sync_api.expect(slider).to_have_attribute("aria-valuetext", re.compile("^60 percent"))
    assert len(playground.urls) == asked + 1


@pytest.mark.parametrize("unit", ["sentence", "word"])
def test_what_is_marked_is_what_the_server_kept_in_any_script(opened, unit):
    playground = opened()
    playground.page.get_by_label("Cut by").select_option(unit)
    playground.put("港口几点开门？", HARBOUR, ARABIC, CHINESE)
    answer = playground.slide("PageUp")
    documents = by_index(answer)
    assert playground.texts() == [HARBOUR, ARABIC, CHINESE]
    assert playground.kept() == [document["text"] for document in documents]
    assert 0 < len(documents[2]["text"]) < len(CHINESE)
    directions = playground.page.locator(".document .text").evaluate_all(
        "all => all.map(each => getComputedStyle(each).direction)"
    )
    assert directions == ["ltr", "rtl", "ltr"]


def test_protected_spans_are_underlined(opened):
    playground = opened()
    playground.page.get_by_label("Cut by").select_option("word")
    playground.put(
        "How deep does it go?", "The station goes down to 120 m, see https://example.org/a?b=1 for more of it."
    )
    answer = playground.slide("End")
    text, guards = answer["documents"][0]["text"], answer["documents"][0]["protected"]
    marked = playground.page.locator(".text mark b").all_inner_texts()
    assert marked == [text[guard["start"] : guard["end"]] for guard in guards]
    assert "https://example.org/a?b=1" in marked


def test_documents_are_text_and_nothing_else(opened):
    playground = opened()
    evil = "<img src=x onerror=alert(1)> The harbour opens at six. <script>alert(2)</script> &amp; so on."
    playground.put("When does the <b>harbour</b> open?", evil)
    playground.slide("End")
    assert playground.texts() == [evil]
    assert playground.page.locator("main img, main script").count() == 0
    assert playground.complaints == []


def test_cost_follows_the_price(opened):
    playground = opened()
    answer = playground.put("When does the harbour open?", *[HARBOUR] * 40)
    page = playground.page
    page.get_by_label("price for a million").fill("10")

    def thousand(tokens: int) -> str:
        return f"${tokens * 10 / 1000:,.2f}"

    assert page.locator("#cost-in").inner_text() == thousand(answer["tokens_in"])
    assert page.locator("#cost-out").inner_text() == thousand(answer["tokens_out"])
    page.get_by_label("price for a million").fill("-1")
    assert page.locator("#cost-in").inner_text() == "–"
    assert "price of 0 or more" in page.locator("#saved").inner_text()


def test_the_prompt_is_shown_and_copied(opened):
    playground = opened()
    page = playground.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    answer = playground.put("When does the harbour open?", HARBOUR, TABLE)
    answer = playground.slide("PageUp")
    page.get_by_label("Prompt", exact=True).first.check(force=True)
    prompt = f"{answer['text']}\n\nWhen does the harbour open?"
    assert page.locator("#prompt").evaluate("each => each.textContent") == prompt
    page.get_by_role("button", name="Copy prompt").click()
    sync_api.expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == prompt


def test_documents_are_added_edited_removed_and_brought_back(opened):
    playground = opened()
    page = playground.page
    playground.put("When does the harbour open?", HARBOUR, "  \n", TABLE.strip())
    assert playground.texts() == [HARBOUR, TABLE.strip()]
    page.get_by_role("button", name="Edit Document 2").press("Enter")
    page.get_by_label("Title").fill("Stations")
    page.get_by_label("Text.").fill("Pelican | 120 m")
    page.get_by_label("Text.").press("Control+Enter")
    assert page.locator("h3").all_inner_texts() == ["Document 1", "Stations"]
    assert page.locator(":focus").inner_text() == "Edit"
    page.get_by_role("button", name="Edit Stations").click()
    page.get_by_label("Text.").fill("not kept")
    page.get_by_label("Text.").press("Escape")
    assert playground.texts() == [HARBOUR, "Pelican | 120 m"]
    page.get_by_role("button", name="Edit Stations").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    assert playground.texts() == [HARBOUR]
    page.get_by_role("button", name="Undo").click()
    assert playground.texts() == [HARBOUR, "Pelican | 120 m"]


def test_undo_keeps_what_was_added_and_edited_since(opened):
    playground = opened()
    page = playground.page
    playground.put("When does the harbour open?", HARBOUR, TABLE.strip())
    page.get_by_role("button", name="Edit Document 1").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Edit Document 1").click()
    page.get_by_label("Text.").fill("Edited since.")
    page.get_by_label("Text.").press("Control+Enter")
    page.get_by_role("button", name="Add documents").click()
    page.get_by_label("Text.").fill("Added since.")
    page.get_by_role("button", name="Undo").click()
    assert playground.texts() == [HARBOUR, "Edited since.", "Added since."]


def test_a_document_that_is_emptied_is_removed_and_can_be_brought_back(opened):
    playground = opened()
    page = playground.page
    playground.put("When does the harbour open?", HARBOUR, TABLE.strip())
    page.get_by_role("button", name="Edit Document 1").click()
    page.get_by_label("Text.").fill(" \n")
    page.get_by_role("button", name="Done").click()
    assert playground.texts() == [TABLE.strip()]
    page.get_by_role("button", name="Edit Document 1").click()
    page.get_by_label("Text.").fill("")
    page.get_by_role("button", name="Undo").click()
    assert playground.texts() == [HARBOUR]
    page.get_by_role("button", name="Undo").click()
    assert playground.texts() == [HARBOUR, TABLE.strip()]


def test_an_open_editor_is_kept_when_another_one_opens(opened):
    playground = opened()
    page = playground.page
    playground.put("When does the harbour open?", HARBOUR, TABLE.strip())
    page.get_by_role("button", name="Edit Document 1").click()
    page.get_by_label("Text.").fill("Changed.")
    page.get_by_role("button", name="Edit Document 2").click()
    assert page.locator("form.document").count() == 1
    assert playground.texts() == ["Changed."]
    page.get_by_role("button", name="Cancel").click()
    assert playground.texts() == ["Changed.", TABLE.strip()]


def test_another_method_scores_anew(opened):
    playground = opened()
    playground.put("When does the harbour open?", HARBOUR, TABLE)
    with playground.answer() as answer:
        playground.page.get_by_label("Method").select_option("bm25")
    assert answer.value.json()["method"] == "bm25"
    assert "in common" in playground.page.locator("#about").inner_text()
    sync_api.expect(playground.page.locator("#timing")).to_contain_text("without a model")


def test_no_documents_is_no_error(opened):
    playground = opened()
    playground.shown()
    playground.page.get_by_role("button", name="Remove all").click()
    sync_api.expect(playground.page.locator("#timing")).to_have_text("Add a document to begin.")
    assert playground.page.get_by_role("button", name="Copy prompt").is_disabled()
    assert playground.page.locator("#problem").is_hidden()
