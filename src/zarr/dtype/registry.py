"""The data types that are known, and how one is found."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.errors import DataTypeValidationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from zarr.dtype.base import ZDType
    from zarr.types import DTypeJSON, ZarrFormat

_AMBIGUOUS = (
    "Zarr data type resolution from {} failed. NumPy's 'Object' data type is ambiguous: several "
    "Zarr data types can be stored in it. Name the data type that is meant, such as "
    "zarr.dtype.VariableLengthUTF8() or zarr.dtype.VariableLengthBytes()."
)


class DataTypeRegistry:
    """Classes of data types, by name.

    Examples
    --------
    >>> from zarr.dtype import data_type_registry
    >>> data_type_registry.match_json("int8", zarr_format=3)
    Int8()
    """

    def __init__(self) -> None:
        self.contents: dict[str, type[ZDType[Any, Any]]] = {}
        self._lazy_load_list: list[EntryPoint] = []
        self._looked_up = False
        # What was found before; all data types are frozen.
        self._natives: dict[Any, ZDType[Any, Any]] = {}
        self._names: dict[str, ZDType[Any, Any]] = {}

    def __repr__(self) -> str:
        return f"DataTypeRegistry(contents={self.contents})"

    def _lazy_load(self) -> None:
        """Load the data types that other packages announce as entry points ``zarr.data_type``."""
        if not self._looked_up:
            self._looked_up = True
            from importlib.metadata import entry_points

            own = [entry for entry in entry_points(group="zarr") if entry.name == "data_type"]
            self._lazy_load_list.extend([*entry_points(group="zarr.data_type"), *own])
        while self._lazy_load_list:
            entry = self._lazy_load_list.pop()
            self.register(entry.name, entry.load())

    def register(self, key: str, cls: type[ZDType[Any, Any]]) -> None:
        """Make a data type known as `key`."""
        if self.contents.get(key) is not cls:
            self.contents[key] = cls
            self._forget()

    def unregister(self, key: str) -> None:
        """Forget the data type known as `key`."""
        if key not in self.contents:
            raise KeyError(f"Data type {key!r} is not registered.")
        del self.contents[key]
        self._forget()

    def get(self, key: str) -> type[ZDType[Any, Any]]:
        """Return the class known as `key`."""
        if key not in self.contents:
            self._lazy_load()
        return self.contents[key]

    def _forget(self) -> None:
        self._natives.clear()
        self._names.clear()

    def match_dtype(self, dtype: np.dtype[Any]) -> ZDType[Any, Any]:
        """Return the data type that stands for a data type of NumPy.

        Raises
        ------
        ValueError
            If there is none, or more than one.
        """
        key = (type(dtype), dtype)
        known = self._natives.get(key)
        if known is None:
            known = self._search_native(dtype)
            self._natives[key] = known
        return known

    def _search_native(self, dtype: np.dtype[Any]) -> ZDType[Any, Any]:
        if dtype == np.dtype("O") and not isinstance(dtype, np.dtypes.StringDType):
            raise ValueError(_AMBIGUOUS.format(dtype))
        for load in (None, self._lazy_load):
            if load is not None:
                load()
            matched = []
            for cls in self.contents.values():
                with contextlib.suppress(DataTypeValidationError):
                    matched.append(cls.from_native_dtype(dtype))
            if len(matched) == 1:
                return matched[0]
            if matched:
                raise ValueError(
                    f"Zarr data type resolution from {dtype} failed. More than one data type "
                    f"matches: {matched}."
                )
        raise ValueError(f"No Zarr data type found that matches dtype '{dtype!r}'")

    def match_json(self, data: DTypeJSON, *, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
        """Return the data type that its form in metadata stands for.

        Raises
        ------
        ValueError
            If there is none.
        """
        if zarr_format == 3 and isinstance(data, str):
            known = self._names.get(data)
            if known is None:
                known = self._names[data] = self._search_json(data, 3)
            return known
        return self._search_json(data, zarr_format)

    def _search_json(self, data: DTypeJSON, zarr_format: ZarrFormat) -> ZDType[Any, Any]:
        if zarr_format == 3 and isinstance(data, dict) and data.keys() == {"name"}:
            # A name alone may be written as an object (core specification, extension points).
            data = data["name"]
        for load in (None, self._lazy_load):
            if load is not None:
                load()
            for cls in self.contents.values():
                with contextlib.suppress(DataTypeValidationError):
                    return cls.from_json(data, zarr_format=zarr_format)
        raise ValueError(f"No Zarr data type found that matches {data!r}")


data_type_registry = DataTypeRegistry()
