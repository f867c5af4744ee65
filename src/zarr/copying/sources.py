"""Sources of copies: arrays and groups of zarr and of h5py, as one kind of node.

Nodes of h5py are given to this module, which never imports that package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from zarr._async.warnings import warn
from zarr.arrays.async_array import AsyncArray
from zarr.errors import ZarrUserWarning
from zarr.groups.async_group import AsyncGroup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Executor

    from zarr.types import AnyAsyncArray, NumpyDType


IfExists: TypeAlias = Literal["raise", "replace", "skip", "skip_initialized"]


_NEW = frozenset(
    (
        "chunk_key_encoding",
        "chunks",
        "compressor",
        "compressors",
        "config",
        "dimension_names",
        "dtype",
        "fill_value",
        "filters",
        "order",
        "serializer",
        "shards",
    )
)
"""Parameters of ``create_array`` that make sense for a copy, and zarr-python 2's `compressor`."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a copy.

    Parameters
    ----------
    if_exists
        What to do where an array would be, if there is a node.
    without_attrs
        Whether attributes stay behind.
    dry_run
        Whether nothing is really done.
    executor
        Whose workers copy the chunks.
    create
        Parameters of the new arrays, in place of those of their sources.
    sources
        Where that is which is copied: it is never replaced.
    """

    if_exists: IfExists = "raise"
    without_attrs: bool = False
    dry_run: bool = False
    executor: Executor | None = None
    create: dict[str, Any] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = self.create.keys() - _NEW
        if unknown:
            names = ", ".join(map(repr, sorted(unknown)))
            raise TypeError(f"no parameters of new arrays: {names}. These are {sorted(_NEW)}.")


def check_if_exists(value: object, *, without: tuple[str, ...] = ()) -> None:
    """Fail unless a value of ``if_exists`` is one that there is.

    Raises
    ------
    ValueError
        If not; the message lists them.
    """
    known = [name for name in get_args(IfExists) if name not in without]
    if value not in known:
        names = ", ".join(map(repr, known[:-1]))
        raise ValueError(f"if_exists must be one of {names} or {known[-1]!r}. Got {value!r}.")


class Node(NamedTuple):
    """One array or group to copy.

    Parameters
    ----------
    path
        Relative to what is copied, which itself has the path ``""``.
    data
        The elements of an array, as `copy_data` takes them; None for a group.
    attributes
        Of the user.
    defaults
        Parameters of ``create_array`` that follow from the source.
    """

    path: str
    data: Any
    attributes: Mapping[str, Any]
    defaults: Mapping[str, object] = MappingProxyType({})

    @property
    def size(self) -> int:
        """The bytes of the elements, not compressed."""
        return 0 if self.data is None else int(self.data.size * self.data.dtype.itemsize)


async def nodes_of(source: object, *, shallow: bool) -> list[Node]:
    """Return an array or group and what is below it, parents first.

    Parameters
    ----------
    source
        An array or group of zarr or h5py.
    shallow
        Whether only the children of a group are wanted.

    Raises
    ------
    TypeError
        If it is something else, or has what no zarr array can hold.
    MetadataValidationError
        If the metadata of a node below cannot be read.
    """
    handle = getattr(source, "_async", source)
    if isinstance(handle, AsyncArray):
        return [_node("", handle)]
    if isinstance(handle, AsyncGroup):
        members = handle.all_members(0 if shallow else None)
        return [_node("", handle), *[_node(path, node) async for path, node in members]]
    if _is_hdf5(source):
        found = _walk_hdf5(source, shallow=shallow)
        return [Node(path, *_hdf5_parts(path, node)) for path, node in found]
    raise TypeError(
        "Only arrays and groups of zarr, and datasets and groups of h5py, can be copied. "
        f"Got an instance of {type(source)}."
    )


def _node(path: str, handle: AnyAsyncArray | AsyncGroup) -> Node:
    data = handle if isinstance(handle, AsyncArray) else None
    return Node(path, data, dict(handle.metadata.attributes))


def name_of(source: object) -> str:
    """The last part of a node's path; empty for the root of a store or file."""
    name = getattr(source, "name", None) or ""
    return name.rstrip("/").rpartition("/")[2]


# -- nodes of h5py --------------------------------------------------------------------------------

# Attributes that HDF5's dimension scales and netCDF write for themselves.
_INTERNAL = frozenset(
    ("CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates")
)


def _is_hdf5(value: object) -> bool:
    """Whether a value is a group or dataset of h5py."""
    return _is_a(value, "Group") or _is_a(value, "Dataset")


def _is_a(value: object, name: str) -> bool:
    return any(
        base.__name__ == name and base.__module__.partition(".")[0] == "h5py"
        for base in type(value).__mro__
    )


def _walk_hdf5(source: Any, *, shallow: bool) -> Iterator[tuple[str, object]]:
    """Yield a node and those below it with relative paths, parents first.

    Raises
    ------
    ValueError
        If links lead back to a group that they come from.
    """
    yield "", source
    if _is_a(source, "Group"):
        yield from _below(source, "", [source.id], shallow=shallow)


def _below(
    group: Any, path: str, above: list[Any], *, shallow: bool
) -> Iterator[tuple[str, object]]:
    for name in group:
        try:
            node = group[name]
        except KeyError:
            warn(f"{group.name}/{name} is a link that leads nowhere: not copied.", ZarrUserWarning)
            continue
        if node.id in above:
            raise ValueError(f"{group.name}/{name} is a link to a group above: no end to copying.")
        relative = f"{path}/{name}" if path else name
        if not _is_hdf5(node):
            continue  # a type that has a name: there is no such thing in zarr
        yield relative, node
        if _is_a(node, "Group") and not shallow:
            yield from _below(node, relative, [*above, node.id], shallow=shallow)


def _hdf5_parts(
    path: str, node: Any
) -> tuple[Dataset | None, dict[str, object], dict[str, object]]:
    """Return the elements of a node, if it has any, its attributes, and how it is laid out."""
    attributes = _attributes(path, node)
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

    def __getitem__(self, region: object) -> Any:
        return np.asarray(self._source[region]).astype(self.dtype, copy=False)


def _attributes(path: str, node: Any) -> dict[str, object]:
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
