"""The codecs ``bitround`` and ``packbits``, which keep some of the bits of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np

from zarr.codecs.base import NativeFilter, NativeSerializer
from zarr.codecs.configuration import choice_field, int_field, item_size
from zarr.dtype.storage import BITS_USED

if TYPE_CHECKING:
    from zarr.codecs.base import AnyDType, Link
    from zarr.metadata.spec import ArraySpec

__all__ = ["BitRoundCodec", "PackBitsCodec", "PaddingEncoding", "round_link"]

PaddingEncoding: TypeAlias = Literal["none", "first_byte", "last_byte"]
PADDING: Final = ("none", "first_byte", "last_byte")


class Component(NamedTuple):
    """A number in an element, which complex ones have two of."""

    code: str
    """Byte order, kind (``b`` for bfloat16, ``?`` for bool) and bytes, as in ``<f4``."""
    bits: int
    """The bits that are used."""


def component_of(dtype: AnyDType) -> Component | None:
    """The numbers that elements of a data type consist of; None if they do not."""
    native = np.dtype(dtype.to_native_dtype())
    order = "|" if native.itemsize == 1 else ">" if native.byteorder == ">" else "<"
    if native.isbuiltin == 2:  # of ml_dtypes
        if native.name in BITS_USED:
            signed = native.name.startswith("int")
            return Component("|i1" if signed else "|u1", BITS_USED[native.name])
        return Component("<b2", 16) if native.name == "bfloat16" else None
    if native.kind == "b":
        return Component("|?1", 1)
    size = native.itemsize // 2 if native.kind == "c" else native.itemsize
    if native.kind not in "iufc" or size > 8:
        return None
    return Component(f"{order}{'f' if native.kind == 'c' else native.kind}{size}", size * 8)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PackBitsCodec(NativeSerializer):
    """Stores only those bits of the elements that are used, one element right after the other.

    Parameters
    ----------
    padding_encoding : {'none', 'first_byte', 'last_byte'}, default: 'none'
        Whether a byte before or after the others tells how many bits fill up the last one.
    first_bit, last_bit : int, optional
        The bits to store, counted from the least significant one; by default all. The other bits
        are lost: they are decoded as zeros, or as the sign of signed integers. The bits count for
        both parts of a complex number.

    Notes
    -----
    For booleans (1 bit), the small integers and floating point numbers of `ml_dtypes` (2, 4 or 6
    bits), and all numbers of NumPy but half precision and extended precision ones.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs import PackBitsCodec
    >>> store = {}
    >>> array = zarr.create_array(
    ...     store, data=np.arange(80) % 3 == 0, serializer=PackBitsCodec(), compressors=None
    ... )
    >>> len(store["c/0"])
    10
    """

    _name = "packbits"
    _optional = True
    _short = True
    is_fixed_size = True

    padding_encoding: PaddingEncoding = "none"
    first_bit: int | None = None
    last_bit: int | None = None

    def __post_init__(self) -> None:
        padding = choice_field(self.padding_encoding, "padding_encoding", PADDING)
        self._set(padding_encoding=padding)
        for name in ("first_bit", "last_bit"):
            if getattr(self, name) is not None:
                int_field(getattr(self, name), name)

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse types that do not consist of numbers, and bits that these do not have."""
        self._bits(dtype)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        component, first, last = self._bits(chunk_spec.dtype)
        parts = item_size(chunk_spec.dtype) // int(component.code[-1])
        elements = input_byte_length // item_size(chunk_spec.dtype)
        size = -(-elements * parts * (last - first + 1) // 8)
        return size + (self.padding_encoding != "none")

    def _bits(self, dtype: AnyDType) -> tuple[Component, int, int]:
        component = component_of(dtype)
        # Bits of half precision numbers can be counted too, but no specification says so.
        if component is None or component.code.endswith("f2"):
            raise ValueError(f"The codec packbits cannot store elements of {dtype}.")
        first = 0 if self.first_bit is None else self.first_bit
        last = component.bits - 1 if self.last_bit is None else self.last_bit
        if not 0 <= first <= last < component.bits:
            raise ValueError(
                f"The codec packbits is to store bits {first} to {last} of {dtype}, which has "
                f"bits 0 to {component.bits - 1}."
            )
        return component, first, last

    def _link(self, spec: ArraySpec) -> Link:
        component, first, last = self._bits(spec.dtype)
        return ("packbits", (component.code, component.bits, first, last, self.padding_encoding))


_MANTISSA = {"f2": 10, "b2": 7, "f4": 23, "f8": 52}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BitRoundCodec(NativeFilter):
    """Rounds numbers to fewer significant bits, so that they compress better.

    NaN and infinity stay as they are.

    Parameters
    ----------
    keepbits : int
        The bits to keep, at least 1: of the mantissa of floating point numbers; of integers, from
        the highest bit that is set.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> from zarr.codecs import BitRoundCodec
    >>> values = np.array([1.1, -3.7, 100.3], "f4")
    >>> array = zarr.create_array({}, data=values, filters=BitRoundCodec(keepbits=3))
    >>> array[:].tolist()
    [1.125, -3.75, 104.0]
    """

    _name = "bitround"
    keepbits: int

    def __post_init__(self) -> None:
        if int_field(self.keepbits, "keepbits") < 1:
            raise ValueError(f"keepbits must be at least 1, got {self.keepbits}.")

    def _check_dtype(self, dtype: AnyDType) -> None:
        """Refuse types that do not consist of numbers, and bits that these do not have."""
        round_link(dtype, self.keepbits)

    def _link(self, spec: ArraySpec) -> Link:
        return round_link(spec.dtype, self.keepbits)


def round_link(dtype: AnyDType, keepbits: int) -> Link:
    """The link that rounds elements of a data type."""
    native = dtype.to_native_dtype()
    if native.kind in "mM":  # counted as the integers that they are
        code, bits = native.str[0] + "i8", 64
    else:
        component = component_of(dtype)
        if component is None or component.code[1] == "?" or component.bits % 8:
            raise ValueError(f"The codec bitround cannot round elements of {dtype}.")
        code, bits = component
    most = _MANTISSA.get(code[1:], bits)
    if keepbits > most:
        raise ValueError(
            f"The codec bitround cannot keep {keepbits} bits of {dtype}: it has {most}."
        )
    return ("bitround", (code, keepbits))
