"""The playground in a real browser, before a real server with the bundled model."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra [service]")
uvicorn = pytest.importorskip("uvicorn", reason="needs the extra [service]")
httpx = pytest.importorskip("httpx")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")

PAGE = files("boildown") / "service" / "playground.html"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TABLE = "Pelican | 120 m\nReed | 5 m\n"
HARBOUR = (
    "The harbour opens at six in the morning. Rye bread keeps for a week in a dry tin. Violins are made of spruce."
)
ARABIC = "يفتح الميناء أبوابه في الساعة السادسة صباحا. يباع الخبز في السوق كل يوم قبل الظهر."
CHINESE = "😀🚢 灯塔里有一个小博物馆。港口早上六点开门。鱼市每天中午以前营业。"


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Here the cache stays filled, or the model would read the sample anew for every page that opens."""


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        found = next(filter(None, map(shutil.which, NAMES)), str(own) if own.exists() else None)
        if found is None:
            pytest.skip("There is no Chromium: apt install chromium, or playwright install chromium.")
        # Containers mostly run as root without user namespaces, where Chromium's own sandbox cannot start.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        sync_api.expect.set_options(timeout=20_000)
        yield browser
        browser.close()


@contextmanager
def serving(**settings: object) -> Iterator[str]:
    """A server on a free port; its address."""
    from boildown.service.app import create_app
    from boildown.service.settings import Settings

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(Settings(**settings)), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{address}/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        else:
            pytest.fail("The server was not ready after a minute.")
        yield address
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as found:
        yield found


class Playground:
    """The page as a user has it, with all that the browser complained about and asked for."""

    def __init__(self, page: sync_api.Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        self.urls: list[str] = []
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.urls.append(request.url))
        page.goto(address)

    def shown(self) -> None:
        """Waits for a result."""
        self.page.wait_for_selector(".document[data-state=kept]")

    def put(self, question: str, *texts: str) -> dict:
        """Replaces all documents and the question; the server's answer."""
        page = self.page
        page.get_by_role("button", name="Remove all").click()
        page.get_by_label("Question").fill(question)
        page.get_by_role("button", name="Add documents").click()
        page.get_by_label("Text.").fill("\n---\n".join(texts))
        with self.answer() as answer:
            page.get_by_role("button", name="Done").click()
        return answer.value.json()

    def answer(self) -> sync_api.EventContextManager:
        return self.page.expect_response(lambda r: r.url.endswith("/v1/compress") and r.status == 200)

    def slide(self, key: str) -> dict:
        with self.answer() as answer:
            self.page.get_by_label("Keep at most").press(key)
        sync_api.expect(self.page.locator("main")).not_to_have_attribute("aria-busy", "true")
        return answer.value.json()

    def texts(self) -> list[str]:
        return self.page.locator(".document .text").evaluate_all("all => all.map(each => each.textContent)")

    def kept(self) -> list[str]:
        """Of each document, the highlighted text."""
        return self.page.locator(".document .text").evaluate_all(
            "all => all.map(each => [...each.querySelectorAll('mark')].map(mark => mark.textContent).join(''))"
        )


@pytest.fixture
def opened(browser, address):
    """Opens a page, by default on a desk in daylight."""
    contexts = []

    def open_page(width=1280, height=900, dark=False, url=address):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        return Playground(context.new_page(), url)

    yield open_page
    for context in contexts:
        context.close()


def by_index(answer: dict) -> list[dict]:
    return sorted(answer["documents"] + answer["dropped"], key=lambda document: document["index"])


def test_the_sample_is_compressed_when_the_page_opens(opened):
    playground = opened()
    playground.shown()
    page = playground.page
    before, after = (int(page.locator(f"#tokens-{way}").inner_text().replace(",", "")) for way in ("in", "out"))
    assert 0 < after <= 0.12 * before
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
    with serving(tokens=("open sesame",)) as address:
        playground = opened(url=address)
        page = playground.page
        sync_api.expect(page.get_by_role("alert")).to_contain_text("asks for a token")
        page.get_by_label("Token", exact=True).fill("wrong")
        page.get_by_role("button", name="Use it").click()
        sync_api.expect(page.get_by_role("alert")).to_contain_text("does not take")
        page.get_by_label("Token", exact=True).fill("open sesame")
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


def test_every_control_has_a_name_and_shows_its_focus(opened):
    playground = opened()
    playground.shown()
    page = playground.page
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    focusable = [
        node for node in tree
        if not node["ignored"] and node["role"]["value"] not in ("RootWebArea", "main")
        and any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", []))
    ]  # fmt: skip
    assert len(focusable) > 12
    assert [node for node in focusable if not node.get("name", {}).get("value")] == []
    order = []
    for _ in range(7):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        ring = page.evaluate("""() => {
          const style = getComputedStyle(document.activeElement);
          return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        }""")
        assert ring or order[-1] == "share"  # the slider has its ring around the thumb
    assert order == ["skip", "question", "share", "method", "unit", "price", "copy"]


def test_a_result_is_told_to_who_cannot_see_it(opened):
    playground = opened()
    answer = playground.put("When does the harbour open?", HARBOUR, TABLE)
    answer = playground.slide("End")
    live = playground.page.locator("[aria-live=polite]")
    assert live.inner_text() == f"{answer['tokens_out']} of {answer['tokens_in']} tokens kept, from 2 of 2 documents."
    assert playground.page.get_by_label("Keep at most").get_attribute("aria-valuetext") == (
        f"100 percent, {answer['tokens_out']} tokens"
    )


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_when_a_result_comes_or_the_slider_moves(opened, width):
    playground = opened(width=width)
    places = """() => [...document.querySelectorAll(".rail > *, .document, .document .text")].map((each) => {
      const { x, y, width, height } = each.getBoundingClientRect();
      return [x, y, width, height].map(Math.round);
    })"""
    page = playground.page
    page.wait_for_selector(".document")
    empty = page.evaluate(places)
    playground.shown()
    shown = page.evaluate(places)
    assert shown == empty
    for key in ("End", "Home", "PageUp"):
        playground.slide(key)
        assert page.evaluate(places) == shown
    shift = """() => new Promise((done) => {
      const sum = (list) => done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0));
      new PerformanceObserver(sum).observe({ type: "layout-shift", buffered: true });
      setTimeout(done, 300, 0);
    })"""
    assert page.evaluate(shift) < 0.01


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_the_page_fits(opened, width):
    playground = opened(width=width, height=740)
    playground.put("When does the harbour open?", HARBOUR, ARABIC, CHINESE, "word" * 200)
    page = playground.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("documents", "prompt"):
        page.locator(f"input[value={name}]").check(force=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width == 360:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.locator("input[value=documents]").check(force=True)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert page.get_by_label("Keep at most").bounding_box()["y"] < 100
        small = page.locator("button:visible, select:visible, input:visible:not([type=radio])").evaluate_all(
            "all => all.map(each => [each.id, each.getBoundingClientRect().height]).filter(([, height]) => height < 24)"
        )
        assert small == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_colours_can_be_read(opened, dark):
    playground = opened(dark=dark)
    playground.shown()
    colours = playground.page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          const names = "ground field ink soft dropped kept accent accent-ink alarm alarm-ink".split(" ");
          return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
        }"""
    )

    def luminance(name: str) -> float:
        digits = colours[name][1:]
        digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        light, deep = sorted((luminance(one), luminance(other)), reverse=True)
        return (light + 0.05) / (deep + 0.05)

    assert (luminance("ground") < 0.1) == dark
    for pair in (("soft", "ground"), ("dropped", "ground"), ("accent", "ground"), ("accent", "field")):
        assert contrast(*pair) >= 4.5, pair
    for pair in (("ink", "ground"), ("ink", "kept"), ("ink", "field")):
        assert contrast(*pair) >= 7, pair
    assert contrast("accent-ink", "accent") >= 4.5
    assert contrast("alarm-ink", "alarm") >= 4.5


def test_the_page_is_one_file_without_outside_assets():
    page = PAGE.read_text(encoding="utf-8")
    assert len(page.encode()) < 64_000
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"']+", page) == []
    # A policy without 'unsafe-inline' could allow the one style and the one script by their hashes.
    assert len(re.findall(r"<script\b", page)) == len(re.findall(r"<style\b", page)) == 1
    assert re.findall(r"\son[a-z]+=|\sstyle=|innerHTML|insertAdjacentHTML|\beval\(", page) == []
