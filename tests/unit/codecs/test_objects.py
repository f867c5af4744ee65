"""Elements without a fixed size travel through an operation as numbers."""

from __future__ import annotations

from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import zarr
from zarr.codecs.vlen import ObjectTable, holds_objects
from zarr.dtype import PythonObject

DTYPES = [np.dtype(object), np.dtypes.StringDType()]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("O", True), (np.dtypes.StringDType(), True), ("U3", False), ("i4", False), ("V2", False)],
)
def test_types_whose_elements_lie_elsewhere_are_told(dtype: Any, expected: bool) -> None:
    assert holds_objects(np.dtype(dtype)) is expected


@given(
    parts=st.lists(st.lists(st.text(max_size=3), max_size=8), max_size=5),
    picks=st.lists(st.integers(min_value=0, max_value=10**6), max_size=30),
    dtype=st.sampled_from(DTYPES),
    writing=st.booleans(),
)
def test_numbers_give_back_their_elements(
    parts: list[list[str]], picks: list[int], dtype: Any, writing: bool
) -> None:
    table = ObjectTable(dtype, "", writing=writing)
    numbers, elements = [0], [""]
    for part in parts:
        numbered = table.number(np.array(part, dtype=dtype))
        numbers += numbered.tolist()
        elements += part
    chosen = [pick % len(numbers) for pick in picks]
    found = table.elements(np.array([numbers[place] for place in chosen], np.int64))
    assert found.dtype == dtype
    assert found.tolist() == [elements[place] for place in chosen]
    if writing:
        assert all(
            (number == 0) == (element == "")
            for number, element in zip(numbers, elements, strict=True)
        )


def test_shapes_are_kept() -> None:
    table = ObjectTable(np.dtype(object), None)
    array = np.array([["a", "b"], ["c", "d"]], dtype=object)
    numbers = table.number(array)
    assert numbers.shape == (2, 2)
    assert table.elements(numbers.T).tolist() == array.T.tolist()
    assert table.elements(np.empty((0, 3), np.int64)).shape == (0, 3)


@pytest.mark.parametrize("fill", ["", b"", 0, None, 1.5, ("a",)])
def test_elements_of_any_kind_may_meet_a_fill_value(fill: Any) -> None:
    table = ObjectTable(np.dtype(object), fill, writing=True)
    array = np.empty(6, dtype=object)
    array[:] = ["", b"", None, np.arange(3), 1.5, 0]
    found = table.elements(table.number(array))
    assert found[0] == ""
    np.testing.assert_array_equal(found[3], np.arange(3))
    assert table.elements(np.zeros(1, np.int64))[0] == fill


class _Boxed(np.ndarray):
    """An array of one object, as some packages hand out the scalars of their data types."""


class _Cell(np.ndarray):
    """An element that is an array, of a class of its own."""


class _Cells(PythonObject):
    """A data type whose fill value is such an element, boxed."""

    def cast_scalar(self, data: object) -> Any:
        box = np.empty((), object)
        cell = data.item() if isinstance(data, _Boxed) else np.asarray(data, "<u8").view(_Cell)
        box[()] = cell
        return box.view(_Boxed)

    def default_scalar(self) -> Any:
        return self.cast_scalar([])

    def to_json_scalar(self, data: Any, *, zarr_format: Any) -> Any:
        return data.item().tolist()


def _cells() -> Any:
    return zarr.create_array(
        {},
        shape=(6,),
        chunks=(3,),
        dtype=_Cells(object_codec_id="vlen-array"),
        filters=[numcodecs.VLenArray("<u8")],
        zarr_format=2,
    )


def test_a_fill_value_in_a_box_is_taken_out_of_it() -> None:
    array = _cells()
    assert [type(cell) for cell in array[:]] == [_Cell] * 6
    values = np.empty(3, object)
    for index in range(3):
        values[index] = np.arange(index, dtype="<u8")
    array[2:5] = values
    assert [list(cell) for cell in array[:]] == [[], [], [], [0], [0, 1], []]
    array.resize((7,))
    assert [list(cell) for cell in array[5:]] == [[], []]


def test_a_chunk_of_arrays_like_the_fill_value_is_not_stored() -> None:
    array = _cells()
    values = np.empty(3, object)
    for index in range(3):
        values[index] = np.empty(0, "<u8")
    array[0:3] = values
    assert "0" not in array.store._store_dict
    values[1] = np.zeros(1, "<u8")
    array[0:3] = values
    assert "0" in array.store._store_dict


def test_a_zero_with_a_sign_is_not_the_fill_value() -> None:
    table = ObjectTable(np.dtype(object), 0.0, writing=True)
    array = np.array([-0.0, 0.0, 1.0], dtype=object)
    assert table.number(array).tolist() == [1, 0, 3]
