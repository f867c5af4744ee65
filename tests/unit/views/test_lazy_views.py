"""Views: chosen without a request, read and written as the selection they stand for."""

from __future__ import annotations

import asyncio
import pickle
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from support.stores import WaitingStore
from zarr.storage import LocalStore, MemoryStore
from zarr.views import AsyncView, View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = np.arange(1, 601).reshape(20, 30)
KINDS: dict[str, dict[str, Any]] = {
    "format 3": {"chunks": (4, 7)},
    "shards": {"chunks": (4, 7), "shards": (8, 14)},
    "format 2": {"chunks": (4, 7), "zarr_format": 2},
}


@pytest.fixture(params=KINDS)
def kind(request: Any) -> dict[str, Any]:
    return KINDS[request.param]


def made(kind: dict[str, Any], store: Any = None) -> Any:
    store = MemoryStore() if store is None else store
    return zarr.create_array(store, data=DATA, **kind)


# -- nothing is read until it is asked for -------------------------------------------------------


def test_choosing_asks_the_store_for_nothing(kind: dict[str, Any]) -> None:
    store = WaitingStore()
    array = made(kind, store)
    store.log.clear()
    view = array.lazy[2:, ::-1].T[[3, 1]].astype("f4")[None].squeeze()
    view = zarr.concat([view, zarr.stack([view[0], view.oindex[0]])])
    view = view.vindex[[0, 2], [3, 4]].blocks[0]
    assert (view.shape, view.ndim, view.size, view.nbytes, len(view)) == ((2,), 1, 2, 8, 2)
    assert all(repr(one) and one.chunks == () for one in view)
    assert (view.fill_value, view.read_only) == (0, False)
    assert view == view[:]
    assert "<table" in view._repr_html_()
    assert store.log == []


SELECTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a box": (lambda v: v[3:9, 5], lambda a: a[3:9, 5]),
    "a box with steps": (lambda v: v[::5, 1::9], lambda a: a[::5, 1::9]),
    "backwards": (lambda v: v[8:2:-1, 5].T, lambda a: a[3:9, 5]),
    "a box of a box": (lambda v: v[2:, 4:].T[1:3, 4:9], lambda a: a[6:11, 5:7]),
    "an outer product": (
        lambda v: v.oindex[[1, 17], [28, 2]],
        lambda a: a.oindex[[1, 17], [28, 2]],
    ),
    "points": (lambda v: v.vindex[[1, 17], [28, 2]], lambda a: a.vindex[[1, 17], [28, 2]]),
    "a mask": (lambda v: v[DATA % 151 == 0], lambda a: a.vindex[DATA % 151 == 0]),
    "a block": (lambda v: v.blocks[1, 1:], lambda a: a.blocks[1, 1:]),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_view_makes_the_requests_of_the_selection(kind: dict[str, Any], name: str) -> None:
    store = WaitingStore()
    array = made(kind, store)
    choose, read = SELECTIONS[name]
    store.log.clear()
    read(array)
    expected = sorted(store.log)
    store.log.clear()
    choose(array.lazy).result()
    assert sorted(store.log) == expected


def test_whole_chunks_are_written_without_reading_them(kind: dict[str, Any]) -> None:
    store = WaitingStore()
    array = made(kind, store)
    store.log.clear()
    array.lazy[::-1].T[:14, -16:] = DATA[:14, :16]
    document = ".zarray" if kind.get("zarr_format") == 2 else "zarr.json"
    read = {key for method, key in store.log if method != "set"}
    assert read <= {document, ".zattrs"}
    np.testing.assert_array_equal(array[:16, :14], DATA[:14, :16].T[::-1])


def test_all_sources_of_a_joined_view_are_asked_together() -> None:
    stores = [WaitingStore(), WaitingStore()]
    arrays = [zarr.create_array(store, data=DATA, chunks=(20, 30)) for store in stores]
    met = False

    def keeps() -> bool:
        """No answer is given before both have been asked."""
        nonlocal met
        met = met or all(store.busy for store in stores)
        return not met

    for store in stores:
        store.keeps = keeps
    found = zarr.concat(arrays).result()
    np.testing.assert_array_equal(found, np.concatenate([DATA, DATA]))


# -- the size of a view --------------------------------------------------------------------------


def long_array(length: int) -> Any:
    return zarr.create_array({}, shape=(length, 3), chunks=(1000, 3), dtype="i4")


def test_ranges_of_any_length_have_the_same_size() -> None:
    def size(length: int) -> int:
        view = long_array(length).lazy[::-1][1:-1:3].T[None, :, ::-2]
        both = zarr.concat([view, view], axis=1)[0, 1, 5:]
        return len(pickle.dumps((view.async_view.expression, both.async_view.expression)))

    assert size(10**15) - size(10**4) < 400


def test_a_chain_of_selections_is_one_selection() -> None:
    view = long_array(10**6).lazy
    assert view[10:100][::2] == view[10:100:2]
    assert view[::-1][::-1] == view
    assert view == view.T.T
    assert view[[5, 1, 7]][[2, 0]] == view[[7, 5]]
    assert view[[2, 4, 6]] == view[2:7:2]
    assert view[1:] != view[2:]
    assert view.astype("f4") != view
    again = view
    for _ in range(5000):
        again = again[::-1]
    assert again == view


def test_joining_one_after_the_other_stays_flat() -> None:
    row = zarr.create_array({}, data=np.arange(3))
    view = row.lazy[:0]
    for number in range(1200):
        view = zarr.concat([view, row.lazy[number % 3 :][:1]])
    assert view.result().tolist() == [0, 1, 2] * 400


def test_a_pickled_view_reads_the_same(tmp_path: Path) -> None:
    array = made(KINDS["shards"], LocalStore(tmp_path / "a"))
    view = zarr.concat([array.lazy[::-1, [3, 1]], array.lazy[:2, :2]]).astype("f4")
    again = pickle.loads(pickle.dumps(view))
    assert again == view
    np.testing.assert_array_equal(again.result(), view.result())
    assert len(pickle.dumps(array.lazy[3:, ::-1])) < len(pickle.dumps(array)) + 700


@pytest.mark.parametrize(
    "select",
    [
        lambda v: v[::-1, ::-1],
        lambda v: v.T,
        lambda v: v.T[None, :, ::-2],
        lambda v: zarr.concat([v, v[::-1]], axis=1),
    ],
)
def test_elements_are_placed_without_a_second_copy(select: Any) -> None:
    array = zarr.create_array({}, shape=(2000, 1000), chunks=(100, 100), dtype="i4")
    array[...] = 5
    view = select(array.lazy)
    view[:1].result()
    tracemalloc.start()
    result = view.result()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.nbytes == view.nbytes
    assert peak < view.nbytes * 1.2


def test_many_elements_are_cast_lot_by_lot() -> None:
    array = zarr.create_array({}, shape=(16 << 10, 1 << 10), chunks=(1 << 10, 1 << 10), dtype="f8")
    array[5000] = 3
    view = array.lazy[100:, ::-1].astype("u1")
    both = zarr.concat([view[:8192], view[8192:]])
    for one in (view, both):
        one[:1].result()
        tracemalloc.start()
        result = one.result()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.flatnonzero(result.any(axis=1)).tolist() == [4900]
        assert peak < view.nbytes + (72 << 20)


# -- reading -------------------------------------------------------------------------------------


def test_numpy_takes_views() -> None:
    view, model = made(KINDS["format 3"]).lazy[::-1, 3:], DATA[::-1, 3:]
    assert np.sum(view) == model.sum()
    assert np.mean(view) == model.mean()
    assert np.add(view, 1).tolist() == (model + 1).tolist()
    assert (model - view == 0).all()
    assert np.transpose(view) == view.T
    assert np.asarray(view, "f4").dtype == np.float32
    assert np.array(view, copy=True).tolist() == model.tolist()
    with pytest.raises(ValueError, match="copy"):
        np.asarray(view, copy=False)
    assert np.from_dlpack(view).tolist() == model.tolist()
    with pytest.raises(BufferError):
        view.__dlpack__(copy=False)
    assert [row.result().tolist() for row in view] == model.tolist()


def test_one_element_is_a_number() -> None:
    one = made(KINDS["format 3"]).lazy[2, 3]
    assert (int(one), float(one), complex(one), bool(one)) == (64, 64.0, 64 + 0j, True)
    assert list(range(100))[one] == 64
    assert one.result().shape == ()
    with pytest.raises(TypeError, match="shape"):
        bool(made(KINDS["format 3"]).lazy)
    with pytest.raises(TypeError):
        len(one)


def test_a_view_that_cannot_tell_says_so() -> None:
    view = made(KINDS["format 3"]).lazy
    with pytest.raises(AttributeError, match=r"computes nothing.*numpy\.mean"):
        view.mean  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nothing'$"):
        view.nothing  # noqa: B018
    with pytest.raises(TypeError):
        view + 1
    with pytest.raises(TypeError):
        1 in view  # noqa: B015
    with pytest.raises(ValueError, match="cpu"):
        view.to_device("cuda")
    assert view.to_device(view.device) is view


def test_the_result_goes_where_the_caller_says() -> None:
    view = made(KINDS["shards"]).lazy[::-1].T
    out = np.zeros((30, 40), "f8")[:, ::2]
    assert view.result(out) is out
    np.testing.assert_array_equal(out, DATA[::-1].T)
    with pytest.raises(ValueError, match="shape"):
        view.result(np.zeros((20, 30)))
    with pytest.raises(TypeError, match="bool"):
        view.result(np.zeros((30, 20), "?"))
    fixed = np.zeros((30, 20))
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        view.result(fixed)


@pytest.mark.parametrize(
    "selection",
    [
        np.s_[:, [0, 1], ..., -1],
        np.s_[:, -1, ..., [0, 1]],
        np.s_[:, [0, 1], ..., [2, 0]],
        np.s_[None, :, [0, 1], ..., -1],
        np.s_[:, ..., [0, 1], -1],
        np.s_[:, [0, 1], -1, ...],
    ],
    ids=str,
)
def test_an_ellipsis_between_arrays_separates_them_as_in_numpy(selection: Any) -> None:
    """Though it stands for no dimension here."""
    values = np.arange(24).reshape(2, 3, 4)
    array: Any = zarr.create_array({}, data=values, chunks=2)
    np.testing.assert_array_equal(array.lazy[selection].result(), values[selection], strict=True)
    array.lazy[selection] = -values[selection]
    expected = values.copy()
    expected[selection] *= -1
    np.testing.assert_array_equal(array[:], expected)


def test_a_new_dimension_repeats_the_elements() -> None:
    view = made(KINDS["format 3"]).lazy[None][[0, 0, 0], 2:4]
    np.testing.assert_array_equal(view.result(), DATA[None][[0, 0, 0], 2:4])


def test_the_memory_order_is_that_of_the_array() -> None:
    array = zarr.create_array({}, data=DATA, chunks=(4, 7), config={"order": "F"})
    assert array.lazy[2:].result().flags.f_contiguous


@pytest.mark.parametrize(
    "selection",
    [(20,), (-21,), (0, 30), (0, 0, 0), ([20],), ([[True]],), ("x",), (1.5,), (..., ...), ([0.5],)],
)
def test_a_selection_out_of_bounds_or_of_another_kind_is_refused(selection: Any) -> None:
    view = made(KINDS["format 3"]).lazy
    with pytest.raises(IndexError):
        view[selection]


def test_a_point_of_integers_is_one_element() -> None:
    view = made(KINDS["format 3"]).lazy
    assert view.vindex[2, 3].result() == DATA[2, 3]
    assert view.vindex[2].shape == (30,)
    assert view.vindex[[1, 2], :, None].shape == (2, 30, 1)
    with pytest.raises(IndexError, match="points"):
        view.vindex[:]


def test_bad_dimensions_are_refused() -> None:
    view = made(KINDS["format 3"]).lazy
    for change in (
        lambda: view.transpose(0, 0),
        lambda: view.transpose(0, 2),
        lambda: view.squeeze(0),
        lambda: view[0].mT,
    ):
        with pytest.raises(ValueError, match="dimension|axes"):
            change()


def test_asynchronous_views_are_awaited() -> None:
    view = made(KINDS["format 3"]).async_array.lazy[::-1, 2]

    async def work() -> Any:
        await view[:2].write([7, 8])
        return await view.result()

    assert isinstance(view, AsyncView)
    assert asyncio.run(work()).tolist() == [7, 8, *DATA[-3::-1, 2].tolist()]
    with pytest.raises(TypeError, match="await"):
        np.asarray(view)
    both = asyncio.run(zarr.api.asynchronous.concat([view, view]))
    assert isinstance(both, AsyncView)
    assert isinstance(zarr.concat([view, view]), View)


# -- data types ----------------------------------------------------------------------------------

RECORDS = np.zeros((4, 3), [("x", "i4"), ("y", "f8"), ("z", [("p", "u1"), ("q", "u1")])])
RECORDS["x"] = np.arange(12).reshape(4, 3)


def test_fields_are_read_and_written() -> None:
    array = zarr.create_array({}, data=RECORDS, chunks=(2, 2))
    model = RECORDS.copy()
    for view, part in (
        (array.lazy["x"][::-1, 0], model["x"][::-1, 0]),
        (array.lazy[1:, "y"], model["y"][1:]),
        (array.lazy["x", 2], model["x"][2]),
        (array.lazy[["x", "y"]]["x"].T, model["x"].T),
        (array.lazy["x"].astype("f8")[1], model["x"][1]),
        (zarr.concat([array.lazy[:1], array.lazy[3:]])["y"][1], model["y"][3]),
    ):
        view[...] = 7
        part[...] = 7
        np.testing.assert_array_equal(view.result(), part)
        np.testing.assert_array_equal(array[...], model)
    assert array.lazy["z"]["q"].result().tolist() == model["z"]["q"].tolist()
    with pytest.raises(TypeError, match="fields of a field"):
        array.lazy["z"]["q"][...] = 1
    with pytest.raises(IndexError, match="not found"):
        array.lazy["w"]
    np.testing.assert_array_equal(array[...], model)


@pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
def test_a_field_of_arrays_is_refused() -> None:
    array = zarr.create_array({}, shape=3, dtype=[("v", "f4", (2,))])
    with pytest.raises(IndexError, match=r"arrays of shape \(2,\)"):
        array.lazy["v"]


def test_values_are_cast_back_or_refused() -> None:
    array = zarr.create_array({}, data=np.arange(6, dtype="i2"), chunks=2)
    view = array.lazy[::-1].astype("f8")
    view[:2] = [50.0, -4.0]
    assert array[:].tolist() == [0, 1, 2, 3, -4, 50]
    for bad in (0.5, 1e9, np.nan):
        with pytest.raises(ValueError, match=r"int16.*nothing was written"):
            view[...] = [0, 1, 2, 3, 4, bad]
    assert array[:].tolist() == [0, 1, 2, 3, -4, 50]
    narrow = array.lazy.astype("i1")
    narrow[0] = -7
    assert array[0] == -7
    times = zarr.create_array({}, data=np.array(["NaT", "2020-01-02"], "M8[D]"))
    times.lazy[::-1].astype("M8[s]")[...] = times.lazy.astype("M8[s]")
    np.testing.assert_array_equal(times[:], np.array(["2020-01-02", "NaT"], "M8[D]"))


def test_strings_are_read_and_written() -> None:
    model = np.array([["a", "", "x" * 40], ["ä", "bb", "日本"]], np.dtypes.StringDType())
    array = zarr.create_array({}, data=model, chunks=(1, 2))
    view = array.lazy[::-1, ::2].T
    assert view.result().tolist() == model[::-1, ::2].T.tolist()
    view[0] = ["new", "y" * 60]
    assert array[:, 0].tolist() == ["y" * 60, "new"]
    assert zarr.concat([array, array]).result().shape == (4, 3)
    assert array.lazy.astype("U2").result().tolist() == [["yy", "", "xx"], ["ne", "bb", "日本"]]


# -- writing -------------------------------------------------------------------------------------


def test_of_repeated_places_the_last_value_stays() -> None:
    array = zarr.create_array({}, data=np.zeros((2, 3), "i4"), chunks=(1, 2))
    array.lazy[[0, 1, 0]] = np.arange(9).reshape(3, 3)
    assert array[:].tolist() == [[6, 7, 8], [3, 4, 5]]
    array.lazy[[0, 0], [1, 1]][::-1] = [10, 11]
    assert array[0, 1] == 11
    array.lazy[None][[0, 0]] = np.arange(12).reshape(2, 2, 3)
    assert array[:].tolist() == [[6, 7, 8], [9, 10, 11]]


def test_a_view_is_written_to_the_array_that_it_is_of() -> None:
    array = zarr.create_array({}, data=np.arange(10), chunks=3)
    array.lazy[...] = array.lazy[::-1]
    assert array[:].tolist() == list(range(9, -1, -1))
    array.lazy[:5] = array.lazy[5:]
    assert array[:].tolist() == [4, 3, 2, 1, 0, 4, 3, 2, 1, 0]
    other = zarr.create_array({}, data=np.ones(10, int))
    array.lazy[::2] = other.lazy[5:]
    assert array[:].tolist() == [1, 3, 1, 1, 1, 4, 1, 2, 1, 0]


def test_views_are_values_of_arrays(store: Any) -> None:
    array = made(KINDS["format 3"], store)
    view = array.lazy[::-1]
    other = zarr.create_array({}, data=np.zeros_like(DATA))
    other[...] = view
    np.testing.assert_array_equal(other[...], DATA[::-1])
    other.append(view[:2])
    np.testing.assert_array_equal(other[-2:], DATA[::-1][:2])
    for copy in (
        zarr.create_array({}, data=view),
        zarr.from_array({}, data=view),
        zarr.array(view),
    ):
        np.testing.assert_array_equal(copy[...], DATA[::-1])
    rows = array.lazy[0, :3].astype("i4")
    np.testing.assert_array_equal(array.oindex[rows], DATA[[1, 2, 3]])
    np.testing.assert_array_equal(array.lazy[rows].result(), DATA[[1, 2, 3]])
    array[...] = array.lazy[::-1]
    np.testing.assert_array_equal(array[...], DATA[::-1])


def test_values_are_broadcast_or_refused() -> None:
    array = made(KINDS["format 3"])
    array.lazy[:, :2] = [[[5, 6]]]
    assert array[0, :2].tolist() == [5, 6]
    with pytest.raises(ValueError, match="broadcast"):
        array.lazy[:, :2] = [1, 2, 3]


def test_read_only_sources_are_refused_before_anything_is_written() -> None:
    store = MemoryStore()
    writable = zarr.create_array({}, data=np.zeros(3))
    zarr.create_array(store, data=np.zeros(3))
    fixed = zarr.open_array(store, mode="r")
    view = zarr.concat([writable, fixed])
    assert view.read_only
    with pytest.raises(ValueError, match="read-only"):
        view[...] = 1
    assert writable[:].tolist() == [0, 0, 0]


def test_values_of_which_one_source_cannot_hold_one_are_not_written_at_all() -> None:
    wide, narrow = zarr.zeros(3, dtype="f8"), zarr.zeros(3, dtype="i4")
    view = zarr.concat([wide, narrow.lazy.astype("f8")])
    with pytest.raises(ValueError, match="int32"):
        view[...] = 0.5
    assert wide[:].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("parts", "meets"),
    [
        (lambda v: [v[::2], v[1::2]], False),
        (lambda v: [v[::2], v[::3]], True),
        (lambda v: [v[::6], v[3::4]], False),
        (lambda v: [v[::6], v[2::4]], True),
        (lambda v: [v[:10], v[10:]], False),
        (lambda v: [v[:11], v[:9:-1]], True),
        (lambda v: [v[[1, 5]], v[[6, 2, 9]]], False),
        (lambda v: [v[[1, 5]], v[3:8]], True),
        (lambda v: [v[[1, 5], [0, 1]], v[[5, 1], [0, 1]]], False),
        (lambda v: [v[[1, 5], [0, 1]], v[[5, 1], [1, 0]]], True),
        (lambda v: [v[[1, 5], [0, 1]], v[5, 1:3]], True),
        (lambda v: [v[[1, 5], [0, 1]], v[1, 1:3]], False),
    ],
)
def test_parts_that_have_elements_in_common_are_not_written(
    parts: Callable[[Any], list[Any]], meets: bool
) -> None:
    array = made(KINDS["format 3"])
    again = zarr.open_array(array.store)
    first, second = parts(array.lazy)[0], parts(again.lazy)[1]
    view = zarr.concat([first, second])
    before = array[...]
    if meets:
        with pytest.raises(ValueError, match="more than one of its parts"):
            view[...] = -1
        np.testing.assert_array_equal(array[...], before)
    else:
        view[...] = -1
        assert (array[...] == -1).sum() == view.size


def test_a_diagonal_is_as_small_as_a_range() -> None:
    array = zarr.create_array({}, shape=(2000, 2000), chunks=(500, 500), dtype="u1")
    diagonal = array.lazy[np.arange(1200), np.arange(1200)]
    assert len(pickle.dumps(diagonal)) < len(pickle.dumps(array)) + 700
    diagonal[...] = 3
    assert diagonal[::-7].result().tolist() == [3] * 172


# -- joining -------------------------------------------------------------------------------------


def test_arrays_of_other_types_or_shapes_are_not_joined() -> None:
    ints, floats = zarr.zeros((2, 3), dtype="i4"), zarr.zeros((2, 3), dtype="f4")
    for join in (zarr.concat, zarr.stack):
        with pytest.raises(TypeError, match=r"int32.*float32.*astype"):
            join([ints, floats])
        assert join([ints.lazy.astype("f4"), floats]).dtype == np.float32
        with pytest.raises(ValueError, match="at least one"):
            join([])
        with pytest.raises(TypeError, match="ndarray"):
            join([ints, np.zeros((2, 3), "i4")])
        with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 2\)"):
            join([ints, ints.lazy[:, :2]])
        with pytest.raises(ValueError, match="out of bounds"):
            join([ints], axis=3)
    with pytest.raises(ValueError, match="out of bounds"):
        zarr.concat([zarr.zeros(())])
    assert zarr.stack([zarr.zeros(()), zarr.ones(())]).result().tolist() == [0, 1]


def test_a_joined_view_has_the_chunks_and_fill_value_of_its_parts() -> None:
    array = made(KINDS["format 3"])
    assert zarr.concat([array.lazy[:8], array]).chunks == (4, 7)
    assert zarr.concat([array, array]).chunks == (4, 7)
    assert zarr.concat([array.lazy[:6], array]).chunks[0] == (4, 2, 4, 4, 4, 4, 4)
    assert zarr.stack([array, array], axis=1).chunks == (4, 1, 7)
    sevens = zarr.create_array({}, shape=3, dtype="f8", fill_value=7)
    assert zarr.concat([sevens, sevens]).fill_value == 7
    assert zarr.concat([sevens, zarr.zeros(3)]).fill_value is None


def test_shards_are_told_where_a_source_has_some() -> None:
    sharded, plain = made(KINDS["shards"]), made(KINDS["format 3"])
    assert sharded.lazy[:, ::2].shards == (8, 7)
    assert plain.lazy.shards is None
    assert zarr.concat([sharded, plain]).shards == ((8, 8, 4, 4, 4, 4, 4, 4), 14)
    assert zarr.concat([sharded.lazy[:16], plain]).blocks[3].shape == (4, 30)
    np.testing.assert_array_equal(sharded.lazy.blocks[1, 1].result(), sharded.blocks[1, 1])


@pytest.mark.parametrize(
    ("select", "chunks"),
    [
        (lambda v: v, (4, 7)),
        (lambda v: v[::-1], (4, 7)),
        (lambda v: v[2:], ((2, 4, 4, 4, 4), 7)),
        (lambda v: v[:18][::-1], ((2, 4, 4, 4, 4), 7)),
        (lambda v: v[::2, ::7], (2, 1)),
        (lambda v: v[::3], ((2, 1, 1, 2, 1), 7)),
        (lambda v: v.T, (7, 4)),
        (lambda v: v[None, 3], (1, 7)),
        (lambda v: v[[3, 1, 2]], (3, 7)),
        (lambda v: v[[0, 9, 1] * 5, 1], (4,)),
    ],
)
def test_chunks_are_those_of_the_source_as_they_fall(select: Any, chunks: Any) -> None:
    assert select(made(KINDS["format 3"]).lazy).chunks == chunks


# -- sources that changed ------------------------------------------------------------------------


@pytest.fixture(params=["memory", "local", "waiting"])
def store(request: Any, tmp_path: Path) -> Any:
    kinds = {"memory": MemoryStore, "waiting": WaitingStore}
    return LocalStore(tmp_path / "a") if request.param == "local" else kinds[request.param]()


@pytest.mark.parametrize("other", [False, True])
@pytest.mark.parametrize("shape", [(24, 30), (10, 30)])
def test_a_view_of_a_resized_array_is_refused(
    store: Any, other: bool, shape: tuple[int, int], kind: dict[str, Any]
) -> None:
    array = made(kind, store)
    view = array.lazy[15:, 2]
    handle = zarr.open_array(store) if other else array
    handle.resize(shape)
    for use in (view.result, lambda: view.write(1), lambda: np.asarray(view)):
        with pytest.raises(zarr.errors.SourceChangedError) as caught:
            use()
        for part in (str(store), "(20, 30)", str(shape)):
            assert part in str(caught.value)
    assert zarr.open_array(store).lazy[:, 2].shape == shape[:1]


def test_a_view_of_a_deleted_array_is_refused(store: Any, kind: dict[str, Any]) -> None:
    group = zarr.open_group(store, zarr_format=kind.get("zarr_format", 3))
    own = {name: value for name, value in kind.items() if name != "zarr_format"}
    array = group.create_array("below/a", shape=DATA.shape, dtype="i8", **own)
    array[...] = DATA
    view = array.lazy[2:, ::-1]
    both = zarr.concat([array.lazy, zarr.zeros((2, 30), dtype="i8")])
    del group["below/a"]
    for use in (view.result, both.result, lambda: view.write(1), lambda: both.write(1)):
        with pytest.raises(zarr.errors.ArrayNotFoundError, match="deleted") as caught:
            use()
        for part in (str(store), "below/a", "(20, 30)"):
            assert part in str(caught.value)


def test_an_array_of_fill_values_is_read(store: Any) -> None:
    zarr.create_array(store, shape=(4, 4), chunks=(2, 2), dtype="f4", fill_value=np.nan)
    array = zarr.open_array(store)
    assert np.isnan(array.lazy[::-1].result()).all()


def test_metadata_that_are_not_kept_are_read_again(tmp_path: Path) -> None:
    made(KINDS["format 3"], tmp_path / "a")
    array = zarr.open_array(tmp_path / "a", cache_metadata=False)
    zarr.open_array(tmp_path / "a").append(DATA[:2])
    assert array.lazy.shape == (22, 30)
    assert array.lazy[-1].result().tolist() == DATA[1].tolist()
