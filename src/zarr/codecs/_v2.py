"""All that codes the chunks of an array of format 2, as one codec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs.base import OneChunk
from zarr.codecs.chain import v2_chain

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.abc.numcodec import Numcodec
    from zarr.metadata.spec import ArraySpec

__all__ = ["V2Codec"]


@dataclass(frozen=True)
class V2Codec(ArrayBytesCodec):
    """The filters and the compressor of an array of format 2.

    Arrays do not need it: it stands for programs that code chunks themselves.

    Parameters
    ----------
    filters : tuple of numcodecs codecs, optional
        The filters, applied first, in order.
    compressor : numcodecs codec, optional
        The compressor, applied last.
    """

    filters: tuple[Numcodec, ...] | None
    compressor: Numcodec | None

    is_fixed_size = False

    def compute_encoded_size(self, _input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("The size of a compressed chunk depends on its content.")

    def _chunk(self, spec: ArraySpec) -> OneChunk:
        dtype = spec.dtype.to_native_dtype()
        chain = v2_chain(self.filters, self.compressor, dtype, spec.order, len(spec.shape))
        return OneChunk(chain, spec)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = self._chunk(chunk_spec).decode(chunk_data)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return self._chunk(chunk_spec).encode(chunk_data.as_numpy_array())
