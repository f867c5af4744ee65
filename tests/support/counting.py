"""A codec that counts the chunks that are decoded."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zarr.abc.codec import BytesBytesCodec
from zarr.registry import register_codec

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer
    from zarr.core.array_spec import ArraySpec


@dataclass(frozen=True)
class CountingCodec(BytesBytesCodec):
    """Turns each byte over, and counts how often it does so to read."""

    decoded: ClassVar[int] = 0
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def to_dict(self) -> dict[str, Any]:
        return {"name": "test.counting"}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls()

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        return input_byte_length

    def _turned(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        turned = bytes(chunk_data.to_bytes()).translate(bytes(range(255, -1, -1)))
        return chunk_spec.prototype.buffer.from_bytes(turned)

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return self._turned(chunk_data, chunk_spec)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        with CountingCodec._lock:
            CountingCodec.decoded += 1
        return self._turned(chunk_data, chunk_spec)


register_codec("test.counting", CountingCodec)


class DecodedChunks:
    """How many chunks were decoded since this was made, or since they were last told."""

    def __init__(self) -> None:
        self._before = CountingCodec.decoded

    def __call__(self) -> int:
        before, self._before = self._before, CountingCodec.decoded
        return self._before - before
