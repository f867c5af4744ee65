"""The codec ``packbits``: of every element some of its bits, without gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from zarr.codecs.base import NativeSerializer
from zarr.codecs.configuration import (
    Component,
    choice_field,
    component_of,
    int_field,
    item_size,
)

if TYPE_CHECKING:
    from zarr.codecs.base import AnyDType, Link
    from zarr.metadata.spec import ArraySpec

__all__ = ["PackBitsCodec", "PaddingEncoding"]

PaddingEncoding: TypeAlias = Literal["none", "first_byte", "last_byte"]
PADDING: Final = ("none", "first_byte", "last_byte")


@dataclass(frozen=True, kw_only=True)
class PackBitsCodec(NativeSerializer):
    """Stores only those bits of the elements that are used, one element right after the other.

    Parameters
    ----------
    padding_encoding : {'none', 'first_byte', 'last_byte'}, default: 'none'
        Whether a byte before or after the others tells how many bits fill up the last one.
    first_bit, last_bit : int, optional
        The bits to store, counted from the least significant one; by default all. What was in the
        others is lost: they are decoded as zeros, or as the sign of signed integers. They count
        for both parts of a complex number.

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
