"""Choices that are made for the user, and settings that metadata depend on."""

from __future__ import annotations

import dataclasses
import json
import pickle
from typing import Any

import numcodecs
import numpy as np
import pytest

import zarr
from zarr.buffer import default_buffer_prototype
from zarr.codecs import BytesCodec
from zarr.dtype import Float32
from zarr.errors import UnknownCodecError
from zarr.experimental import ChunkGrid
from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding
from zarr.metadata.group import ConsolidatedMetadata, GroupMetadata
from zarr.metadata.spec import ArrayConfig, ArraySpec
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.registry import register_codec

LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}


def transpose(*order: int) -> dict[str, Any]:
    return {"name": "transpose", "configuration": {"order": order}}


def shard(*inner: int, codecs: Any = (LITTLE,)) -> dict[str, Any]:
    configuration = {"chunk_shape": inner, "codecs": codecs, "index_codecs": [LITTLE]}
    return {"name": "sharding_indexed", "configuration": configuration}


def metadata(grid: Any, *codecs: Any) -> ArrayV3Metadata:
    return ArrayV3Metadata.from_dict(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": [8, 8],
            "data_type": "int32",
            "chunk_grid": grid,
            "chunk_key_encoding": {"name": "default"},
            "fill_value": 0,
            "codecs": codecs,
        }
    )


def regular(*shape: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": shape}}


# -- codecs and what those before them make of a chunk ---------------------------------------------


@pytest.mark.parametrize(
    "codecs",
    [
        [transpose(1, 0), shard(4, 2)],
        [transpose(1, 0), transpose(1, 0), shard(2, 4)],
        [shard(2, 4, codecs=[transpose(1, 0), shard(4, 1)])],
        [transpose(1, 0), shard(4, 2, codecs=[transpose(1, 0), shard(1, 4)])],
    ],
)
@pytest.mark.filterwarnings("ignore:Combining a `sharding_indexed` codec")
def test_a_shard_is_divided_as_the_codecs_before_it_left_it(codecs: list[Any]) -> None:
    document: Any = metadata(regular(2, 4), *codecs).to_dict()
    array = zarr.open_array(_stored(document))
    values = np.arange(64, dtype="i4").reshape(8, 8)
    array[...] = values
    np.testing.assert_array_equal(array[...], values)


@pytest.mark.parametrize(
    "codecs",
    [
        [transpose(1, 0), shard(2, 4)],
        [shard(2, 4, codecs=[transpose(1, 0), shard(1, 4)])],
    ],
)
def test_a_shard_that_cannot_be_divided_then_is_refused(codecs: list[Any]) -> None:
    with pytest.raises(ValueError, match="is not divisible by"):
        metadata(regular(2, 4), *codecs)


def test_a_shard_of_several_sizes_is_divided_as_the_codecs_before_it_left_it() -> None:
    grid = {"name": "rectilinear", "configuration": {"kind": "inline", "chunk_shapes": [[2, 6], 4]}}
    with zarr.config.set({"array.rectilinear_chunks": True}):
        assert metadata(grid, transpose(1, 0), shard(4, 2)).ndim == 2
        with pytest.raises(ValueError, match="is not divisible by"):
            metadata(grid, transpose(1, 0), shard(2, 4))


def _stored(document: dict[str, Any]) -> dict[str, Any]:
    parsed = ArrayV3Metadata.from_dict(document)
    return dict(parsed.to_buffer_dict(default_buffer_prototype()))


@pytest.mark.parametrize(
    ("compressor", "most"),
    [(numcodecs.Blosc(), 2**31 - 1 - 16), (numcodecs.LZ4(), 0x7E00_0000)],
    ids=["blosc", "lz4"],
)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_chunk_that_its_codec_cannot_hold_is_refused_before_anything_is_written(
    compressor: Any, most: int, zarr_format: Any
) -> None:
    store: dict[str, Any] = {}
    given: dict[str, Any] = {"dtype": "u1", "compressors": compressor, "zarr_format": zarr_format}
    with pytest.raises(ValueError, match=f"takes at most {most} bytes at once"):
        zarr.create_array(store, shape=(most + 1,), chunks=(most + 1,), **given)
    assert store == {}
    assert zarr.create_array(store, shape=(most + 1,), chunks=(most,), **given).chunks == (most,)


def test_filters_that_make_less_of_a_chunk_are_not_counted() -> None:
    smaller = ArrayV2Metadata.from_dict(
        {
            "zarr_format": 2,
            "shape": [2**30],
            "chunks": [2**30],
            "dtype": "<f4",
            "fill_value": 0,
            "order": "C",
            "filters": [{"id": "astype", "encode_dtype": "|i1", "decode_dtype": "<f4"}],
            "compressor": {"id": "blosc"},
        }
    )
    assert smaller.chunks == (2**30,)


# -- chunks ----------------------------------------------------------------------------------------


def chosen(**parameters: Any) -> Any:
    return zarr.create_array({}, **{"dtype": "f4", **parameters}).metadata


def test_none_and_minus_one_are_all_of_an_axis() -> None:
    for whole in (None, -1):
        assert chosen(shape=(10, 20), chunks=(whole, 5)).chunks == (10, 5)
        assert chosen(shape=(10, 20), chunks=[5, whole]).chunks == (5, 20)


@pytest.mark.parametrize("length", [1_000_003, 5_000_011, 2 * 1_000_003, 2**61 - 1])
def test_a_shard_that_nothing_divides_well_is_not_divided_into_dust(length: int) -> None:
    found = chosen(shape=(length,), shards=(length,))
    assert found.shards == (length,)
    assert length % found.chunks[0] == 0
    assert found.chunks[0] * 4 >= 64 * 1024


def test_a_shard_is_divided_into_chunks_of_a_good_size() -> None:
    found = chosen(shape=(10_000, 10_000), shards=(5000, 2000))
    assert found.shards == (5000, 2000)
    assert 64 * 1024 <= 4 * found.chunks[0] * found.chunks[1] <= 1 << 20


def test_chunks_outside_of_a_grid_are_not_listed() -> None:
    grid = ChunkGrid.from_sizes((6, 4), (2, 2))
    assert list(grid.all_chunk_coords(origin=(2, 1))) == [(2, 1)]
    assert list(grid.all_chunk_coords(selection_shape=(0, 2))) == []
    for where in ({"origin": (2, 1), "selection_shape": (2, 1)}, {"origin": (-1, 0)}):
        with pytest.raises(IndexError):
            grid.all_chunk_coords(**where)  # type: ignore[arg-type]


# -- values ----------------------------------------------------------------------------------------


def spec(fill: Any) -> ArraySpec:
    config = ArrayConfig("C", write_empty_chunks=False)
    return ArraySpec((2,), Float32(), fill, config, default_buffer_prototype())


def test_specs_are_equal_if_their_fill_values_have_the_same_bits() -> None:
    nan, zero = np.float32("nan"), np.float32(0)
    assert (spec(nan) == spec(np.float32("nan"))) is True
    assert hash(spec(nan)) == hash(spec(np.float32("nan")))
    assert (spec(zero) == spec(-zero)) is False
    assert spec(zero) == pickle.loads(pickle.dumps(spec(zero)))
    assert spec(zero) != (2,)


def test_an_encoding_of_chunk_keys_has_to_say_how() -> None:
    class Silent(ChunkKeyEncoding):
        name = "silent"

    with pytest.raises(TypeError, match="abstract"):
        Silent()  # type: ignore[abstract]


# -- what documents mean depends on ----------------------------------------------------------------


class Renamed(BytesCodec):
    """A codec of a user's, in the place of a built-in one."""


def test_a_document_that_was_read_before_follows_the_settings() -> None:
    store: dict[str, Any] = {}
    zarr.create_array(store, shape=(4,), dtype="i4", compressors=None)

    def kind() -> type:
        return type(zarr.open_array(store, mode="r").metadata.codecs[0])  # type: ignore[union-attr]

    assert kind() is BytesCodec
    register_codec("bytes", Renamed, qualname="tests.Renamed")
    with zarr.config.set({"codecs.bytes": "tests.Renamed"}):
        assert kind() is Renamed
    assert kind() is BytesCodec


def v2(**changes: Any) -> ArrayV2Metadata:
    document = {
        "zarr_format": 2,
        "shape": [8],
        "chunks": [4],
        "dtype": "<i4",
        "fill_value": 0,
        "order": "C",
        "filters": [{"id": "delta", "dtype": "<i4"}],
        "compressor": {"id": "zstd"},
        "attributes": {"a": 1},
    }
    return ArrayV2Metadata.from_dict({**document, **changes})


def test_metadata_can_be_replaced_in_part() -> None:
    old = v2()
    new = dataclasses.replace(old, shape=(6,))
    assert new == old.update_shape((6,))
    assert (new.compressor, new.filters) == (numcodecs.Zstd(), (numcodecs.Delta("<i4"),))
    found = metadata(regular(2, 4), LITTLE)
    assert dataclasses.replace(found, shape=(3, 3)) == found.update_shape((3, 3))
    for any_metadata in (old, found):
        names = {field.name for field in dataclasses.fields(any_metadata)}
        assert names >= {"shape", "attributes", "fill_value", "zarr_format"}
        with pytest.raises(dataclasses.FrozenInstanceError):
            any_metadata.shape = (1,)  # type: ignore[misc]


def test_a_field_that_a_configuration_leaves_out_has_its_default() -> None:
    whole = [{"id": "delta", "dtype": "<i4", "astype": "<i4"}]
    assert v2() == v2(filters=whole, compressor={"id": "zstd", "level": 0})
    assert v2() != v2(compressor={"id": "zstd", "level": 3})
    assert v2() != v2(filters=None)


@pytest.mark.parametrize(
    "changes",
    [{"compressor": {"id": "of another world"}}, {"filters": [{"id": "of another world"}]}],
)
def test_a_codec_of_format_2_that_nobody_knows_is_refused(changes: Any) -> None:
    with pytest.raises(UnknownCodecError, match="of another world"):
        v2(**changes)
    document = {**v2().to_dict(), **changes}
    del document["attributes"]
    make = default_buffer_prototype().buffer.from_bytes
    store = {
        ".zgroup": make(b'{"zarr_format": 2}'),
        "x/.zarray": make(json.dumps(document).encode()),
    }
    # Though no element was ever written, which needs no codec.
    with pytest.raises(UnknownCodecError, match="of another world"):
        zarr.open_array(store, path="x", mode="r")
    with pytest.raises(UnknownCodecError, match="of another world"):
        zarr.open_group(store, mode="r")["x"]


@pytest.mark.parametrize(
    "config",
    [
        {"id": "zlib", "dictionary": "x"},
        {"id": "blosc", "x": 1},
        {"id": "delta"},
        {"id": "bz2", "x": 1},
    ],
)
def test_a_configuration_that_a_codec_of_format_2_lacks_is_refused(config: Any) -> None:
    with pytest.raises(TypeError, match="argument"):
        v2(filters=[config])


def test_a_shape_with_other_axes_is_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        v2().update_shape((8, 8))
    with pytest.raises(ValueError, match="same number of dimensions"):
        metadata(regular(2, 4), LITTLE).update_shape((8,))


def test_groups_of_format_2_have_no_extra_fields() -> None:
    with pytest.raises(ValueError, match="extra fields"):
        GroupMetadata(zarr_format=2, extra_fields={"x": {"must_understand": False}})


def test_empty_consolidated_metadata_are_none() -> None:
    document = {"zarr_format": 3, "node_type": "group", "consolidated_metadata": {}}
    assert GroupMetadata.from_dict(document).consolidated_metadata is None


def test_nodes_by_path_are_put_into_their_parents_in_place() -> None:
    nodes: dict[str, Any] = {"g": GroupMetadata({"a": 1}), "g/h": GroupMetadata(), "x": v2()}
    ConsolidatedMetadata._flat_to_nested(nodes)
    assert list(nodes) == ["g", "x"]
    assert nodes["g"].attributes == {"a": 1}
    assert list(nodes["g"].consolidated_metadata.metadata) == ["h"]
