"""Creating arrays: the effect of each parameter, and refusals."""

from __future__ import annotations

import json
from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, GzipCodec, ShardingCodec, TransposeCodec, ZstdCodec
from zarr.errors import (
    ContainsArrayError,
    ContainsGroupError,
    ZarrDeprecationWarning,
    ZarrRuntimeWarning,
    ZarrUserWarning,
)
from zarr.storage import MemoryStore


def make(**parameters: Any) -> Any:
    """An array of format 3, or as the parameters say."""
    given = {"shape": (10, 10), "dtype": "f4"} | parameters
    return zarr.create_array(given.pop("store", {}), **given)


def document(array: Any, name: str = "zarr.json") -> Any:
    """A stored document of an array."""
    path = f"{array.path}/{name}" if array.path else name
    return json.loads(array.store._store_dict[path].to_bytes())


# -- create_array -------------------------------------------------------------------------------


def test_the_documents_of_both_formats_hold_what_was_asked_for() -> None:
    array = make(chunks=(5, 2), fill_value=1.5, attributes={"a": [1]}, dimension_names=["y", None])
    stored = document(array)
    assert stored["shape"] == [10, 10]
    assert stored["data_type"] == "float32"
    assert stored["chunk_grid"] == {"name": "regular", "configuration": {"chunk_shape": [5, 2]}}
    assert stored["fill_value"] == 1.5
    assert stored["attributes"] == {"a": [1]}
    assert stored["dimension_names"] == ["y", None]
    assert [codec["name"] for codec in stored["codecs"]] == ["bytes", "zstd"]

    array = make(zarr_format=2, chunks=(5, 2), order="F", attributes={"a": 1})
    assert document(array, ".zarray") == {
        "zarr_format": 2,
        "shape": [10, 10],
        "chunks": [5, 2],
        "dtype": "<f4",
        "fill_value": 0.0,
        "order": "F",
        "filters": None,
        "compressor": {"id": "zstd", "level": 0},
        "dimension_separator": ".",
    }
    assert document(array, ".zattrs") == {"a": 1}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shape": None}, "shape was not specified"),
        ({"dtype": None}, "dtype was not specified"),
        ({"data": np.ones(3)}, "shape parameter was also used"),
        ({"data": np.ones(3), "shape": None}, "dtype parameter was also used"),
        ({"zarr_format": 4}, "zarr_format must be 2 or 3"),
        ({"shape": (-1, 2)}, "non-negative"),
        ({"chunks": (5,)}, "dimensions"),
        ({"chunks": 0}, "positive"),
        ({"shards": (15, 15), "chunks": (10, 10)}, "divisible"),
        ({"shards": (10, 10), "zarr_format": 2}, "Zarr format 2"),
        ({"serializer": BytesCodec(), "zarr_format": 2}, "serializer"),
        ({"dimension_names": ["a", "b"], "zarr_format": 2}, "dimension names"),
        ({"dimension_names": ["a"]}, "same number of dimensions"),
        (
            {"chunk_key_encoding": {"name": "default", "separator": "/"}, "zarr_format": 2},
            "must be 'v2'",
        ),
        ({"fill_value": "x", "dtype": "i4"}, "x"),
        ({"storage_options": {"a": 1}}, "storage_options"),
    ],
)
def test_impossible_arguments_are_refused(parameters: Any, message: str) -> None:
    store: dict[str, Any] = {}
    with pytest.raises((ValueError, TypeError), match=message):
        make(store=store, **parameters)
    assert store == {}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"compressors": BytesCodec()}, "Expected a BytesBytesCodec"),
        ({"compressors": "gzipp"}, "Expected a BytesBytesCodec"),
        ({"filters": [GzipCodec()]}, "Expected an ArrayArrayCodec"),
        ({"serializer": None}, "Expected an ArrayBytesCodec"),
        ({"compressors": [numcodecs.Zstd(), numcodecs.Zstd()], "zarr_format": 2}, "single codec"),
    ],
)
def test_a_codec_of_the_wrong_kind_is_refused(parameters: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make(**parameters)


def test_codecs_are_taken_alone_in_a_list_as_dicts_and_from_numcodecs() -> None:
    gzip = {"name": "gzip", "configuration": {"level": 1}}
    assert make(compressors=GzipCodec(level=2)).compressors == (GzipCodec(level=2),)
    assert make(compressors=[gzip, ZstdCodec()]).compressors == (GzipCodec(level=1), ZstdCodec())
    assert make(compressors=gzip).compressors == (GzipCodec(level=1),)
    assert make(compressors=None).compressors == make(compressors=()).compressors == ()
    assert make(compressors=numcodecs.GZip(3)).compressors == (GzipCodec(level=3),)
    assert make(compressors=numcodecs.Blosc()).compressors[0].to_dict()["name"] == "blosc"
    assert make(filters=TransposeCodec(order=(1, 0))).filters == (TransposeCodec(order=(1, 0)),)
    assert make(filters=None).filters == ()
    assert make(serializer=BytesCodec(endian="big")).serializer == BytesCodec(endian="big")
    assert make(serializer={"name": "bytes", "configuration": {"endian": "big"}}).serializer == (
        BytesCodec(endian="big")
    )


def test_codecs_of_format_2_are_those_of_numcodecs() -> None:
    array = make(
        zarr_format=2, filters=[numcodecs.Delta("f4")], compressors={"id": "zlib", "level": 2}
    )
    assert document(array, ".zarray")["compressor"] == {"id": "zlib", "level": 2}
    assert document(array, ".zarray")["filters"][0]["id"] == "delta"
    assert make(zarr_format=2, compressors=None).compressors == ()
    array[:] = np.arange(100).reshape(10, 10)
    assert array[3, 3] == 33


def test_chunks_are_one_number_byte_sizes_or_chosen() -> None:
    assert make(chunks=3).chunks == (3, 3)
    assert make(chunks=False).chunks == (10, 10)
    assert make(chunks=(3, -1)).chunks == (3, 10)
    assert make(shape=()).chunks == ()
    assert make(shape=(0, 3)).chunks == (1, 3)
    chosen = make(shape=(100_000, 1_000))
    assert 64 << 10 <= np.prod(chosen.chunks) * 4 <= 64 << 20
    sized = make(shape=(10_000, 10_000), chunks="4MB")
    assert 2e6 <= np.prod(sized.chunks) * 4 <= 4.2e6


def test_shards_are_multiples_of_chunks_or_chosen() -> None:
    array = make(shape=(100, 100), chunks=(10, 10), shards=(50, 20))
    assert (array.shards, array.chunks) == ((50, 20), (10, 10))
    array = make(shape=(100,), chunks=(10,), shards={"shape": (50,), "index_location": "start"})
    assert document(array)["codecs"][0]["configuration"]["index_location"] == "start"
    array = make(shape=(10_000, 10_000), chunks=(10, 10), shards="auto")
    assert array.shards != array.chunks
    assert all(n % 10 == 0 for n in array.shards)


def test_the_fill_value_is_that_of_the_data_type_by_default() -> None:
    assert make(dtype="i2").fill_value == 0
    assert make(fill_value=None).fill_value == 0
    assert make(fill_value=None, zarr_format=2).fill_value is None
    assert np.isnan(make(fill_value="NaN").fill_value)
    assert make(fill_value=None, zarr_format=2)[0, 0] == 0


def test_order_is_stored_in_format_2_and_a_setting_in_format_3() -> None:
    assert make(order="F", zarr_format=2)[:].flags.f_contiguous
    assert make(config={"order": "F"})[:].flags.f_contiguous
    with pytest.warns(ZarrRuntimeWarning, match="config"):
        array = make(order="F")
    assert array.order == "F"
    with zarr.config.set({"array.order": "F"}):
        assert make().order == "F"
        assert document(make(zarr_format=2), ".zarray")["order"] == "F"


def test_data_gives_shape_data_type_and_elements() -> None:
    data = np.arange(12, dtype="i2").reshape(3, 4)
    array = zarr.create_array({}, data=data, chunks=(2, 2))
    np.testing.assert_array_equal(array[:], data)
    assert array.dtype == data.dtype
    assert zarr.create_array({}, data=data, write_data=False).nchunks_initialized == 0
    assert zarr.create_array({}, data=[[1, 2]])[:].tolist() == [[1, 2]]  # type: ignore[arg-type]


def test_groups_are_made_above_and_arrays_have_nothing_below() -> None:
    store = MemoryStore()
    array = make(store=store, name="/a/b/")
    assert (array.path, array.name, array.basename) == ("a/b", "/a/b", "b")
    assert set(store._store_dict) == {"zarr.json", "a/zarr.json", "a/b/zarr.json"}
    assert json.loads(store._store_dict["a/zarr.json"].to_bytes())["node_type"] == "group"
    with pytest.raises(ValueError, match=r"only groups may have child nodes"):
        make(store=store, name="a/b/c")
    make(store=store, name="x", zarr_format=2)
    assert {".zgroup", "x/.zarray", "x/.zattrs"} <= set(store._store_dict)


def test_a_node_is_overwritten_only_if_asked_for() -> None:
    for zarr_format in (2, 3):
        store = MemoryStore()
        make(store=store, name="g/a", zarr_format=zarr_format)[:] = 1
        before = dict(store._store_dict)
        with pytest.raises(ContainsArrayError):
            make(store=store, name="g/a", zarr_format=zarr_format)
        with pytest.raises(ContainsGroupError):
            make(store=store, name="g", zarr_format=zarr_format)
        assert store._store_dict == before
        assert not make(store=store, name="g", overwrite=True, zarr_format=zarr_format)[:].any()
        assert not any("g/a" in key for key in store._store_dict)


def test_nothing_is_made_in_a_store_that_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        make(store=MemoryStore(read_only=True))


@pytest.mark.parametrize("name", ["..", "a/../b", "./a"])
def test_a_path_cannot_leave_the_store(name: str) -> None:
    with pytest.raises(ValueError, match="segments"):
        make(name=name)


# -- create -------------------------------------------------------------------------------------


def test_create_has_defaults_for_all_but_the_shape() -> None:
    array = zarr.create(5)
    assert (array.shape, array.dtype, array.metadata.zarr_format) == ((5,), np.float64, 3)
    with zarr.config.set({"default_zarr_format": 2}):
        assert zarr.create(5).metadata.zarr_format == 2


def test_create_chooses_chunks_or_takes_them_by_either_name() -> None:
    assert zarr.create((10, 10), chunks=3).chunks == (3, 3)
    assert zarr.create((10, 10), chunk_shape=(2, 5)).chunks == (2, 5)
    assert zarr.create((10, 10), chunks=False).chunks == (10, 10)
    assert zarr.create((10, 10), chunks=True).chunks == zarr.create((10, 10)).chunks
    assert zarr.create((10, 10), chunks=np.array(3)).chunks == (3, 3)
    chosen = zarr.create((4096, 4096), dtype="i4", zarr_format=2).chunks
    for nothing in (0, False, (), [], None, True):
        array = zarr.create((4096, 4096), dtype="i4", zarr_format=2, chunks=nothing)  # type: ignore[arg-type]
        assert array.chunks == chosen != (4096, 4096)
    with pytest.raises(ValueError, match="positive"):
        zarr.create((10, 10), chunks=0)
    with pytest.raises(ValueError, match="Only one of chunk_shape or chunks"):
        zarr.create((10, 10), chunks=3, chunk_shape=3)


@pytest.mark.parametrize(
    ("zarr_format", "parameters"),
    [
        (3, {"compressor": numcodecs.Zstd()}),
        (3, {"compressor": None}),
        (3, {"filters": [numcodecs.Delta("f8")]}),
        (3, {"dimension_separator": "/"}),
        (3, {"object_codec": numcodecs.VLenUTF8()}),
        (2, {"codecs": [BytesCodec()]}),
        (2, {"chunk_key_encoding": ("v2", "/")}),
        (2, {"dimension_names": ["x"]}),
    ],
)
def test_create_refuses_what_belongs_to_the_other_format(zarr_format: Any, parameters: Any) -> None:
    with pytest.raises(ValueError, match=f"zarr_format {zarr_format}"):
        zarr.create(5, zarr_format=zarr_format, **parameters)


def test_create_takes_the_parameters_of_each_format() -> None:
    array = zarr.create(
        5,
        dtype="i4",
        codecs=[TransposeCodec(order=(0,)), {"name": "bytes", "configuration": {"endian": "big"}}],
        chunk_key_encoding=("v2", "/"),
        dimension_names=["x"],
    )
    assert array.filters == (TransposeCodec(order=(0,)),)
    assert array.serializer == BytesCodec(endian="big")
    assert array.compressors == ()
    array[:] = range(5)
    assert "0" in array.store._store_dict
    sharded = zarr.create(10, chunks=10, codecs=[ShardingCodec(chunk_shape=(5,))])
    assert (sharded.shards, sharded.chunks) == ((10,), (5,))

    array = zarr.create(
        (4, 4),
        chunks=2,
        dtype="<i4",
        zarr_format=2,
        compressor=numcodecs.Zlib(1),
        filters=[numcodecs.Delta("<i4")],
        dimension_separator="/",
        order="F",
    )
    array[:] = np.arange(16).reshape(4, 4)
    assert {"0/0", "0/1", "1/0", "1/1"} <= set(array.store._store_dict)
    np.testing.assert_array_equal(array[:], np.arange(16).reshape(4, 4))


def test_create_takes_the_former_name_of_the_format() -> None:
    with pytest.warns(ZarrDeprecationWarning, match="zarr_format"):
        assert zarr.create(5, zarr_version=2).metadata.zarr_format == 2
    with pytest.raises(ValueError, match="does not match"):
        zarr.create(5, zarr_version=2, zarr_format=3)


def test_create_takes_write_empty_chunks_and_order_by_their_former_names() -> None:
    with pytest.warns(ZarrRuntimeWarning, match="write_empty_chunks"):
        array = zarr.create(4, chunks=2, write_empty_chunks=True)
    array[:] = 0
    assert array.nchunks_initialized == 2
    with (
        pytest.warns(ZarrRuntimeWarning, match="write_empty_chunks"),
        pytest.warns(ZarrUserWarning, match="Both"),
    ):
        zarr.create(4, write_empty_chunks=True, config={"write_empty_chunks": False})
    with pytest.warns(ZarrRuntimeWarning, match="order"):
        assert zarr.create((4, 4), order="F").order == "F"


def test_create_writes_data_and_obeys_modes() -> None:
    store: dict[str, Any] = {}
    assert zarr.create(3, store=store, data=[1, 2, 3], dtype="i4")[:].tolist() == [1, 2, 3]
    with pytest.raises(ContainsArrayError):
        zarr.create(4, store=store)
    with pytest.raises(FileExistsError):
        zarr.create(4, store=store, mode="w-")
    with pytest.raises(ValueError, match="read-only"):
        zarr.create(4, store={}, mode="r")
    assert zarr.create(4, store=store, mode="w").shape == (4,)
    assert zarr.create(5, store=store, overwrite=True).shape == (5,)
    with pytest.raises(ValueError, match="broadcast"):
        zarr.create(4, data=np.arange(5))


def test_create_refuses_unknown_parameters() -> None:
    with pytest.raises(TypeError, match="nonsense"):
        zarr.create(5, nonsense=1)  # type: ignore[call-arg]


def test_object_codecs_are_for_objects_of_format_2() -> None:
    array = zarr.create(3, dtype=object, object_codec=numcodecs.VLenUTF8(), zarr_format=2)
    array[:] = ["a", "bb", ""]
    assert array[:].tolist() == ["a", "bb", ""]
    with pytest.raises(ValueError, match="dtype=object"):
        zarr.create(3, dtype="i4", object_codec=numcodecs.VLenUTF8(), zarr_format=2)
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        zarr.create(3, dtype=object, zarr_format=2)


# -- the short forms ----------------------------------------------------------------------------


def test_the_short_forms_differ_by_fill_value() -> None:
    assert zarr.zeros((2,), dtype="i4")[:].tolist() == [0, 0]
    assert zarr.ones((2,), dtype="i4")[:].tolist() == [1, 1]
    assert zarr.full((2,), 7, dtype="i4")[:].tolist() == [7, 7]
    assert zarr.empty((2,), dtype="i4").shape == (2,)
    with pytest.raises(TypeError, match="fill_value"):
        zarr.zeros((2,), fill_value=3)


def test_the_like_forms_take_over_what_an_array_is() -> None:
    source = zarr.create_array(
        {}, shape=(10, 10), dtype="i2", chunks=(5, 5), shards=(10, 10), fill_value=3
    )
    same = zarr.empty_like(source)
    assert (same.shards, same.chunks, same.dtype, same.fill_value) == ((10, 10), (5, 5), "i2", 3)
    assert zarr.zeros_like(source)[0, 0] == 0
    assert zarr.ones_like(source)[0, 0] == 1
    assert zarr.full_like(source, fill_value=9)[0, 0] == 9
    assert zarr.full_like(source)[0, 0] == 3
    assert zarr.zeros_like(source, zarr_format=2).chunks == (5, 5)
    assert zarr.zeros_like(source, chunks=(2, 5), codecs=None).chunks == (2, 5)
    assert zarr.zeros_like(np.ones((2, 3), "f4")).dtype == "f4"
    assert zarr.zeros_like([1, 2]).shape == (2,)
    old = zarr.create((4, 4), zarr_format=2, order="F", compressor=numcodecs.Zlib())
    assert zarr.zeros_like(old).order == "F"
    assert zarr.zeros_like(old).compressors == (numcodecs.Zlib(),)


def test_array_holds_its_data() -> None:
    assert zarr.array([1, 2, 3], chunks=2)[:].tolist() == [1, 2, 3]
    assert zarr.array(np.arange(3), dtype="f4").dtype == "f4"
    assert zarr.array(3)[()] == 3
    source = zarr.array(np.arange(10), chunks=3)
    copy = zarr.array(source)
    assert copy.chunks == (3,)
    np.testing.assert_array_equal(copy[:], source[:])
    frozen = zarr.array([1, 2], read_only=True)
    assert frozen.read_only
    assert frozen[:].tolist() == [1, 2]
