"""The playground in a real browser, before a real server with the bundled model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, EventContextManager, Page, Response

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
def browser() -> Iterator[Browser]:
    """Closed after each file, since Playwright keeps an event loop running, beside which no other may run."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
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
    from ..conftest import serving as client_of

    with client_of(**settings) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serving() as found:
        yield found


class Playground:
    """The page as a user has it, with all that the browser complained about and asked for."""

    def __init__(self, page: Page, address: str) -> None:
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

    def answer(self) -> EventContextManager[Response]:
        return self.page.expect_response(lambda r: r.url.endswith("/v1/compress") and r.status == 200)

    def slide(self, key: str) -> dict:
        with self.answer() as answer:
            self.page.get_by_label("Keep at most").press(key)
        from playwright.sync_api import expect

        expect(self.page.locator("main")).not_to_have_attribute("aria-busy", "true")
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
