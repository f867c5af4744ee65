"""Codecs of others run as links of the engine, however they define their coding."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.codecs import BytesCodec, Crc32cCodec, ShardingCodec
from zarr.codecs.base import OneChunk
from zarr.codecs.chain import v3_chain
from zarr.errors import ChunkDecodeError

ARRAY = np.arange(24, dtype="i4").reshape(4, 6)


class Named:
    """A codec's JSON form: its name."""

    def to_dict(self) -> Any:
        return {"name": type(self).__name__.lower()}

    @classmethod
    def from_dict(cls, data: Any) -> Any:
        return cls()


def _inverted(data: Any, spec: Any) -> Any:
    return spec.prototype.buffer.from_array_like(~data.as_numpy_array())


@dataclass(frozen=True)
class Sync(Named, BytesBytesCodec):
    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return _inverted(chunk_data, chunk_spec)

    _decode_sync = _encode_sync


@dataclass(frozen=True)
class Single(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return _inverted(chunk_data, chunk_spec)

    _decode_single = _encode_single


@dataclass(frozen=True)
class InThread(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return await asyncio.to_thread(_inverted, chunk_data, chunk_spec)

    _decode_single = _encode_single


@dataclass(frozen=True)
class Yielding(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        await asyncio.sleep(0)
        return _inverted(chunk_data, chunk_spec)

    _decode_single = _encode_single


@dataclass(frozen=True)
class Waiting(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        await asyncio.sleep(0.001)
        return _inverted(chunk_data, chunk_spec)

    _decode_single = _encode_single


@dataclass(frozen=True)
class Polling(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        done = asyncio.get_running_loop().run_in_executor(None, _inverted, chunk_data, chunk_spec)
        other = asyncio.ensure_future(asyncio.sleep(0.001))
        while not other.done():
            await asyncio.sleep(0)
        return await done

    _decode_single = _encode_single


@dataclass(frozen=True)
class Gathering(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        async with asyncio.timeout(10):
            (result,) = await asyncio.gather(asyncio.to_thread(_inverted, chunk_data, chunk_spec))
        return result

    _decode_single = _encode_single


@dataclass(frozen=True)
class Batch(Named, BytesBytesCodec):
    async def encode(self, chunks_and_specs: Any) -> Any:
        return [_inverted(data, spec) for data, spec in chunks_and_specs]

    decode = encode


KINDS = [Sync, Single, InThread, Yielding, Waiting, Polling, Gathering, Batch]


def _chunk(codecs: list[Any], chunk: Any) -> OneChunk:
    return OneChunk(v3_chain(codecs, chunk), chunk)


def _round_trip(codecs: list[Any], chunk: Any, array: Any) -> bytes:
    one = _chunk(codecs, chunk)
    stored = one.encode(array)
    assert stored is not None
    np.testing.assert_array_equal(one.decode(stored), array)
    return stored.to_bytes()


@pytest.mark.parametrize("cls", KINDS)
def test_every_way_to_define_coding_is_used(spec: Any, cls: type) -> None:
    stored = _round_trip([BytesCodec(), cls(), Crc32cCodec()], spec((4, 6), "i4"), ARRAY)
    assert np.array_equal(~np.frombuffer(stored[:-4], np.uint8), ARRAY.view(np.uint8).ravel())


@pytest.mark.parametrize("cls", KINDS)
def test_coding_works_where_an_event_loop_runs(spec: Any, cls: type) -> None:
    async def main() -> None:
        _round_trip([BytesCodec(), cls()], spec((4, 6), "i4"), ARRAY)
        await asyncio.sleep(0)  # the loop still runs

    asyncio.run(main())


@pytest.mark.parametrize("cls", KINDS)
def test_coding_works_on_the_thread_of_our_own_event_loop(spec: Any, cls: type) -> None:
    from zarr._async.run import sync

    async def main() -> None:
        _round_trip([BytesCodec(), cls()], spec((4, 6), "i4"), ARRAY)

    sync(main(), timeout=20)


@dataclass(frozen=True)
class Flip(Named, ArrayArrayCodec):
    """Turns the axes around and doubles the elements, as another type."""

    def resolve_metadata(self, chunk_spec: Any) -> Any:
        from zarr.dtype import parse_dtype

        dtype = parse_dtype("f8", zarr_format=3)
        return replace(chunk_spec, shape=chunk_spec.shape[::-1], dtype=dtype)

    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        array = chunk_data.as_numpy_array()
        assert array.shape == chunk_spec.shape
        return chunk_spec.prototype.nd_buffer.from_numpy_array((array * 2.0).T)

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        array = chunk_data.as_numpy_array()
        assert array.dtype == np.float64
        assert array.shape == chunk_spec.shape[::-1]
        return chunk_spec.prototype.nd_buffer.from_numpy_array((array / 2).astype("i4").T)


@dataclass(frozen=True)
class Text(Named, ArrayBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        text = ",".join(map(str, chunk_data.as_numpy_array().ravel())).encode()
        return chunk_spec.prototype.buffer.from_bytes(text)

    async def _decode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        numbers = [float(item) for item in chunk_data.to_bytes().decode().split(",")]
        array = np.array(numbers).astype(chunk_spec.dtype.to_native_dtype())
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array.reshape(chunk_spec.shape))


def test_codecs_of_all_kinds_work_together(spec: Any) -> None:
    stored = _round_trip([Flip(), Text(), Sync()], spec((4, 6), "i4"), ARRAY)
    text = bytes(~np.frombuffer(stored, np.uint8)).decode()
    assert text.startswith("0.0,12.0,24.0,36.0,2.0,14.0")


def test_codecs_of_others_work_inside_of_shards(spec: Any) -> None:
    shard = ShardingCodec(chunk_shape=(2, 3), codecs=[Flip(), Text(), InThread()])
    _round_trip([shard, Sync()], spec((4, 6), "i4"), ARRAY)


@dataclass(frozen=True)
class Strings(Named, ArrayBytesCodec):
    """Strings between newlines."""

    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        text = "\n".join(chunk_data.as_numpy_array().ravel().tolist())
        return chunk_spec.prototype.buffer.from_bytes(text.encode())

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        items = chunk_data.to_bytes().decode().split("\n")
        array = np.array(items, dtype=object).reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)


def test_elements_of_no_fixed_size_reach_codecs_of_others(spec: Any) -> None:
    array = np.array([["a", ""], ["ccc", "é"]], dtype=np.dtypes.StringDType())
    chunk = spec((2, 2), str, "")
    _round_trip([Strings(), Sync()], chunk, array)
    _round_trip([ShardingCodec(chunk_shape=(1, 2), codecs=[Strings()])], chunk, array)


class OwnError(Exception):
    pass


@dataclass(frozen=True)
class Failing(Named, BytesBytesCodec):
    error: type[Exception] = OwnError

    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        raise self.error("no such luck")


@pytest.mark.parametrize("error", [OwnError, KeyError, zlib.error, RuntimeError, ValueError])
def test_errors_of_others_keep_their_type(spec: Any, error: type[Exception]) -> None:
    one = _chunk([BytesCodec(), Failing(error)], spec((4, 6), "i4"))
    stored = one.encode(ARRAY)
    with pytest.raises(error, match="no such luck"):
        one.decode(stored)  # type: ignore[arg-type]


@dataclass(frozen=True)
class FailingLater(Named, BytesBytesCodec):
    async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
        raise RuntimeError("no such luck")

    _decode_single = _encode_single


def test_errors_of_coroutines_keep_their_type(spec: Any) -> None:
    with pytest.raises(RuntimeError, match="no such luck"):
        _chunk([BytesCodec(), FailingLater()], spec((4, 6), "i4")).encode(ARRAY)


@dataclass(frozen=True)
class WrongShape(Named, ArrayArrayCodec):
    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_spec.prototype.nd_buffer.from_numpy_array(np.zeros((2, 2), "i4"))


@dataclass(frozen=True)
class WrongSize(Named, BytesBytesCodec):
    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_spec.prototype.buffer.from_bytes(b"123")


@dataclass(frozen=True)
class WrongType(Named, ArrayArrayCodec):
    def _encode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_data

    def _decode_sync(self, chunk_data: Any, chunk_spec: Any) -> Any:
        return chunk_spec.prototype.nd_buffer.from_numpy_array(np.zeros((4, 6), "c16"))


@pytest.mark.parametrize(
    ("codecs", "words"),
    [
        ([WrongShape(), BytesCodec()], ["wrongshape", "(4, 6)", "(2, 2)"]),
        ([WrongType(), BytesCodec()], ["wrongtype", "int32", "complex128"]),
        ([BytesCodec(), WrongSize()], ["wrongsize", "96", "3"]),
    ],
)
def test_results_of_the_wrong_size_are_errors_that_name_the_codec(
    spec: Any, codecs: list[Any], words: list[str]
) -> None:
    one = _chunk(codecs, spec((4, 6), "i4"))
    stored = one.encode(ARRAY)
    with pytest.raises(ChunkDecodeError) as caught:
        one.decode(stored)  # type: ignore[arg-type]
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert all(word in text for word in words), text


@dataclass(frozen=True)
class Empty(Named, BytesBytesCodec):
    """Defines nothing."""


def test_a_codec_that_defines_no_coding_is_refused(spec: Any) -> None:
    with pytest.raises(TypeError, match="_decode_sync, _decode_single and decode"):
        v3_chain([BytesCodec(), Empty()], spec((4,), "u1"))


def test_a_coroutine_that_needs_no_thread_uses_none(spec: Any) -> None:
    import threading

    seen: set[str] = set()

    @dataclass(frozen=True)
    class Watching(Named, BytesBytesCodec):
        async def _encode_single(self, chunk_data: Any, chunk_spec: Any) -> Any:
            def work() -> Any:
                seen.add(threading.current_thread().name)
                return chunk_data

            return await asyncio.to_thread(work)

        _decode_single = _encode_single

    _round_trip([BytesCodec(), Watching()], spec((4, 6), "i4"), ARRAY)
    assert not any(name.startswith(("asyncio", "zarr_io", "zarr_codec")) for name in seen)
