"""Each level of a pyramid holds what NumPy makes of the elements, whatever the chunks are."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zarr
from zarr import tools
from zarr.errors import ContainsArrayError
from zarr.storage import MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGE = np.random.default_rng(0).integers(0, 256, (100, 70), "u1")


def cells(values: Any, factors: tuple[int, ...], reduce: Callable[[Any], Any]) -> Any:
    """Reduce each cell by a function of its elements."""
    shape = tuple(-(-n // f) for n, f in zip(values.shape, factors, strict=True))
    found = np.empty(shape, object)
    for index in np.ndindex(shape):
        where = tuple(slice(at * f, (at + 1) * f) for at, f in zip(index, factors, strict=True))
        found[index] = reduce(values[where].ravel())
    return found


def rounded_mean(values: Any) -> int:
    total, count = sum(map(int, values)), len(values)
    whole, rest = divmod(total, count)
    return whole + (2 * rest > count or (2 * rest == count and whole % 2 == 1))


def most_frequent(values: Any) -> Any:
    counts = Counter(values.tolist())
    return min(value for value, count in counts.items() if count == max(counts.values()))


INTEGERS = {
    "mean": rounded_mean,
    "sum": lambda values: sum(map(int, values)),
    "min": min,
    "max": max,
    "nearest": lambda values: values[0],
}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), method=st.sampled_from(sorted(INTEGERS)))
def test_levels_of_integers_are_exact(data: Any, method: Any) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(["u1", "i2", ">i4", "u4", "i8", "u8"])))
    shape = tuple(data.draw(st.lists(st.integers(1, 23), min_size=1, max_size=3)))
    chunks = tuple(data.draw(st.integers(1, 9)) for _ in shape)
    factors = tuple(data.draw(st.integers(1, 3)) for _ in shape)
    axes = [axis for axis, factor in enumerate(factors) if factor > 1 and shape[axis] > 1]
    if not axes:
        return
    info = np.iinfo(dtype)
    values = np.random.default_rng(data.draw(st.integers(0, 99))).integers(
        info.min // (1024 if method == "sum" else 1),
        info.max // (1024 if method == "sum" else 1),
        shape,
        dtype.newbyteorder("="),
        endpoint=True,
    )
    group = zarr.create_group({}, zarr_format=data.draw(st.sampled_from([2, 3])))
    group.create_array("0", data=values.astype(dtype), chunks=chunks)
    made = tools.pyramid(
        group,
        method=method,
        dimensions=axes,
        factor=[factors[axis] for axis in axes],
        levels=3,
        convention="none",
    )
    for number, level in enumerate(made.levels[1:], 1):
        wide = tuple(f**number if a in axes else 1 for a, f in enumerate(factors))
        found = group[level.path][...]
        expected = cells(values, wide, INTEGERS[method])
        assert found.shape == level.shape == expected.shape
        assert all(int(a) == int(b) for a, b in zip(found.ravel(), expected.ravel(), strict=True))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8"])
@pytest.mark.parametrize("skipna", [True, False])
@pytest.mark.parametrize("method", ["mean", "sum", "min", "max"])
def test_nan_is_left_out_or_not(method: Any, skipna: bool, dtype: str) -> None:
    if dtype == "c8" and method in ("min", "max"):
        return
    values = np.random.default_rng(0).random((13, 9)).astype(dtype)
    values[0, :2] = values[4:6, 4:6] = values[12, 8] = np.nan
    group = zarr.create_group({})
    group.create_array("0", data=values, chunks=(4, 3))
    tools.pyramid(group, method=method, skipna=skipna, levels=2, convention="none")
    wide = np.dtype("c16" if dtype == "c8" else "f8")
    reduce = getattr(np, f"nan{method}" if skipna else method)

    def expected(cell: Any) -> Any:
        if skipna and np.isnan(cell).all():
            return 0 if method == "sum" else np.nan
        return reduce(cell.astype(wide))

    for number in (1, 2):
        found = group[str(number)][...]
        want = cells(values, (2**number, 2**number), expected).astype(wide).astype(dtype)
        np.testing.assert_allclose(found, want, rtol=1e-3 if dtype == "f2" else 1e-6)


def test_the_mode_is_the_most_frequent_of_the_level_below() -> None:
    labels = np.random.default_rng(0).integers(0, 4, (21, 18), "u2")
    for values in (labels, np.array(["a", "b", "cc", "d"], np.dtypes.StringDType())[labels]):
        group = zarr.create_group({})
        group.create_array("0", data=values, chunks=(4, 5))
        tools.pyramid(group, method="mode", levels=2, convention="none")
        below = values
        for number in ("1", "2"):
            expected = cells(below, (2, 2), most_frequent)
            below = group[number][...]
            assert below.tolist() == expected.tolist()


def test_times_and_booleans_have_means() -> None:
    times = np.arange(24).reshape(4, 6).astype("M8[s]")
    times[0, 0] = "NaT"
    group = zarr.create_group({})
    group.create_array("0", data=times, chunks=(2, 2))
    tools.pyramid(group, levels=1, convention="none")
    assert group["1"][0].astype("i8").tolist() == [5, 6, 8]  # 14 / 3, 22 / 4 and 30 / 4
    flags = zarr.create_group({})
    flags.create_array("0", data=np.array([[1, 1, 0, 0], [1, 0, 0, 1]], bool), chunks=(2, 2))
    tools.pyramid(flags, levels=1, convention="none")
    assert flags["1"][...].tolist() == [[True, False]]


def test_a_sum_that_is_too_large_is_an_error() -> None:
    group = zarr.create_group({})
    group.create_array("0", data=np.full((4, 4), 2**63 - 1), chunks=(2, 2))
    with pytest.raises(OverflowError, match="too large"):
        tools.pyramid(group, method="sum", levels=1, convention="none")


def test_elements_of_machine_learning_have_means() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    values = np.arange(16).reshape(4, 4).astype(ml_dtypes.bfloat16)
    group = zarr.create_group({})
    group.create_array("0", data=values, chunks=(2, 2))
    tools.pyramid(group, levels=1, convention="none")
    assert group["1"][...].astype("f4").tolist() == [[2.5, 4.5], [10.5, 12.5]]


class Counted(WrapperStore[MemoryStore]):
    """A store that counts how often each value is read and written."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.read: Counter[str] = Counter()
        self.written: Counter[str] = Counter()

    async def intercept(self, method: str, key: str, call: Any, byte_range: Any = None) -> Any:
        if method in ("get", "get_versioned"):
            self.read[key] += 1
        if method == "set":
            self.written[key] += 1
        return await call()


@pytest.mark.parametrize("shards", [None, (40, 40)])
def test_each_chunk_is_read_once_and_written_once(shards: Any) -> None:
    store = Counted(MemoryStore())
    group = zarr.create_group(store)
    array = group.create_array("0", shape=(400, 300), chunks=(20, 20), shards=shards, dtype="u1")
    array[...] = 1 + np.arange(400 * 300).reshape(400, 300) % 250
    store.read.clear()
    store.written.clear()
    tools.pyramid(group, convention="none")
    source = {key: n for key, n in store.read.items() if key.startswith("0/c/")}
    assert len(source) == array.nchunks if shards is None else array._nshards
    assert set(source.values()) == {1}
    chunks = {key: n for key, n in store.written.items() if "/c/" in key}
    assert set(chunks.values()) == {1}
    again = {key for key in store.read if "/c/" in key and not key.startswith("0/")}
    assert again == set()  # a level is made of the state of the one below, not of its chunks


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_levels_are_named_as_ome_zarr_has_it(zarr_format: Any, tmp_path: Path) -> None:
    models = pytest.importorskip("yaozarrs")
    more: Any = {"dimension_names": ["c", "y", "x"]}
    if zarr_format == 2:
        more = {"attributes": {"_ARRAY_DIMENSIONS": ["c", "y", "x"]}}
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format)
    group.attrs["mine"] = 1
    group.create_array("0", data=np.stack([IMAGE] * 2), chunks=(1, 16, 16), **more)
    made = tools.pyramid(group, scale=(1, 0.5, 0.25), units={"x": "micrometer", "y": "micrometer"})
    assert [level.shape for level in made.levels] == [
        (2, 100, 70),
        (2, 50, 35),
        (2, 25, 18),
        (2, 13, 9),
    ]
    assert made.levels[2].scale == (1, 2, 1)
    assert made.levels[2].translation == (0, 0.75, 0.375)
    models.validate_ome_uri(str(tmp_path / "a.zarr"))
    attributes = zarr.open_group(tmp_path / "a.zarr", mode="r").attrs.asdict()
    assert attributes["mine"] == 1
    assert attributes.get("ome", attributes)["multiscales"][0]["axes"][2] == {
        "name": "x",
        "type": "space",
        "unit": "micrometer",
    }


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_ome_zarr_reads_the_levels(zarr_format: Any, tmp_path: Path) -> None:
    reader = pytest.importorskip("ome_zarr.reader")
    location = pytest.importorskip("ome_zarr.io")
    zarr.save_array(tmp_path / "image", IMAGE, zarr_format=zarr_format, chunks=(32, 32))
    tools.pyramid(tmp_path / "image", tmp_path / "a.zarr", dimension_names=("y", "x"), scale=(2, 3))
    node = next(iter(reader.Reader(location.parse_url(str(tmp_path / "a.zarr")))()))
    np.testing.assert_array_equal(np.asarray(node.data[0]), IMAGE)
    assert [level.shape for level in node.data] == [(100, 70), (50, 35), (25, 18)]
    np.testing.assert_array_equal(
        np.asarray(node.data[2]), zarr.open_array(tmp_path / "a.zarr/2")[...]
    )


def make_processes() -> Any:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


@pytest.mark.parametrize("make", [lambda: ThreadPoolExecutor(3), make_processes])
def test_workers_make_the_same(make: Callable[[], Any], tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a", mode="w")
    group.create_array("0", data=IMAGE, chunks=(8, 8), dimension_names=("y", "x"))
    with make() as executor:
        done: list[tuple[int, int]] = []
        tools.pyramid(
            group, tmp_path / "b", executor=executor, progress=lambda *each: done.append(each)
        )
    assert done[-1] == (IMAGE.nbytes, IMAGE.nbytes)
    tools.pyramid(group)
    for name in ("0", "1", "2", "3", "4"):
        expected = group[name][...]
        np.testing.assert_array_equal(zarr.open_group(tmp_path / "b")[name][...], expected)


def test_levels_that_are_there_are_replaced_on_demand_only() -> None:
    group = zarr.create_group({})
    array = group.create_array("0", data=IMAGE, chunks=(32, 32), dimension_names=("y", "x"))
    tools.pyramid(group)
    array[...] = 7
    with pytest.raises(ContainsArrayError):
        tools.pyramid(group)
    assert (group["1"][...] != 7).any()
    tools.pyramid(group, overwrite=True)
    assert (group["1"][...] == 7).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "median"}, "method must be one of"),
        ({"dimensions": ["z"]}, "no dimension 'z'"),
        ({"dimensions": []}, "dimensions must name"),
        ({"factor": 1}, "factor must be 2 or more"),
        ({"levels": 0}, "levels must be 1 or more"),
        ({"convention": "geo"}, "convention must be"),
        ({"scale": (1,)}, "scale has 1"),
        ({"units": {"q": "m"}}, "no dimension 'q'"),
        ({"units": {"x": "meter"}, "convention": "none"}, "are of OME-Zarr"),
        ({"scale": (1, 1), "convention": "geozarr"}, "are of OME-Zarr"),
        ({"dimension_names": ("x", "y")}, "have the names"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    options: dict[str, Any], message: str
) -> None:
    store: dict[str, Any] = {}
    group = zarr.create_group(store)
    group.create_array("0", data=IMAGE, chunks=(32, 32), dimension_names=("y", "x"))
    before = dict(store)
    with pytest.raises(ValueError, match=message):
        tools.pyramid(group, **options)
    assert store == before


def test_dimensions_that_ome_zarr_cannot_have_are_refused() -> None:
    group = zarr.create_group({})
    group.create_array("0", data=IMAGE, chunks=(32, 32), dimension_names=("x", "t"))
    with pytest.raises(ValueError, match="OME-Zarr has 2 to 5 dimensions"):
        tools.pyramid(group)
    text = zarr.create_group({})
    text.create_array("0", data=np.array([["a"] * 4] * 4, np.dtypes.StringDType()), chunks=(2, 2))
    with pytest.raises(ValueError, match="take 'nearest' or 'mode'"):
        tools.pyramid(text, convention="none")


def test_sizes_units_and_names_that_are_known_stay() -> None:
    group = zarr.create_group({})
    group.create_array("0", data=IMAGE, chunks=(32, 32), dimension_names=("y", "x"))
    units = {"y": "micrometer", "x": "nanometer"}
    tools.pyramid(group, scale=(0.5, 250), units=units, levels=1)
    ome = group.attrs["ome"]
    ome["multiscales"][0]["name"] = "cells"
    group.attrs["ome"] = {**ome, "omero": {"channels": []}}
    tools.pyramid(group, levels=2, overwrite=True)
    found = group.attrs["ome"]["multiscales"][0]
    assert [axis["unit"] for axis in found["axes"]] == ["micrometer", "nanometer"]
    assert found["datasets"][2]["coordinateTransformations"][0]["scale"] == [2, 1000]
    assert found["name"] == "cells"
    assert "omero" in group.attrs["ome"]


class Killed(BaseException):
    """Ends a process, as far as the store can tell."""


class Dying(WrapperStore[MemoryStore]):
    """A store whose process is killed before one of its writes."""

    left = 0

    async def intercept(self, method: str, key: str, call: Any, byte_range: Any = None) -> Any:
        if method.startswith(("set", "delete")):
            if Dying.left <= 0:
                raise Killed
            Dying.left -= 1
        return await call()


def test_a_level_that_is_not_whole_is_never_seen() -> None:
    expected = IMAGE[:64, :64].astype("i4").reshape(32, 2, 32, 2).max((1, 3))
    steps = 0
    while True:
        inner = MemoryStore()
        group = zarr.create_group(inner)
        group.create_array("0", data=IMAGE[:64, :64], chunks=(16, 16), dimension_names=("y", "x"))
        Dying.left = steps
        try:
            tools.pyramid(Dying(inner), method="max", levels=2)
        except Killed:
            group = zarr.open_group(inner, mode="r")
            if "1" in group:
                np.testing.assert_array_equal(group["1"][...], expected)
            assert "ome" not in group.attrs
            tools.pyramid(inner, method="max", levels=2, overwrite=True)
            np.testing.assert_array_equal(zarr.open_group(inner)["1"][...], expected)
            steps += 1
        else:
            break
    assert steps > 5


def test_of_an_array_with_a_bad_chunk_no_level_is_left(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "a")
    group.create_array("0", data=IMAGE, chunks=(16, 16), dimension_names=("y", "x"))
    (tmp_path / "a/0/c/5/3").write_bytes(b"torn")
    for target in (None, tmp_path / "b"):
        with pytest.raises(ValueError, match="c/5/3"):
            tools.pyramid(tmp_path / "a", target)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.parent.name == "a") == [
        "0",
        "zarr.json",
    ]
    assert not any(path.is_file() for path in (tmp_path / "b").rglob("*"))


# -- GeoZarr --------------------------------------------------------------------------------------

UUIDS = {
    "d35379db-88df-4056-af3a-620245f8e347": "multiscales",
    "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4": "spatial",
    "f17cb550-5864-4468-aeb7-f3180cfb622f": "proj",
}


def geo_image(registration: str) -> Any:
    """An image of 2 by 3 metres an element, whose upper left corner or centre is at (500, 700)."""
    group = zarr.create_group({}, attributes={"title": "all"})
    entry = {"uuid": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "name": "mine"}
    group.create_array(
        "0",
        data=np.stack([IMAGE, IMAGE]),
        chunks=(1, 32, 32),
        dimension_names=("band", "y", "x"),
        attributes={
            "unit": "K",
            "zarr_conventions": [entry],
            "spatial:dimensions": ["y", "x"],
            "spatial:shape": [100, 70],
            "spatial:transform": [2.0, 0.0, 500.0, 0.0, -3.0, 700.0],
            "spatial:registration": registration,
            "proj:code": "EPSG:32633",
        },
    )
    return group


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("registration", ["pixel", "node"])
def test_levels_are_named_as_geozarr_has_it(registration: str, in_place: bool) -> None:
    group = geo_image(registration)
    made: Any = group
    target: Any = None
    if not in_place:
        target = {}
    done = tools.pyramid(group, target, convention="geozarr", levels=2)
    assert done.convention == "GeoZarr"
    if not in_place:
        made = zarr.open_group(target)
    attributes = made.attrs.asdict()
    assert attributes["title"] == "all"
    assert attributes["proj:code"] == "EPSG:32633"
    assert attributes["spatial:dimensions"] == ["y", "x"]
    known = [UUIDS[each["uuid"]] for each in attributes["zarr_conventions"]]
    assert sorted(known) == ["multiscales", "proj", "spatial"]
    for each in attributes["zarr_conventions"]:
        if each["name"] != "mine":  # that one was there before
            assert each["name"] == UUIDS[each["uuid"]]
            assert each["schema_url"].endswith(f"{each['name']}/refs/tags/v0.1/schema.json")
    assert attributes["multiscales"]["resampling_method"] == "average"
    layout = attributes["multiscales"]["layout"]
    assert [each["asset"] for each in layout] == ["0", "1", "2"]
    assert [each.get("derived_from") for each in layout] == [None, "0", "0"]
    assert layout[2]["transform"] == {"scale": [1, 4, 4], "translation": [0, 0, 0]}
    for number, each in enumerate(layout):
        level = made[each["asset"]]
        assert level.shape == (2, *each["spatial:shape"])
        step = 2**number
        a, b, c, d, e, f = each["spatial:transform"]
        assert (a, b, d, e) == (2 * step, 0, 0, -3 * step)
        # The corner stays where it is; the centre of the first element is that of its cell.
        shift = (step - 1) / 2 if registration == "node" else 0
        assert (c, f) == (500 + 2 * shift, 700 - 3 * shift)
        assert level.attrs["unit"] == "K"
        assert ("spatial:transform" in level.attrs) == (number == 0)


def test_geozarr_names_levels_of_what_has_no_place() -> None:
    store: dict[str, Any] = {}
    array = zarr.create_group(store).create_array("a", data=IMAGE, chunks=(32, 32))
    tools.pyramid(array, convention="geozarr", levels=1, method="max")
    attributes = zarr.open_group(store).attrs.asdict()
    assert [UUIDS[each["uuid"]] for each in attributes["zarr_conventions"]] == ["multiscales"]
    assert attributes["multiscales"] == {
        "layout": [
            {"asset": "a", "transform": {"scale": [1, 1], "translation": [0, 0]}},
            {
                "asset": "1",
                "derived_from": "a",
                "transform": {"scale": [2, 2], "translation": [0, 0]},
            },
        ],
        "resampling_method": "max",
    }


def test_an_imported_map_becomes_a_pyramid(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    keys = [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32633]
    tags = [
        (33550, "d", 3, (10.0, 10.0, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, 500000.0, 5000000.0, 0.0), True),
        (34735, "H", len(keys), tuple(keys), True),
    ]
    tifffile.imwrite(tmp_path / "a.tif", IMAGE, tile=(16, 16), extratags=tags, metadata=None)
    tools.import_file(tmp_path / "a.tif", tmp_path / "a.zarr")
    tools.pyramid(tmp_path / "a.zarr", tmp_path / "b.zarr", convention="geozarr", levels=1)
    group = zarr.open_group(tmp_path / "b.zarr")
    assert group.attrs["proj:code"] == "EPSG:32633"
    level = group.attrs["multiscales"]["layout"][1]
    assert level["spatial:transform"] == [20, 0, 500000, 0, -20, 5000000]
