"""The functions of zarr, for asynchronous code.

:mod:`zarr.api.synchronous`, and so ``zarr`` itself, has the same functions for other code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.array.async_array import AsyncArray
from zarr.array.copy_data import array_like, copy_data
from zarr.array.create import init_array
from zarr.array.keep import keep, kept_attributes
from zarr.array.parameters import DEFAULT_FILL_VALUE, parse_format
from zarr.array.sync_array import Array
from zarr.array.legacy import create_legacy, like_arguments, open_or_create, set_read_only
from zarr.array.opening import open_node
from zarr.errors import ContainsGroupError
from zarr.storage.path import make_store_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from zarr.abc.codec import Codec
    from zarr.abc.numcodec import Numcodec
    from zarr.array.parameters import (
        CompressorLike,
        CompressorsLike,
        FiltersLike,
        SerializerLike,
    )
    from zarr.buffer.core import NDArrayLike, NDArrayLikeOrScalar
    from zarr.dtype import ZDTypeLike
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding, ChunkKeyEncodingLike
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike
    from zarr.types import (
        JSON,
        AccessModeLiteral,
        AnyArray,
        AnyAsyncArray,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShapeLike,
        ShardsLike,
        ZarrFormat,
    )
