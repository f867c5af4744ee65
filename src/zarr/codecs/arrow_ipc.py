"""The codec ``arrow-ipc``: chunks as streams of Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs.base import DeclaredCodec
from zarr.codecs.configuration import extra
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType
    from zarr.metadata.spec import ArraySpec

__all__ = ["ArrowIPCCodec"]


@dataclass(frozen=True, kw_only=True)
class ArrowIPCCodec(DeclaredCodec, ArrayBytesCodec):
    """Stores each chunk as an Arrow stream of one column; needs ``zarr[arrow]``.

    Parameters
    ----------
    column_name : str
        The name of the column; best that of the array.

    Notes
    -----
    For booleans, integers, floating point numbers, dates and times that Arrow has, and strings.

    Examples
    --------
    >>> from zarr.codecs import ArrowIPCCodec
    >>> ArrowIPCCodec(column_name="temperature").to_dict()["configuration"]
    {'column_name': 'temperature'}
    """

    _name = "arrow-ipc"
    column_name: str

    def __post_init__(self) -> None:
        if not isinstance(self.column_name, str):
            raise TypeError(f"column_name must be a string, got {self.column_name!r}.")

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse types that Arrow does not have."""
        native = dtype.to_native_dtype()
        if native.kind not in "biufTmM" or native.isbuiltin == 2 or native.itemsize > 16:
            raise ValueError(f"Arrow has no data type with the meaning of {dtype}.")

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        arrow, ipc = self._arrow("pyarrow"), self._arrow("pyarrow.ipc")
        flat = np.ascontiguousarray(chunk_data.as_numpy_array()).reshape(-1)
        if flat.dtype.hasobject:
            column = arrow.array(flat.tolist(), arrow.string())
        else:
            column = arrow.array(flat.astype(flat.dtype.newbyteorder("="), copy=False))
        sink = arrow.BufferOutputStream()
        batch = arrow.RecordBatch.from_arrays([column], names=[self.column_name])
        with ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        return chunk_spec.prototype.buffer.from_bytes(sink.getvalue().to_pybytes())

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        arrow, ipc = self._arrow("pyarrow"), self._arrow("pyarrow.ipc")
        dtype, shape = chunk_spec.dtype.to_native_dtype(), chunk_spec.shape
        try:
            with ipc.open_stream(arrow.py_buffer(chunk_data.to_bytes())) as stream:
                batch = stream.read_next_batch()
            batch.validate(full=True)
            column = batch.column(self.column_name)
        except (arrow.ArrowException, LookupError, StopIteration, OSError, ValueError) as error:
            raise ChunkDecodeError(f"The chunk is no stream of Arrow: {error}") from error
        if len(column) != prod(shape) or column.null_count:
            raise ChunkDecodeError(
                f"Expected {prod(shape)} elements in the column {self.column_name!r}, found "
                f"{len(column)}, of which {column.null_count} are null."
            )
        if dtype.hasobject != arrow.types.is_string(column.type):
            raise ChunkDecodeError(f"Expected elements of {dtype}, found {column.type}.")
        if dtype.hasobject:
            array = np.array(column.to_pylist(), dtype)
        else:
            found = column.to_numpy(zero_copy_only=False)
            if found.dtype != dtype.newbyteorder("="):
                raise ChunkDecodeError(f"Expected elements of {dtype}, found {column.type}.")
            array = found.astype(dtype)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.reshape(shape))

    @staticmethod
    def _arrow(module: str) -> Any:
        return extra(module, "arrow-ipc", "arrow")
