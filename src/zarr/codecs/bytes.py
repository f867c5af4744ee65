"""The codec ``bytes``: the elements one after another, in C order."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias, cast

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.codec import ArrayBytesCodec
from zarr.codecs.base import DeclaredCodec, DeprecatedStrEnumMeta
from zarr.codecs.configuration import choice_field, named, optional_configuration
from zarr.dtype.base import HasItemSize
from zarr.dtype.storage import used_bits, without_unused_bits
from zarr.errors import ChunkDecodeError

if TYPE_CHECKING:
    from typing import Self

    import numpy.typing as npt

    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.codecs.base import AnyDType, Array, Link
    from zarr.dtype.base import TBaseDType
    from zarr.metadata.spec import ArraySpec
    from zarr.types import JSON, EndianLiteral

__all__ = ["BytesCodec", "Endian"]

ENDIAN: Final = ("little", "big")


class Endian(metaclass=DeprecatedStrEnumMeta):
    """Deprecated: pass the strings ``"little"`` and ``"big"``."""

    _members: ClassVar[dict[str, str]] = {name: name for name in ENDIAN}


@dataclass(frozen=True, init=False, eq=False, repr=False)
class BytesCodec(DeclaredCodec, ArrayBytesCodec):
    """Stores the elements as they lie in memory, one after another, in C order.

    Parameters
    ----------
    endian : {'little', 'big'}, optional, default: 'little'
        The order of the bytes of an element. None where elements are single bytes.

    Examples
    --------
    >>> from zarr.codecs import BytesCodec
    >>> BytesCodec(endian="big").to_dict()
    {'name': 'bytes', 'configuration': {'endian': 'big'}}
    """

    _name = "bytes"
    is_fixed_size = True

    endian: EndianLiteral | None

    def __init__(self, *, endian: Endian | EndianLiteral | None = "little") -> None:
        parsed = None if endian is None else choice_field(endian, "endian", ENDIAN)
        self._set(endian=parsed)

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        configuration = optional_configuration(data, "bytes")
        configuration.setdefault("endian", None)
        return cls(**configuration)

    def to_dict(self) -> dict[str, JSON]:
        return named("bytes", None if self.endian is None else {"endian": self.endian})

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse elements without a fixed size: there are no bytes of them in the array."""
        if dtype.to_native_dtype().hasobject:
            raise ValueError(
                f"The codec 'bytes' cannot store elements of {dtype}, which have no fixed size. "
                "Use vlen-utf8 for strings, vlen-bytes for byte strings."
            )
        if self.endian == "big" and dtype._zarr_v3_name == "ndarray":
            raise ValueError(f"Elements of {dtype} are little-endian wherever they are stored.")

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """The codec without a byte order where elements of `array_spec` have none."""
        dtype = array_spec.dtype
        native = dtype.to_native_dtype()
        # Users' data types may not say how large their elements are: those are stored as they are.
        if not isinstance(dtype, HasItemSize) or not has_words(native):
            return self if self.endian is None else replace(self, endian=None)
        if self.endian is not None:
            return self
        if native.fields is None:
            raise ValueError(
                "The `endian` configuration needs to be specified for multi-byte data types."
            )
        warn(
            "Missing 'endian' for structured dtype with multi-byte fields. "
            "Assuming little-endian for legacy compatibility.",
            UserWarning,
        )
        return replace(self, endian="little")

    def _link(self, spec: ArraySpec) -> Link:
        dtype = spec.dtype.to_native_dtype()
        swap, mask = stored_swap(dtype, self.endian), used_bits(dtype)
        return ("bytes", swap) if mask is None else ("masked", (swap, mask))

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype = chunk_spec.dtype.to_native_dtype()
        expected = prod(chunk_spec.shape) * dtype.itemsize
        if len(chunk_data) != expected:
            raise ChunkDecodeError(
                f"The codec 'bytes' expects {expected} bytes for shape {chunk_spec.shape} of "
                f"{dtype}, and found {len(chunk_data)}."
            )
        swap = stored_swap(dtype, self.endian)
        nd_buffer = chunk_spec.prototype.nd_buffer
        if swap == 0 and used_bits(dtype) is None:
            array = cast("Any", chunk_data.as_array_like())
            return nd_buffer.from_ndarray_like(array.view(dtype).reshape(chunk_spec.shape))
        data = swap_words(np.ascontiguousarray(chunk_data.as_numpy_array()), dtype.itemsize, swap)
        decoded = without_unused_bits(data.view(dtype).reshape(chunk_spec.shape))
        return nd_buffer.from_numpy_array(decoded)

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        buffer = chunk_spec.prototype.buffer
        dtype = chunk_data.dtype
        swap = stored_swap(dtype, self.endian)
        if swap == 0 and used_bits(dtype) is None:
            array = cast("Any", chunk_data.as_ndarray_like())
            return buffer.from_array_like(array.ravel(order="C").view(dtype="B"))
        array = without_unused_bits(chunk_data.as_numpy_array())
        data: Array = np.ascontiguousarray(array).reshape(-1)
        return buffer.from_bytes(cast("Any", swap_words(data.view(np.uint8), dtype.itemsize, swap)))


Swap: TypeAlias = int | tuple[tuple[int, int], ...]
"""0: no bytes are swapped. n: an element is words of n bytes, each reversed. Otherwise the
(offset, size) of each word of a record that is reversed."""


def stored_swap(dtype: TBaseDType, endian: EndianLiteral | None) -> Swap:
    """The bytes to swap between elements of `dtype` in memory and those stored as `endian`."""
    if endian is None:
        return 0
    words = _words(dtype)
    if dtype.fields is None and dtype.subdtype is None:
        size, order = words[0][1:] if words else (1, "|")
        return size if size > 1 and order != endian else 0
    swapped = tuple((offset, size) for offset, size, order in words if order != endian)
    return swapped or 0


def has_words(dtype: TBaseDType) -> bool:
    """Whether elements hold words of more than one byte, so that their byte order matters."""
    return bool(_words(dtype))


def _words(dtype: TBaseDType, offset: int = 0) -> list[tuple[int, int, str]]:
    """The (offset, size, byte order) of each word of more than one byte in an element."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        count = int(np.prod(shape, dtype=np.int64))
        return [
            word for index in range(count) for word in _words(base, offset + index * base.itemsize)
        ]
    if dtype.fields is not None:
        return [
            word
            for name in dtype.names or ()
            for word in _words(dtype.fields[name][0], offset + dtype.fields[name][1])
        ]
    size = _word_size(dtype)
    if size < 2:
        return []
    order = "big" if dtype.byteorder == ">" else "little"
    if dtype.byteorder == "=" or (dtype.byteorder == "|" and size > 1):
        order = sys.byteorder
    return [(offset + start, size, order) for start in range(0, dtype.itemsize, size)]


def _word_size(dtype: TBaseDType) -> int:
    """Bytes of the words that an element without fields is made of."""
    if dtype.kind == "c":
        return dtype.itemsize // 2
    if dtype.kind == "U":
        return 4
    if dtype.kind in "iufmM":
        return dtype.itemsize
    # Types that others add to NumPy (bfloat16) are of kind V, as raw bytes are, but of their own
    # scalar type.
    if dtype.kind == "V" and dtype.type is not np.void:
        return dtype.itemsize
    return 1


def swap_words(data: npt.NDArray[np.uint8], itemsize: int, swap: Swap) -> npt.NDArray[np.uint8]:
    """The bytes of elements of `itemsize` with the words of `swap` reversed; a copy if any are."""
    if swap == 0 or data.size == 0:
        return data
    if isinstance(swap, int):
        return data.view(f"u{swap}").byteswap().view(np.uint8)
    order = np.arange(itemsize)
    for offset, size in swap:
        order[offset : offset + size] = order[offset : offset + size][::-1].copy()
    swapped: npt.NDArray[np.uint8] = data.reshape(-1, itemsize)[:, order].reshape(-1)
    return swapped
