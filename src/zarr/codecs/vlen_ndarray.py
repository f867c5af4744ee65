"""The codec ``vlen-ndarray``: elements that are arrays of any length."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs import vlen
from zarr.codecs.base import DeclaredCodec
from zarr.dtype.elements import NDArray
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType
    from zarr.metadata.spec import ArraySpec

__all__ = ["VLenNDArrayCodec"]


@dataclass(frozen=True)
class VLenNDArrayCodec(DeclaredCodec, ArrayBytesCodec):
    """Stores arrays of the data type ``ndarray``, whose first axis has any length.

    A chunk has the bytes that ``vlen-bytes`` makes of the elements' bytes.

    Examples
    --------
    >>> from zarr.codecs import VLenNDArrayCodec
    >>> VLenNDArrayCodec().to_dict()
    {'name': 'vlen-ndarray'}
    """

    _name = "vlen-ndarray"
    _optional = True

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse all but arrays of which the first length, and no other, is open."""
        if not isinstance(dtype, NDArray) or dtype.variable != 1 or dtype.shape[0] is not None:
            raise ValueError(
                "The codec 'vlen-ndarray' stores arrays of the data type ndarray whose first "
                f"length, and no other, is open. Got {dtype}."
            )

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        dtype: Any = chunk_spec.dtype
        items = chunk_data.as_numpy_array().reshape(-1).tolist()
        payloads = np.empty(len(items), object)
        payloads[:] = [b"" if item is None else dtype.array(item).tobytes() for item in items]
        return chunk_spec.prototype.buffer.from_bytes(vlen.encode("vlen-bytes", payloads))

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype: Any = chunk_spec.dtype
        count = prod(chunk_spec.shape)
        payloads = vlen.decode("vlen-bytes", chunk_data.as_buffer_like(), count, np.dtype(object))
        found = np.empty(count, object)
        try:
            for index, payload in enumerate(payloads.tolist()):
                found[index] = dtype.array_of_bytes(payload)
        except ValueError as error:
            raise ChunkDecodeError(f"Element {index}: {error}") from error
        return chunk_spec.prototype.nd_buffer.from_numpy_array(found.reshape(chunk_spec.shape))
