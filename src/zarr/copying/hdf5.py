"""Nodes of HDF5 files: groups and datasets of h5py, which this module never imports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zarr.types import NumpyDType

    Lost: TypeAlias = Callable[[str, str], object]
    """Called with the name of what is left out, and a verb and its object that say why."""

# Attributes that HDF5's dimension scales and netCDF write for themselves.
_INTERNAL = frozenset(
    ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates")
)


def is_hdf5(value: object) -> bool:
    """Whether a value is a group or dataset of h5py."""
    return _is_a(value, "Group") or _is_a(value, "Dataset")


def _is_a(value: object, name: str) -> bool:
    return any(
        base.__name__ == name and base.__module__.partition(".")[0] == "h5py"
        for base in type(value).__mro__
    )


def walk_hdf5(source: Any, *, shallow: bool, lost: Lost) -> Iterator[tuple[str, Any]]:
    """Yield a node and those below it with relative paths, parents first.

    Parameters
    ----------
    source
        The node.
    shallow
        Whether only the children of a group are wanted.
    lost
        Told of links and named types, which are left out.

    Raises
    ------
    ValueError
        If links lead back to a group that they come from.
    """
    yield "", source
    if _is_a(source, "Group"):
        yield from _below(source, "", [source.id], shallow=shallow, lost=lost)


def _below(
    group: Any, path: str, above: list[Any], *, shallow: bool, lost: Lost
) -> Iterator[tuple[str, Any]]:
    for name in group:
        try:
            node = group[name]
        except KeyError:
            lost(f"{group.name.rstrip('/')}/{name}", "is a link that leads nowhere")
            continue
        if node.id in above:
            raise ValueError(f"{group.name}/{name} is a link to a group above: no end to copying.")
        relative = f"{path}/{name}" if path else name
        if not is_hdf5(node):
            lost(node.name, "is a named type, which is no node")
            continue
        yield relative, node
        if _is_a(node, "Group") and not shallow:
            yield from _below(node, relative, [*above, node.id], shallow=shallow, lost=lost)


def parts_of(
    path: str, node: Any, lost: Lost
) -> tuple[Dataset | None, dict[str, object], dict[str, object]]:
    """Return the elements of a node, if it has any, its attributes, and how it is laid out."""
    attributes = attributes_of(path, node, lost)
    if _is_a(node, "Group"):
        return None, attributes, {}
    data = Dataset(node)
    layout: dict[str, object] = {"dtype": data.dtype}
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
        self.dtype: NumpyDType = dataset.dtype
        self._source: Any = dataset
        self._name = f"{dataset.name} of {dataset.file.filename}"
        if dataset.dtype.kind == "O":
            # Of text HDF5 knows the encoding only; other things of no fixed size have no type here.
            if (dataset.dtype.metadata or {}).get("vlen") not in (str, bytes):
                raise TypeError(
                    f"{dataset.name} of {dataset.file.filename} has elements of type "
                    f"{dataset.dtype} ({dict(dataset.dtype.metadata or {})}), which no array of "
                    "zarr can hold."
                )
            self.dtype = np.dtypes.StringDType()
            self._source = dataset.asstr("utf-8")  # which ASCII is, whatever the file says
        elif dataset.dtype.metadata:  # an enumeration, say
            self.dtype = np.dtype(dataset.dtype.str) if dataset.dtype.names is None else self.dtype

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __getitem__(self, region: object) -> Any:
        try:
            return np.asarray(self._source[region]).astype(self.dtype, copy=False)
        except UnicodeDecodeError as error:
            raise ValueError(f"{self._name} has strings that are no UTF-8: {error}") from error


def attributes_of(path: str, node: Any, lost: Lost) -> dict[str, object]:
    """Return the attributes of a node that JSON can hold; `lost` is told of the others."""
    found = {}
    for name in node.attrs:
        if name in _INTERNAL:
            continue
        value: object = None
        try:
            value = node.attrs[name]
            found[name] = _json(value)
        except TypeError:
            lost(
                f"Attribute {name!r} of {path or node.name!r}",
                f"cannot be written as JSON: it is a {type(value).__name__}",
            )
    return found


def _json(value: object) -> object:
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
