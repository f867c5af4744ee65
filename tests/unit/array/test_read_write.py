"""Reading and writing: results, types, broadcasting, refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.buffer import cpu
from zarr.errors import BoundsCheckError, ChunkNotFoundError, VindexInvalidSelectionError
from zarr.storage import MemoryStore
from zarr.testing.faults import FaultyStore

DATA = np.arange(30, dtype="i4").reshape(6, 5)


@pytest.fixture
def array(store: Any) -> Any:
    """An array of 6 × 5 numbers."""
    return zarr.create_array(store, data=DATA, chunks=(4, 2))


@pytest.mark.parametrize(
    ("selection", "kind"),
    [
        ((0, 1), np.ndarray),
        ((np.int64(0), 1), np.int32),
        ((0, 1, ...), np.int32),
        ((0,), np.ndarray),
        (..., np.ndarray),
    ],
)
def test_one_element_is_a_scalar_or_an_array_without_axes(
    array: Any, selection: Any, kind: Any
) -> None:
    assert type(array[selection]) is kind
    np.testing.assert_array_equal(array[selection], DATA[selection])


def test_basic_selections_of_one_element_are_scalars(array: Any) -> None:
    assert type(array.get_basic_selection((0, 1))) is np.int32
    assert type(asyncio.run(array.async_array.getitem((0, 1)))) is np.int32
    assert type(array.oindex[0, 1]) is np.ndarray
    assert array.vindex[0, 1].shape == (1,)


def test_an_array_without_axes_holds_one_element() -> None:
    array = zarr.create_array({}, shape=(), dtype="f8", fill_value=2.5)
    assert array[()] == array[...] == 2.5
    array[()] = 4
    assert isinstance(array[()], np.float64)
    assert (array[()], float(np.asarray(array))) == (4.0, 4.0)
    with pytest.raises(IndexError):
        array[0]


def test_it_converts_to_numpy(array: Any) -> None:
    np.testing.assert_array_equal(np.asarray(array), DATA)
    assert np.asarray(array, dtype="f8").dtype == "f8"
    assert np.sum(array) == DATA.sum()
    with pytest.raises(ValueError, match="copy"):
        np.array(array, copy=False)
    np.testing.assert_array_equal(np.array(list(array)), DATA)


@pytest.mark.parametrize(
    ("method", "selection", "error"),
    [
        ("__getitem__", 6, BoundsCheckError),
        ("__getitem__", (0, 0, 0), IndexError),
        ("__getitem__", 1.5, IndexError),
        ("__getitem__", "x", IndexError),
        ("get_basic_selection", [1], IndexError),
        ("get_orthogonal_selection", ([7], 0), BoundsCheckError),
        ("get_coordinate_selection", ([1],), IndexError),
        ("get_mask_selection", np.ones(3, bool), IndexError),
        ("get_block_selection", 2, BoundsCheckError),
    ],
)
def test_impossible_selections_are_refused(
    array: Any, method: str, selection: Any, error: Any
) -> None:
    with pytest.raises(error):
        getattr(array, method)(selection)
    with pytest.raises(VindexInvalidSelectionError):
        array.vindex[1:3]


@pytest.mark.parametrize(
    ("selection", "value"),
    [
        (0, np.arange(5)[None]),
        ((slice(None), 1), 7),
        (np.s_[:], np.arange(6)[:, None]),
        (0, [1.9, 2, 3, 4, 5]),
        (np.s_[::2, ::3], -1),
        (0, "3"),
        (0, True),
        (np.s_[0:0], np.zeros((0, 5))),
        (DATA > 20, 0),
        (([0, 2], [1, 3]), [100, 200]),
    ],
)
def test_values_are_cast_and_broadcast(array: Any, selection: Any, value: Any) -> None:
    expected = DATA.copy()
    expected[selection] = np.asarray(value).astype("i4")
    array[selection] = value
    np.testing.assert_array_equal(array[:], expected)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([1, 2], ValueError),
        (np.ones((2, 5)), ValueError),
        ("abc", ValueError),
        (None, TypeError),
        (2**40, OverflowError),
        (float("nan"), ValueError),
    ],
)
def test_values_that_do_not_fit_change_nothing(array: Any, value: Any, error: Any) -> None:
    with pytest.raises(error):
        array[0] = value
    np.testing.assert_array_equal(array[:], DATA)


def test_a_zarr_array_is_written_like_any_other(array: Any) -> None:
    other = zarr.create_array({}, data=DATA * 2, chunks=(3, 3))
    array[:] = other
    np.testing.assert_array_equal(array[:], DATA * 2)
    array[...] = array
    np.testing.assert_array_equal(array[:], DATA * 2)


def test_a_zarr_array_selects_like_any_other(array: Any) -> None:
    rows = zarr.array([1, 4])
    np.testing.assert_array_equal(array.oindex[rows, 2], DATA[[1, 4], 2])
    np.testing.assert_array_equal(array.vindex[rows, rows], DATA[[1, 4], [1, 4]])
    found = asyncio.run(array.async_array.oindex.getitem((rows, slice(None))))
    np.testing.assert_array_equal(found, DATA[[1, 4]])


def test_every_selection_has_its_method(array: Any) -> None:
    expected = DATA.copy()
    mask = DATA % 7 == 0
    array.set_basic_selection(np.s_[1, :2], [70, 71])
    expected[1, :2] = [70, 71]
    array.set_orthogonal_selection(([0, 3], slice(0, 2)), [[1, 2], [3, 4]])
    expected[np.ix_([0, 3], [0, 1])] = [[1, 2], [3, 4]]
    array.set_coordinate_selection(([5, 5], [0, 1]), [8, 9])
    expected[[5, 5], [0, 1]] = [8, 9]
    array.set_mask_selection(mask, -5)
    expected[mask] = -5
    array.set_block_selection((1, 2), 99)
    expected[4:, 4:] = 99
    np.testing.assert_array_equal(array[:], expected)
    np.testing.assert_array_equal(array.get_mask_selection(mask), expected[mask])
    np.testing.assert_array_equal(array.get_block_selection((0, 1)), expected[:4, 2:4])


# -- where results go ---------------------------------------------------------------------------


def test_out_takes_an_array_or_a_buffer(array: Any) -> None:
    for order in "CF":
        out = np.empty((6, 5), "i4", order=order)  # type: ignore[call-overload]
        assert array.get_basic_selection(out=out) is out
        np.testing.assert_array_equal(out, DATA)
    buffer = cpu.NDBuffer.create(shape=(2, 2), dtype="i4")
    found = array.get_orthogonal_selection(([0, 1], [1, 2]), out=buffer)
    assert found is buffer.as_ndarray_like()
    np.testing.assert_array_equal(buffer.as_numpy_array(), DATA[:2, 1:3])
    wide = np.zeros((2, 2), "f8", order="F")
    array.get_coordinate_selection((np.array([[0, 1], [2, 3]]), 1), out=wide)
    np.testing.assert_array_equal(wide, DATA[:4, 1].reshape(2, 2))


def test_out_is_checked(array: Any) -> None:
    frozen = np.empty((6, 5), "i4")
    frozen.flags.writeable = False
    for out, error in (
        (np.empty((6, 4), "i4"), ValueError),
        (frozen, ValueError),
        ([1, 2], TypeError),
        (np.empty((6, 5), "?"), TypeError),
    ):
        with pytest.raises(error):
            array.get_basic_selection(out=out)


def test_the_prototype_says_what_is_returned(array: Any) -> None:
    class Mine(np.ndarray[Any, Any]):
        pass

    class Buffer(cpu.NDBuffer):
        @classmethod
        def empty(cls, shape: Any, dtype: Any, order: Any = "C") -> Any:
            return cls(np.empty(shape, dtype, order).view(Mine))

    prototype = cpu.buffer_prototype._replace(nd_buffer=Buffer)
    assert type(array.get_basic_selection(prototype=prototype)) is Mine
    assert type(asyncio.run(array.async_array.getitem(..., prototype=prototype))) is Mine


def test_memory_order_is_as_configured() -> None:
    array = zarr.create_array({}, data=DATA, chunks=(4, 2), config={"order": "F"})
    assert array[...].flags.f_contiguous
    assert array[1:3].flags.f_contiguous
    points = array.vindex[[[0, 1], [1, 2]], [[0, 1], [1, 2]]]
    np.testing.assert_array_equal(points, [[0, 6], [6, 12]])


# -- fields -------------------------------------------------------------------------------------


def test_fields_are_read_and_written_by_name() -> None:
    dtype = np.dtype([("a", "i4"), ("b", "f8"), ("c", "u1")])
    array: Any = zarr.create_array({}, shape=(4,), chunks=(3,), dtype=dtype)
    array[:] = [(1, 1.5, 1), (2, 2.5, 2), (3, 3.5, 3), (4, 4.5, 4)]
    assert array["a"].tolist() == [1, 2, 3, 4]
    assert array["b", 1:3].tolist() == [2.5, 3.5]
    assert array["a", "c"].dtype.names == ("a", "c")
    assert array.get_basic_selection(0, fields="b") == 1.5
    assert array.get_orthogonal_selection([0, 3], fields=["c", "a"]).tolist() == [(1, 1), (4, 4)]
    array.set_basic_selection(slice(0, 2), 7, fields="a")
    array["c", 3] = 9
    assert array[:].tolist() == [(7, 1.5, 1), (7, 2.5, 2), (3, 3.5, 3), (4, 4.5, 9)]
    with pytest.raises(IndexError, match="field not found"):
        array["x"]
    out = np.empty(4, "i4")
    array.get_basic_selection(fields="a", out=out)
    assert out.tolist() == [7, 7, 3, 4]


# -- chunks that are not stored -----------------------------------------------------------------


def test_missing_chunks_are_fill_values_or_an_error(tmp_path: Any) -> None:
    array = zarr.create_array(tmp_path, shape=(6,), chunks=(2,), dtype="i4", fill_value=9)
    array[2:4] = 1
    assert array[:].tolist() == [9, 9, 1, 1, 9, 9]
    strict = array.with_config({"read_missing_chunks": False})
    assert strict[2:4].tolist() == [1, 1]
    with pytest.raises(ChunkNotFoundError, match="c/0"):
        strict[:]


def test_empty_chunks_are_stored_only_if_asked_for() -> None:
    array: Any = zarr.create_array({}, shape=(6,), chunks=(2,), dtype="f4", fill_value=0)
    array[:] = [0, 0, 1, 1, 0, 0]
    assert array.nchunks_initialized == 1
    array[:] = 0
    assert array.nchunks_initialized == 0
    array[:2] = -0.0
    assert np.signbit(array[:2]).all()
    array.with_config({"write_empty_chunks": True})[:] = 0
    assert array.nchunks_initialized == 3


# -- elements without a fixed size --------------------------------------------------------------


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_strings_are_read_and_written_by_every_selection(zarr_format: Any) -> None:
    model = np.array([f"word {n} " * (n % 3) for n in range(35)], dtype=object).reshape(7, 5)
    array: Any = zarr.create_array(
        {}, shape=(7, 5), chunks=(3, 2), dtype=str, zarr_format=zarr_format
    )
    array[:] = model
    np.testing.assert_array_equal(array[:].astype(object), model)
    np.testing.assert_array_equal(array[::2, 3].astype(object), model[::2, 3])
    np.testing.assert_array_equal(
        array.oindex[[4, 1], [0, 3, 3]].astype(object), model[np.ix_([4, 1], [0, 3, 3])]
    )
    np.testing.assert_array_equal(
        array.vindex[[4, 1], [0, 3]].astype(object), model[[4, 1], [0, 3]]
    )
    array[2:5, 1] = "x"
    model[2:5, 1] = "x"
    array.oindex[[0, 6], [0, 4]] = [["a", "b"], ["c", "d"]]
    model[np.ix_([0, 6], [0, 4])] = [["a", "b"], ["c", "d"]]
    np.testing.assert_array_equal(array[:].astype(object), model)
    assert array.get_basic_selection((0, 0)) == "a"


def test_strings_in_shards() -> None:
    array: Any = zarr.create_array({}, shape=(20,), chunks=(3,), shards=(9,), dtype=str)
    model = np.array([str(n) * n for n in range(20)], dtype=object)
    array[:] = model
    array[4:7] = ["", "y", "z"]
    model[4:7] = ["", "y", "z"]
    np.testing.assert_array_equal(array[:].astype(object), model)


@pytest.mark.parametrize("step", [2**31, 2**63 - 1, 2**63, 2**64, 2**100])
def test_a_step_beyond_the_array_selects_the_first(step: int) -> None:
    array: Any = zarr.create_array({}, data=DATA, chunks=(4, 2))
    for rows in (slice(0, None, step), slice(3, None, step), slice(9, None, step)):
        np.testing.assert_array_equal(array[rows, 1:], DATA[rows, 1:])
        np.testing.assert_array_equal(array.oindex[rows, [0, 2]], DATA[rows][:, [0, 2]])
        array[rows] = 7
        expected = array[:]
        expected[rows] = 7
        np.testing.assert_array_equal(array[:], expected)


@pytest.mark.parametrize("options", [{"chunks": (4, 2)}, {"chunks": (5, 5)}, {"chunks": (1, 5)}])
def test_iteration_reads_each_chunk_once(options: Any) -> None:
    store = FaultyStore(MemoryStore())
    array: Any = zarr.create_array(store, data=DATA, **options)
    store.requests.clear()
    rows = list(array)
    reads = [request.key for request in store.requests if request.method == "get"]
    assert len(reads) == len(set(reads)) == array.nchunks
    assert [row.tolist() for row in rows] == DATA.tolist()
    for row, expected in zip(rows, (array[i] for i in range(len(DATA))), strict=True):
        assert type(row) is type(expected)
        assert (row.shape, row.dtype) == (expected.shape, expected.dtype)
    rows[0][...] = -1
    np.testing.assert_array_equal(rows[1], DATA[1])


def test_iteration_yields_elements_as_indexing_does() -> None:
    arrays: list[Any] = [
        np.arange(7),
        np.array(["a", "bc", ""], dtype="U2"),
        np.array([(1, 2.5), (3, 4.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.zeros((0, 3)),
        np.zeros((2, 0)),
        np.array(["2020", "2021"], dtype="M8[D]"),
    ]
    for data in arrays:
        array = zarr.create_array({}, data=data, chunks=tuple(max(1, n // 2) for n in data.shape))
        found = list(array)
        assert len(found) == len(data)
        for index, element in enumerate(found):
            expected: Any = array[index]
            assert type(element) is type(expected) is np.ndarray
            assert element.dtype == expected.dtype
            np.testing.assert_array_equal(element, expected)
    assert list(zarr.create_array({}, data=np.array(5))) == []


def test_iteration_ends_where_the_array_does() -> None:
    array = zarr.create_array({}, data=np.arange(10), chunks=(3,))
    found = []
    for element in array:
        found.append(int(element))
        if element == 4:
            array.resize((7,))
    assert found == list(range(7))
