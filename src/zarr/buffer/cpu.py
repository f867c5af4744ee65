"""Buffers in the memory of the computer, on NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, cast

import numpy as np

from zarr.buffer import core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from zarr.buffer.core import ArrayLike
    from zarr.types import AnyNDArray, BytesLike

__all__ = [
    "Buffer",
    "NDBuffer",
    "as_numpy_array_wrapper",
    "buffer_prototype",
    "numpy_buffer_prototype",
]


class Buffer(core.Buffer):
    """Bytes in the memory of the computer.

    Parameters
    ----------
    array_like : ArrayLike
        A one-dimensional array of unsigned bytes; it is shared, not copied.
    """

    # `_data` is an array, or an immutable object with the buffer protocol (bytes, or bytes that
    # the engine owns) of which an array is made only when somebody asks for one.
    __slots__ = ()

    @classmethod
    def create_zero_length(cls) -> Self:
        """Make a buffer of no bytes."""
        return cls(cast("ArrayLike", np.empty(0, dtype="B")))

    @classmethod
    def from_buffer(cls, buffer: core.Buffer) -> Self:
        """Make a buffer of this class out of another, which may lie in other memory."""
        if isinstance(buffer, Buffer):
            return cls._of(buffer._data)
        return cls._of(buffer.as_numpy_array())

    @classmethod
    def from_bytes(cls, bytes_like: BytesLike) -> Self:
        """Make a buffer out of an object with bytes, without a copy."""
        if type(bytes_like) is not bytes:
            if isinstance(bytes_like, bytearray | memoryview | np.ndarray):
                return cls._of(np.frombuffer(bytes_like, dtype="B"))
            memoryview(bytes_like)  # anything without the buffer protocol is refused here
        return cls._of(bytes_like)

    @classmethod
    def _of(cls, data: object) -> Self:
        """Wrap data that are known to be fit: skips the checks of the constructor."""
        if cls is not Buffer:
            # A subclass may do more when it is made.
            return cls(data if isinstance(data, np.ndarray) else np.frombuffer(data, dtype="B"))
        self = cls.__new__(cls)
        self._data = data
        return self

    def as_array_like(self) -> ArrayLike:
        """Return the underlying array, without a copy."""
        return cast("ArrayLike", self.as_numpy_array())

    def as_numpy_array(self) -> AnyNDArray:
        """Return the bytes as a NumPy array, without a copy."""
        if isinstance(self._data, np.ndarray):
            return self._data
        # Not kept: `_data` stays what the engine and `to_bytes` read fastest.
        return np.frombuffer(self._data, dtype="B")

    def as_buffer_like(self) -> BytesLike:
        """Return the bytes as a memoryview, without a copy."""
        return memoryview(self._data)

    def to_bytes(self) -> bytes:
        """Return the bytes as `bytes`."""
        return self._data if type(self._data) is bytes else bytes(memoryview(self._data))

    def __len__(self) -> int:
        return len(self._data)

    def combine(self, others: Iterable[core.Buffer]) -> Self:
        """Return a new buffer: this one, and the others after it."""
        parts = [self.as_numpy_array(), *(other.as_numpy_array() for other in others)]
        return self.__class__(cast("ArrayLike", np.concatenate(parts)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, core.Buffer) or len(self) != len(other):
            return False
        return bool(np.array_equal(self.as_numpy_array(), other.as_numpy_array()))

    __hash__ = None

    def __reduce__(self) -> tuple[Callable[[bytes], Self], tuple[bytes]]:
        return self.__class__.from_bytes, (self.to_bytes(),)


class NDBuffer(core.NDBuffer):
    """An array in the memory of the computer.

    Parameters
    ----------
    array : NDArrayLike
        The array; it is shared, not copied.
    """

    @classmethod
    def create(
        cls,
        *,
        shape: Iterable[int],
        dtype: npt.DTypeLike,
        order: Literal["C", "F"] = "C",
        fill_value: object = None,
    ) -> Self:
        """Make a buffer with all elements `fill_value`, or zero where it is None."""
        if fill_value is None or (type(fill_value) is int and fill_value == 0):
            # Zeros come from the system for nothing.
            return cls(np.zeros(tuple(shape), dtype=dtype, order=order).view(dtype))
        made = cls.empty(tuple(shape), dtype, order)
        np.copyto(made._data, fill_value, casting="unsafe")
        return made

    @classmethod
    def empty(
        cls, shape: tuple[int, ...], dtype: npt.DTypeLike, order: Literal["C", "F"] = "C"
    ) -> Self:
        """Make a buffer with elements of any value."""
        # NumPy's `empty` makes times without a unit in the native byte order, whatever it is asked
        # for.
        made: AnyNDArray = np.ndarray(shape, dtype=dtype, order=order)
        return cls(made)

    @classmethod
    def from_numpy_array(cls, array_like: npt.ArrayLike) -> Self:
        """Make a buffer out of what NumPy takes for an array."""
        return cls.from_ndarray_like(np.asanyarray(array_like))

    def as_numpy_array(self) -> AnyNDArray:
        """Return the elements as a NumPy array, without a copy."""
        return np.asanyarray(self._data)

    def __getitem__(self, key: object) -> Self:
        item = self._data[key]
        if not isinstance(item, np.ndarray):
            # A scalar: keep the data type, whose byte order a scalar does not have.
            scalar, item = item, np.ndarray((), dtype=self._data.dtype)
            item[()] = scalar
        return self.__class__(item)

    def __setitem__(self, key: object, value: object) -> None:
        self._data[key] = value._data if isinstance(value, core.NDBuffer) else value


def as_numpy_array_wrapper(
    func: Callable[[AnyNDArray], bytes], buf: core.Buffer, prototype: core.BufferPrototype
) -> core.Buffer:
    """Apply a function of a NumPy array to a buffer.

    Parameters
    ----------
    func : callable
        Takes an array of bytes and returns an object with bytes.
    buf : Buffer
        What to apply it to.
    prototype : BufferPrototype
        The class of the result.

    Returns
    -------
    object
        The result of the function.
    """
    return prototype.buffer.from_bytes(func(buf.as_numpy_array()))


buffer_prototype = core.BufferPrototype(buffer=Buffer, nd_buffer=NDBuffer)


def numpy_buffer_prototype() -> core.BufferPrototype:
    """Return the classes of buffers in the memory of the computer.

    Returns
    -------
    BufferPrototype
        The classes.
    """
    return buffer_prototype


core.buffer_classes["zarr.buffer.cpu.Buffer"] = Buffer
core.ndbuffer_classes["zarr.buffer.cpu.NDBuffer"] = NDBuffer
