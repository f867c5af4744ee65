"""A codec of your own: LZMA from Python's library, inside the shards of the native engine."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

import zarr
from zarr.abc.codec import BytesBytesCodec
from zarr.registry import register_codec

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer
    from zarr.core.array_spec import ArraySpec


@dataclass(frozen=True)
class LZMACodec(BytesBytesCodec):
    """LZMA: small, slow.

    Parameters
    ----------
    preset
        From 0 (fast) to 9 (small).
    """

    preset: int = 6

    def to_dict(self) -> dict[str, Any]:
        return {"name": "example.lzma", "configuration": {"preset": self.preset}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data.get("configuration", {}))

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("It depends on the data.")

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        encoded = lzma.compress(chunk_data.to_bytes(), preset=self.preset)
        return chunk_spec.prototype.buffer.from_bytes(encoded)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return chunk_spec.prototype.buffer.from_bytes(lzma.decompress(chunk_data.to_bytes()))


def main() -> None:
    """Write an array with the codec, and read parts of it back."""
    register_codec("example.lzma", LZMACodec)
    data = np.arange(250_000, dtype="i4").reshape(500, 500)
    store: dict[str, Any] = {}
    array = zarr.create_array(
        store, data=data, chunks=(50, 50), shards=(250, 250), compressors=LZMACodec(preset=1)
    )
    again = zarr.open_array(store, mode="r")
    assert np.array_equal(again[:], data)
    assert np.array_equal(again.oindex[[3, 499], ::9], data[[3, 499], ::9])
    print(f"{data.nbytes:,} bytes as {array.nbytes_stored():,} with {array.compressors}")


if __name__ == "__main__":
    main()
