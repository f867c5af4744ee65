"""A handle describes its array without asking the store."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import zarr
from zarr.codecs import BytesCodec, ZstdCodec
from zarr.errors import ZarrDeprecationWarning
from zarr.storage import LocalStore, MemoryStore


@pytest.fixture
def sharded() -> Any:
    """An array with shards that do not fit its shape."""
    return zarr.create_array(
        {}, name="x/y", shape=(10, 4), dtype="i4", chunks=(3, 4), shards=(6, 4), fill_value=3
    )


def test_both_faces_tell_the_same(sharded: Any) -> None:
    expected = {
        "shape": (10, 4),
        "ndim": 2,
        "size": 40,
        "nbytes": 160,
        "dtype": np.dtype("i4"),
        "name": "/x/y",
        "path": "x/y",
        "basename": "y",
        "chunks": (3, 4),
        "shards": (6, 4),
        "nchunks": 4,
        "cdata_shape": (4, 1),
        "read_chunk_sizes": ((3, 3, 3, 1), (4,)),
        "write_chunk_sizes": ((6, 4), (4,)),
        "order": "C",
        "read_only": False,
        "filters": (),
        "serializer": BytesCodec(),
        "compressors": (ZstdCodec(level=0),),
        "store": sharded.store,
        "store_path": sharded.store_path,
        "metadata": sharded.metadata,
        "config": sharded.config,
        "fill_value": 3,
    }
    for face in (sharded, sharded.async_array):
        assert {name: getattr(face, name) for name in expected} == expected
        assert repr(face) == (
            f"<{type(face).__name__} memory://{id(sharded.store._store_dict)}/x/y "
            "shape=(10, 4) dtype=int32>"
        )


def test_an_array_at_the_root_has_no_name() -> None:
    array = zarr.ones(3)
    assert (array.path, array.name, array.basename) == ("", "/", "")


def test_format_2_has_a_compressor_and_no_serializer(sharded: Any) -> None:
    array = zarr.create((4, 4), chunks=2, zarr_format=2, compressor=None, order="F")
    assert (array.filters, array.compressors, array.serializer) == ((), (), None)
    assert (array.order, array.shards, array.cdata_shape) == ("F", None, (2, 2))
    with pytest.warns(ZarrDeprecationWarning, match="compressors"):
        assert array.compressor is None
    with (
        pytest.warns(ZarrDeprecationWarning, match="compressors"),
        pytest.raises(TypeError, match="format 3"),
    ):
        _ = sharded.compressor


def test_regions_of_chunks_and_shards(sharded: Any) -> None:
    chunks = list(sharded._iter_chunk_regions())
    assert chunks == [(slice(n, min(n + 3, 10)), slice(0, 4)) for n in (0, 3, 6, 9)]
    assert list(sharded._iter_shard_regions()) == [
        (slice(0, 6), slice(0, 4)),
        (slice(6, 10), slice(0, 4)),
    ]
    picked = sharded._iter_chunk_regions(origin=(1, 0), selection_shape=(2, 1))
    assert list(picked) == chunks[1:3]


def test_info_is_a_table(sharded: Any) -> None:
    assert repr(sharded.info) == "\n".join(
        [
            "Type               : Array",
            "Zarr format        : 3",
            "Data type          : Int32(endianness='little')",
            "Fill value         : 3",
            "Shape              : (10, 4)",
            "Shard shape        : (6, 4)",
            "Chunk shape        : (3, 4)",
            "Order              : C",
            "Read-only          : False",
            "Store type         : MemoryStore",
            "Filters            : ()",
            "Serializer         : BytesCodec(endian='little')",
            "Compressors        : (ZstdCodec(level=0, checksum=False),)",
            "No. bytes          : 160",
        ]
    )
    assert "<th" in sharded.info._repr_html_()
    assert "&lt;" not in sharded.info._repr_html_()


def test_complete_info_counts_what_is_stored(sharded: Any) -> None:
    sharded[:3] = 1
    assert sharded.nchunks_initialized == 2
    assert sharded._nshards_initialized == 1
    sharded[:] = 1
    assert sharded.nchunks_initialized == sharded.nchunks == 4
    stored = sum(
        len(value) for key, value in sharded.store._store_dict.items() if key.startswith("x/y/")
    )
    assert sharded.nbytes_stored() == stored
    text = repr(sharded.info_complete())
    assert f"No. bytes stored   : {stored}" in text
    assert f"Storage ratio      : {160 / stored:.1f}" in text
    assert "Shards Initialized : 2" in text


@pytest.mark.parametrize("separator", [".", "/"])
def test_stored_chunks_are_counted_whatever_their_keys(separator: Any) -> None:
    for encoding in ({"name": "v2", "separator": separator}, {"name": "default"}):
        for shape in ((), (7,), (7, 7)):
            array = zarr.create_array(
                {}, shape=shape, chunks=3, dtype="i4", chunk_key_encoding=encoding
            )
            assert array.nchunks_initialized == 0
            array[...] = 1
            assert array.nchunks_initialized == array.nchunks
            array.store._store_dict["c/9/9"] = array.store._store_dict["zarr.json"]
            assert array.nchunks_initialized == array.nchunks


def test_equal_handles_show_the_same_array(tmp_path: Any) -> None:
    array = zarr.create_array(tmp_path, shape=(3,), dtype="i4")
    again = zarr.open_array(tmp_path)
    assert array == again
    assert array.async_array == again.async_array
    assert array != zarr.open_array(tmp_path, config={"order": "F"})
    assert array != zarr.create_array({}, shape=(3,), dtype="i4")
    assert array != 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(array)


def test_a_pickled_handle_shows_the_same_array(tmp_path: Any) -> None:
    for store in (LocalStore(tmp_path), MemoryStore()):
        array = zarr.create_array(store, shape=(30,), chunks=(4,), dtype="i4")
        array[:] = range(30)
        for face in (array, array.async_array):
            data = pickle.dumps(face)
            copy = pickle.loads(data)
            assert copy.metadata == face.metadata
        assert pickle.loads(pickle.dumps(array))[:].tolist() == list(range(30))
        if isinstance(store, LocalStore):
            assert len(pickle.dumps(array)) <= 2000 + len(pickle.dumps(array.metadata))


def test_the_summary_of_a_large_array_is_cheap() -> None:
    array = zarr.create_array({}, shape=(1 << 40, 1 << 20), chunks=(64, 64), dtype="i1")
    assert array.nchunks == 1 << 48
    assert "(1.0E)" in repr(array.info)
    assert array.nchunks_initialized == 0
    array[1 << 39, 5] = 3
    assert array.nchunks_initialized == 1
    assert array[1 << 39, 5] == 3


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_fill_value_that_was_shown_or_given_may_be_changed(zarr_format: Any) -> None:
    dtype = np.dtype([("a", "i4"), ("b", "f8")])
    given = np.array([(1, 2.0)], dtype)[0]
    array = zarr.create_array({}, shape=2, dtype=dtype, fill_value=given, zarr_format=zarr_format)
    given["a"] = 3
    array.fill_value["a"] = 4
    assert array.fill_value.item() == array[0].item() == (1, 2.0)
