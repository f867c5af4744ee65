"""The codec ``bitround``: numbers with fewer significant bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zarr.codecs.base import NativeFilter
from zarr.codecs.configuration import component_of, int_field

if TYPE_CHECKING:
    from zarr.codecs.base import AnyDType, Link
    from zarr.metadata.spec import ArraySpec

__all__ = ["BitRoundCodec", "round_link"]

_MANTISSA = {"f2": 10, "b2": 7, "f4": 23, "f8": 52}


@dataclass(frozen=True, kw_only=True)
class BitRoundCodec(NativeFilter):
    """Rounds numbers to fewer significant bits, so that they compress better.

    What is not a number, and infinity, stay as they are.

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
