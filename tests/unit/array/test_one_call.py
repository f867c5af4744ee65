"""Integers and slices are read in one call into the engine, with the results of the general way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr
from zarr.errors import BoundsCheckError, NegativeStepError

LENGTHS = st.integers(0, 7)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """Elements, how they are stored, and what is read of them."""
    shape = tuple(draw(st.lists(LENGTHS, max_size=4)))
    dtype = draw(st.sampled_from(["i1", ">i4", "f8", "c16", "S3", "U2", "M8[s]", "?"]))
    data = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    chunks = tuple(draw(st.integers(1, 4)) for _ in shape)
    options: dict[str, Any] = {"chunks": chunks, "config": {"order": draw(st.sampled_from("CF"))}}
    kind = draw(st.sampled_from(["plain", "format 2", "shards"]))
    if kind == "format 2":
        options["zarr_format"] = 2
    elif kind == "shards":
        options["shards"] = tuple(2 * size for size in chunks)
    bound = st.none() | st.integers(-9, 9)
    slices = st.builds(slice, bound, bound, st.none() | st.integers(1, 3))

    def item(length: int) -> Any:
        return draw(slices | st.integers(-length, length - 1) if length else slices)

    end = draw(st.integers(0, len(shape)))
    items = [item(length) for length in shape[:end]]
    if draw(st.booleans()):
        begin = draw(st.integers(end, len(shape)))
        items += [..., *(item(length) for length in shape[begin:])]
    selection = items[0] if len(items) == 1 and draw(st.booleans()) else tuple(items)
    return data, options, selection


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_brackets_give_what_the_general_way_gives(case: Any) -> None:
    data, options, selection = case
    array: Any = zarr.create_array({}, data=data, **options)
    found, general = array[selection], array.oindex[selection]
    assert found.shape == general.shape
    np.testing.assert_array_equal(found, data[selection])
    np.testing.assert_array_equal(found, general)
    if found.ndim > 0:
        assert found.dtype == general.dtype
        assert found.flags.writeable
        order = general.flags.c_contiguous, general.flags.f_contiguous
        assert (found.flags.c_contiguous, found.flags.f_contiguous) == order


def test_an_integer_for_each_axis_gives_an_array_and_an_ellipsis_a_scalar() -> None:
    array: Any = zarr.create_array({}, data=np.arange(6).reshape(2, 3))
    assert isinstance(array[1, 2], np.ndarray)
    assert isinstance(array[1, 2, ...], np.int64)
    assert isinstance(zarr.create_array({}, data=np.array(5))[()], np.int64)
    assert isinstance(zarr.create_array({}, data=np.array(5))[...], np.int64)


@pytest.mark.parametrize(
    ("selection", "error"),
    [
        (2, BoundsCheckError),
        ((0, -4), BoundsCheckError),
        (1 << 70, BoundsCheckError),
        ((0, 0, 0), IndexError),
        ((..., ...), IndexError),
        (slice(None, None, -1), NegativeStepError),
        (slice("a", None), TypeError),
        (1.5, IndexError),
    ],
)
def test_selections_that_are_wrong_are_refused(selection: Any, error: Any) -> None:
    array: Any = zarr.create_array({}, data=np.arange(6).reshape(2, 3))
    with pytest.raises(error):
        array[selection]


def test_a_chunk_that_is_damaged_is_named(tmp_path: Any) -> None:
    array: Any = zarr.create_array(tmp_path, data=np.arange(6.0), chunks=3)
    (tmp_path / "c/1").write_bytes(b"no Zstandard")
    array[:3]
    with pytest.raises(zarr.errors.ChunkDecodeError, match="c/1"):
        array[4]


def test_what_is_read_follows_the_handle() -> None:
    array: Any = zarr.create_array({}, data=np.arange(6), chunks=2)
    assert array[5] == 5
    array.resize(4)
    with pytest.raises(BoundsCheckError):
        array[5]
    array.append(np.array([7, 8]))
    assert array[-1] == 8
    array.attrs["a"] = 1
    assert array[-1] == 8
    assert array.with_config({"read_missing_chunks": False})[-1] == 8


def test_a_setting_for_other_buffers_holds_at_once() -> None:
    from zarr.testing.buffer import NDBufferUsingTestNDArrayLike, TestNDArrayLike

    array: Any = zarr.create_array({}, data=np.arange(6), chunks=2)
    assert type(array[:3]) is np.ndarray
    zarr.registry.register_ndbuffer(NDBufferUsingTestNDArrayLike)
    name = f"{NDBufferUsingTestNDArrayLike.__module__}.{NDBufferUsingTestNDArrayLike.__qualname__}"
    with zarr.config.set({"ndbuffer": name}):
        assert isinstance(array[:3], TestNDArrayLike)
    assert type(array[:3]) is np.ndarray


def test_metadata_that_are_not_cached_are_looked_at_before_each_read() -> None:
    store = zarr.storage.MemoryStore()
    zarr.create_array(store, data=np.arange(6), chunks=2)
    array: Any = zarr.open_array(store, cache_metadata=False)
    assert array.shape == (6,)
    zarr.open_array(store).resize(3)
    with pytest.raises(BoundsCheckError):
        array[5]
