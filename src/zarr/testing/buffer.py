"""Buffers that tell themselves from the default ones, to test that prototypes are obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, cast

import numpy as np

from zarr.buffer import cpu
from zarr.storage.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from zarr.abc.store import ByteRequest
    from zarr.buffer.core import Buffer, BufferPrototype

__all__ = ["NDBufferUsingTestNDArrayLike", "StoreExpectingTestBuffer", "TestBuffer"]


class TestNDArrayLike(np.ndarray):
    """An array that is not of NumPy's own class."""

    __test__ = False  # not for pytest to collect


class TestBuffer(cpu.Buffer):
    """A buffer that is not of the default class."""

    __test__ = False


class NDBufferUsingTestNDArrayLike(cpu.NDBuffer):
    """A buffer whose arrays are `TestNDArrayLike`."""

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
        array = TestNDArrayLike(shape=tuple(shape), dtype=dtype, order=order)
        array[...] = 0 if fill_value is None else fill_value
        return cls(cast("Any", array))

    @classmethod
    def empty(
        cls, shape: tuple[int, ...], dtype: npt.DTypeLike, order: Literal["C", "F"] = "C"
    ) -> Self:
        """Make a buffer with elements of any value."""
        return cls(cast("Any", TestNDArrayLike(shape=shape, dtype=dtype, order=order)))


class StoreExpectingTestBuffer(MemoryStore):
    """A store that wants `TestBuffer` for everything but metadata."""

    def _is_metadata(self, key: str) -> bool:
        return "json" in key

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        # docstring inherited
        assert self._is_metadata(key) or isinstance(value, TestBuffer)
        await super().set(key, value, byte_range)

    def set_sync(self, key: str, value: Buffer) -> None:
        # docstring inherited
        assert self._is_metadata(key) or isinstance(value, TestBuffer)
        super().set_sync(key, value)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        # docstring inherited
        return self.get_sync(key, prototype=prototype, byte_range=byte_range)

    def get_sync(
        self,
        key: str,
        *,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        # docstring inherited
        if prototype is not None and not self._is_metadata(key):
            assert prototype.buffer is TestBuffer
        value = super().get_sync(key, prototype=prototype, byte_range=byte_range)
        if value is not None and prototype is not None:
            assert isinstance(value, prototype.buffer)
        return value
