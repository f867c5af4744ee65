"""An array made from another one keeps its properties, and has all elements."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.codecs import GzipCodec, TransposeCodec, ZstdCodec
from zarr.errors import ContainsArrayError, ZarrUserWarning

DATA = np.arange(100, dtype="i2").reshape(10, 10)


@pytest.fixture
def v3() -> Any:
    """An array of format 3 with nothing by default."""
    array = zarr.create_array(
        {},
        shape=(10, 10),
        dtype="i2",
        chunks=(5, 5),
        shards=(10, 5),
        filters=[TransposeCodec(order=(1, 0))],
        compressors=GzipCodec(level=2),
        fill_value=3,
        attributes={"a": 1},
        dimension_names=["x", "y"],
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    array[:] = DATA
    return array


@pytest.fixture
def v2() -> Any:
    """An array of format 2 with nothing by default."""
    array = zarr.create_array(
        {},
        shape=(10, 10),
        dtype=">i2",
        chunks=(5, 5),
        zarr_format=2,
        order="F",
        filters=[numcodecs.Delta(">i2")],
        compressors=numcodecs.Zlib(3),
        attributes={"a": 1},
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    array[:] = DATA
    return array


def same_metadata(first: Any, second: Any) -> bool:
    return bool(first.metadata.to_dict() == second.metadata.to_dict())


def test_all_is_kept_by_default(v2: Any, v3: Any) -> None:
    for source in (v2, v3):
        copy = zarr.from_array({}, data=source)
        assert same_metadata(copy, source)
        np.testing.assert_array_equal(copy[:], DATA)


def test_an_argument_replaces_the_property_of_the_source(v3: Any) -> None:
    cases: list[tuple[dict[str, Any], str, Any]] = [
        ({"chunks": (5, 1)}, "chunks", (5, 1)),
        ({"shards": None}, "shards", None),
        ({"shards": (10, 10)}, "shards", (10, 10)),
        ({"compressors": "auto"}, "compressors", (ZstdCodec(level=0),)),
        ({"compressors": None}, "compressors", ()),
        ({"filters": None}, "filters", ()),
        ({"fill_value": 1}, "fill_value", 1),
        ({"attributes": {}}, "attrs", {}),
        ({"attributes": {"b": 2}}, "attrs", {"b": 2}),
        ({"name": "q/r"}, "path", "q/r"),
        ({"config": {"order": "F"}}, "order", "F"),
    ]
    for parameters, name, expected in cases:
        copy = zarr.from_array({}, data=v3, **parameters)
        found = getattr(copy, name)
        assert (dict(found) if name == "attrs" else found) == expected
        np.testing.assert_array_equal(copy[:], DATA)
    copy = zarr.from_array({}, data=v3, dimension_names=["q", None])
    assert copy.metadata.dimension_names == ("q", None)


def test_codecs_are_kept_within_a_format(v2: Any, v3: Any) -> None:
    with pytest.warns(ZarrUserWarning, match="order"):
        copy = zarr.from_array({}, data=v2, zarr_format=3)
    assert copy.compressors == (ZstdCodec(level=0),)
    assert dict(copy.attrs) == {"a": 1}
    np.testing.assert_array_equal(copy[:], DATA)
    copy = zarr.from_array({}, data=v3, zarr_format=2, shards=None)
    assert copy.chunks == (5, 5)
    np.testing.assert_array_equal(copy[:], DATA)
    with pytest.raises(ValueError, match="Zarr format 2"):
        zarr.from_array({}, data=v3, zarr_format=2)


def test_data_may_be_left_behind(v3: Any) -> None:
    copy = zarr.from_array({}, data=v3, write_data=False)
    assert same_metadata(copy, v3)
    assert copy.nchunks_initialized == 0


class Lazy:
    """Like an array of another package, that reads what is asked for."""

    shape, dtype = (10, 10), np.dtype("i2")

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __getitem__(self, selection: Any) -> Any:
        self.asked.append(selection)
        return DATA[selection]


def test_anything_like_an_array_is_copied() -> None:
    for data in (DATA, DATA.tolist(), np.asfortranarray(DATA), Lazy(), DATA[::-1, ::2][:, ::-1]):
        expected = DATA if isinstance(data, Lazy) else np.asarray(data)
        copy = zarr.from_array({}, data=data, chunks=(4, 3))
        np.testing.assert_array_equal(copy[:], expected)
    assert zarr.from_array({}, data=3)[()] == 3
    assert zarr.from_array({}, data=["a", "bb"], zarr_format=2)[:].tolist() == ["a", "bb"]


def test_a_copy_between_stores_of_each_kind(tmp_path: Any, waiting_store: Any, v3: Any) -> None:
    in_files = zarr.from_array(tmp_path / "a", data=v3)
    far = zarr.from_array(waiting_store(), data=in_files, chunks=(1, 5))
    back = zarr.from_array({}, data=far, shards=None)
    np.testing.assert_array_equal(back[:], DATA)

    async def main() -> Any:
        made = await zarr.api.asynchronous.from_array(waiting_store(), data=far)
        return await made.getitem(...)

    np.testing.assert_array_equal(asyncio.run(main()), DATA)


def test_an_array_is_not_overwritten_by_a_copy_of_itself(tmp_path: Any) -> None:
    array = zarr.create_array(tmp_path / "a", data=DATA)
    with pytest.raises(ValueError, match="itself"):
        zarr.from_array(tmp_path / "a", data=array, overwrite=True)
    with pytest.raises(ContainsArrayError):
        zarr.from_array(tmp_path / "a", data=DATA)
    np.testing.assert_array_equal(array[:], DATA)


def test_a_copy_needs_memory_for_a_few_blocks_only(tmp_path: Any) -> None:
    source = zarr.create_array(
        tmp_path / "a", shape=(64 << 20,), chunks=(1 << 20,), dtype="u2", compressors=None
    )
    source[::1000] = 7
    tracemalloc.start()
    copy = zarr.from_array(tmp_path / "b", data=source, chunks=(3 << 19,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 80 << 20
    assert (copy[::1000] == 7).all()


def test_array_of_a_zarr_array_is_made_at_a_path(v3: Any) -> None:
    store: dict[str, Any] = {}
    made = zarr.array(v3, store=store, path="a/b")
    assert made.path == "a/b"
    assert made.chunks == v3.chunks
    assert (zarr.open_array(store, path="a/b", mode="r")[:] == v3[:]).all()
    with pytest.raises(TypeError, match=r"no parameter 'dtype', 'mode'.*those of from_array"):
        zarr.array(v3, dtype="f4", mode="w")
    with pytest.raises(TypeError, match="no parameter 'path'"):
        zarr.array(v3, store=store, name="c", path="d")


def test_array_of_a_zarr_array_takes_the_parameters_of_from_array(v2: Any, v3: Any) -> None:
    given: list[dict[str, Any]] = [
        {},
        {"chunks": "keep", "filters": "keep", "compressors": "keep", "serializer": "keep"},
        {"shards": None},
        {"compressors": None},
        {"serializer": "auto"},
        {"attributes": {"b": 2}},
        {"fill_value": 3},
        {"zarr_format": None},
        {"name": "q/r"},
        {"config": {"write_empty_chunks": True}},
    ]
    for source in (v2, v3):
        for parameters in given:
            made = zarr.array(source, store={}, **parameters)
            expected = zarr.from_array({}, data=source, **parameters)
            assert same_metadata(made, expected)
            assert made.path == expected.path
            np.testing.assert_array_equal(made[:], DATA)
    empty = zarr.array(v3, write_data=False)
    assert empty.nchunks_initialized == 0
    with pytest.raises(TypeError, match="codecs"):
        zarr.array(v3, codecs=[])


@pytest.mark.parametrize("length", [12, 2**62])
@pytest.mark.parametrize("make", ["from_array", "empty_like"])
def test_a_grid_is_kept_as_it_is_stored(length: int, make: str) -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        source = zarr.create_array({}, shape=(length, 30), chunks=(3, [10, 20]), dtype="u1")
        if make == "from_array":
            copy = zarr.from_array({}, data=source, write_data=False)
        else:
            copy = zarr.empty_like(source, store={})
        assert copy.metadata.chunk_grid.to_dict() == source.metadata.chunk_grid.to_dict()
        source.resize((2, 25))  # the last chunk reaches beyond the array
        again = zarr.from_array({}, data=source)
        assert again.metadata.chunk_grid.to_dict() == source.metadata.chunk_grid.to_dict()
        assert again[:].shape == (2, 25)


def test_an_array_without_elements_may_have_the_chunks_of_what_follows() -> None:
    with zarr.config.set({"array.rectilinear_chunks": True}):
        array = zarr.create_array({}, shape=(0,), chunks=[[2, 2]], dtype="i8")
        array.append(np.arange(3))
        assert array[:].tolist() == [0, 1, 2]
        assert array.read_chunk_sizes == ((2, 1),)
        with pytest.raises(ValueError, match="sum"):
            zarr.create_array({}, shape=(3,), chunks=[[2, 2]], dtype="i8")
