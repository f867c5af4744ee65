"""Buffers: a stretch of bytes (`Buffer`) and an n-dimensional array (`NDBuffer`) in some memory.

Stores give and take `Buffer`, codecs turn `Buffer` into `NDBuffer` and back. Which classes are
used, and so in which memory the data lie, is said by a `BufferPrototype`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NamedTuple,
    Protocol,
    Self,
    SupportsIndex,
    TypeAlias,
    cast,
    runtime_checkable,
)

import numpy as np

from zarr.settings import BadConfigError, config

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from zarr.types import AnyNDArray, BytesLike, EndianLiteral, NumpyDType

__all__ = [
    "ArrayLike",
    "Buffer",
    "BufferPrototype",
    "NDArrayLike",
    "NDArrayLikeOrScalar",
    "NDBuffer",
    "ScalarType",
    "default_buffer_prototype",
]


@runtime_checkable
class ArrayLike(Protocol):
    """The protocol of a one-dimensional array of bytes, as a `Buffer` needs it."""

    @property
    def dtype(self) -> NumpyDType: ...

    @property
    def ndim(self) -> int: ...

    @property
    def size(self) -> int: ...

    def __getitem__(self, key: slice) -> Self: ...

    def __setitem__(self, key: slice, value: Any) -> None: ...

    def copy(self) -> Self: ...


@runtime_checkable
class NDArrayLike(Protocol):
    """The protocol of an n-dimensional array, as an `NDBuffer` needs it."""

    @property
    def dtype(self) -> NumpyDType: ...

    @property
    def ndim(self) -> int: ...

    @property
    def size(self) -> int: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice) -> Self: ...

    def __setitem__(self, key: slice, value: Any) -> None: ...

    def __array__(self) -> AnyNDArray: ...

    def reshape(
        self,
        shape: tuple[int, ...],
        /,
        *,
        order: Literal["A", "C", "F"] | None = ...,
        copy: bool | None = ...,
    ) -> NDArrayLike: ...

    def view(self, dtype: npt.DTypeLike) -> Self: ...

    def astype(
        self, dtype: npt.DTypeLike, order: Literal["K", "A", "C", "F"] = ..., *, copy: bool = ...
    ) -> Self: ...

    def fill(self, value: Any) -> None: ...

    def copy(self) -> Self: ...

    def transpose(self, axes: SupportsIndex | Sequence[SupportsIndex] | None) -> Self: ...

    def ravel(self, order: Literal["K", "A", "C", "F"] = ...) -> Self: ...

    def all(self) -> np.bool_: ...

    def __eq__(self, other: object) -> Self:  # type: ignore[override]
        ...


ScalarType: TypeAlias = int | float | complex | bytes | str | bool | np.generic
NDArrayLikeOrScalar: TypeAlias = ScalarType | NDArrayLike


def check_item_key_is_1d_contiguous(key: object) -> None:
    """Refuse a key that is not a slice with step 1."""
    if not isinstance(key, slice):
        raise TypeError(f"Item key has incorrect type (expected slice, got {type(key).__name__})")
    if key.step is not None and key.step != 1:
        raise ValueError("slice must be contiguous")


class Buffer(ABC):
    """A stretch of bytes in some memory.

    Parameters
    ----------
    array_like : ArrayLike
        A one-dimensional array of unsigned bytes; it is shared, not copied.
    """

    __slots__ = ("__weakref__", "_data")

    def __init__(self, array_like: ArrayLike) -> None:
        if array_like.ndim != 1:
            raise ValueError("array_like: only 1-dim allowed")
        if array_like.dtype != np.uint8:
            raise ValueError("array_like: only byte dtype allowed")
        self._data: Any = array_like

    @classmethod
    @abstractmethod
    def create_zero_length(cls) -> Self:
        """Make a buffer of no bytes."""

    @classmethod
    def from_array_like(cls, array_like: ArrayLike) -> Self:
        """Make a buffer that shares the memory of a one-dimensional array of bytes.

        Parameters
        ----------
        array_like : ArrayLike
            One dimension of bytes.
        """
        return cls(array_like)

    @classmethod
    @abstractmethod
    def from_buffer(cls, buffer: Buffer) -> Self:
        """Make a buffer of this class out of another, which may lie in other memory.

        Parameters
        ----------
        buffer : Buffer
            Another buffer, of any memory.
        """

    @classmethod
    @abstractmethod
    def from_bytes(cls, bytes_like: BytesLike) -> Self:
        """Make a buffer out of an object with bytes, without a copy where that is possible.

        Parameters
        ----------
        bytes_like : bytes-like
            The bytes.
        """

    def as_array_like(self) -> ArrayLike:
        """Return the underlying array, without a copy.

        Returns
        -------
        ArrayLike
            The array of bytes, not a copy.
        """
        return cast("ArrayLike", self._data)

    @abstractmethod
    def as_numpy_array(self) -> AnyNDArray:
        """Return the bytes as a NumPy array; a copy if they lie in other memory."""

    def as_buffer_like(self) -> BytesLike:
        """Return the bytes as an object with the buffer protocol, without a copy if possible.

        Returns
        -------
        bytes-like
            The bytes, not a copy if they are in the memory of the CPU.
        """
        return self.as_numpy_array().data

    def to_bytes(self) -> bytes:
        """Return the bytes as `bytes`; mostly a copy.

        Returns
        -------
        bytes
            A copy.
        """
        return bytes(self.as_numpy_array().data)

    def __getitem__(self, key: slice) -> Self:
        check_item_key_is_1d_contiguous(key)
        return self.__class__(self.as_array_like()[key])

    def __setitem__(self, key: slice, value: object) -> None:
        check_item_key_is_1d_contiguous(key)
        self.as_array_like()[key] = value.as_array_like() if isinstance(value, Buffer) else value

    def __len__(self) -> int:
        return self.as_array_like().size

    @abstractmethod
    def combine(self, others: Iterable[Buffer]) -> Self:
        """Return a new buffer: this one, and the others after it.

        Parameters
        ----------
        others : iterable of Buffer
            The buffers that follow.
        """

    def __add__(self, other: Buffer) -> Self:
        return self.combine([other])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Buffer):
            return False
        return len(self) == len(other) and self.to_bytes() == other.to_bytes()

    __hash__ = None  # type: ignore[assignment]


class NDBuffer:
    """An n-dimensional array in some memory.

    Subclasses of this class and of `Buffer` come in pairs, see `BufferPrototype`.

    Parameters
    ----------
    array : NDArrayLike
        The array; it is shared, not copied.
    """

    def __init__(self, array: NDArrayLike) -> None:
        self._data: Any = array

    @classmethod
    @abstractmethod
    def create(
        cls,
        *,
        shape: Iterable[int],
        dtype: npt.DTypeLike,
        order: Literal["C", "F"] = "C",
        fill_value: object = None,
    ) -> Self:
        """Make a buffer with all elements `fill_value`, or zero where it is None.

        Parameters
        ----------
        shape : iterable of int
            The shape.
        dtype : dtype_like
            The data type of NumPy.
        order : {'C', 'F'}
            The memory order.
        fill_value : scalar, optional
            The value of all elements.
        """
        raise NotImplementedError(f"{cls.__name__} does not define create()")

    @classmethod
    def empty(
        cls, shape: tuple[int, ...], dtype: npt.DTypeLike, order: Literal["C", "F"] = "C"
    ) -> Self:
        """Make a buffer with elements of any value.

        Parameters
        ----------
        shape : iterable of int
            The shape.
        dtype : dtype_like
            The data type of NumPy.
        order : {'C', 'F'}
            The memory order.
        """
        return cls.create(shape=shape, dtype=dtype, order=order)

    @classmethod
    def from_ndarray_like(cls, ndarray_like: NDArrayLike) -> Self:
        """Make a buffer that shares the memory of an array.

        Parameters
        ----------
        ndarray_like : NDArrayLike
            The array.
        """
        return cls(ndarray_like)

    @classmethod
    @abstractmethod
    def from_numpy_array(cls, array_like: npt.ArrayLike) -> Self:
        """Make a buffer out of what NumPy takes for an array.

        Parameters
        ----------
        array_like : array_like
            An array of NumPy, or what makes one.
        """
        raise NotImplementedError(f"{cls.__name__} does not define from_numpy_array()")

    def as_ndarray_like(self) -> NDArrayLike:
        """Return the underlying array, without a copy.

        Returns
        -------
        NDArrayLike
            The array, not a copy.
        """
        return cast("NDArrayLike", self._data)

    @abstractmethod
    def as_numpy_array(self) -> AnyNDArray:
        """Return the elements as a NumPy array; a copy if they lie in other memory."""
        raise NotImplementedError(f"{type(self).__name__} does not define as_numpy_array()")

    def as_scalar(self) -> ScalarType:
        """Return the only element as a scalar.

        Returns
        -------
        scalar
            The element.
        """
        if self._data.size != 1:
            raise ValueError("Buffer does not contain a single scalar value")
        return cast("ScalarType", self.as_numpy_array()[()])

    @property
    def dtype(self) -> NumpyDType:
        """The NumPy data type of the elements."""
        return cast("NumpyDType", self._data.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each dimension."""
        return cast("tuple[int, ...]", self._data.shape)

    @property
    def byteorder(self) -> EndianLiteral:
        """The order of the bytes of an element: ``"little"`` or ``"big"``."""
        order = self._data.dtype.byteorder
        if order == "=":
            import sys

            return sys.byteorder
        return "big" if order == ">" else "little"

    def reshape(self, newshape: tuple[int, ...] | Literal[-1]) -> Self:
        """Return a buffer with another shape.

        Parameters
        ----------
        newshape : tuple of int or -1
            The new shape.

        Returns
        -------
        NDBuffer
            The same elements.
        """
        return self.__class__(self._data.reshape(newshape))

    def squeeze(self, axis: tuple[int, ...]) -> Self:
        """Return a buffer without some dimensions, which have length 1.

        Parameters
        ----------
        axis : tuple of int
            The dimensions of length 1 to leave out.

        Returns
        -------
        NDBuffer
            The same elements.
        """
        return self.reshape(tuple(n for i, n in enumerate(self.shape) if i not in axis))

    def astype(self, dtype: npt.DTypeLike, order: Literal["K", "A", "C", "F"] = "K") -> Self:
        """Return a buffer with the elements converted.

        Parameters
        ----------
        dtype : dtype_like
            The new data type.
        order : {'K', 'A', 'C', 'F'}
            The memory order, as of NumPy.

        Returns
        -------
        NDBuffer
            The converted elements.
        """
        return self.__class__(self._data.astype(dtype, order=order))

    @abstractmethod
    def __getitem__(self, key: object) -> Self:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__()")

    @abstractmethod
    def __setitem__(self, key: object, value: object) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not define __setitem__()")

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"<NDBuffer shape={self.shape} dtype={self.dtype} {self._data!r}>"

    def all_equal(self, other: object, equal_nan: bool = True) -> bool:
        """Tell whether all elements are `other`.

        Parameters
        ----------
        other
            A scalar, or an array that broadcasts against this one. ``0.0`` and ``-0.0`` differ.
            None equals nothing.
        equal_nan : bool, optional
            Whether one NaN equals another.

        Returns
        -------
        bool
            Whether all are.
        """
        return other is not None and _all_equal(self.as_numpy_array(), other, equal_nan)

    def fill(self, value: object) -> None:
        """Set all elements.

        Parameters
        ----------
        value : object
            The value.
        """
        self._data.fill(value)

    def copy(self) -> Self:
        """Return a buffer with memory of its own.

        Returns
        -------
        NDBuffer
            The copy.
        """
        return self.__class__(self._data.copy())

    def transpose(self, axes: SupportsIndex | Sequence[SupportsIndex] | None) -> Self:
        """Return a buffer with its dimensions in another order.

        Parameters
        ----------
        axes : sequence of int, optional
            The order of the dimensions; reversed by default.

        Returns
        -------
        NDBuffer
            The same elements.
        """
        return self.__class__(self._data.transpose(axes))


_FIRST_LOOK = 16384
_BITS = {2: "u2", 4: "u4", 8: "u8"}


def _all_equal(data: AnyNDArray, other: object, equal_nan: bool) -> bool:
    if data.size > _FIRST_LOOK and np.ndim(other) == 0 and data.ndim:
        # Most arrays differ from a given scalar early: look at a part before the whole.
        first = data[: max(1, _FIRST_LOOK * len(data) // data.size)]
        if len(first) < len(data) and not _all_equal(first, other, equal_nan):
            return False
    other = np.asarray(other)
    if data.dtype.kind not in "fcmM" or other.dtype.kind not in "biufcmM":
        return bool(np.all(data == other))
    equal = np.equal(data, other)
    if data.dtype.kind in "fc" and bool(np.any(other == 0)):
        equal &= _same_zero(data, other.astype(data.dtype))
    if equal_nan:
        # NaN and NaT are what differs from itself.
        equal |= np.not_equal(data, data) & np.not_equal(other, other)
    return bool(np.all(equal))


def _same_zero(data: AnyNDArray, other: AnyNDArray) -> npt.NDArray[np.bool_]:
    """Where two arrays of float or complex have equal signs, or are not zero."""
    if data.dtype.kind == "c":
        return _same_zero(data.real, other.real) & _same_zero(data.imag, other.imag)
    same: npt.NDArray[np.bool_] = (data != 0) | (np.signbit(data) == np.signbit(other))
    return same


class BufferPrototype(NamedTuple):
    """The classes to make buffers of.

    Parameters
    ----------
    buffer : type of Buffer
        Holds bytes.
    nd_buffer : type of NDBuffer
        Holds arrays, in the same kind of memory.
    """

    buffer: type[Buffer]
    nd_buffer: type[NDBuffer]


buffer_classes: dict[str, type[Buffer]] = {}
"""Registered classes by qualified name; see :func:`zarr.registry.register_buffer`."""
ndbuffer_classes: dict[str, type[NDBuffer]] = {}
"""Registered classes by qualified name; see :func:`zarr.registry.register_ndbuffer`."""

_prototypes: dict[tuple[str, str], BufferPrototype] = {}


def default_buffer_prototype() -> BufferPrototype:
    """Return the classes that the settings ``buffer`` and ``ndbuffer`` name.

    Returns
    -------
    BufferPrototype
        The classes.
    """
    settings = config.config
    key = (settings["buffer"], settings["ndbuffer"])
    prototypes = _prototypes
    prototype = prototypes.get(key)
    if prototype is None:
        prototype = BufferPrototype(
            configured_class("buffer", buffer_classes),
            configured_class("ndbuffer", ndbuffer_classes),
        )
        prototypes[key] = prototype
    return prototype


def configured_class(setting: str, known: dict[str, type[Any]]) -> type[Any]:
    """Return the class that a setting names: a registered one, or one that can be imported."""
    name: str = config.get(setting)
    if name not in known:
        module, _, attribute = name.rpartition(".")
        try:
            known[name] = getattr(import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise BadConfigError(
                f"the setting {setting!r} names {name!r}, which is neither registered (known: "
                f"{', '.join(sorted(known)) or 'none'}) nor can it be imported: {error}"
            ) from error
    return known[name]


def forget_prototypes() -> None:
    """Make the next `default_buffer_prototype` look at the registered classes again."""
    global _prototypes
    _prototypes = {}  # a thread that looks just now fills the old dict
