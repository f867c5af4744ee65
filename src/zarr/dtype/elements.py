"""Data types whose elements are arrays themselves: label multisets, arrays of any shape."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Self

import numpy as np

from zarr.dtype.base import (
    HasItemSize,
    InvalidPartError,
    OwnDType,
    TBaseDType,
    frozen,
    invalid_scalar,
    v3_configuration,
)
from zarr.dtype.strings import bytes_from_json, bytes_to_json
from zarr.types import AnyScalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zarr.types import JSON, AnyNDArray, DTypeJSON, ZarrFormat

ENTRIES = np.dtype([("label", "<u8"), ("count", "<u4")])
"""The entries of a label multiset."""
INVALID = 0xFFFF_FFFF_FFFF_FFFE
"""The label of elements that were never written."""

_SCALARS = {
    "bool": "?",
    **{f"int{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"uint{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    **{f"float{8 * n}": f"<f{n}" for n in (2, 4, 8)},
    **{f"complex{8 * n}": f"<c{n}" for n in (8, 16)},
}


class _OfArrays(OwnDType[TBaseDType, AnyScalar]):
    """A data type for Zarr v3 only, chosen by name, with elements that are arrays."""

    dtype_cls = type(np.dtype("O"))
    holds_arrays = True

    @classmethod
    def _check_native_dtype(cls, dtype: TBaseDType) -> bool:
        return False

    def to_native_dtype(self) -> TBaseDType:
        return np.dtype("O")

    def _check_scalar(self, data: object) -> bool:
        try:
            self.cast_scalar(data)
        except (TypeError, ValueError, OverflowError):
            return False
        return True


def multiset(data: Mapping[int, int] | AnyNDArray | Iterable[tuple[int, int]]) -> AnyNDArray:
    """Make a label multiset of labels and counts: sorted, each label once.

    Examples
    --------
    >>> multiset({7: 2, 1: 1}).tolist()
    [(1, 1), (7, 2)]
    >>> multiset([(7, 1), (7, 1)]).tolist()
    [(7, 2)]
    """
    if isinstance(data, np.ndarray) and data.dtype.names == ENTRIES.names:
        entries = data.astype(ENTRIES, copy=False).reshape(-1)
    else:
        items = data.items() if hasattr(data, "items") else data
        entries = np.array([tuple(item) for item in items], ENTRIES).reshape(-1)
    labels = entries["label"]
    if (labels[1:] > labels[:-1]).all():
        return entries
    unique, places = np.unique(labels, return_inverse=True)
    counts = np.zeros(len(unique), np.uint64)
    np.add.at(counts, places, entries["count"])
    if (counts > 0xFFFF_FFFF).any():
        raise OverflowError("The count of a label in a multiset has 32 bits.")
    sorted_ = np.empty(len(unique), ENTRIES)
    sorted_["label"], sorted_["count"] = unique, counts
    return sorted_


class LabelMultiset(_OfArrays):
    """Multisets of labels: each element is an array of records, `label` and `count`.

    Examples
    --------
    >>> LabelMultiset().cast_scalar(3)
    array([(3, 1)], dtype=[('label', '<u8'), ('count', '<u4')])
    """

    _zarr_v3_name = "label_multiset"
    serializer_name = "label_multiset"
    _field_names = ()

    def cast_scalar(self, data: object) -> AnyScalar:
        if isinstance(data, (int, np.integer)) and not isinstance(data, bool):
            return multiset({int(data): 1})
        if isinstance(data, (dict, list, tuple)) or getattr(data, "dtype", None) == ENTRIES:
            return multiset(data)  # type: ignore[arg-type]
        raise self._cannot_cast(data)

    def default_scalar(self) -> AnyScalar:
        return self.cast_scalar(INVALID)

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        if isinstance(data, str) and data.startswith("0x"):
            return self.cast_scalar(int(data, 16))
        raise invalid_scalar(data, "a label as a hexadecimal string")

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        entries = self.cast_scalar(data)
        if len(entries) != 1 or entries["count"][0] != 1:
            raise ValueError(
                f"A fill value of label multisets is one label, once. Got {entries.tolist()}."
            )
        return f"0x{int(entries['label'][0]):016X}"


@frozen
class NDArray(_OfArrays, HasItemSize):
    """Arrays of one scalar type, whose shape matches a pattern.

    Where the pattern leaves one length open, or more, each element is an array. Where it does not,
    elements are records with one field, ``values``, that is an array.

    Parameters
    ----------
    dtype : str
        The scalar type: the name of a boolean, an integer, or a floating point or complex number.
    shape : tuple of int or None
        The lengths of the dimensions of an element; None where they differ.

    Examples
    --------
    >>> NDArray(dtype="float32", shape=(None, 2)).to_json(3)["configuration"]
    {'dtype': 'float32', 'shape': [None, 2]}
    >>> NDArray(dtype="int16", shape=(3, 2)).to_native_dtype()
    dtype([('values', '<i2', (3, 2))])
    """

    dtype: str
    shape: tuple[int | None, ...]

    _zarr_v3_name = "ndarray"

    def __post_init__(self) -> None:
        if not isinstance(self.dtype, str) or self.dtype not in _SCALARS:
            raise ValueError(f"dtype must be one of {list(_SCALARS)}, got {self.dtype!r}.")
        shape = tuple(self.shape) if isinstance(self.shape, (list, tuple)) else ()
        if not shape or not all(n is None or (type(n) is int and n >= 1) for n in shape):
            raise ValueError(
                "shape must be one or more lengths, each at least 1, or None where they differ, "
                f"got {self.shape!r}."
            )
        if self.item.itemsize * prod(n or 1 for n in shape) >= 2**31:
            raise ValueError(f"elements of shape {shape} are too large.")
        object.__setattr__(self, "shape", shape)

    @property
    def item(self) -> TBaseDType:
        """The scalar type, as NumPy knows it."""
        return np.dtype(_SCALARS[self.dtype])

    @property
    def variable(self) -> int:
        """How many lengths differ between elements."""
        return self.shape.count(None)

    @property
    def row_size(self) -> int:
        """Bytes of an element whose open lengths are 1."""
        return self.item.itemsize * prod(n or 1 for n in self.shape)

    @property
    def item_size(self) -> int:
        """Bytes of an element, where all have the same shape."""
        if self.variable:
            raise AttributeError("The elements differ in size.")
        return self.row_size

    @property
    def serializer_name(self) -> str:  # type: ignore[override]
        return "vlen-ndarray" if self.variable else "bytes"

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        configuration = v3_configuration(data, cls._zarr_v3_name)
        if configuration is None or configuration.keys() != {"dtype", "shape"}:
            raise cls._invalid_json(data, "the name 'ndarray', with dtype and shape")
        shape = configuration["shape"]
        try:
            made = cls(dtype=configuration["dtype"], shape=tuple(shape) if shape else ())
        except (TypeError, ValueError) as error:
            raise InvalidPartError(f"Invalid configuration of ndarray: {error}") from error
        return made

    def _configuration(self) -> dict[str, object]:
        return {"dtype": self.dtype, "shape": list(self.shape)}

    def to_native_dtype(self) -> TBaseDType:
        if self.variable:
            return np.dtype("O")
        return np.dtype([("values", self.item, self.shape)])

    def array(self, data: object) -> AnyNDArray:
        """Make an array of the scalar type, whose shape matches.

        Raises
        ------
        TypeError, ValueError
            If `data` cannot be one.
        """
        found = np.asarray(data)
        if found.dtype.names == ("values",):
            found = found["values"]
        if found.size and not np.can_cast(found.dtype, self.item, "same_kind"):
            raise TypeError(f"Expected an array of {self.dtype}, got one of {found.dtype}.")
        fits = zip(found.shape, self.shape, strict=False)
        if found.ndim != len(self.shape) or any(n not in (m, None) for m, n in fits):
            raise ValueError(f"Expected an array of shape {self.shape}, got one of {found.shape}.")
        return np.ascontiguousarray(found, self.item)

    def array_of_bytes(self, data: bytes) -> AnyNDArray:
        """The element that these bytes are.

        Raises
        ------
        ValueError
            If they are none, or do not tell its shape.
        """
        rows, rest = divmod(len(data), self.row_size)
        if rest or (self.variable == 0 and rows != 1) or (self.variable > 1 and rows):
            raise ValueError(f"{len(data)} bytes are no element of shape {self.shape}.")
        if self.dtype == "bool" and data.strip(b"\0\1"):
            raise ValueError("A boolean is a byte that is 0 or 1.")
        shape = tuple(rows if n is None else n for n in self.shape)
        return np.frombuffer(data, self.item).reshape(shape)

    def cast_scalar(self, data: object) -> AnyScalar:
        array = self.array(data)
        if self.variable:
            return array
        element = np.zeros(1, self.to_native_dtype())
        element["values"] = array
        return element[0]

    def default_scalar(self) -> AnyScalar:
        return self.cast_scalar(np.zeros(tuple(n or 0 for n in self.shape), self.item))

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> AnyScalar:
        return self.cast_scalar(self.array_of_bytes(bytes_from_json(data)))

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> str:
        array = self.array(data)
        if self.variable > 1 and array.size + sum(array.shape):
            raise ValueError("Where more than one length is open, the fill value is empty.")
        return bytes_to_json(array.tobytes())
