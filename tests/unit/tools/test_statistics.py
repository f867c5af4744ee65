"""Statistics of arrays: those of NumPy, whatever the chunks, the order and the workers."""

from __future__ import annotations

import json
import math
import random
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

import zarr
from support.stores import WaitingStore
from zarr import tools
from zarr.tools.see.histogram import histogram_of, merged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLOATS = st.floats(width=64, allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


@given(
    st.lists(FLOATS, min_size=1, max_size=30) | st.lists(INTEGERS, min_size=1, max_size=30),
    st.data(),
)
def test_histograms_of_parts_merge_to_that_of_all_in_any_order(
    values: list[Any], data: st.DataObject
) -> None:
    array = np.array(values)
    bins = data.draw(st.integers(2, 20))
    whole = histogram_of(array, bins)
    assert whole is not None
    assert len(whole.counts) <= bins
    assert sum(whole.counts) == len(values)
    assert whole.counts[0] > 0 < whole.counts[-1]
    edges = whole.edges()
    for low, high, number in zip(edges[:-1], edges[1:], whole.counts, strict=True):
        assert number == sum(low <= value < high for value in values)
    cut = data.draw(st.integers(0, len(values)))
    order = data.draw(st.permutations([array[:cut], array[cut:], array[:0]]))
    assert merged((histogram_of(part, bins) for part in order), bins) == whole


@pytest.fixture(autouse=True)
def small_blocks() -> Iterator[None]:
    with zarr.config.set({"tools.block_bytes": 256}):
        yield


DTYPES = ["i1", "u2", "i4", "u8", "i8", "f2", "f4", "f8", ">f8", ">i4"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_figures_are_those_of_numpy(dtype: str, zarr_format: Any) -> None:
    rng = np.random.default_rng(1)
    data = (rng.normal(0, 30, (17, 23)) + 50).clip(1, 120).astype(dtype)
    array = zarr.create_array({}, data=data, chunks=(5, 4), zarr_format=zarr_format)
    found = tools.stats(array)
    assert (found.minimum, found.maximum) == (data.min(), data.max())
    assert found.mean == pytest.approx(data.astype("f8").mean(), rel=1e-12)
    assert found.std == pytest.approx(data.astype("f8").std(), rel=1e-9)
    assert (found.elements, found.missing, found.infinite) == (data.size, 0, 0)
    assert sum(found.counts) == data.size
    assert 32 < len(found.counts) <= 64 or data.dtype.kind != "f"


@given(
    stn.arrays(
        st.sampled_from([np.dtype("f8"), np.dtype("f4")]),
        st.integers(1, 40),
        elements=st.floats(width=32, min_value=-(2.0**60), max_value=2.0**60),
    ),
    st.integers(1, 7),
)
def test_floats_are_counted_once_each(data: Any, chunk: int) -> None:
    found = tools.stats(zarr.create_array({}, data=data, chunks=chunk))
    assert (found.minimum, found.maximum) == (data.min(), data.max())
    assert sum(found.counts) == data.size
    scale = float(np.abs(data).max()) or 1.0
    assert found.mean == pytest.approx(data.astype("f8").mean(), abs=1e-12 * scale)
    assert found.std == pytest.approx(data.astype("f8").std(), abs=1e-7 * scale)


def test_sums_of_large_integers_are_exact() -> None:
    for dtype, value in (("i8", 2**62), ("u8", 2**64 - 1), ("i8", -(2**63))):
        data = np.full(1000, value, dtype)
        data[0] = 0
        found = tools.stats(zarr.create_array({}, data=data, chunks=64))
        assert found.mean == value * 999 / 1000


def test_huge_floats_do_not_overflow() -> None:
    data = np.array([1.7e308, 1.7e308, -1.7e308, 1.6e308])
    found = tools.stats(zarr.create_array({}, data=data, chunks=4))
    assert found.mean == pytest.approx(8.25e307)
    assert sum(found.counts) == 4
    assert str(found)


def test_nan_is_counted_apart_and_infinity_as_numpy_has_it() -> None:
    data = np.array([np.nan, 1.0, 2.0, np.nan, 4.0])
    found = tools.stats(zarr.create_array({}, data=data, chunks=2, fill_value=np.nan))
    assert (found.missing, found.fill, found.minimum, found.maximum) == (2, 2, 1.0, 4.0)
    assert found.mean == np.nanmean(data)
    found = tools.stats(zarr.create_array({}, data=np.array([1.0, np.inf, 3.0]), chunks=1))
    assert (found.infinite, found.mean, found.maximum) == (1, math.inf, math.inf)
    assert math.isnan(found.std)
    assert sum(found.counts) == 2
    assert json.loads(found.to_json())["mean"] == "Infinity"
    found = tools.stats(zarr.create_array({}, data=np.full(3, np.nan)))
    assert (found.missing, found.minimum, found.mean, found.counts) == (3, None, None, ())


def test_chunks_that_are_not_stored_count_as_fill_and_are_not_read() -> None:
    store = WaitingStore()
    array = zarr.create_array(store, shape=(100, 100), chunks=(10, 10), dtype="i2", fill_value=-1)
    array[:10, :15] = 3
    before = store.asked["get"]
    found = tools.stats(array)
    assert store.asked["get"] - before <= 3
    assert (found.elements, found.unstored, found.fill) == (10_000, 9800, 9850)
    assert (found.minimum, found.maximum) == (-1, 3)
    assert found.mean == array[...].mean()
    assert found.std == pytest.approx(array[...].std())


def test_each_kind_of_elements_has_the_figures_that_make_sense() -> None:
    def stats(data: Any, **options: Any) -> Any:
        return tools.stats(zarr.create_array({}, data=data, chunks=2, **options))

    flags = stats(np.array([True, False, True, True]))
    assert (flags.minimum, flags.maximum, flags.mean, flags.counts) == (False, True, 0.75, ())
    times = stats(np.array(["2020-01-01", "NaT", "2020-01-03"], "M8[D]"))
    assert times.minimum == np.datetime64("2020-01-01")
    assert times.maximum == np.datetime64("2020-01-03")
    assert (times.mean, times.missing) == (np.datetime64("2020-01-02"), 1)
    assert json.loads(times.to_json())["minimum"] == "2020-01-01"
    complexes = stats(np.array([1 + 1j, 3 - 1j]))
    assert (complexes.minimum, complexes.mean, complexes.counts) == (None, 2 + 0j, ())
    assert complexes.std == pytest.approx(np.std([1 + 1j, 3 - 1j]))
    for words in (np.array(["b", "", "ccc"]), np.array([b"b", b"", b"ccc"])):
        found = stats(words, zarr_format=2)
        assert (found.minimum, found.maximum) == ("", "ccc")
        assert (found.shortest, found.longest, found.mean) == (0, 3, None)
    variable = zarr.create_array({}, shape=3, dtype="string", chunks=2)
    variable[:] = np.array(["b", "a", "ccc"], dtype=object)
    found = tools.stats(variable)
    assert (found.minimum, found.maximum, found.longest) == ("a", "ccc", 3)
    records = np.array([(1, 0.5), (3, np.nan)], [("x", "i4"), ("y", "f8")])
    found = stats(records)
    assert found.minimum is None
    assert (found.fields["x"].mean, found.fields["y"].missing) == (2.0, 1)
    for each in (flags, times, complexes, found):
        assert str(each)


def test_small_types_have_figures_too() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    data = np.array([1, 2, 3.5], ml_dtypes.bfloat16)
    found = tools.stats(zarr.create_array({}, data=data))
    assert (found.minimum, found.maximum, found.mean) == (1.0, 3.5, pytest.approx(6.5 / 3))


def test_empty_arrays_and_scalars_have_what_there_is() -> None:
    found = tools.stats(zarr.create_array({}, shape=(0, 3), dtype="f4"))
    assert (found.elements, found.minimum, found.mean, found.counts) == (0, None, None, ())
    found = tools.stats(zarr.create_array({}, data=np.array(5)))
    assert (found.elements, found.minimum, found.std) == (1, 5, 0.0)


def test_any_executor_gives_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    array = zarr.create_array(
        tmp_path, data=rng.normal(size=(40, 40)), chunks=(7, 9), shards=(14, 18)
    )
    expected = tools.stats(array)
    with ThreadPoolExecutor(2) as executor:
        assert tools.stats(array, executor=executor) == expected
    with ProcessPoolExecutor(1) as executor:
        assert tools.stats(array, executor=executor) == expected


def test_a_store_that_waits_gives_the_same() -> None:
    data = np.random.default_rng(3).normal(size=(40, 40))
    expected = tools.stats(zarr.create_array({}, data=data, chunks=(7, 9)))
    found = tools.stats(zarr.create_array(WaitingStore(), data=data, chunks=(7, 9)))
    assert found.to_dict() | {"store": ""} == expected.to_dict() | {"store": ""}


def test_progress_counts_all_elements() -> None:
    array = zarr.create_array({}, shape=(50, 50), chunks=(5, 5), dtype="f8")
    array[:20] = 1
    told: list[tuple[int, int]] = []
    tools.stats(array, progress=lambda done, total: told.append((done, total)))
    assert told[0][1] == told[-1][0] == told[-1][1] == array.nbytes


def test_a_chunk_that_cannot_be_decoded_is_an_error() -> None:
    array = zarr.create_array({}, data=np.arange(100), chunks=10)
    values = array.store._store_dict
    values["c/3"] = type(values["c/3"]).from_bytes(b"nonsense")
    with pytest.raises(zarr.errors.ChunkDecodeError):
        tools.stats(array)


def test_wrong_parameters_are_refused() -> None:
    root = zarr.create_group({})
    with pytest.raises(TypeError, match="is a group"):
        tools.stats(root)
    array = root.create_array("a", shape=3, dtype="i4")
    for bins in (-1, 10**6):
        with pytest.raises(ValueError, match="bins must be"):
            tools.stats(array, bins=bins)
    assert tools.stats(array, bins=0).counts == ()


def test_the_order_of_chunks_changes_nothing() -> None:
    data = np.random.default_rng(4).normal(size=300) * 1e10
    parts = [data[at : at + 10] for at in range(0, 300, 10)]
    expected = merged((histogram_of(part, 50) for part in parts), 50)
    random.Random(5).shuffle(parts)
    assert merged((histogram_of(part, 50) for part in parts), 50) == expected
