"""Codecs of others as links of the engine: adapters that turn its bytes into what they expect.

The engine calls an adapter from any thread, with the bytes of a chunk and the shape of it: chunks
at the edge of a grid may be smaller than others. An array comes as its elements in C order.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np

from zarr._async.executors import SyncError, sync
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BaseCodec
from zarr.codecs.vlen import NUMBER_SIZE, ObjectTable, holds_objects
from zarr.dtype.storage import as_type
from zarr.errors import ChunkDecodeError
from zarr.settings import config

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from types import CodeType
    from typing import Self

    from zarr.codecs.base import Array, Link
    from zarr.dtype.base import TBaseDType
    from zarr.metadata.spec import ArraySpec

T = TypeVar("T")


class _NeedsLoopError(Exception):
    """The coroutine asked for more than can be done in place."""


class _Done:
    """An awaitable whose result is there."""

    def __init__(self, result: object) -> None:
        self._result = result

    def __await__(self) -> Generator[None, None, object]:
        return self._result
        yield  # makes this a generator function, as awaiting requires


class _InPlace:
    """Stands for the running event loop: does at once what would be moved to a thread."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def run_in_executor(
        self, executor: object, func: Callable[..., object], *args: object
    ) -> _Done:
        try:
            return _Done(func(*args))
        except BaseException as error:
            self.error = error
            raise

    def create_task(self, coro: Coroutine[object, object, object], **options: object) -> object:
        coro.close()  # or Python warns that it was never awaited
        raise _NeedsLoopError("create_task")

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # asked of any object by those who look into modules
        raise _NeedsLoopError(name)


_SUSPENDED = object()

# A bare yield (asyncio.sleep(0)) only lets others run, and there are none. A coroutine that yields
# this often waits for one of them.
_MOST_YIELDS = 100

# The code of coroutines that did: they are not tried again.
_need_loop: set[CodeType] = set()


def run_coroutine(make: Callable[[], Coroutine[object, object, T]]) -> T:
    """The result of a coroutine; it may be started twice, so it must not have effects."""
    coro = make()
    code = getattr(coro, "cr_code", None)
    if code not in _need_loop:
        result = _in_place(coro)
        if result is not _SUSPENDED:
            return result  # type: ignore[no-any-return]
        if code is not None:
            _need_loop.add(code)
        coro = make()
    try:
        return sync(coro, timeout=config.settings.async__timeout)
    except SyncError:
        # This is the thread of that event loop, which cannot wait for itself.
        return _on_new_thread(make)


def _in_place(coro: Coroutine[object, object, object]) -> Any:
    import asyncio

    around = asyncio._get_running_loop()
    place = _InPlace()
    asyncio._set_running_loop(place)  # type: ignore[arg-type]
    try:
        for _ in range(_MOST_YIELDS):
            if coro.send(None) is not None:
                break
    except StopIteration as stop:
        return stop.value
    except (_NeedsLoopError, RuntimeError) as error:
        # asyncio reports what is missing as RuntimeError. One of the codec's own comes again.
        if error is place.error:
            raise
    finally:
        asyncio._set_running_loop(around)
    coro.close()
    return _SUSPENDED


def _on_new_thread(make: Callable[[], Coroutine[object, object, T]]) -> T:
    import asyncio

    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(asyncio.run(make()))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="zarr_codec", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


Data: TypeAlias = bytes | bytearray | memoryview
Shape: TypeAlias = tuple[int, ...]


class Elements:
    """Arrays of one data type, between the engine's bytes and NumPy.

    Elements of no fixed size are numbers of a table for the engine, see `zarr.codecs.vlen`.
    """

    def __init__(self, dtype: TBaseDType, table: ObjectTable | None = None) -> None:
        self.dtype = dtype
        self.objects = holds_objects(dtype)
        self._table = table

    def bound(self, table: ObjectTable) -> Elements:
        """The same, for the elements of a table."""
        return Elements(self.dtype, table) if self.objects else self

    @property
    def itemsize(self) -> int:
        """Bytes of an element for the engine."""
        return NUMBER_SIZE if self.objects else self.dtype.itemsize

    def array(self, data: Data, shape: Shape) -> Array:
        """The array of the engine's bytes."""
        raw = np.frombuffer(data, np.uint8)
        if self.objects:
            return self._numbers().elements(raw.view(np.int64).reshape(shape))
        return raw.view(self.dtype).reshape(shape)

    def data(self, array: Array) -> memoryview:
        """The engine's bytes of an array."""
        if self.objects:
            array = self._numbers().number(array)
        flat = np.ascontiguousarray(array).reshape(-1)
        return memoryview(flat.view(np.uint8))

    def decoded(self, result: object, shape: Shape, codec: str) -> Array:
        """The output of a decoder as an array of `shape` and of this data type."""
        array = _counted(result, shape, codec)
        if array.dtype != self.dtype:
            if not (self.objects or np.can_cast(array.dtype, self.dtype, "same_kind")):
                raise ChunkDecodeError(self._wrong_type(array, codec))
            array = as_type(array, self.dtype)
        return array.reshape(shape)

    def encoded(self, result: object, shape: Shape, codec: str) -> Array:
        """The output of an encoder as an array of `shape` and of this data type.

        A codec may give elements of another type and equal size: only their bytes count.
        """
        array = _counted(result, shape, codec)
        dtype = array.dtype
        if dtype != self.dtype:
            if self.objects or _differ_in_byte_order(dtype, self.dtype):
                array = as_type(array, self.dtype)
            elif dtype.itemsize == self.dtype.itemsize and not dtype.hasobject:
                array = np.ascontiguousarray(array).view(self.dtype)
            else:
                raise ValueError(self._wrong_type(array, codec))
        return array.reshape(shape)

    def _wrong_type(self, array: Array, codec: str) -> str:
        return (
            f"The codec {codec!r} was to give an array of {self.dtype}, and gave one of "
            f"{array.dtype}."
        )

    def _numbers(self) -> ObjectTable:
        if self._table is None:
            raise TypeError(f"Elements of {self.dtype} can be coded with a table of them only.")
        return self._table


def _differ_in_byte_order(one: TBaseDType, other: TBaseDType) -> bool:
    return one.kind in "iufcmMU" and one == other.newbyteorder()


def _counted(result: object, shape: Shape, codec: str) -> Array:
    array: Array = np.asanyarray(result)
    if array.size != prod(shape):
        raise ChunkDecodeError(
            f"The codec {codec!r} was to give an array of shape {shape}, and gave one of "
            f"{array.shape}."
        )
    return array


class Coder:
    """Calls a codec's coding methods, whichever it defines."""

    def __init__(self, codec: BaseCodec[Any, Any], spec: ArraySpec) -> None:
        self.codec = codec
        self.spec = spec
        self.name = codec_name(codec)
        self._decode = _method(codec, "decode")
        self._bounded = getattr(self._decode, "takes_limit", False)
        self._encode = _method(codec, "encode")

    def at(self, shape: Shape) -> ArraySpec:
        """The spec of a chunk of `shape`, which the codec is given."""
        return self.spec if shape == self.spec.shape else replace(self.spec, shape=shape)

    def decode(self, data: object, spec: ArraySpec, limit: int | None = None) -> Any:
        """The decoded data; at most `limit` bytes, if the codec looks at that."""
        given = {"limit": limit} if limit is not None and self._bounded else {}
        return self._given(self._decode(data, spec, **given), "decoded")

    def encode(self, data: object, spec: ArraySpec) -> Any:
        """The encoded data."""
        return self._given(self._encode(data, spec), "encoded")

    def _given(self, result: object, what: str) -> object:
        if result is None:
            raise ValueError(f"The codec {self.name!r} gave None for a chunk to be {what}.")
        return result


class ForeignCodec:
    """The base of the adapters of codecs."""

    kind: str
    takes_objects = False

    def __init__(self, coder: Coder) -> None:
        self._coder = coder
        self.name = coder.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._coder.codec!r}>"


class ForeignArrayArray(ForeignCodec):
    """Adapter of a codec from array to array."""

    kind = "array_array"

    def __init__(
        self, coder: Coder, inner: Elements | None = None, outer: Elements | None = None
    ) -> None:
        super().__init__(coder)
        spec = coder.spec
        self._outer = outer or Elements(spec.dtype.to_native_dtype())
        encoded = coder.codec.resolve_metadata(spec)
        self._inner = inner or Elements(encoded.dtype.to_native_dtype())
        self._shapes: dict[Shape, Shape] = {}
        self.takes_objects = self._outer.objects or self._inner.objects

    def bound(self, table: ObjectTable) -> Self:
        return type(self)(self._coder, self._inner.bound(table), self._outer.bound(table))

    def encoded_spec(self, shape: Shape) -> tuple[Shape, int]:
        """The shape, and the size of an element, that a chunk of `shape` is encoded to."""
        shape = tuple(shape)
        encoded = self._shapes.get(shape)
        if encoded is None:
            encoded = self._coder.codec.resolve_metadata(self._coder.at(shape)).shape
            self._shapes[shape] = encoded
        return encoded, self._inner.itemsize

    def encode(self, data: Data, shape: Shape) -> memoryview:
        spec = self._coder.at(tuple(shape))
        array = self._outer.array(data, spec.shape)
        encoded = self._coder.encode(spec.prototype.nd_buffer.from_numpy_array(array), spec)
        expected, _ = self.encoded_spec(spec.shape)
        return self._inner.data(self._inner.encoded(encoded.as_numpy_array(), expected, self.name))

    def decode(self, data: Data, shape: Shape) -> memoryview:
        spec = self._coder.at(tuple(shape))
        encoded_shape, _ = self.encoded_spec(spec.shape)
        array = self._inner.array(data, encoded_shape)
        decoded = self._coder.decode(spec.prototype.nd_buffer.from_numpy_array(array), spec)
        return self._outer.data(
            self._outer.decoded(decoded.as_numpy_array(), spec.shape, self.name)
        )


class ForeignArrayBytes(ForeignCodec):
    """Adapter of a codec from array to bytes."""

    kind = "array_bytes"

    def __init__(self, coder: Coder, elements: Elements | None = None) -> None:
        super().__init__(coder)
        self._elements = elements or Elements(coder.spec.dtype.to_native_dtype())
        self.takes_objects = self._elements.objects

    def bound(self, table: ObjectTable) -> Self:
        return type(self)(self._coder, self._elements.bound(table))

    def encode(self, data: Data, shape: Shape) -> Data:
        spec = self._coder.at(tuple(shape))
        array = self._elements.array(data, spec.shape)
        encoded = self._coder.encode(spec.prototype.nd_buffer.from_numpy_array(array), spec)
        return cast("Data", encoded.as_buffer_like())

    def decode(self, data: Data, shape: Shape) -> memoryview:
        spec = self._coder.at(tuple(shape))
        decoded = self._coder.decode(spec.prototype.buffer.from_bytes(data), spec)
        return self._elements.data(
            self._elements.decoded(decoded.as_numpy_array(), spec.shape, self.name)
        )

    def encoded_size(self, size: int) -> int | None:
        """The bytes that every chunk of `size` bytes is encoded to; None if that depends."""
        return _fixed_size(self._coder, size)


class ForeignBytesBytes(ForeignCodec):
    """Adapter of a codec from bytes to bytes."""

    kind = "bytes_bytes"

    def encode(self, data: Data, shape: Shape = ()) -> Data:
        return self._run(self._coder.encode, data)

    def decode(self, data: Data, shape: Shape = (), limit: int | None = None) -> Data:
        return self._run(self._coder.decode, data, limit)

    def _run(self, code: Callable[..., Any], data: Data, limit: int | None = None) -> Data:
        # The engine gives no shape with bytes: the codec is told that of the chunks in general.
        spec = self._coder.spec
        buffer = spec.prototype.buffer.from_bytes(data)
        given = {} if limit is None else {"limit": limit}
        return cast("Data", code(buffer, spec, **given).as_buffer_like())

    def encoded_size(self, size: int) -> int | None:
        """The bytes that every `size` bytes are encoded to; None if that depends on them."""
        return _fixed_size(self._coder, size)


def foreign_link(codec: BaseCodec[Any, Any], spec: ArraySpec) -> Link:
    """The link for a codec that is not the engine's, given chunks of `spec`."""
    coder = Coder(codec, spec)
    if isinstance(codec, ArrayArrayCodec):
        return ("python", ForeignArrayArray(coder))
    if isinstance(codec, ArrayBytesCodec):
        return ("python", ForeignArrayBytes(coder))
    return ("python", ForeignBytesBytes(coder))


def codec_name(codec: Any) -> str:
    """The name of a codec in metadata, or of its class if it cannot be told."""
    try:
        name = codec.to_dict()["name"]
    except Exception:
        name = None
    return name if isinstance(name, str) else type(codec).__name__


def _fixed_size(coder: Coder, size: int) -> int | None:
    if not coder.codec.is_fixed_size:
        return None
    return coder.codec.compute_encoded_size(size, coder.spec)


def _method(codec: BaseCodec[Any, Any], action: str) -> Callable[..., object]:
    """How to let a codec decode or encode one chunk.

    Of the three ways to define that, the one in the most derived class counts, and there the
    synchronous one before the asynchronous one, before the one for many chunks.
    """
    sync, single, batch = f"_{action}_sync", f"_{action}_single", action
    for ancestor in type(codec).__mro__:
        if ancestor.__module__ == "zarr.abc.codec":
            continue
        defined = vars(ancestor)
        if sync in defined:
            return cast("Callable[[Any, ArraySpec], Any]", getattr(codec, sync))
        if single in defined:
            return _awaited(getattr(codec, single))
        if batch in defined:
            return _awaited_batch(getattr(codec, batch))
    raise TypeError(
        f"{type(codec).__name__} defines none of {sync}, {single} and {batch}: it cannot {action}."
    )


def _awaited(single: Callable[[Any, ArraySpec], Any]) -> Callable[[object, ArraySpec], object]:
    return lambda data, spec: run_coroutine(lambda: single(data, spec))


def _awaited_batch(many: Callable[[Any], Any]) -> Callable[[object, ArraySpec], object]:
    def code(data: object, spec: ArraySpec) -> object:
        (result,) = run_coroutine(lambda: many([(data, spec)]))
        return result

    return code
