"""The data types that are known, and how one is found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr.dtype.base import InvalidPartError
from zarr.errors import DataTypeValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import EntryPoint

    from zarr.dtype.base import ZDType
    from zarr.types import DTypeJSON, ZarrFormat

_AMBIGUOUS = (
    "Zarr data type resolution from {} failed. NumPy's 'Object' data type is ambiguous: several "
    "Zarr data types can be stored in it. Name the data type that is meant, such as "
    "zarr.dtype.VariableLengthUTF8() or zarr.dtype.VariableLengthBytes()."
)
_REMEMBERED = 1024
_SINGLE_BYTES = ("b1", "i1", "u1")


@dataclass(frozen=True, kw_only=True)
class DataTypeRegistry:
    """Classes of data types, by name.

    Examples
    --------
    >>> from zarr.dtype import data_type_registry
    >>> data_type_registry.match_json("int8", zarr_format=3)
    Int8()
    """

    contents: dict[str, type[ZDType[Any, Any]]] = field(default_factory=dict, init=False)
    _lazy_load_list: list[EntryPoint] = field(default_factory=list, init=False)
    # Of these, a class that a user registers takes the place.
    _yielding: set[type[ZDType[Any, Any]]] = field(
        default_factory=set, init=False, repr=False, compare=False
    )
    # What was found before: all data types are frozen.
    _known: dict[object, ZDType[Any, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def _lazy_load(self) -> None:
        """Load the data types that other packages announced as entry points ``zarr.data_type``."""
        waiting = self._lazy_load_list.copy()
        self._lazy_load_list.clear()
        for entry in waiting:
            self.register(entry.load()._zarr_v3_name, entry.load())

    def _announced(self) -> bool:
        """Look for entry points that were not looked at before; return whether there are any."""
        if "entry points" not in self._known:
            from importlib.metadata import entry_points

            # Kept with what was found: a later registration makes us look again, which is cheap.
            self._known["entry points"] = None  # type: ignore[assignment]
            found = entry_points(group="zarr.data_type")
            own = entry_points(group="zarr", name="data_type")
            self._lazy_load_list.extend([*found, *own])
        return bool(self._lazy_load_list)

    def register(self, key: str, cls: type[ZDType[Any, Any]]) -> None:
        """Make a data type known as `key`."""
        if self.contents.get(key) is cls:
            return
        name = getattr(cls, "_zarr_v3_name", key)
        if self.contents.get(name) in self._yielding:
            del self.contents[name]
        self.contents[key] = cls
        self._known.clear()

    def unregister(self, key: str) -> None:
        """Forget the data type known as `key`."""
        if key not in self.contents:
            raise KeyError(f"Data type {key!r} is not registered.")
        del self.contents[key]
        self._known.clear()
