"""Buffers in the memory of an NVIDIA GPU, on CuPy (``pip install zarr[gpu]``).

CuPy is imported when the first buffer is made. ``zarr.config.enable_gpu()`` makes these classes
the default; chunks are decoded in the memory of the computer and copied over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from zarr.buffer import core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from zarr.buffer.core import ArrayLike, NDArrayLike
    from zarr.types import AnyNDArray, BytesLike

__all__ = ["Buffer", "NDBuffer", "buffer_prototype"]


def _cupy() -> Any:
    try:
        import cupy  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError as error:
        raise ImportError(
            "buffers in the memory of a GPU need CuPy, which cannot be imported: install "
            "zarr[gpu], or go back to the memory of the computer with zarr.config.reset()"
        ) from error
    return cupy


class Buffer(core.Buffer):
    """Bytes in the memory of a GPU.

    Parameters
    ----------
    array_like : ArrayLike
        A one-dimensional array of unsigned bytes. An array of CuPy is shared, any other that
        CuPy understands is copied.
    """

    __slots__ = ()

    def __init__(self, array_like: ArrayLike) -> None:
        cp = _cupy()
        if array_like.ndim != 1:
            raise ValueError("array_like: only 1-dim allowed")
        if array_like.dtype != cp.uint8:
            raise ValueError("array_like: only byte dtype allowed")
        self._data = cp.asarray(array_like)

    @classmethod
    def create_zero_length(cls) -> Self:
        """Make a buffer of no bytes."""
        return cls(_cupy().empty(0, dtype="B"))

    @classmethod
    def from_buffer(cls, buffer: core.Buffer) -> Self:
        """Make a buffer of this class out of another, which may lie in other memory."""
        return cls(buffer.as_array_like())

    @classmethod
    def from_bytes(cls, bytes_like: BytesLike) -> Self:
        """Make a buffer with a copy of bytes."""
        return cls(_cupy().frombuffer(bytes_like, dtype="B"))

    def as_numpy_array(self) -> AnyNDArray:
        """Return a copy of the bytes as a NumPy array."""
        array: AnyNDArray = _cupy().asnumpy(self._data)
        return array

    def combine(self, others: Iterable[core.Buffer]) -> Self:
        """Return a new buffer: this one, and the others after it."""
        cp = _cupy()
        parts = [self._data, *(cp.asarray(other.as_array_like()) for other in others)]
        return self.__class__(cp.concatenate(parts))

    def __reduce__(self) -> tuple[Callable[[bytes], Self], tuple[bytes]]:
        return self.__class__.from_bytes, (self.to_bytes(),)


class NDBuffer(core.NDBuffer):
    """An array in the memory of a GPU.

    Parameters
    ----------
    array : NDArrayLike
        An array of CuPy is shared, any other that CuPy understands is copied.
    """

    def __init__(self, array: NDArrayLike) -> None:
        super().__init__(_cupy().asarray(array))

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
        array = _cupy().zeros(tuple(shape), dtype=dtype, order=order)
        if fill_value is not None:
            array.fill(fill_value)
        return cls(array)

    @classmethod
    def empty(
        cls, shape: tuple[int, ...], dtype: npt.DTypeLike, order: Literal["C", "F"] = "C"
    ) -> Self:
        """Make a buffer with elements of any value."""
        return cls(_cupy().empty(shape, dtype=dtype, order=order))

    @classmethod
    def from_numpy_array(cls, array_like: npt.ArrayLike) -> Self:
        """Make a buffer with a copy of what NumPy takes for an array."""
        return cls(_cupy().asarray(array_like))

    def as_numpy_array(self) -> AnyNDArray:
        """Return a copy of the elements as a NumPy array."""
        array: AnyNDArray = _cupy().asnumpy(self._data)
        return array

    def __getitem__(self, key: object) -> Self:
        return self.__class__(self._data[key])

    def __setitem__(self, key: object, value: object) -> None:
        if isinstance(value, core.NDBuffer):
            value = value._data
        # CuPy assigns scalars and its own arrays only.
        cp = _cupy()
        self._data[key] = value if cp.isscalar(value) else cp.asarray(value)


buffer_prototype = core.BufferPrototype(buffer=Buffer, nd_buffer=NDBuffer)

core.buffer_classes["zarr.buffer.gpu.Buffer"] = Buffer
core.ndbuffer_classes["zarr.buffer.gpu.NDBuffer"] = NDBuffer
