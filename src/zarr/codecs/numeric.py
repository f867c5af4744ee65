"""The numbers that elements consist of, as codecs of bits know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from zarr.dtype import ZDType


class Component(NamedTuple):
    """A number in an element, which complex ones have two of."""

    code: str
    """Byte order, kind (``b`` for bfloat16, ``?`` for bool) and bytes, as in ``<f4``."""
    bits: int
    """The bits that are used."""


_SMALL = {
    # ml_dtypes leaves the bits above the sign empty.
    "int2": ("u", 2),
    "uint2": ("u", 2),
    "int4": ("u", 4),
    "uint4": ("u", 4),
    "float4_e2m1fn": ("u", 4),
    "float6_e2m3fn": ("u", 6),
    "float6_e3m2fn": ("u", 6),
}


def component_of(dtype: ZDType[Any, Any]) -> Component | None:
    """The numbers that elements of a data type consist of; None if they do not."""
    native = np.dtype(dtype.to_native_dtype())
    order = "|" if native.itemsize == 1 else ">" if native.byteorder == ">" else "<"
    if native.isbuiltin == 2:  # of ml_dtypes
        if native.name in _SMALL:
            kind, bits = _SMALL[native.name]
            return Component(f"|{kind}1", bits)
        return Component("<b2", 16) if native.name == "bfloat16" else None
    if native.kind == "b":
        return Component("|?1", 1)
    size = native.itemsize // 2 if native.kind == "c" else native.itemsize
    if native.kind not in "iufc" or size > 8:
        return None
    return Component(f"{order}{'f' if native.kind == 'c' else native.kind}{size}", size * 8)
