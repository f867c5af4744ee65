"""Groups and datasets of h5py, which this module is given and never imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.warnings import warn
from zarr.errors import ZarrUserWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

# Attributes that HDF5's dimension scales and netCDF write for themselves.
_INTERNAL = frozenset(
    ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates")
)


def is_node(value: object) -> bool:
    """Whether a value is a group or dataset of h5py."""
    return _is_a(value, "Group") or _is_a(value, "Dataset")


def _is_a(value: object, name: str) -> bool:
    return any(
        base.__name__ == name and base.__module__.partition(".")[0] == "h5py"
        for base in type(value).__mro__
    )


def walk(source: Any, *, shallow: bool) -> Iterator[tuple[str, Any]]:
    """Yield a node and those below it with relative paths, parents first.

    Raises
    ------
    ValueError
        If links lead back to a group that they come from.
    """
    yield "", source
    if _is_a(source, "Group"):
        yield from _below(source, "", [source.id], shallow=shallow)


def _below(group: Any, path: str, above: list[Any], *, shallow: bool) -> Iterator[tuple[str, Any]]:
    for name in group:
        try:
            node = group[name]
        except KeyError:
            warn(f"{group.name}/{name} is a link that leads nowhere: not copied.", ZarrUserWarning)
            continue
        if node.id in above:
            raise ValueError(f"{group.name}/{name} is a link to a group above: no end to copying.")
        relative = f"{path}/{name}" if path else name
        if not is_node(node):
            continue  # a type that has a name: there is no such thing in zarr
        yield relative, node
        if _is_a(node, "Group") and not shallow:
            yield from _below(node, relative, [*above, node.id], shallow=shallow)


def parts_of(path: str, node: Any) -> tuple[Dataset | None, dict[str, Any], dict[str, Any]]:
    """Return the elements of a node, if it has any, its attributes, and how it is laid out."""
    attributes = _attributes(path, node)
    if _is_a(node, "Group"):
        return None, attributes, {}
    data = Dataset(node)
    layout: dict[str, Any] = {"dtype": data.dtype}
    if node.chunks is not None:
        layout["chunks"] = node.chunks
    if data.dtype.kind not in "OTV":
        layout["fill_value"] = node.fillvalue
    labels = [dim.label or None for dim in node.dims]
    if any(labels):
        layout["dimension_names"] = labels
    return data, attributes, layout


class Dataset:
    """The elements of a dataset, with strings as strings.

    Parameters
    ----------
    dataset : h5py.Dataset
        The dataset.

    Raises
    ------
    TypeError
        If it has no elements, or elements that no zarr array has.
    """

    def __init__(self, dataset: Any) -> None:
        if dataset.shape is None:
            raise TypeError(f"{dataset.name} of {dataset.file.filename} is an empty dataset.")
        self.shape: tuple[int, ...] = dataset.shape
        self.dtype: np.dtype[Any] = dataset.dtype
        self._source: Any = dataset
        if dataset.dtype.kind == "O":
            # Of text HDF5 knows the encoding only; other things of no fixed size have no type here.
            if (dataset.dtype.metadata or {}).get("vlen") not in (str, bytes):
                raise TypeError(
                    f"{dataset.name} of {dataset.file.filename} has elements of type "
                    f"{dataset.dtype} ({dict(dataset.dtype.metadata or {})}), which no array of "
                    "zarr can hold."
                )
            self.dtype = np.dtypes.StringDType()
            self._source = dataset.asstr()
        elif dataset.dtype.metadata:  # an enumeration, say
            self.dtype = np.dtype(dataset.dtype.str) if dataset.dtype.names is None else self.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __getitem__(self, region: Any) -> Any:
        return np.asarray(self._source[region]).astype(self.dtype, copy=False)


def _attributes(path: str, node: Any) -> dict[str, Any]:
    found = {}
    for name, value in node.attrs.items():
        if name in _INTERNAL:
            continue
        try:
            found[name] = _json(value)
        except TypeError:
            warn(
                f"Attribute {name!r} of {path or node.name!r} cannot be written as JSON: not "
                f"copied. It is a {type(value).__name__}.",
                ZarrUserWarning,
            )
    return found


def _json(value: Any) -> Any:
    """The JSON of an attribute's value."""
    if isinstance(value, (np.ndarray, np.generic)):
        return _json(value.tolist())
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, complex):
        return [value.real, value.imag]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError
