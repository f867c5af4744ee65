"""Sources of copies: arrays and groups of zarr and of h5py, as one kind of node."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from zarr._async.warnings import warn
from zarr.arrays.async_array import AsyncArray
from zarr.copying.hdf5 import is_hdf5, parts_of, walk_hdf5
from zarr.errors import ZarrUserWarning
from zarr.groups.async_group import AsyncGroup, all_members

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from zarr.types import AnyAsyncArray


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
        members = all_members(handle, 0 if shallow else None)
        return [_node("", handle), *[_node(path, node) async for path, node in members]]
    if is_hdf5(source):
        found = walk_hdf5(source, shallow=shallow, lost=_warn)
        return [Node(path, *parts_of(path, node, _warn)) for path, node in found]
    raise TypeError(
        "Only arrays and groups of zarr, and datasets and groups of h5py, can be copied. "
        f"Got an instance of {type(source)}."
    )


def _warn(where: str, reason: str) -> None:
    warn(f"{where} {reason}; it is not copied.", ZarrUserWarning)


def _node(path: str, handle: AnyAsyncArray | AsyncGroup) -> Node:
    data = handle if isinstance(handle, AsyncArray) else None
    return Node(path, data, dict(handle.metadata.attributes))


def name_of(source: object) -> str:
    """The last part of a node's path; empty for the root of a store or file."""
    name = getattr(source, "name", None) or ""
    return name.rstrip("/").rpartition("/")[2]
