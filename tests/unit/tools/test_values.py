"""Values of arrays as text, CSV, JSON and npy, and selections in NumPy's syntax."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from support.stores import WaitingStore
from zarr import tools
from zarr.tools.see.selection_text import parse_selection, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INDEX = st.integers(-9, 9)
SLICE = st.builds(
    slice, st.none() | INDEX, st.none() | INDEX, st.none() | INDEX.filter(lambda step: step != 0)
)
ITEM = INDEX | SLICE | st.just(...) | st.lists(INDEX, min_size=1, max_size=3)


def in_source(item: Any) -> str:
    """An item as a program of Python has it."""
    if isinstance(item, slice):
        parts = ("" if each is None else str(each) for each in (item.start, item.stop, item.step))
        return ":".join(parts)
    return "..." if item is Ellipsis else str(item)


@given(st.lists(ITEM, min_size=1, max_size=4), st.sampled_from([",", " , ", ",\t"]))
def test_a_selection_means_what_it_means_in_python(items: list[Any], comma: str) -> None:
    if sum(item is Ellipsis for item in items) > 1:
        return
    text = comma.join(map(in_source, items))
    expected = eval(f"np.s_[{text}]")
    assert parse_selection(text) == (expected if isinstance(expected, tuple) else (expected,))
    assert parse_selection(written(parse_selection(text))) == parse_selection(text)


@pytest.mark.parametrize(
    "text",
    [
        *("a", "1 2", "1:2:3:4", "::0", "[1", "1]", "[[1]]", "[1:2]", "..., ...", ",", "1,,2"),
        *("__import__('os')", "1e3", "1.5", "0x10", "--1", "None", "True", "1;2", "9" * 30),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_selection(text)


@given(st.text(max_size=20))
def test_no_text_does_harm(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_selection(text)


def test_nothing_selects_all() -> None:
    assert parse_selection(" ") == (...,)


def cat(array: Any, **options: Any) -> str:
    parts: list[Any] = []
    result = tools.cat(array, write=parts.append, **options)
    assert result.values is None
    return b"".join(parts) if options.get("format") == "npy" else "".join(parts)


@pytest.fixture(params=["one part", "many parts"])
def parts(request: pytest.FixtureRequest) -> Iterator[None]:
    with zarr.config.set({"tools.block_bytes": 24} if request.param == "many parts" else {}):
        yield


SELECTIONS: dict[str, Callable[[Any], Any]] = {
    "": lambda a: a,
    "0": lambda a: a[0],
    "-1, ..., 2": lambda a: a[-1, ..., 2],
    "::-1, 1": lambda a: a[::-1, 1],
    "1:, ::2, ::-2": lambda a: a[1:, ::2, ::-2],
    "0, 1, 2": lambda a: a[0, 1, 2],
    ":0": lambda a: a[:0],
    "[1, 0]": lambda a: a[[1, 0]],
    "..., :100": lambda a: a[..., :100],
}


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(("text", "select"), SELECTIONS.items(), ids=SELECTIONS)
@pytest.mark.parametrize("waits", [False, True])
def test_every_format_tells_the_selected_values(
    text: str, select: Callable[[Any], Any], waits: bool
) -> None:
    data = np.arange(60, dtype="f4").reshape(3, 4, 5) / 3
    array = zarr.create_array(WaitingStore() if waits else {}, data=data, chunks=(2, 3, 2))
    expected = np.asarray(select(data))
    options = {"select": text}
    np.testing.assert_array_equal(tools.cat(array, **options).values, expected)
    loaded = np.load(io.BytesIO(cat(array, format="npy", **options)))
    np.testing.assert_array_equal(loaded, expected)
    assert loaded.dtype == data.dtype
    found = np.array(json.loads(cat(array, format="json", **options)), "f4")
    np.testing.assert_array_equal(found.reshape(expected.shape), expected)
    assert found.shape == expected.shape or not expected.size
    words = cat(array, **options).split()
    np.testing.assert_array_equal(np.array(words, "f4"), expected.reshape(-1))
    rows = list(csv.reader(io.StringIO(cat(array, format="csv", **options))))
    places = max(expected.ndim - 1, 0) if expected.ndim > 2 else 0
    cells = [cell for row in rows for cell in row[places:]]
    np.testing.assert_array_equal(np.array(cells, "f4"), expected.reshape(-1))
    if expected.ndim > 2 and expected.size:
        assert [[*map(int, row[:places])] for row in rows] == [
            [*map(int, place)] for place in np.ndindex(expected.shape[:-1])
        ]


def test_text_has_a_line_for_each_row_and_a_gap_between_matrices() -> None:
    array = zarr.create_array({}, data=np.arange(8).reshape(2, 2, 2))
    assert cat(array) == "0 1\n2 3\n\n4 5\n6 7\n"
    assert cat(array, select="0, 0") == "0\n1\n"
    assert cat(array, select="0, 0, 1") == "1\n"


@pytest.mark.usefixtures("parts")
def test_values_that_json_lacks_are_told_in_words() -> None:
    def read(data: Any) -> Any:
        return json.loads(cat(zarr.create_array({}, data=data), format="json"))

    assert read(np.array([np.nan, np.inf, -np.inf, 0.1])) == ["NaN", "Infinity", "-Infinity", 0.1]
    assert read(np.array([0.1], "f4")) == [0.1]
    assert read(np.array([1 + 2j])) == [[1.0, 2.0]]
    assert read(np.array([True, False])) == [True, False]
    assert read(np.array(["2020-01-01", "NaT"], "M8[D]")) == ["2020-01-01", "NaT"]
    assert read(np.array(["a\x1b", "ü"])) == ["a\x1b", "ü"]
    records = np.array([(1, np.nan), (2, 0.5)], [("x", "i4"), ("y", "f4")])
    assert read(records) == [{"x": 1, "y": "NaN"}, {"x": 2, "y": 0.5}]


@pytest.mark.usefixtures("parts")
def test_records_become_lines_with_their_names_above() -> None:
    records = np.array([(1, 0.5), (2, 1.5)], [("x", "i4"), ("y", "f4")])
    array = zarr.create_array({}, data=records)
    assert cat(array, format="csv") == "index 0,x,y\n0,1,0.5\n1,2,1.5\n"


def test_text_steers_no_terminal_and_csv_keeps_the_values() -> None:
    array = zarr.create_array({}, data=np.array(['a"\n\x1b[2J']))
    assert cat(array) == 'a"\\n\\x1b[2J\n'
    assert list(csv.reader(io.StringIO(cat(array, format="csv"), newline=""))) == [['a"\n\x1b[2J']]
    assert cat(array, format="json").strip().isprintable()


def test_npy_refuses_elements_without_a_size_before_it_writes() -> None:
    array = zarr.create_array({}, shape=2, dtype="string")
    written_parts: list[Any] = []
    with pytest.raises(TypeError, match="json can"):
        tools.cat(array, format="npy", write=written_parts.append)
    assert written_parts == []
    assert json.loads(cat(array, format="json")) == ["", ""]


def test_head_shows_the_first_of_the_last_two_dimensions() -> None:
    data = np.arange(2 * 30 * 40).reshape(2, 30, 40)
    array = zarr.create_array({}, data=data, chunks=(1, 10, 10))
    np.testing.assert_array_equal(tools.head(array).values, data[:1, :10, :10])
    found = tools.head(array, count=3, select="1, ::2")
    np.testing.assert_array_equal(found.values, data[1, :6:2, :3])
    assert str(tools.head(array, count=1)) == "0"
    scalar = zarr.create_array({}, data=np.array(5))
    assert str(tools.head(scalar)) == "5"
    with pytest.raises(ValueError, match="count must be"):
        tools.head(array, count=0)
    with pytest.raises(ValueError, match="without lists"):
        tools.head(array, select="[0]")


def test_wrong_places_and_selections_are_refused() -> None:
    root = zarr.create_group({})
    array = root.create_array("a", data=np.arange(4))
    with pytest.raises(TypeError, match="is a group"):
        tools.cat(root)
    with pytest.raises(IndexError, match="out of bounds"):
        tools.cat(array, select="4", write=print)
    with pytest.raises(IndexError, match="2 dimensions"):
        tools.cat(array, select="1, 1", write=print)
    with pytest.raises(ValueError, match="format must be"):
        tools.cat(array, format="xml")  # type: ignore[arg-type]


def test_a_large_part_is_never_in_memory_as_a_whole() -> None:
    array = zarr.create_array({}, shape=(1 << 16, 1 << 14), chunks=(64, 1 << 14), dtype="f8")
    seen = 0

    class Enough(Exception):
        pass

    def write(part: bytes | str) -> None:
        nonlocal seen
        seen += len(part)
        if seen > 64 << 20:
            raise Enough

    # All of it has 8 TiB of elements.
    with pytest.raises(Enough):
        tools.cat(array, format="npy", write=write)
