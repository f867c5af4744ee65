"""Copies of arrays and groups: planned as a whole, then made."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

from zarr._async.run import bounded, run
from zarr._async.warnings import warn
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import begin, check_reach, copy_data, spread
from zarr.arrays.create import keep, new_array, place
from zarr.arrays.stored_chunks import stored_coords
from zarr.copying.hdf5 import is_hdf5, parts_of, walk_hdf5
from zarr.errors import CopyError, ZarrUserWarning
from zarr.groups.async_group import AsyncGroup, all_members
from zarr.groups.creation import accessed_by, make_parents_in
from zarr.hierarchy.documents import at_a_time, check_new_path, documents_of, kind_at
from zarr.hierarchy.place import check_writable
from zarr.metadata.chunk_grids import chunk_bounds
from zarr.metadata.layout import as_v2, as_v3, layout_of, same_chunks
from zarr.storage.client import Requests
from zarr.storage.path import StorePath, address, is_within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor

    from zarr.copying.values import Report
    from zarr.types import AnyAsyncArray, ArrayMetadata, NodeType, ZarrFormat

    Coords = tuple[int, ...]


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


_BATCH = 64
"""Stored values that one task of an executor copies."""


async def fill(
    source: object,
    target: AnyAsyncArray,
    done: Callable[[int], None],
    *,
    resume: bool,
    executor: Executor | None,
) -> None:
    """Copy the elements of an array to another of the same shape.

    Parameters
    ----------
    source
        The elements that are copied, as `copy_data` takes them.
    target
        The new array; or one that was begun, and has some of its chunks.
    done
        Called with the number of bytes, not compressed, of each part that is there.
    resume
        Whether the chunks that the target has stay as they are.
    executor
        Whose workers do it.
    """
    have = {coords async for coords in stored_coords(target)} if resume else set()
    itemsize = target.dtype.itemsize
    if isinstance(source, AsyncArray) and same_chunks(source.metadata, target.metadata):
        coords = [each async for each in stored_coords(source) if each not in have]
        await pass_on(source, target, coords, done, executor)
    else:
        await copy_data(
            source,
            target,
            executor=executor,
            have=have,
            done=lambda count: done(count * itemsize),
        )


async def pass_on(
    source: AnyAsyncArray,
    target: AnyAsyncArray,
    coords: list[Coords],
    done: Callable[[int], None],
    executor: Executor | None,
) -> None:
    """Copy stored values as they are, between arrays in which they mean the same.

    Parameters
    ----------
    source, target
        The arrays.
    coords
        The places of the values in the grid.
    done
        Called with the number of bytes, not compressed, of each part that is there.
    executor
        Whose workers do it.
    """
    if executor is not None:
        await check_reach(executor, target.chunk_store_path.store)
        parts = (coords[at : at + _BATCH] for at in range(0, len(coords), _BATCH))
        await spread(executor, _pass_some, ((source, target, part) for part in parts), done)
        return

    pass_value = _Passage(source, target)

    async def one(each: Coords) -> None:
        done(await pass_value(each))

    await bounded(coords, one, pass_value.width)


def _pass_some(source: AnyAsyncArray, target: AnyAsyncArray, coords: list[Coords]) -> int:
    async def work() -> int:
        pass_value = _Passage(source, target)
        return sum(await bounded(coords, pass_value, pass_value.width))

    return run(work(), waits=source.needs_event_loop or target.needs_event_loop)


class _Passage:
    """Passes stored values of one array on to another."""

    def __init__(self, source: AnyAsyncArray, target: AnyAsyncArray) -> None:
        self._source, self._target = source, target
        self._from = Requests(source.chunk_store_path.store)
        self._to = Requests(target.chunk_store_path.store)
        self.width = min(self._from.width, self._to.width)

    async def __call__(self, coords: Coords) -> int:
        key, new = _key(self._source, coords), _key(self._target, coords)
        if await self._from.copy_value(key, self._to, new) is None:
            return 0  # deleted meanwhile: the fill value stands for it
        return _size(self._target, coords)


def _key(array: AnyAsyncArray, coords: Coords) -> str:
    path = array.chunk_store_path.path
    key = array.metadata.encode_chunk_key(coords)
    return f"{path}/{key}" if path else key


def _size(array: AnyAsyncArray, coords: Coords) -> int:
    """The bytes of a stored value's elements that lie in the array."""
    size = array.dtype.itemsize
    for length in _lengths(array, coords):
        size *= length
    return size


def _lengths(array: AnyAsyncArray, coords: Coords) -> Iterator[int]:
    for chunk, edge, length in zip(
        coords, layout_of(array.metadata).grid, array.shape, strict=True
    ):
        start, stop = chunk_bounds(edge, chunk)
        yield min(stop, length) - start


Way: TypeAlias = Literal["make", "merge", "replace", "resume", "skip"]

_ARRAYS = 4
"""Arrays that are copied at a time: each has several chunks under way."""

_KEPT = (
    "chunks",
    "shards",
    "filters",
    "compressors",
    "serializer",
    "fill_value",
    "order",
    "chunk_key_encoding",
    "dimension_names",
)


class Step(NamedTuple):
    """The copy of one node: its source, the path of its copy, and how it is made."""

    node: Node
    path: str
    way: Way

    def __str__(self) -> str:
        if self.node.data is None:
            return f"/{self.path}"
        return f"/{self.path} {self.node.data.shape} {self.node.data.dtype}"


async def copy_nodes(
    nodes: list[Node], dest: AsyncGroup, top: str, options: Options, report: Report
) -> None:
    """Copy nodes into a group.

    Parameters
    ----------
    nodes
        The nodes that are copied, parents first.
    dest
        The group.
    top
        The path in the store of the copy of the node that has the path ``""``.
    options, report
        How, and where it is counted.

    Raises
    ------
    CopyError
        If something is there already, and `options` say that it is an error; nothing was copied.
    """
    check_writable(dest.store_path)
    if options.executor is not None:
        chunks = dest.access.below(dest.path, top).chunk_path
        await check_reach(options.executor, dest.store if chunks is None else chunks.store)
    steps = await _plan(nodes, dest, top, options)
    new: dict[str, AnyAsyncArray] = {}
    for step in steps:
        if step.node.data is not None and step.way in ("make", "replace"):
            new[step.path] = _new_array(step, dest, options)
            # All that can be refused is, before anything is made.
            new[step.path].engine()
            documents_of(step.path, new[step.path].metadata)
    todo = [step for step in steps if step.way != "skip"]
    report.expect(sum(step.node.size for step in todo))
    for step in steps:
        (report.skip if step.way == "skip" else report.copy)(str(step))
    if options.dry_run:
        return
    await make_parents_in(dest, top)
    for step in todo:
        if step.node.data is None:
            await _make_group(step, dest, options)
    arrays = [step for step in todo if step.node.data is not None]

    async def copy(step: Step) -> None:
        await _copy_array(step, new.get(step.path), dest, options, report)

    await bounded(arrays, copy, _ARRAYS)


# -- what there is to do --------------------------------------------------------------------------


async def _plan(nodes: list[Node], dest: AsyncGroup, top: str, options: Options) -> list[Step]:
    zarr_format = dest.metadata.zarr_format
    paths = ["/".join(filter(None, (top, node.path))) for node in nodes]
    for path in paths:
        if path:
            check_new_path(path, zarr_format)
    kinds = await _kinds(dest, paths)
    steps: list[Step] = []
    skipped: list[str] = []
    for node, path, kind in zip(nodes, paths, kinds, strict=True):
        if any(path.startswith(f"{other}/") for other in skipped):
            continue  # below an array that stays
        way = await _way(node, path, kind, dest, options)
        if way == "skip" and node.data is None:
            skipped.append(path)
        steps.append(Step(node, path, way))
    return steps


async def _kinds(dest: AsyncGroup, paths: list[str]) -> list[NodeType | None]:
    """The kind of node at each path. Below a path without a node there is none."""
    zarr_format = dest.metadata.zarr_format
    found: dict[str, NodeType | None] = {}
    for depth in sorted({path.count("/") for path in paths}):
        level = [
            path
            for path in paths
            if path.count("/") == depth and found.get(path.rpartition("/")[0], "group") == "group"
        ]
        limit = at_a_time(zarr_format)
        kinds = await bounded(level, lambda path: kind_at(dest.store, path, zarr_format), limit)
        found.update(zip(level, kinds, strict=True))
    return [found.get(path) for path in paths]


async def _way(
    node: Node, path: str, kind: NodeType | None, dest: AsyncGroup, options: Options
) -> Way:
    if kind is None:
        return "make"
    if node.data is None and kind == "group":
        return "merge"
    if options.if_exists == "raise":
        raise CopyError(
            f"{'an' if kind == 'array' else 'a'} {kind} exists at {path!r} in {dest.store}"
        )
    if options.if_exists == "replace":
        where = StorePath(dest.store, path)
        if any(is_within(source, address(where)) for source in options.sources):
            raise CopyError(f"{where} cannot be replaced: what is copied is there, or lies in it")
        return "replace"
    if options.if_exists == "skip":
        return "skip"
    if node.data is None or kind == "group":
        what = "array" if node.data is not None else "group"
        raise CopyError(
            f"a copy of {what} {path!r} cannot go on: there is a {kind} in {dest.store}"
        )
    return await _resumed(node, path, dest)


async def _resumed(node: Node, path: str, dest: AsyncGroup) -> Way:
    """Whether an array that is there lacks chunks."""
    there = await dest.get_array(path[len(dest.path) :].strip("/"))
    if there.shape != tuple(node.data.shape):
        raise CopyError(
            f"a copy of {node.data.shape} cannot go on: the array at {path!r} in {dest.store} "
            f"has the shape {there.shape}"
        )
    return "skip" if await _is_complete(node.data, there) else "resume"


async def _is_complete(source: object, there: AnyAsyncArray) -> bool:
    have = {coords async for coords in stored_coords(there)}
    if len(have) == there._nshards:
        return True
    if not isinstance(source, AsyncArray):
        return False
    if layout_of(source.metadata).grid != layout_of(there.metadata).grid:
        return False
    return have.issuperset([coords async for coords in stored_coords(source)])


# -- doing it -------------------------------------------------------------------------------------


async def _make_group(step: Step, dest: AsyncGroup, options: Options) -> None:
    attributes = {} if options.without_attrs else dict(step.node.attributes)
    name = step.path[len(dest.path) :].strip("/")
    if step.way == "merge":
        group = await dest.get_group(name) if name else dest
        if attributes and options.if_exists in ("raise", "replace"):
            await group.update_attributes(attributes)
        elif attributes:  # what is there stays
            await group.change_attributes(lambda there: {**attributes, **there})
    else:
        await dest.create_group(name, attributes=attributes, overwrite=step.way == "replace")


async def _copy_array(
    step: Step, new: AnyAsyncArray | None, dest: AsyncGroup, options: Options, report: Report
) -> None:
    if new is None:
        new = await dest.get_array(step.path[len(dest.path) :].strip("/"))
    else:
        if step.way == "replace":
            await begin(step.node.data, new, executor=options.executor)
        await place(new, overwrite=step.way == "replace", parents=False)
    await fill(
        step.node.data,
        new,
        report.done,
        resume=step.way == "resume",
        executor=options.executor,
    )


def _new_array(step: Step, dest: AsyncGroup, options: Options) -> AnyAsyncArray:
    """The handle of a copy, which is not stored yet."""
    data = step.node.data
    zarr_format = dest.metadata.zarr_format
    attributes = {} if options.without_attrs else dict(step.node.attributes)
    there = StorePath(dest.store, step.path)
    same = _as_it_is(data, zarr_format, options)
    if same is not None:
        metadata = same.update_attributes(attributes)
        made: AnyAsyncArray = AsyncArray(metadata, there, options.create.get("config", data.config))
        return accessed_by(dest, made)
    given = {**step.node.defaults, **options.create}
    if zarr_format == 2 and "dimension_names" not in options.create:
        given.pop("dimension_names", None)
    if "compressor" in given:  # its name in zarr-python 2
        given["compressors"] = given.pop("compressor")
    kept = keep(
        data,
        zarr_format=zarr_format,
        **{name: given.pop(name) for name in _KEPT if name in given},
    )
    made = new_array(
        store_path=there,
        shape=data.shape,
        dtype=given.pop("dtype", getattr(data, "_zdtype", data.dtype)),
        attributes=attributes,
        **kept._asdict(),
        **given,
    )
    return accessed_by(dest, made)


def _as_it_is(data: object, zarr_format: ZarrFormat, options: Options) -> ArrayMetadata | None:
    """The metadata of a copy whose stored chunks are those of the source, if there are such."""
    if not isinstance(data, AsyncArray) or options.create.keys() - {"config"}:
        return None
    metadata: ArrayMetadata = data.metadata
    if metadata.zarr_format == zarr_format:
        return metadata
    try:
        if metadata.zarr_format == 3:
            return as_v2(metadata)
        return as_v3(metadata).rebuilt(chunk_key_encoding={"name": "default"})
    except (TypeError, ValueError):
        return None  # the other format has no such data type or codec: others are taken
