"""The shipped strategies draw values of the kind that they document."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import zarr
from zarr.metadata.chunk_grids import expand_rle
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage import MemoryStore
from zarr.testing import strategies as zst

# The data types that format 3 has no specification of are drawn as well.
pytestmark = pytest.mark.filterwarnings("ignore::zarr.errors.UnstableSpecificationWarning")
FAST = settings(max_examples=60, suppress_health_check=list(HealthCheck))
SHAPE = (4, 6)


@FAST
@given(key=zst.keys(), path=zst.paths(max_num_nodes=2), name=zst.node_names)
def test_names_are_valid(key: str, path: str, name: str) -> None:
    zarr.create_group({}, path=name)
    zarr.create_group({}, path=key)
    assert path == "/" or len(path.split("/")) <= 2


@FAST
@given(names=zst.dimension_names(ndim=2), requests=zst.key_ranges(max_size=10))
def test_names_of_axes_and_requests(names: Any, requests: Any) -> None:
    assert names is None or len(names) == 2
    assert requests


@FAST
@given(dtype=zst.dtypes() | zst.structured_dtypes(), other=zst.zdtypes())
def test_data_types_are_those_of_zarr(dtype: Any, other: Any) -> None:
    assert zarr.dtype.parse_dtype(dtype, zarr_format=3).to_native_dtype() == dtype
    assert zarr.dtype.parse_dtype(other.to_json(3), zarr_format=3).to_json(3) == other.to_json(3)


@FAST
@given(dtype=zst.structured_dtypes(allow_extended=True))
def test_extended_data_types_are_those_of_numpy(dtype: Any) -> None:
    assert dtype.names


@FAST
@given(data=st.data())
def test_chunks_and_shards_fit_their_arrays(data: Any) -> None:
    chunks = data.draw(zst.chunk_shapes(shape=SHAPE))
    shards = data.draw(zst.shard_shapes(shape=SHAPE, chunk_shape=chunks))
    assert all(n % m == 0 for n, m in zip(shards, chunks, strict=True))
    edges = data.draw(zst.rectilinear_chunks(shape=SHAPE))
    assert tuple(map(sum, edges)) == SHAPE
    written, meant = data.draw(zst.rectilinear_chunk_shape_declarations(shape=SHAPE))
    for sizes, lengths, extent in zip(written, meant, SHAPE, strict=True):
        assert isinstance(sizes, int) or tuple(expand_rle(sizes)) == lengths
        assert isinstance(lengths, int) or sum(lengths) >= extent
    assert sum(data.draw(zst.rectilinear_dim_edges(extent=9, max_chunks=3))) == 9
    with zarr.config.set({"array.rectilinear_chunks": True}):
        assert data.draw(zst.chunk_grids(shape=SHAPE)).ndim == 2
    place = data.draw(zst.chunk_paths(2, (2, 3), subset=False)).split("/")
    assert len(place) == 2
    assert int(place[1]) < 3


@FAST
@given(data=st.data())
def test_selections_are_the_same_for_numpy(data: Any) -> None:
    values = np.arange(24).reshape(SHAPE)
    array = zarr.create_array({}, data=values, chunks=(3, 2))
    where = data.draw(zst.basic_indices(shape=SHAPE) | zst.end_slices(shape=SHAPE))
    np.testing.assert_array_equal(array[where], values[where])
    where, same = data.draw(zst.orthogonal_indices(shape=SHAPE))
    np.testing.assert_array_equal(array.oindex[where], values[same])
    where, same = data.draw(zst.block_indices(chunk_sizes=((3, 1), (2, 2, 2))))
    np.testing.assert_array_equal(array.blocks[where], values[same])


@FAST
@given(pair=zst.np_array_and_chunks())
def test_arrays_of_numpy_have_chunks_that_fit(pair: Any) -> None:
    array, chunks = pair
    assert len(chunks) == array.ndim


@FAST
@given(array=zst.arrays() | zst.simple_arrays())
def test_arrays_are_in_their_stores(array: Any) -> None:
    again = zarr.open_array(array.store, path=array.path, mode="r")
    assert again.metadata == array.metadata
    np.testing.assert_array_equal(again[...], array[...])


@FAST
@given(array=zst.sharded_arrays(nested=False), nested=zst.sharded_arrays(nested=True))
def test_sharded_arrays_have_shards(array: Any, nested: Any) -> None:
    for each in (array, nested):
        assert each.shards is not None
        assert each[...].shape == each.shape


@FAST
@given(array=zst.rectilinear_arrays(), pair=zst.complex_rectilinear_arrays())
def test_rectilinear_arrays_hold_what_they_should(array: Any, pair: Any) -> None:
    assert math.prod(map(sum, array.write_chunk_sizes)) == array.size
    values, stored = pair
    np.testing.assert_array_equal(stored[...], values)


@FAST
@given(pair=zst.block_test_arrays())
def test_arrays_for_blocks_hold_what_they_should(pair: Any) -> None:
    array, values = pair
    np.testing.assert_array_equal(array[...], values)
    first = (0,) * array.ndim
    part = tuple(slice(0, sizes[0]) for sizes in array.write_chunk_sizes)
    np.testing.assert_array_equal(array.blocks[first], values[part])


@FAST
@given(metadata=zst.array_metadata())
def test_metadata_come_back_as_they_were(metadata: Any) -> None:
    kind = ArrayV2Metadata if metadata.zarr_format == 2 else ArrayV3Metadata
    assert kind.from_dict(metadata.to_dict()) == metadata


def test_a_store_can_be_emptied() -> None:
    store = MemoryStore()
    zarr.create_group(store)
    assert zst.clear_store(store) is store
    assert store._store_dict == {}
    assert zst.is_negative_slice(slice(None, None, -1))
    assert not zst.is_negative_slice(slice(None))
    grid = zarr.core.chunk_grids.ChunkGrid.from_sizes((3,), [(1, 2)])
    with zarr.config.set({"array.rectilinear_chunks": True}):
        meta = zarr.core.chunk_grids.create_chunk_grid_metadata(grid)
    assert zst.chunks_param_from_rectilinear(meta) == [[1, 2]]
