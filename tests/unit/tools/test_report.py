"""`zarr.tools.report`: its facts, and what its page contains."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr import tools
from zarr.storage import MemoryStore, WrapperStore

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """A page that was read: its elements, ids, links and pictures; every element must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))
        assert all(link[1:] in self.ids for link in self.links if link.startswith("#"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.links.append(found["href"])
        if tag == "img":
            self.pictures.append(found)
        assert not any(name.startswith("on") for name in found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def pixels(picture: dict[str, str]) -> np.ndarray[Any, Any]:
    image = pytest.importorskip("PIL.Image")
    data = base64.b64decode(picture["src"].partition("base64,")[2])
    return np.asarray(image.open(io.BytesIO(data)).convert("RGB"))


def pictured(report: tools.Result, caption: str) -> np.ndarray[Any, Any]:
    """The picture whose description begins so."""
    found = Page(report.page).pictures  # type: ignore[attr-defined]
    [picture] = [each for each in found if each["alt"].startswith(caption)]
    return pixels(picture)


def test_sizes_and_chunks_that_are_there_are_told() -> None:
    root = zarr.create_group({})
    whole = root.create_array("a/whole", data=np.ones((40, 40), "i4"), chunks=(10, 10))
    root.create_array("a/part", shape=(100,), chunks=(10,), dtype="i2")[:35] = 1
    root.create_group("b")
    found = tools.report(root)
    assert found.groups == ("", "a", "b")
    part, other = found.arrays
    assert (part.path, part.values, part.grid_values) == ("a/part", 4, 10)
    assert (other.values, other.decoded) == (16, whole.nbytes)
    assert 0 < (other.stored or 0) < whole.nbytes_stored()
    assert isinstance(root.store, MemoryStore)
    assert found.stored == sum(map(len, root.store._store_dict.values()))
    page = Page(found.page)
    assert "3 groups" in page.text
    assert "4 of 10 stored values are there (40.0 %)" in page.text
    told = json.loads(found.to_json())
    assert "page" not in told
    assert told["arrays"][0]["shape"] == [100]


def test_the_map_shows_where_chunks_are() -> None:
    array = zarr.create_array({}, shape=(40, 60), chunks=(10, 10), dtype="i4")
    array[20:, :30] = 7
    shown = pictured(tools.report(array), "Where values are stored")
    assert shown.shape[:2] == (4, 6)
    light = shown.sum(axis=2) > 384
    expected = np.zeros((4, 6), bool)
    expected[2:, :3] = True
    assert (light == expected).all()


def test_the_picture_shows_the_values_of_a_middle_slice() -> None:
    plane = np.linspace(0, 1, 64 * 64).reshape(64, 64)
    data = np.zeros((5, 64, 64))
    data[2] = plane
    data[2, :8, :8] = np.nan
    array = zarr.create_array({}, data=data, chunks=(1, 32, 32))
    found = tools.report(array)
    shown = pictured(found, "Values of [2, :, :]").astype(int)
    assert shown.shape[:2] == (64, 64)
    assert (shown[:8, :8] == 128).all(), "grey where there is no number"
    bright = shown.sum(axis=2)
    assert (np.diff(bright[:, 40]) >= 0).mean() > 0.95, "lighter as the values grow"
    assert "64 no finite number" in found.page


@pytest.mark.parametrize(
    "data",
    [
        np.array(3.5),
        np.arange(1000.0),
        np.arange(24).reshape(2, 3, 4),
        np.arange(720.0).reshape(1, 2, 3, 4, 5, 6),
        np.array(["2020-01-01", "NaT"], "M8[s]"),
        np.array([1 + 2j, np.inf]),
        np.array([True, False]),
        np.array(["a", "<b>"], "U3"),
        np.full(10, np.nan),
        np.array([1e308, -1e308]),
        np.array([2**64 - 1, 0], "u8"),
        np.zeros(4, [("a", "i4"), ("b", "f4")]),
    ],
    ids=lambda data: f"{data.dtype}-{data.ndim}",
)
def test_values_of_any_rank_and_type_are_shown(data: Any) -> None:
    array = zarr.create_array({}, data=data, chunks=data.shape or "auto")
    page = Page(tools.report(array).page)
    assert "cannot be read" not in page.text
    assert page.tags.count("figure") >= 2


def test_arrays_of_strings_show_some_as_text() -> None:
    array = zarr.create_array({}, shape=(3,), dtype=str)
    array[:] = np.array(["one", "<script>alert(1)</script>", "three"], dtype=object)
    report = tools.report(array)
    assert "one, <script>alert(1)</script>, three" in Page(report.page).text
    assert "<script" not in report.page


def test_a_chunk_that_cannot_be_read_is_told_and_the_others_are_shown(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path)
    root.create_array("bad", data=np.arange(100), chunks=(100,))
    root.create_array("good", data=np.arange(100), chunks=(100,))
    (tmp_path / "bad" / "c" / "0").write_bytes(b"no zstd")
    page = Page(tools.report(root).page)
    assert "it cannot be read: ChunkDecodeError" in page.text
    assert "Values of all of it" in page.text


def test_hostile_names_and_values_stay_text(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'.replace("/", "\\")
    root = zarr.create_group(tmp_path, attributes={evil: evil})
    root.create_array(
        f"{evil}", data=np.array([evil]), dimension_names=[evil], attributes={evil: evil}
    )
    root.create_array("javascript:alert(3)", shape=4, dtype="i1")
    report = tools.report(root)
    page = Page(report.page)
    assert "script" not in page.tags
    assert all(picture["src"].startswith("data:image/png") for picture in page.pictures)
    assert all(link.startswith("#") for link in page.links)
    assert "default-src &#x27;none&#x27;" in report.page


def test_little_is_read_of_a_large_array() -> None:
    class Counting(WrapperStore[Any]):
        read = 0

        async def get(self, *args: Any, **kwargs: Any) -> Any:
            found = await super().get(*args, **kwargs)
            Counting.read += 0 if found is None else len(found)
            return found

    values: dict[str, Any] = {}
    array = zarr.create_array(
        MemoryStore(values), shape=(4096, 4096), chunks=(256, 256), dtype="f8", compressors=None
    )
    array[...] = 1
    found = tools.report(Counting(MemoryStore(values)))
    assert Counting.read < 16 << 20 < array.nbytes
    assert (found.arrays[0].values, found.stored) == (256, None)
    assert re.search(r"Values of \[\d+:\d+, \d+:\d+\]", found.page)


def test_a_store_that_lists_nothing_is_reported_without_sizes() -> None:
    class Unlisted(WrapperStore[Any]):
        supports_listing = False

    values: dict[str, Any] = {}
    zarr.create_array(MemoryStore(values), data=np.arange(10))
    found = tools.report(Unlisted(MemoryStore(values)))
    assert (found.stored, found.arrays[0].stored) == (None, None)
    assert "Values of all of it" in Page(found.page).text


def test_advice_is_given_for_what_will_be_slow() -> None:
    root = zarr.create_group({})
    root.create_array("tiny", shape=(1200,), chunks=(1,), dtype="i1")[...] = 1
    root.create_array("plain", data=np.ones(100_000), chunks=(50_000,), compressors=None)
    root.create_array("empty", shape=(10,), dtype="i1")
    root.create_array("good", data=np.ones((100, 100)), chunks=(50, 50))
    found = tools.report(root)
    by_name = {each.path: " ".join(each.advice) for each in found.arrays}
    assert "shards" in by_name["tiny"]
    assert "without compression" in by_name["plain"]
    assert "fill value" in by_name["empty"]
    assert by_name["good"] == ""
    assert any(sentence.startswith("tiny: 1,200 stored chunks") for sentence in found.advice)
    assert "advice: tiny: " in str(found)


def test_a_store_that_vanishes_midway_leaves_a_page_that_says_so() -> None:
    class Vanishing(WrapperStore[Any]):
        gone = False

        async def get(self, key: str, *args: Any, **kwargs: Any) -> Any:
            if key.startswith("b/c/"):
                raise OSError(5, "the disk has gone")
            return await super().get(key, *args, **kwargs)

        async def list_values(self, prefix: str) -> Any:
            raise OSError(5, "the disk has gone")
            yield

    values: dict[str, Any] = {}
    root = zarr.create_group(MemoryStore(values))
    for name in "ab":
        root.create_array(name, data=np.arange(10), chunks=(5,))
    found = tools.report(Vanishing(MemoryStore(values)))
    page = Page(found.page)
    assert "The store cannot be listed: [Errno 5] the disk has gone" in page.text
    assert "it cannot be read: OSError: [Errno 5] the disk has gone" in page.text
    assert "Values of all of it" in page.text, "of the other array"
    assert found.advice[0].startswith("the store cannot be listed")


def test_findings_are_told(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path)
    root.create_array("a", data=np.arange(100), chunks=(10,))
    assert tools.report(root).findings == ()
    assert "Nothing was found at the level presence" in Page(tools.report(root).page).text
    (tmp_path / "a" / "c" / "<b>77").write_bytes(b"x")
    report = tools.report(root)
    assert sum(report.found.values()) == len(report.findings) == 1
    assert "c/<b>77" in Page(report.page).text
    assert "found: " in str(report)


def test_the_page_is_written_in_one_step(tmp_path: Path) -> None:
    array = zarr.create_array({}, data=np.arange(10))
    found = tools.report(array, output=tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text("utf-8") == found.page
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(FileNotFoundError):
        found.save(tmp_path / "none" / "r.html")
    with pytest.raises(FileNotFoundError):
        tools.report(tmp_path / "no.zarr")


def test_hundreds_of_arrays_are_reported_in_seconds_of_processor_time(tmp_path: Path) -> None:
    root = zarr.create_group(tmp_path)
    data = np.arange(64 * 64, dtype="f4").reshape(64, 64)
    for i in range(200):
        root.create_array(f"g{i % 10}/a{i}", data=data, chunks=(32, 32))
    began = time.process_time()
    found = tools.report(tmp_path)
    took = time.process_time() - began
    assert len(found.arrays) == 200
    assert sum(each.values or 0 for each in found.arrays) == 800
    assert took < 4
    Page(found.page)


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from zarr.cli.commands import app

    zarr.create_array(tmp_path / "a.zarr", data=np.arange(10))
    output = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["report", str(tmp_path / "a.zarr"), "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert output.read_text("utf-8").startswith("<!doctype html>")
    assert "1 array, 0 groups" in result.output
