"""A check that every codec must pass.

Call `check_codec` from a test, with a codec and a chunk that it is to code::

    def test_my_codec() -> None:
        array = np.arange(24, dtype="int32").reshape(4, 6)
        check_codec(MyCodec(level=3), array)

The codec must be registered, see `zarr.registry.register_codec`.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import random
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec
from zarr.buffer.core import default_buffer_prototype
from zarr.codecs.base import OneChunk
from zarr.codecs.bytes import BytesCodec, has_words
from zarr.codecs.chain import evolve, parse_codec, v3_chain
from zarr.codecs.vlen import holds_objects
from zarr.dtype import parse_dtype
from zarr.metadata.spec import ArrayConfig, ArraySpec

if TYPE_CHECKING:
    from zarr.abc.codec import Codec
    from zarr.types import AnyNDArray

__all__ = ["check_codec", "chunk_spec"]


def chunk_spec(array: AnyNDArray, fill_value: object = None) -> ArraySpec:
    """Return what a codec is told of a chunk.

    Parameters
    ----------
    array : ndarray
        The chunk.
    fill_value : object, optional
        The fill value of the array that it belongs to; by default that of its data type.
    """
    dtype = parse_dtype(str if array.dtype.hasobject else array.dtype, zarr_format=3)
    fill = dtype.default_scalar() if fill_value is None else dtype.cast_scalar(fill_value)
    config = ArrayConfig(order="C", write_empty_chunks=True)
    return ArraySpec(array.shape, dtype, fill, config, default_buffer_prototype())


def check_codec(
    codec: Codec,
    array: AnyNDArray,
    *,
    spec: ArraySpec | None = None,
    lossless: bool = True,
    mutations: int = 200,
) -> None:
    """Check that a codec does what arrays expect of it.

    It is written as JSON and made of it again; it codes a chunk by each of its methods, and in the
    engine, to the same bytes and back; it leaves its input alone and does not mind how that lies
    in memory; it tells its encoded size where it says that it can; what is damaged is decoded to a
    chunk of the right shape, or refused.

    Parameters
    ----------
    codec : codec
        The codec, configured as it is to be checked.
    array : ndarray
        A chunk. A codec from bytes to bytes is given its bytes.
    spec : ArraySpec, optional
        The description of the chunk for the codec, see `chunk_spec`.
    lossless : bool, optional
        Whether decoding gives what was encoded, exactly.
    mutations : int, optional
        How many damaged chunks to decode.

    Raises
    ------
    AssertionError
        The codec does something else.
    """
    spec = chunk_spec(array) if spec is None else spec
    (fitted,) = evolve([codec], spec)
    _check_json(codec)
    _check_json(fitted)
    assert evolve([fitted], spec) == (fitted,), "fitting a codec twice changes it"
    encoded = _check_methods(fitted, array, spec, lossless)
    _check_memory_order(fitted, array, spec, encoded)
    _check_size(fitted, array, spec, encoded)
    _check_engine(fitted, array, spec, lossless, mutations)


def _check_json(codec: Codec) -> None:
    document = json.loads(json.dumps(codec.to_dict()))
    assert isinstance(document["name"], str)
    again = parse_codec(document)
    assert type(again) is type(codec), f"{document['name']!r} is registered for {type(again)}"
    assert json.loads(json.dumps(again.to_dict())) == document
    assert parse_codec(again.to_dict()) == again
    assert pickle.loads(pickle.dumps(codec)) == codec
    assert type(codec).__name__ in repr(codec)


def _buffer(codec: Codec, array: AnyNDArray, spec: ArraySpec) -> object:
    if isinstance(codec, ArrayArrayCodec | ArrayBytesCodec):
        return spec.prototype.nd_buffer.from_numpy_array(array)
    return spec.prototype.buffer.from_bytes(np.ascontiguousarray(array).tobytes())


def _content(buffer: Any) -> tuple[object, ...]:
    """The content of a buffer, comparable."""
    if hasattr(buffer, "to_bytes"):
        return (buffer.to_bytes(),)
    array = buffer.as_numpy_array()
    if holds_objects(array.dtype):
        return (array.shape, array.tolist())
    return (array.shape, array.dtype.newbyteorder("="), array.tobytes())


def _check_methods(codec: Codec, array: AnyNDArray, spec: ArraySpec, lossless: bool) -> object:
    """Code by each method; the encoded chunk."""

    async def run() -> Any:
        source: Any = _buffer(codec, array, spec)
        before = _content(source)
        encoded: Any = await codec._encode_single(source, spec)
        assert encoded is not None
        stored = _content(encoded)
        decoded: Any = await codec._decode_single(encoded, spec)
        assert _content(source) == before, "encoding changed its input"
        assert _content(encoded) == stored, "decoding changed its input"
        if lossless:
            assert _content(decoded) == before, "decoding gave something else"
        batch: Any = list(await codec.encode([(source, spec), (None, spec)]))
        assert batch[1] is None
        assert _content(batch[0]) == stored, "encode and _encode_single differ"
        batch = list(await codec.decode([(encoded, spec), (None, spec)]))
        assert batch[1] is None
        assert _content(batch[0]) == _content(decoded), "decode and _decode_single differ"
        if hasattr(codec, "_encode_sync") and hasattr(codec, "_decode_sync"):
            assert _content(codec._encode_sync(source, spec)) == stored
            assert _content(codec._decode_sync(encoded, spec)) == _content(decoded)
        return encoded

    return asyncio.run(run())


def _check_memory_order(codec: Codec, array: AnyNDArray, spec: ArraySpec, encoded: object) -> None:
    if not isinstance(codec, ArrayArrayCodec | ArrayBytesCodec) or array.ndim == 0:
        return
    spread = np.repeat(array, 2, axis=-1)[..., ::2]
    for view in (np.asfortranarray(array), spread, array[::-1].copy()[::-1]):
        again: object = asyncio.run(_encoded(codec, _buffer(codec, view, spec), spec))
        assert _content(again) == _content(encoded), "the order in memory changes what is stored"


async def _encoded(codec: Any, source: Any, spec: ArraySpec) -> Any:
    return await codec._encode_single(source, spec)


def _check_size(codec: Codec, array: AnyNDArray, spec: ArraySpec, encoded: Any) -> None:
    if isinstance(codec, ArrayArrayCodec):
        resolved = codec.resolve_metadata(spec)
        found = encoded.as_numpy_array()
        assert found.size == prod(resolved.shape), "resolve_metadata tells another shape"
        expected = resolved.dtype.to_native_dtype()
        assert found.dtype.itemsize == expected.itemsize, "resolve_metadata tells another type"
    if codec.is_fixed_size:
        size = array.nbytes
        told = codec.compute_encoded_size(size, spec)
        found = encoded.as_numpy_array().nbytes
        assert found == told, f"compute_encoded_size tells {told} bytes, not {found}"


def _check_engine(
    codec: Codec, array: AnyNDArray, spec: ArraySpec, lossless: bool, mutations: int
) -> None:
    if isinstance(codec, ArrayArrayCodec):
        chain: list[Any] = [codec, _plain(codec.resolve_metadata(spec))]
    elif isinstance(codec, ArrayBytesCodec):
        chain = [codec]
    else:
        chain = [_plain(spec), codec]
    one = OneChunk(v3_chain(chain, spec), spec)
    stored = one.encode(array)
    assert stored is not None, "a chunk was not stored"
    decoded = one.decode(stored)
    assert decoded.shape == array.shape
    if lossless:
        expected = spec.prototype.nd_buffer.from_numpy_array(array.astype(decoded.dtype))
        assert _content(spec.prototype.nd_buffer.from_numpy_array(decoded)) == _content(expected)
    _check_damage(one, stored, array.shape, mutations)


def _plain(spec: ArraySpec) -> BytesCodec:
    return BytesCodec(endian="little" if has_words(spec.dtype.to_native_dtype()) else None)


def _check_damage(one: OneChunk, stored: Any, shape: tuple[int, ...], mutations: int) -> None:
    chance = random.Random(0)
    for _ in range(mutations):
        damaged = _damaged(stored.to_bytes(), chance)
        try:
            decoded = one.decode(stored.from_bytes(damaged))
        except (MemoryError, RecursionError) as error:
            raise AssertionError("decoding what is damaged takes too much") from error
        except Exception:
            continue  # refused
        assert decoded.shape == shape


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """The bytes with some of them changed, cut off or added."""
    changed = bytearray(data)
    kind = chance.randrange(4)
    if kind == 0:
        return bytes(changed[: chance.randrange(len(changed) + 1)])
    if kind == 1:
        return bytes(changed) + chance.randbytes(chance.randrange(1, 20))
    for _ in range(chance.randrange(1, 5)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)
