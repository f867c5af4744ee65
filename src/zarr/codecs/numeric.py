"""The numbers that elements consist of, as codecs of bits know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.dtype.storage import BITS_USED

if TYPE_CHECKING:
    from zarr.dtype import ZDType


class Component(NamedTuple):
    """A number in an element, which complex ones have two of."""

    code: str
    """Byte order, kind (``b`` for bfloat16, ``?`` for bool) and bytes, as in ``<f4``."""
    bits: int
    """The bits that are used."""


def component_of(dtype: ZDType[Any, Any]) -> Component | None:
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
