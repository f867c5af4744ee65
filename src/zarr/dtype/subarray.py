"""Small arrays in each element, as a field of a record can have them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from zarr.dtype.base import (
    HasItemSize,
    InvalidPartError,
    ZDType,
    frozen,
    invalid_scalar,
    shown,
    unknown_format,
    v3_configuration,
    warn_unstable,
)
from zarr.dtype.registry import data_type_registry
from zarr.dtype.storage import as_type

if TYPE_CHECKING:
    from zarr.types import JSON, DTypeJSON, ZarrFormat


@frozen
class SubArray(ZDType[np.dtype[Any], Any], HasItemSize):
    """A small array in each element; it can stand only in a field of a record.

    Zarr v2 writes it as the third part of a field. For Zarr v3 there is no specification: it is
    written as ``{"name": "subarray", "configuration": {"data_type", "shape"}}``, and its scalars
    as lists.
    """

    base: ZDType[Any, Any]
    shape: tuple[int, ...]

    dtype_cls = type(np.dtype("V1"))
    _zarr_v3_name = "subarray"

    @classmethod
    def _check_native_dtype(cls, dtype: np.dtype[Any]) -> bool:
        return dtype.subdtype is not None

    @classmethod
    def from_native_dtype(cls, dtype: np.dtype[Any]) -> Self:
        if dtype.subdtype is None:
            raise cls._invalid_native(dtype)
        return cls(base=data_type_registry.match_dtype(dtype.subdtype[0]), shape=dtype.shape)

    def to_native_dtype(self) -> np.dtype[Any]:
        return np.dtype((self.base.to_native_dtype(), self.shape))

    @property
    def item_size(self) -> int:
        """Bytes of an element."""
        if not isinstance(self.base, HasItemSize):
            raise TypeError(f"The elements of an array in a record have one size; {self.base} not.")
        return self.base.item_size * prod(self.shape)

    @classmethod
    def _from_json_v2(cls, data: DTypeJSON) -> Self:
        raise cls._invalid_json(data, "a field of a record")

    @classmethod
    def _from_json_v3(cls, data: DTypeJSON) -> Self:
        configuration = v3_configuration(data, cls._zarr_v3_name)
        if configuration is None or configuration.keys() != {"data_type", "shape"}:
            raise InvalidPartError(
                f"Invalid subarray {shown(data)}. Expected a data_type and a shape."
            )
        base = data_type_registry.match_json(configuration["data_type"], zarr_format=3)
        return cls.of_shape(base, configuration["shape"])

    @classmethod
    def of_shape(cls, base: ZDType[Any, Any], shape: object) -> Self:
        """Make an instance of the shape in a metadata document."""
        sizes: list[Any] = list(shape) if isinstance(shape, (list, tuple)) else [shape]
        if not sizes or not all(type(size) is int and size > 0 for size in sizes):
            raise InvalidPartError(f"Invalid shape {shown(shape)}. Expected positive integers.")
        return cls(base=base, shape=tuple(sizes))

    def to_json(self, zarr_format: ZarrFormat) -> Any:
        if zarr_format == 2:
            raise ValueError("In Zarr v2, a small array stands only in a field of a record.")
        if zarr_format != 3:
            raise unknown_format(zarr_format)
        warn_unstable(self._zarr_v3_name)
        configuration = {"data_type": self.base.to_json(3), "shape": list(self.shape)}
        return {"name": self._zarr_v3_name, "configuration": configuration}

    def _check_scalar(self, data: object) -> bool:
        return True

    def cast_scalar(self, data: object) -> Any:
        dtype = self.base.to_native_dtype()
        try:
            return np.broadcast_to(as_type(np.asarray(data, dtype), dtype), self.shape).copy()
        except (TypeError, ValueError):
            raise self._cannot_cast(data) from None

    def default_scalar(self) -> Any:
        return self._filled(self.base.default_scalar())

    def _unwritten_scalar(self) -> Any:
        return self._filled(self.base._unwritten_scalar())

    def _filled(self, scalar: Any) -> Any:
        filled = np.ndarray(self.shape, self.base.to_native_dtype())
        filled[...] = scalar
        return filled

    def from_json_scalar(self, data: JSON, *, zarr_format: ZarrFormat) -> Any:
        items = _flat(data, self.shape)
        filled = np.ndarray(len(items), self.base.to_native_dtype())
        for index, item in enumerate(items):
            filled[index] = self.base.from_json_scalar(item, zarr_format=zarr_format)
        return filled.reshape(self.shape)

    def to_json_scalar(self, data: object, *, zarr_format: ZarrFormat) -> Any:
        array = self.cast_scalar(data)
        items = [self.base.to_json_scalar(item, zarr_format=zarr_format) for item in _items(array)]
        return _nested(items, self.shape)


def _items(array: Any) -> list[Any]:
    flat = array.reshape(-1)
    return [flat[index] for index in range(flat.size)]


def _flat(data: Any, shape: tuple[int, ...]) -> list[Any]:
    """Return the innermost items of nested lists, which have to be of this shape."""
    if not shape:
        return [data]
    if not isinstance(data, (list, tuple)) or len(data) != shape[0]:
        raise invalid_scalar(data, f"a list of {shape[0]} items")
    return [item for part in data for item in _flat(part, shape[1:])]


def _nested(items: list[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return items[0]
    size = len(items) // shape[0]
    parts = (items[start : start + size] for start in range(0, len(items), size))
    return [_nested(part, shape[1:]) for part in parts]
