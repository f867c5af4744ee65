"""The bytes of elements, as the engine must know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from zarr.dtype.base import AnyDType, TBaseDType
    from zarr.types import AnyNDArray

Swap: TypeAlias = int | tuple[tuple[int, int], ...]
"""How the two byte orders differ: the size of the words that an element consists of, 0 where the
order does not matter, or the offset and size of each word of a record."""

BITS_USED = {
    "int2": 2,
    "uint2": 2,
    "int4": 4,
    "uint4": 4,
    "float4_e2m1fn": 4,
    "float6_e2m3fn": 6,
    "float6_e3m2fn": 6,
}
"""The types of ml_dtypes that use some bits of a byte, the least significant ones."""

_PLAIN = frozenset("?bhilqBHILQefdgFDG")
"""The kinds of elements that NumPy hands out through the buffer protocol."""


def is_object_like(zdtype: AnyDType) -> bool:
    """Return whether elements have no fixed size, so that Python must code them."""
    # NumPy says so of its own strings too.
    dtype: TBaseDType = zdtype.to_native_dtype()
    return dtype.hasobject


def storage_of(zdtype: AnyDType) -> tuple[int, Swap]:
    """Return the size of an element, and how its two byte orders differ.

    Raises
    ------
    TypeError
        If elements have no fixed size.
    """
    if is_object_like(zdtype):
        raise TypeError(f"The elements of {zdtype} have no fixed size.")
    dtype = zdtype.to_native_dtype()
    return dtype.itemsize, swap_words(dtype)


def swap_words(dtype: TBaseDType) -> Swap:
    """Return which bytes of an element change places between the two byte orders.

    Examples
    --------
    >>> import numpy as np
    >>> swap_words(np.dtype("c8"))
    4
    >>> swap_words(np.dtype([("a", "i1"), ("b", "f4"), ("c", "i2", 2)]))
    ((1, 4), (5, 2), (7, 2))
    """
    if dtype.fields is None and dtype.subdtype is None:
        size = word_size(dtype)
        return size if size > 1 else 0
    return tuple(_words(dtype, 0)) or 0


def word_size(dtype: TBaseDType) -> int:
    """Return the bytes of the words that an element without fields consists of."""
    if dtype.kind in "SO" or dtype.type is np.void:
        return 1
    if dtype.kind == "U":
        return 4
    # Also the types that other packages add to NumPy, which mostly are of the kind of raw bytes.
    return dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize


def _words(dtype: TBaseDType, offset: int) -> list[tuple[int, int]]:
    """Return the offset and size of each word of more than a byte."""
    if dtype.subdtype is not None:
        base = dtype.subdtype[0]
        starts = range(offset, offset + dtype.itemsize, base.itemsize or 1)
        return [word for start in starts for word in _words(base, start)]
    if dtype.fields is not None:
        parts = (dtype.fields[name] for name in dtype.names or ())
        return [word for part in parts for word in _words(part[0], offset + part[1])]
    size = word_size(dtype)
    if size < 2:
        return []
    return [(start, size) for start in range(offset, offset + dtype.itemsize, size)]


def buffer_view(array: AnyNDArray) -> AnyNDArray:
    """Return a view of `array` that supports the buffer protocol, with elements of equal size."""
    dtype = array.dtype
    # The types of other packages have characters of their own, which may be taken.
    if dtype.char in _PLAIN and dtype.isbuiltin != 2:
        return array
    if dtype.char in "mM" and dtype.isbuiltin != 2:
        return array.view(np.int64)
    return array.view(np.dtype(f"V{dtype.itemsize}"))


def as_type(array: AnyNDArray, dtype: TBaseDType) -> AnyNDArray:
    """Return `array` with elements of `dtype`: itself, if it has them.

    Examples
    --------
    >>> import numpy as np
    >>> as_type(np.array([1, 2], "<m8[s]"), np.dtype(">m8[s]")).tobytes().hex()
    '00000000000000010000000000000002'
    """
    if array.dtype == dtype:
        return array
    if dtype.kind not in "mM":
        return array.astype(dtype)
    # Where times have no unit, NumPy's `astype`, `empty` and `zeros` leave the byte order and the
    # multiplier as they are; an assignment does not.
    result = np.ndarray(array.shape, dtype)
    result[...] = array
    return result


def used_bits(dtype: TBaseDType) -> bytes | None:
    """Return a mask of the bits that an element uses; None if it uses all of them.

    The small types of ml_dtypes have a byte for each number and use some bits of it. The
    specification says that the others are ignored; ml_dtypes does not ignore them.

    Examples
    --------
    >>> import ml_dtypes, numpy as np
    >>> used_bits(np.dtype(ml_dtypes.int4))
    b'\\x0f'
    """
    mask = _mask(dtype)
    return mask if mask.count(0xFF) < len(mask) else None


def _mask(dtype: TBaseDType) -> bytes:
    if dtype.subdtype is not None:
        base = dtype.subdtype[0]
        return _mask(base) * (dtype.itemsize // base.itemsize) if base.itemsize else b""
    if dtype.fields is not None:
        mask = bytearray(b"\xff" * dtype.itemsize)
        for name in dtype.names or ():
            field, offset = dtype.fields[name][:2]
            mask[offset : offset + field.itemsize] = _mask(field)
        return bytes(mask)
    if dtype.isbuiltin == 2 and dtype.name in BITS_USED:
        return bytes([(1 << BITS_USED[dtype.name]) - 1])
    return b"\xff" * dtype.itemsize


def without_unused_bits(array: AnyNDArray) -> AnyNDArray:
    """Return `array` with zeros for all bits that its elements do not use; a copy if it has any."""
    mask = used_bits(array.dtype)
    if mask is None:
        return array
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, len(mask))
    return (data & np.frombuffer(mask, np.uint8)).view(array.dtype).reshape(array.shape)


def element_of(scalar: object) -> object:
    """Return the element that a scalar of a data type stands for.

    Data types whose elements are arrays may put one into an array without dimensions: NumPy would
    take it apart in an assignment.
    """
    if isinstance(scalar, np.ndarray) and scalar.ndim == 0 and scalar.dtype == object:
        return scalar.item()
    return scalar


def fill_bytes(scalar: object, dtype: TBaseDType) -> bytes:
    """Return the bytes of one element that has the value `scalar`; zeros for None."""
    if scalar is None:
        return bytes(dtype.itemsize)
    if isinstance(scalar, np.generic) and scalar.dtype == dtype:
        data = scalar.tobytes()
    else:
        element = np.ndarray(1, dtype, bytearray(dtype.itemsize))
        # Where only the byte order differs, this swaps bytes: the bits of a NaN stay.
        element[0] = scalar
        data = element.tobytes()
    mask = used_bits(dtype)
    return (
        data if mask is None else bytes(byte & bits for byte, bits in zip(data, mask, strict=True))
    )
