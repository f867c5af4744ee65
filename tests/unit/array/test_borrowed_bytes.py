"""Bytes from a store are decoded in place, whatever object holds them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zarr
from zarr.errors import ChunkDecodeError
from zarr.storage import MemoryStore, WrapperStore

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 64 << 10


class Answering(WrapperStore[MemoryStore]):
    """A store that answers in objects of some kind."""

    make: Callable[[bytes], Any] = bytes

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        found = await self._store.get(key, prototype, byte_range)
        if found is None or key.endswith(".json"):
            return found
        return prototype.buffer.from_bytes(self.make(found.to_bytes()))


class Exporter:
    """Bytes of which nothing is known but that they can be read."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def __len__(self) -> int:
        return len(self.data)

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(self.data).toreadonly()


def _obstore(data: bytes) -> Any:
    return pytest.importorskip("obstore").Bytes(data)


KINDS = {
    "bytearray": bytearray,
    "view": lambda data: memoryview(data)[:],
    "array": lambda data: np.frombuffer(data, "u1").copy(),
    "obstore": _obstore,
}
if sys.version_info >= (3, 12):
    KINDS["exporter"] = Exporter

LAYOUTS: dict[str, dict[str, Any]] = {
    "raw": {"chunks": (4, SIZE), "compressors": None},
    "zstd": {"chunks": (4, SIZE), "compressors": zarr.codecs.ZstdCodec(level=1)},
    "big-endian": {
        "chunks": (4, SIZE),
        "compressors": None,
        "serializer": zarr.codecs.BytesCodec(endian="big"),
    },
    "shards": {"chunks": (1, SIZE // 4), "shards": (4, SIZE)},
    "raw shards": {"chunks": (1, SIZE // 4), "shards": (4, SIZE), "compressors": None},
    "a long index": {"chunks": (1, 16), "shards": (4, SIZE)},
}
SELECTIONS: tuple[Any, ...] = (..., np.s_[1:7:2, 5:60_000], np.s_[3, ::7], np.s_[:, :20_000])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_object_with_bytes_is_read_right(kind: str, layout: str) -> None:
    values = np.arange(8 * SIZE, dtype="u2").reshape(8, SIZE)
    store = Answering(MemoryStore())
    array = zarr.create_array(store, data=values, **LAYOUTS[layout])
    store.make = KINDS[kind]
    for selection in SELECTIONS:
        np.testing.assert_array_equal(array[selection], values[selection])
    array[2:6, 7:-7] = 1  # what stays is taken out of the answer
    values[2:6, 7:-7] = 1
    np.testing.assert_array_equal(array[:], values)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_answers_that_are_too_short_are_errors(kind: str, layout: str) -> None:
    values = np.random.default_rng(0).integers(0, 1 << 16, (8, SIZE), "u2")
    store = Answering(MemoryStore())
    array = zarr.create_array(store, data=values, **LAYOUTS[layout])
    store.make = lambda data: KINDS[kind](data[:-1])
    with pytest.raises(ChunkDecodeError):
        array[:]
    with pytest.raises(ChunkDecodeError):
        array[1:7, 5:60_000]


def test_an_answer_may_lie_in_the_memory_that_is_read_into() -> None:
    values = np.arange(8 * SIZE, dtype="u2").reshape(8, SIZE)
    store = Answering(MemoryStore())
    array = zarr.create_array(store, data=values, chunks=(8, SIZE), compressors=None)
    memory = np.concatenate([values, values[:1]])
    store.make = lambda _: memory[:8].view("u1").reshape(-1)
    array.get_basic_selection(..., out=memory[:8])
    np.testing.assert_array_equal(memory[:8], values)
    array.get_basic_selection(..., out=memory[1:])
    np.testing.assert_array_equal(memory[1:], values)
