"""Cards of arrays, views and groups in notebooks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest

import zarr
from zarr.storage import LocalStore, MemoryStore, WrapperStore

if TYPE_CHECKING:
    from pathlib import Path

NAME = "{http://www.w3.org/2000/svg}"


def parts(node: Any) -> tuple[ElementTree.Element, dict[str, str]]:
    """The drawing of a card, and its facts; both must be well-formed."""
    html = node._repr_html_()
    root = ElementTree.fromstring(html)
    facts = {
        "".join(row.find("th").itertext()): "".join(row.find("td").itertext())  # type: ignore[union-attr]
        for row in root.iter("tr")
    }
    return next(root.iter(f"{NAME}svg"), root), facts


def names(svg: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in svg.iter(f"{NAME}text")]


def test_a_card_tells_shape_type_sizes_and_codecs() -> None:
    data = np.zeros((100, 60), "f4")
    data[0, 0] = 1
    array = zarr.create_array(
        {}, data=data, chunks=(10, 20), shards=(50, 60), compressors=zarr.codecs.ZstdCodec(level=3)
    )
    _, facts = parts(array)
    assert facts["Shape"] == "(100, 60)"
    assert facts["Data type"] == "float32"
    assert facts["Shards"] == "(50, 60), 2 of them"
    assert facts["Chunks"] == "(10, 20), 30 of them"
    assert facts["Codecs"] == "bytes (endian little), zstd (level 3)"
    assert facts["Decoded size"] == "24000 (23.4K)"
    assert "1 of 2 values" in facts["Stored size"]
    array[...] = 1
    found = re.search(r"2 of 2 values, ([\d.]+) times smaller", parts(array)[1]["Stored size"])
    assert found is not None
    assert float(found[1]) == pytest.approx(array.nbytes / array.nbytes_stored(), abs=0.06)


def test_no_store_is_asked_for_a_card(tmp_path: Path) -> None:
    class Silent(WrapperStore[Any]):
        def __getattribute__(self, name: str) -> Any:
            if silent and name in {"get", "list", "list_prefix", "list_dir", "getsize", "exists"}:
                raise AssertionError(name)
            return super().__getattribute__(name)

    silent = False
    for store in (Silent(MemoryStore()), Silent(LocalStore(tmp_path))):
        root = zarr.create_group(store)
        array = root.create_array("a", shape=(8, 8), chunks=(2, 2), dtype="i1")
        silent = True
        assert "not listed" in parts(array)[1]["Stored size"]
        assert "not listed" in parts(root)[1]["Members"]
        parts(array.lazy[1:3])
        silent = False


@pytest.mark.parametrize("ndim", range(6))
def test_the_grid_is_drawn_in_any_number_of_dimensions(ndim: int) -> None:
    array = zarr.create_array({}, shape=(12,) * ndim, chunks=(4,) * ndim, dtype="i1")
    svg, _ = parts(array)
    assert names(svg) == ["12"] * ndim
    faces = len(list(svg.iter(f"{NAME}polygon")))
    # A face for each pair of visible dimensions, a strip for each beyond three, and one chunk.
    expected = [1, 2, 2, 4, 5, 6][ndim]
    assert faces == expected
    lines = len(list(svg.iter(f"{NAME}line")))
    assert lines == [0, 2, 4, 12, 14, 16][ndim]


def test_shards_are_drawn_around_chunks_and_named_in_the_title() -> None:
    array = zarr.create_array({}, shape=(24, 24), chunks=(4, 4), shards=(12, 12), dtype="i1")
    svg, _ = parts(array)
    widths = [line.get("stroke-width") for line in svg.iter(f"{NAME}line")]
    assert (widths.count("1.6"), widths.count("0.7")) == (2, 10)
    title = svg.find(f"{NAME}title")
    assert title is not None
    assert title.text == "shape 24 × 24, chunks 4 × 4, shards 12 × 12"


def test_a_drawing_stays_small_however_many_chunks_there_are() -> None:
    array = zarr.create_array({}, shape=(10**12,) * 3, chunks=(1, 10, 10**12), dtype="i1")
    assert len(array._repr_html_()) < 20_000


def test_chunks_of_several_sizes_are_drawn_where_they_end() -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        array = zarr.create_array({}, shape=(100,), chunks=((10, 30, 60),), dtype="i1")
    svg, _ = parts(array)
    places = sorted(float(line.get("x1", "")) - 4 for line in svg.iter(f"{NAME}line"))
    assert [round(place / 120, 2) for place in places] == [0.1, 0.4]


def test_hostile_strings_stay_text(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(2)>\x1b[2J'
    root = zarr.create_group(tmp_path, attributes={evil: evil})
    array = root.create_array(
        evil.replace("/", "_"), shape=(4,), dtype="i1", dimension_names=[evil]
    )
    for node in (root, array, array.lazy[:2], array.info, root.info):
        html = node._repr_html_()
        ElementTree.fromstring(html)
        assert "<script" not in html
        assert "<img" not in html
        assert "\x1b" not in html


def test_views_and_groups_have_cards_of_the_same_kind() -> None:
    root = zarr.create_group({}, zarr_format=2)
    array = root.create_array("a", shape=(8, 8), chunks=(2, 4), dtype="i1")
    svg, facts = parts(array.lazy[2:6])
    assert facts["Shape"] == "(4, 8)"
    assert names(svg) == ["8", "4"]
    zarr.consolidate_metadata(root.store)
    facts = parts(zarr.open_group(root.store))[1]
    assert facts["Members"] == "1 arrays, 0 groups, by the consolidated metadata"
    assert "zarr-card" in root._repr_html_()
    assert "zarr-card" in array.async_array._repr_html_()


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_arrays_of_both_formats_and_of_strings_have_cards(zarr_format: Any) -> None:
    for dtype in ("i4", str, "U5", [("a", "i4"), ("b", "f8")]):
        array = zarr.create_array({}, shape=(4,), dtype=dtype, zarr_format=zarr_format)
        assert parts(array)[1]["Zarr format"] == str(zarr_format)
