"""Strings that the engine keeps, and strings that NumPy keeps, are the same strings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr import _core
from zarr.codecs import vlen as strings
from zarr.codecs.vlen import StringTable

STRING = np.dtypes.StringDType()
TEXTS = st.lists(st.text(max_size=4) | st.text("aé\0", max_size=40), max_size=30)


@pytest.fixture(params=["in the array", "by NumPy"])
def way(request: Any, monkeypatch: Any) -> None:
    """Both ways to NumPy's strings; the second is for another NumPy."""
    assert strings.stands_in_array()
    if request.param == "by NumPy":
        monkeypatch.setattr(strings, "stands_in_array", lambda: False)


@pytest.mark.usefixtures("way")
def test_both_ways_give_the_same_strings() -> None:
    @given(texts=TEXTS, more=TEXTS, fill=st.text(max_size=2), writing=st.booleans())
    def check(texts: list[str], more: list[str], fill: str, writing: bool) -> None:
        table = StringTable(True, STRING, fill, writing=writing)
        numbers = [table.number(np.array(part, STRING)) for part in (texts, more)]
        mixed = np.concatenate(numbers)[::-1]
        expected = [*texts, *more][::-1]
        assert table.elements(mixed).tolist() == expected
        used = np.array(["x" * 30] * len(expected), STRING)
        table.place(mixed, used)
        assert used.tolist() == expected
        spread = np.zeros(2 * len(expected), STRING)[::2]
        table.place(mixed, spread)
        assert spread.tolist() == expected
        if writing:
            fills = [number.tobytes() == table.fill_number for number in mixed]
            assert fills == [text == fill for text in expected]

    check()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("longest", [3, 15, 16, 200])
def test_many_strings_come_back(longest: int) -> None:
    texts = [("é" if i % 7 else "x") * (i % longest) for i in range(20_000)]
    array: Any = zarr.create_array({}, shape=20_000, chunks=3_000, dtype=str)
    array[:] = np.array(texts, STRING)
    assert array[:].tolist() == texts
    assert array[5::9].tolist() == texts[5::9]
    assert array.oindex[np.arange(20_000)[::-7]].tolist() == texts[::-7]
    out = np.array(["kept elsewhere, as it is long"] * 20_000, STRING)
    array.get_basic_selection(out=out)
    assert out.tolist() == texts


def test_much_is_read_in_parts_where_little_is_selected(monkeypatch: Any) -> None:
    texts = np.array([f"text {i}" for i in range(6_000)], STRING).reshape(60, 100)
    array: Any = zarr.create_array({}, data=texts, chunks=(7, 90))
    tables = []
    make = StringTable.__init__

    def counted(self: Any, *arguments: Any, **options: Any) -> None:
        tables.append(self)
        make(self, *arguments, **options)

    monkeypatch.setattr("zarr.arrays.read._KEPT", 10_000)
    monkeypatch.setattr(StringTable, "__init__", counted)
    assert array[::9, 3].tolist() == texts[::9, 3].tolist()
    assert len(tables) > 3
    assert array[5, ::17].tolist() == texts[5, ::17].tolist()
    assert array[1:60:20, ::33].tolist() == texts[1:60:20, ::33].tolist()
    rows = np.array([50, 3, 3, 17])
    assert array.oindex[rows, [4]].tolist() == texts[rows][:, [4]].tolist()
    out = np.zeros((7, 2), STRING)[:, 0]
    array.get_basic_selection((slice(None, None, 9), 3), out=out)
    assert out.tolist() == texts[::9, 3].tolist()
    tables.clear()
    assert array[...].tolist() == texts.tolist()
    assert len(tables) == 1


def test_strings_outlive_what_they_were_made_of() -> None:
    array: Any = zarr.create_array({}, shape=1000, chunks=100, dtype=str)
    array[:] = [str(i) for i in range(1000)]
    found = array[:]
    copy = found.copy()
    found[::2] = "a string that is kept elsewhere " * 3
    array[:] = "y"
    assert copy.tolist() == [str(i) for i in range(1000)]
    assert found[1::2].tolist() == copy[1::2].tolist()


@pytest.mark.parametrize("longest", [3, 15, 16, 200])
def test_strings_are_put_into_memory_for_objects(longest: int) -> None:
    texts = [("é" if i % 7 else "x") * (i % longest) for i in range(2_000)]
    array: Any = zarr.create_array({}, shape=(40, 50), chunks=(7, 50), dtype=str, fill_value="f")
    array[:30] = np.array(texts[:1500], STRING).reshape(30, 50)
    expected = np.array(texts[:1500] + ["f"] * 500, object).reshape(40, 50)
    for out in (np.empty((40, 50), object), np.full((50, 40), 7, object).T):
        array.get_basic_selection(out=out)
        assert (out == expected).all()
        assert {type(item) for item in out.flat} == {str}


def test_the_engine_takes_arrays_of_strings_only() -> None:
    heap = _core.Heap(True, b"", False)
    numbers = np.frombuffer(heap.number(["a", "b"]), "V16")

    class Odd(np.ndarray):
        pass

    wrong: list[Any] = [
        np.zeros(2, "V16"),
        np.empty(2, object),
        np.empty(4, STRING)[::2],
        np.empty(2, STRING).view(Odd),
        ["a", "b"],
    ]
    for out in wrong:
        with pytest.raises((TypeError, ValueError)):
            heap.pack(numbers, out, True, False)
        with pytest.raises((TypeError, ValueError)):
            heap.load(out)
    read_only = np.empty(2, STRING)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="contiguous"):
        heap.pack(numbers, read_only, True, False)
    with pytest.raises(RuntimeError, match="as many"):
        heap.pack(numbers, np.empty(3, STRING), True, False)
    with pytest.raises(RuntimeError, match="beyond the end"):
        heap.pack(numbers, np.empty(1, STRING), False, False)
    bogus = np.full(2, 7, "u1").repeat(16).view("V16")
    with pytest.raises(RuntimeError, match="reference"):
        heap.pack(bogus, np.empty(2, STRING), False, False)


def test_missing_elements_stay_apart_from_empty_ones() -> None:
    table = StringTable(False, np.dtype(object), None, writing=True)
    array = np.array([b"", None, b"a", 0], object)
    numbers = table.number(array)
    assert [n.tobytes() == table.fill_number for n in numbers] == [False, True, False, True]
    assert table.elements(numbers).tolist() == [b"", None, b"a", None]


@pytest.mark.filterwarnings("ignore:.*variable_length_bytes")
@pytest.mark.parametrize("fill", [None, b"", b"x"])
def test_chunks_of_nothing_but_fill_are_not_stored(fill: Any) -> None:
    store: dict[str, Any] = {}
    array: Any = zarr.create_array(
        store, shape=4, chunks=2, dtype=zarr.dtype.VariableLengthBytes(), fill_value=fill
    )
    array[:2] = b"y"
    array[:] = array.fill_value
    assert not [key for key in store if key.startswith("c/")]
    assert array[:].tolist() == [array.fill_value] * 4


def test_objects_are_placed_in_arrays_of_objects_only() -> None:
    heap = _core.Heap(False, b"", False)
    numbers = np.frombuffer(heap.number([b"a", b"b"]), "V16")
    for out in (np.zeros(2, "i8"), np.empty(3, object), np.empty(4, object)[::2]):
        with pytest.raises((ValueError, BufferError)):
            heap.place(numbers, b"", out)
    bogus = np.full(2, 7, "u1").repeat(16).view("V16")
    with pytest.raises(RuntimeError, match="reference"):
        heap.items(bogus, b"")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7), st.sampled_from([0, 1, 14, 15, 16, 17, 30, 254, 255, 256, 257, 3000])
        ),
        max_size=40,
    )
)
def test_strings_that_were_changed_in_memory_are_the_last_ones(changes: list[Any]) -> None:
    """NumPy keeps a string elsewhere, or where a longer one was, once it was changed."""
    texts = np.array(["", "a", "x" * 15, "y" * 16, "z" * 300, "", "é" * 7, "w" * 40], STRING)
    for index, length in changes:
        texts[index] = "abcdefg"[index % 7] * length
    expected = texts.tolist()
    array: Any = zarr.create_array({}, shape=8, chunks=3, dtype=str)
    array[:] = texts
    assert array[:].tolist() == expected
    array.get_basic_selection(out=texts)  # over strings of all kinds
    assert texts.tolist() == expected
    texts[:] = "short"
    array.get_basic_selection(out=texts)
    assert texts.tolist() == expected


def test_types_of_strings_with_missing_ones_go_the_safe_way() -> None:
    array: Any = zarr.create_array({}, shape=3, dtype=str)
    for missing in (None, np.nan, "none"):
        dtype = np.dtypes.StringDType(na_object=missing)
        assert dtype != STRING  # so that no memory of it is touched
        array[:] = np.array(["a", "b" * 30, "c"], dtype)
        assert array[:].tolist() == ["a", "b" * 30, "c"]
        out = np.array([missing, "x" * 40, missing], dtype)
        array.get_basic_selection(out=out)
        assert out.tolist() == ["a", "b" * 30, "c"]
