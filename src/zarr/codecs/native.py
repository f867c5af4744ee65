"""What the codecs share that the engine runs, but that are given arrays.

An array's chunks are coded in chains of the engine. These methods serve those who call a codec by
itself, and go through a chain of one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec
from zarr.codecs.one_chunk import OneChunk
from zarr.dtype.storage import buffer_view

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import Link
    from zarr.metadata.spec import ArraySpec


def _chunk(chain: tuple[Link, ...], spec: ArraySpec) -> OneChunk:
    """One chunk, which is encoded whatever is in it."""
    return OneChunk(chain, replace(spec, config=replace(spec.config, write_empty_chunks=True)))


class NativeSerializer(ArrayBytesCodec):
    """A codec from array to bytes that the engine has."""

    is_fixed_size = False

    def _link(self, spec: ArraySpec) -> Link:
        raise TypeError(f"{type(self).__name__} names no link of the engine.")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError(f"The size of a chunk of {self!r} depends on its content.")

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = _chunk((self._link(chunk_spec),), chunk_spec).decode(chunk_data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        chunk = _chunk((self._link(chunk_spec),), chunk_spec)
        return chunk.encode(chunk_data.as_numpy_array())


class NativeFilter(ArrayArrayCodec):
    """A codec from array to array that the engine has."""

    is_fixed_size = True

    def _link(self, spec: ArraySpec) -> Link:
        raise TypeError(f"{type(self).__name__} names no link of the engine.")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length

    def _decode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        data = chunk_spec.prototype.buffer.from_bytes(buffer_view(array).tobytes())
        decoded = _chunk((self._link(chunk_spec), ("bytes", 0)), chunk_spec).decode(data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> NDBuffer | None:
        chunk = _chunk((self._link(chunk_spec), ("bytes", 0)), chunk_spec)
        stored = chunk.encode(chunk_data.as_numpy_array())
        if stored is None:
            raise AssertionError("a chunk that is to be written always was not")
        spec = self.resolve_metadata(chunk_spec)
        array = np.asarray(stored.as_numpy_array()).view(spec.dtype.to_native_dtype())
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.reshape(spec.shape))
