"""Chunks to code: specs, buffers, and codecs run in both ways that they can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zarr.buffer import default_buffer_prototype
from zarr.dtype import parse_dtype
from zarr.metadata.spec import ArrayConfig, ArraySpec

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOTYPE = default_buffer_prototype()


def _spec(shape: tuple[int, ...], dtype: Any, fill_value: Any = 0, **config: Any) -> ArraySpec:
    settings = ArrayConfig(order="C", write_empty_chunks=config.pop("write_empty_chunks", False))
    parsed = parse_dtype(dtype, zarr_format=3)
    fill = None if fill_value is None else parsed.cast_scalar(fill_value)
    return ArraySpec(shape, parsed, fill, settings, PROTOTYPE)


@pytest.fixture
def spec() -> Callable[..., ArraySpec]:
    """Makes the spec of a chunk: ``spec(shape, dtype, fill_value=0)``."""
    return _spec


class Coding:
    """Codes arrays and bytes with a codec, and gives arrays and bytes back."""

    def __init__(self, codec: Any, chunk: ArraySpec) -> None:
        self.codec = codec.evolve_from_array_spec(chunk)
        self.chunk = chunk

    def encode(self, data: Any) -> Any:
        return self._plain(self.codec._encode_sync(self._buffer(data), self.chunk))

    def decode(self, data: Any) -> Any:
        return self._plain(self.codec._decode_sync(self._buffer(data), self.chunk))

    @staticmethod
    def _buffer(data: Any) -> Any:
        if isinstance(data, bytes):
            return PROTOTYPE.buffer.from_bytes(data)
        return PROTOTYPE.nd_buffer.from_numpy_array(np.asarray(data))

    @staticmethod
    def _plain(result: Any) -> Any:
        if result is None:
            return None
        return result.to_bytes() if hasattr(result, "to_bytes") else result.as_numpy_array()


@pytest.fixture
def coding() -> Callable[..., Coding]:
    """Makes a codec ready to code chunks: ``coding(codec, shape, dtype, fill_value=0)``."""

    def make(codec: Any, shape: tuple[int, ...], dtype: Any, *rest: Any, **config: Any) -> Coding:
        return Coding(codec, _spec(shape, dtype, *rest, **config))

    return make
