"""Keyboard, screen reader, small screens, colours: the page for everybody."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from .conftest import ARABIC, CHINESE, HARBOUR, TABLE

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
pytest.importorskip("fastapi", reason="needs the extra [service]")

PAGE = files("boildown") / "service" / "playground.html"


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
