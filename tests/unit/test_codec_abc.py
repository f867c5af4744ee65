"""The base classes of codecs and metadata give their subclasses working defaults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

from zarr.abc.codec import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    ArrayBytesCodecPartialDecodeMixin,
    ArrayBytesCodecPartialEncodeMixin,
    BaseCodec,
    BytesBytesCodec,
    Codec,
    CodecPipeline,
    SupportsSyncCodec,
)
from zarr.abc.metadata import Metadata
from zarr.abc.numcodec import Numcodec, _is_numcodec, _is_numcodec_cls
from zarr.buffer.cpu import Buffer
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")
SPEC: Any = None


def run(coro: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coro)


def step(coro: Coroutine[Any, Any, T]) -> T:
    try:
        coro.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise AssertionError("waited")


@dataclass(frozen=True)
class Reverse(BytesBytesCodec):
    """Synchronous."""

    is_fixed_size = True

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        return input_byte_length

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return Buffer.from_bytes(chunk_data.to_bytes()[::-1])

    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return self._decode_sync(chunk_data, chunk_spec)


@dataclass(frozen=True)
class Waiting(BytesBytesCodec):
    """Asynchronous."""

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
        return super().compute_encoded_size(input_byte_length, chunk_spec)  # type: ignore[safe-super]

    busy = 0
    most_busy = 0

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        kind = type(self)
        kind.busy += 1
        kind.most_busy = max(kind.busy, kind.most_busy)
        await asyncio.sleep(0.001)
        kind.busy -= 1
        return chunk_data

    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return None if chunk_data.to_bytes() == b"" else chunk_data


def chunks(*data: bytes | None) -> list[tuple[Any, Any]]:
    return [(None if item is None else Buffer.from_bytes(item), SPEC) for item in data]


def out(found: Any) -> list[bytes | None]:
    return [None if item is None else item.to_bytes() for item in found]


def test_a_synchronous_codec_codes_batches_without_an_event_loop() -> None:
    codec = Reverse()
    assert out(step(codec.encode(chunks(b"abc", None, b"xy")))) == [b"cba", None, b"yx"]
    assert out(step(codec.decode(iter(chunks(b"cba", None))))) == [b"abc", None]
    assert isinstance(codec, SupportsSyncCodec)
    assert codec.is_fixed_size
    assert codec.compute_encoded_size(3, SPEC) == 3


def test_an_asynchronous_codec_codes_batches_together_within_the_bound() -> None:
    codec = Waiting()
    data = [bytes([i]) for i in range(30)]
    with config.set({"async.concurrency": 4}):
        assert out(run(codec.decode(chunks(*data, None)))) == [*data, None]
    assert Waiting.most_busy == 4
    assert out(run(codec.encode(chunks(b"", b"a", None)))) == [None, b"a", None]
    assert not isinstance(codec, SupportsSyncCodec)
    assert not codec.is_fixed_size


def test_one_failing_chunk_ends_the_others() -> None:
    finished: list[bytes] = []

    class Failing(Waiting):
        async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
            if chunk_data.to_bytes() == b"bad":
                raise ValueError("bad chunk")
            await asyncio.Event().wait()
            finished.append(chunk_data.to_bytes())

    with pytest.raises(ValueError, match="bad chunk"):
        run(Failing().decode(chunks(b"a", b"b", b"bad", b"c")))
    assert finished == []


def test_a_method_that_a_codec_does_not_define_is_named() -> None:
    class Nothing(ArrayBytesCodec):
        def compute_encoded_size(self, input_byte_length: int, chunk_spec: Any) -> int:
            return super().compute_encoded_size(input_byte_length, chunk_spec)  # type: ignore[safe-super]

    class Parts(ArrayBytesCodecPartialDecodeMixin, ArrayBytesCodecPartialEncodeMixin):
        pass

    with pytest.raises(NotImplementedError, match="Nothing defines neither _decode_sync"):
        run(Nothing().decode(chunks(b"a")))
    with pytest.raises(NotImplementedError, match="Nothing defines neither _encode_sync"):
        run(Nothing().encode(chunks(b"a")))
    with pytest.raises(NotImplementedError, match="Nothing"):
        Nothing().compute_encoded_size(1, SPEC)
    with pytest.raises(NotImplementedError, match="Parts"):
        run(Parts().decode_partial([(SPEC, SPEC, SPEC)]))
    with pytest.raises(NotImplementedError, match="Parts"):
        run(Parts().encode_partial([(SPEC, SPEC, SPEC, SPEC)]))
    with pytest.raises(NotImplementedError, match="CodecPipeline"):
        CodecPipeline.from_array_metadata_and_store(SPEC, SPEC)


def test_partial_codecs_code_batches() -> None:
    class Parts(ArrayBytesCodecPartialDecodeMixin):
        async def _decode_partial_single(
            self, byte_getter: Any, selection: Any, chunk_spec: Any
        ) -> Any:
            return byte_getter, selection

    found: Any = run(Parts().decode_partial([("a", 1, SPEC), ("b", 2, SPEC)]))  # type: ignore[list-item]
    assert found == [("a", 1), ("b", 2)]


def test_codecs_stay_as_they_are_unless_they_define_more() -> None:
    codec = Reverse()
    assert codec.evolve_from_array_spec(SPEC) is codec
    assert codec.resolve_metadata(SPEC) is SPEC
    codec.validate(shape=(1,), dtype=SPEC, chunk_grid=SPEC)
    assert isinstance(codec, Codec)
    for kind in (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec):
        assert issubclass(kind, BaseCodec)


@dataclass(frozen=True)
class Node(Metadata):
    name: Any
    inner: Any = None


def test_metadata_become_dicts_all_the_way_down() -> None:
    node = Node("a", [Node("b", Node("c")), 4])
    assert node.to_dict() == {
        "name": "a",
        "inner": ({"name": "b", "inner": {"name": "c", "inner": None}}, 4),
    }
    assert Node.from_dict({"name": "a", "inner": 3}) == Node("a", 3)
    with pytest.raises(TypeError):
        Node.from_dict({"other": 1})


def test_numcodecs_codecs_are_told_by_their_members() -> None:
    class Mine:
        codec_id = "mine"

        def encode(self, buf: Any) -> Any: ...

        def decode(self, buf: Any, out: Any = None) -> Any: ...

        def get_config(self) -> Any: ...

        @classmethod
        def from_config(cls, config: Any) -> Mine:
            return cls()

    assert isinstance(Mine(), Numcodec)
    assert _is_numcodec(Mine())
    assert _is_numcodec_cls(Mine)
    assert not _is_numcodec(Mine)
    assert not _is_numcodec_cls(Mine())
    assert not _is_numcodec(np.zeros(1))
