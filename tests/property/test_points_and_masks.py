"""Points and masks mean what they mean in NumPy, whatever memory they are in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr
from support.stores import STORE_KINDS, make_store_of
from zarr.errors import BoundsCheckError

LAYOUTS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (4, 5)},
    "one chunk": {"chunks": (40, 40)},
    "shards": {"chunks": (3, 4), "shards": (6, 12)},
    "one shard": {"chunks": (3, 4), "shards": (24, 24)},
    "transposed": {"chunks": (4, 5), "filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
    "uncompressed": {"chunks": (20, 1), "compressors": None},
}
SHAPE = (20, 17)
QUICK = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def array_and_model(store: Any, layout: str, dtype: str = "i4") -> tuple[Any, npt.NDArray[Any]]:
    model = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)
    array = zarr.create_array(store, shape=SHAPE, dtype=dtype, **LAYOUTS[layout])
    array[...] = model
    return array, model


@st.composite
def laid_out(draw: st.DrawFn, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values in memory that is contiguous, strided, reversed, broadcast or transposed."""
    kind = draw(st.sampled_from(["as they are", "strided", "reversed", "unaligned", "transposed"]))
    if kind == "strided":
        wide = np.zeros((*values.shape, 3), values.dtype)
        wide[..., 1] = values
        return wide[..., 1]
    if kind == "reversed":
        return values[::-1].copy()[::-1]
    if kind == "unaligned":
        raw = np.zeros(values.nbytes + 1, "u1")
        moved = raw[1:].view(values.dtype).reshape(values.shape)
        moved[...] = values
        return moved
    if kind == "transposed":
        return np.asfortranarray(values)
    return values


@st.composite
def indices(draw: st.DrawFn, length: int, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Indices of any integer type and byte order; the negative ones count from the end."""
    dtype = np.dtype(draw(st.sampled_from(["i1", "u1", "<i2", ">i4", "<u4", "i8", ">u8"])))
    low = -length if dtype.kind == "i" else 0
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(low, length, shape).astype(dtype)
    if draw(st.booleans()):
        values.reshape(-1).sort()
    return draw(laid_out(values))


@st.composite
def points(draw: st.DrawFn) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    shape = draw(st.sampled_from([(0,), (1,), (5,), (700,), (40, 9), (3, 1, 5)]))
    one, other = shape, shape
    if draw(st.booleans()) and len(shape) > 1:  # they are broadcast against each other
        one, other = (shape[0], *(1 for _ in shape[1:])), (1, *shape[1:])
    return draw(indices(SHAPE[0], one)), draw(indices(SHAPE[1], other))


@st.composite
def masks(draw: st.DrawFn) -> npt.NDArray[np.bool_]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    mask = rng.random(SHAPE) < draw(st.sampled_from([0, 0.01, 0.3, 0.9, 1]))
    mask = draw(laid_out(mask))
    if draw(st.booleans()):  # any byte but zero is true
        bytes_of_mask = mask.view("u1")
        bytes_of_mask[bytes_of_mask != 0] = draw(st.integers(1, 255))
    return mask


@pytest.mark.parametrize("layout", LAYOUTS)
@QUICK
@given(data=st.data())
def test_points_of_any_memory_are_those_of_numpy(layout: str, data: st.DataObject) -> None:
    array, model = array_and_model({}, layout)
    chosen = data.draw(points())
    given_before = [axis.copy() for axis in chosen]
    np.testing.assert_array_equal(array.vindex[chosen], model[chosen])
    np.testing.assert_array_equal(array.get_coordinate_selection(chosen), model[chosen])
    value = np.arange(model[chosen].size, dtype="i4").reshape(model[chosen].shape) + 1000
    array.vindex[chosen] = value  # of two values for one element the later one stays
    model[chosen] = value
    np.testing.assert_array_equal(array[...], model)
    array.vindex[chosen] = -1
    model[chosen] = -1
    np.testing.assert_array_equal(array[...], model)
    for before, after in zip(given_before, chosen, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("layout", LAYOUTS)
@QUICK
@given(data=st.data())
def test_masks_of_any_memory_are_those_of_numpy(layout: str, data: st.DataObject) -> None:
    array, model = array_and_model({}, layout)
    mask = data.draw(masks())
    expected = model[mask != 0]
    for found in (array.vindex[mask], array[mask], array.get_mask_selection(mask)):
        np.testing.assert_array_equal(found, expected)
    value = np.arange(expected.size, dtype="i4") + 1000
    array.vindex[mask] = value
    model[mask != 0] = value
    np.testing.assert_array_equal(array[...], model)
    array[mask] = 5
    model[mask != 0] = 5
    np.testing.assert_array_equal(array[...], model)


@pytest.mark.parametrize("kind", STORE_KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_and_masks_are_read_and_written_in_any_store(
    kind: Any, layout: str, tmp_path: Any
) -> None:
    array, model = array_and_model(make_store_of(kind, tmp_path), layout)
    rng = np.random.default_rng(1)
    chosen = tuple(rng.integers(-n, n, 500) for n in SHAPE)
    mask = rng.random(SHAPE) < 0.4
    np.testing.assert_array_equal(array.vindex[chosen], model[chosen])
    np.testing.assert_array_equal(array[mask], model[mask])
    array.vindex[chosen] = np.arange(500)
    model[chosen] = np.arange(500)
    array[mask] = 3
    model[mask] = 3
    np.testing.assert_array_equal(array[...], model)


@pytest.mark.parametrize("rank", range(1, 7))
def test_points_and_masks_have_any_number_of_dimensions(rank: int) -> None:
    shape = (7, 3, 4, 2, 3, 5)[:rank]
    model = np.arange(np.prod(shape)).reshape(shape)
    for shards in (None, (4, 2, 2, 2, 2, 4)[:rank]):
        array = zarr.create_array(
            {}, shape=shape, chunks=(2, 2, 1, 2, 1, 2)[:rank], shards=shards, dtype="i8"
        )
        array[...] = model
        rng = np.random.default_rng(rank)
        chosen = tuple(rng.integers(-n, n, 300) for n in shape)
        mask = rng.random(shape) < 0.5
        np.testing.assert_array_equal(array.vindex[chosen], model[chosen])
        np.testing.assert_array_equal(array.get_mask_selection(mask), model[mask])
        changed = model.copy()
        array.vindex[chosen] = np.arange(300)
        changed[chosen] = np.arange(300)
        array.set_mask_selection(mask, -1)
        changed[mask] = -1
        np.testing.assert_array_equal(array[...], changed)


def test_fields_and_strings_are_taken_by_points_and_masks() -> None:
    rng = np.random.default_rng(2)
    mask = rng.random(30) < 0.5
    chosen = rng.integers(-30, 30, 90)
    records = np.zeros(30, [("a", "i4"), ("b", "f8")])
    records["a"], records["b"] = np.arange(30), np.arange(30) / 7
    names = np.array([f"name {i}" for i in range(30)], dtype=object)
    table = zarr.create_array({}, data=records, chunks=(7,))
    strings = zarr.create_array({}, shape=(30,), chunks=(7,), dtype=str)
    strings[...] = names
    for selection in (mask, chosen):
        np.testing.assert_array_equal(table.vindex["b", selection], records["b"][selection])
        found = np.asarray(strings.vindex[selection], object)
        np.testing.assert_array_equal(found, names[selection])
    table.set_coordinate_selection((np.flatnonzero(mask) - 30,), 1.5, fields="b")
    records["b"][mask] = 1.5
    np.testing.assert_array_equal(table[...], records)
    strings.vindex[mask] = "other"
    names[mask] = "other"
    np.testing.assert_array_equal(np.asarray(strings[...], object), names)


def test_a_long_list_along_the_only_dimension_is_points(tmp_path: Any) -> None:
    model = np.arange(5000)
    array = zarr.create_array(tmp_path / "a", data=model, chunks=(64,), shards=(1024,))
    chosen = np.random.default_rng(3).integers(-5000, 5000, 20_000)
    np.testing.assert_array_equal(array.oindex[chosen], model[chosen])
    array.oindex[chosen] = np.arange(20_000)
    model[chosen] = np.arange(20_000)
    np.testing.assert_array_equal(array[...], model)


def test_the_result_may_take_the_place_of_the_indices() -> None:
    model = np.arange(100)[::-1].copy()
    array = zarr.create_array({}, data=model, chunks=(100,))
    chosen = np.random.default_rng(4).integers(0, 100, 700)
    expected = model[chosen]
    backwards = chosen[::-1]
    array.get_coordinate_selection((chosen,), out=backwards)
    np.testing.assert_array_equal(backwards, expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_point_outside_changes_nothing(layout: str) -> None:
    array, model = array_and_model({}, layout)
    for bad in (20, -21, 2**62, -(2**62)):
        chosen = (np.array([0, 1, bad]), np.array([0, 1, 2]))
        with pytest.raises(BoundsCheckError, match=str(bad)):
            array.vindex[chosen]
        with pytest.raises(BoundsCheckError, match=str(bad)):
            array.vindex[chosen] = 0
    with pytest.raises(BoundsCheckError):
        array.vindex[np.array([2**64 - 1], "u8"), np.array([0])]
    with pytest.raises(BoundsCheckError):  # also where nothing is selected
        array.vindex[np.zeros((0, 1), int), np.array([17])]
    np.testing.assert_array_equal(array[...], model)


def test_points_that_are_all_of_a_chunk_replace_it_without_a_read() -> None:
    store = zarr.storage.MemoryStore()
    array = zarr.create_array(store, name="a", shape=(8, 8), chunks=(4, 4), dtype="i4")
    array[...] = 1
    key = next(key for key in store._store_dict if key.endswith("c/0/1"))
    store._store_dict[key] = zarr.core.buffer.cpu.Buffer.from_bytes(b"damaged")
    rows, columns = np.divmod(np.random.default_rng(5).permutation(64), 8)
    array.vindex[rows, columns] = rows * 8 + columns
    np.testing.assert_array_equal(array[...], np.arange(64).reshape(8, 8))
    store._store_dict[key] = zarr.core.buffer.cpu.Buffer.from_bytes(b"damaged")
    array[np.ones((8, 8), bool)] = 7
    np.testing.assert_array_equal(array[...], np.full((8, 8), 7))
