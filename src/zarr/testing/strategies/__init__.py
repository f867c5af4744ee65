"""Hypothesis strategies for what Zarr is made of. Needs hypothesis (``zarr[testing]``).

>>> from hypothesis import given
>>> from zarr.testing.strategies import arrays
>>> @given(array=arrays())
... def test_reading_twice_gives_the_same(array): ...
"""

from zarr.testing.strategies.data_types import (
    DATETIME_UNIT,
    dtypes,
    safe_unicode_for_dtype,
    structured_dtypes,
    v2_dtypes,
    v3_dtypes,
    zdtypes,
)
from zarr.testing.strategies.grids import (
    array_shapes,
    chunk_grids,
    chunk_paths,
    chunk_shapes,
    chunks_param_from_rectilinear,
    rectilinear_chunk_grids,
    rectilinear_chunk_shape_declarations,
    rectilinear_chunks,
    rectilinear_dim_edges,
    shard_shapes,
)
from zarr.testing.strategies.names import (
    array_names,
    attrs,
    dimension_names,
    key_ranges,
    keys,
    node_names,
    paths,
    short_node_names,
    zarr_key_chars,
)
from zarr.testing.strategies.selections import (
    basic_indices,
    block_indices,
    end_slices,
    is_negative_slice,
    orthogonal_indices,
)
from zarr.testing.strategies.settings import (
    SUBCHUNK_WRITE_ORDER,
    clear_store,
    compressors,
    sharding_inner_codecs,
    stores,
    subchunk_write_orders,
    zarr_formats,
)
from zarr.testing.strategies.stored import (
    array_metadata,
    arrays,
    block_test_arrays,
    complex_rectilinear_arrays,
    np_array_and_chunks,
    numpy_arrays,
    rectilinear_arrays,
    sharded_arrays,
    simple_arrays,
)

__all__ = [
    "DATETIME_UNIT",
    "SUBCHUNK_WRITE_ORDER",
    "array_metadata",
    "array_names",
    "array_shapes",
    "arrays",
    "attrs",
    "basic_indices",
    "block_indices",
    "block_test_arrays",
    "chunk_grids",
    "chunk_paths",
    "chunk_shapes",
    "chunks_param_from_rectilinear",
    "clear_store",
    "complex_rectilinear_arrays",
    "compressors",
    "dimension_names",
    "dtypes",
    "end_slices",
    "is_negative_slice",
    "key_ranges",
    "keys",
    "node_names",
    "np_array_and_chunks",
    "numpy_arrays",
    "orthogonal_indices",
    "paths",
    "rectilinear_arrays",
    "rectilinear_chunk_grids",
    "rectilinear_chunk_shape_declarations",
    "rectilinear_chunks",
    "rectilinear_dim_edges",
    "safe_unicode_for_dtype",
    "shard_shapes",
    "sharded_arrays",
    "sharding_inner_codecs",
    "short_node_names",
    "simple_arrays",
    "stores",
    "structured_dtypes",
    "subchunk_write_orders",
    "v2_dtypes",
    "v3_dtypes",
    "zarr_formats",
    "zarr_key_chars",
    "zdtypes",
]
