"""Cards and reports as Chromium shows them."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.browser import Browser
from zarr import tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT: Any = zarr.buffer.cpu.Buffer.from_bytes(b'{"zarr_format": 3, "node_type": "group"}')

# The least contrast of letters and what is behind them, of all elements with text.
CONTRAST = """(() => {
  const light = c => { const [r, g, b] = c.map(v => { v /= 255;
      return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const numbers = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const behind = e => { for (; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c.slice(0, 3); }
    return [255, 255, 255]; };
  let least = 21;
  for (const e of document.querySelectorAll('body *')) {
    const texts = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!texts || !e.getClientRects().length || e.closest('title,style')) continue;
    const style = getComputedStyle(e);
    const ink = numbers(e instanceof SVGElement ? style.fill : style.color).slice(0, 3);
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05)); }
  return least; })()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as started:
        yield started


@pytest.fixture
def store(tmp_path: Path) -> Path:
    root = zarr.create_group(tmp_path / "a.zarr")
    plane = np.linspace(0, 1, 300 * 200).reshape(300, 200)
    root.create_array(
        "x/field", data=np.stack([plane] * 4), chunks=(1, 50, 50), shards=(2, 100, 100)
    )
    root.create_array("x/line", data=np.sin(np.arange(1000) / 50), chunks=(100,))
    root.create_array("<b>&amp;", data=np.array(["<script>document.title='x'</script>"]))
    return tmp_path / "a.zarr"


@pytest.fixture
def page(store: Path, tmp_path: Path) -> str:
    tools.report(store, output=tmp_path / "report.html")
    return (tmp_path / "report.html").as_uri()


def test_a_report_loads_without_a_word_in_the_console(browser: Browser, page: str) -> None:
    browser.messages.clear()
    browser.open(page)
    assert browser.run("document.title").startswith("Report on file://")
    assert browser.run("document.querySelectorAll('details.array').length") == 3
    broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
    assert browser.run("document.images.length") >= 3
    assert browser.run(broken) == 0
    assert browser.run("document.scripts.length") == 0
    assert browser.run("document.querySelectorAll('b').length") == 0, "names stay text"
    assert browser.messages == []


def test_nothing_is_wider_than_a_narrow_screen(browser: Browser, page: str) -> None:
    size = {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        browser.open(page)
        assert browser.run("document.documentElement.scrollWidth") <= 360
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("dark", [False, True])
def test_letters_can_be_read_on_light_and_dark_screens(
    browser: Browser, page: str, dark: bool
) -> None:
    browser.open(page, dark=dark)
    assert browser.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(23, 23, 27)" if dark else "rgb(255, 255, 255)"
    )
    assert browser.run(CONTRAST) >= 4.5


def test_a_report_is_used_by_keyboard_alone(browser: Browser, page: str) -> None:
    browser.open(page)
    focused = "document.activeElement.tagName + (document.activeElement.hash || '')"
    browser.press("Tab")
    assert browser.run(focused) == "A#arrays", "the first key leads past the tree"
    seen = []
    for _ in range(20):
        browser.press("Tab")
        seen.append(browser.run(focused))
        if seen[-1] == "BODY":
            break
    assert "A#a0" in seen
    assert "SUMMARY" in seen
    browser.run("document.querySelector('#a0 summary').focus()")
    before = browser.run("document.querySelector('#a0').open")
    browser.press("Enter")
    assert browser.run("document.querySelector('#a0').open") is not before
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert browser.run(outline) == "solid", "the focus is seen"


def test_pictures_are_told_to_those_who_do_not_see_them(browser: Browser, page: str) -> None:
    browser.open(page)
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    images = [
        node.get("name", {}).get("value", "")
        for node in tree
        if node.get("role", {}).get("value") in {"image", "img"}
    ]
    assert len(images) >= 6
    assert all(images)
    assert any(name.startswith("shape 4 × 300 × 200, chunks 1 × 50 × 50") for name in images)
    assert any(name.startswith("Values of [2, :, :]; dark is") for name in images)


def test_the_picture_on_the_screen_is_that_of_the_values(browser: Browser, page: str) -> None:
    image_of = pytest.importorskip("PIL.Image")
    browser.open(page)
    where = json.loads(
        browser.run(
            "JSON.stringify([...document.images].find(i => i.alt.startsWith('Values of [2'))"
            ".getBoundingClientRect())"
        )
    )
    scroll = browser.run("window.scrollY")
    screen = np.asarray(image_of.open(io.BytesIO(browser.screenshot())).convert("L"), float)
    top, left = round(where["y"] + scroll) + 2, round(where["x"]) + 2
    shown = screen[top : top + round(where["height"]) - 4, left : left + round(where["width"]) - 4]
    rows = shown.mean(axis=1)
    assert rows[-5:].mean() - rows[:5].mean() > 100, "dark above and light below, as the values"
    assert (np.diff(rows) > -3).mean() > 0.95


@pytest.mark.parametrize("dark", [False, True])
def test_a_card_takes_the_colours_of_the_page_around(
    browser: Browser, store: Path, tmp_path: Path, dark: bool
) -> None:
    array: Any = zarr.open_array(store, path="x/field")
    colours = "background: #111; color: #eee" if dark else "background: #fff; color: #111"
    page = tmp_path / "card.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><title>x</title><body style='{colours}'>"
        + array._repr_html_(),
        encoding="utf-8",
    )
    browser.messages.clear()
    browser.open(page.as_uri())
    assert browser.run(CONTRAST) >= 4.5
    ink = browser.run("getComputedStyle(document.querySelector('svg line')).stroke")
    assert ink == ("rgb(238, 238, 238)" if dark else "rgb(17, 17, 17)")
    box = browser.run("document.querySelector('svg').getBBox().width")
    assert 50 < box < 400
    assert browser.messages == []


def test_a_served_hierarchy_is_read_by_pages_of_other_origins(
    browser: Browser, store: Path
) -> None:
    with tools.serve(store) as server, tools.serve({"zarr.json": DOCUMENT}) as viewer:
        browser.open(viewer.url + "/zarr.json")  # a page of another origin
        address = json.dumps(server.url + "/x/line/c/0")
        script = f"""fetch({address}, {{headers: {{Range: "bytes=0-3"}}}})
            .then(async a => [a.status, a.headers.get("Content-Range"),
                              (await a.arrayBuffer()).byteLength].join(" "))"""
        size = (store / "x" / "line" / "c" / "0").stat().st_size
        assert browser.run(script) == f"206 bytes 0-3/{size} 4"
        browser.messages.clear()
        browser.open(server.url)
        assert browser.run("document.querySelectorAll('details.array').length") == 3
        assert browser.run("document.querySelector('nav a[href=\"x/\"]') !== null")
        assert browser.messages == []
    with (
        tools.serve(store, origin="https://viewer.example") as server,
        tools.serve({"zarr.json": DOCUMENT}) as viewer,
    ):
        browser.open(viewer.url + "/zarr.json")
        script = f"fetch({json.dumps(server.url + '/zarr.json')}).catch(() => 'refused')"
        assert browser.run(script) == "refused"
