"""The arrays that others become: their grids, codecs, types and documents."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.create import keep, new_array
from zarr.arrays.parameters import DEFAULT_FILL_VALUE
from zarr.codecs.chain import parse_codecs
from zarr.groups.async_group import AsyncGroup, all_members
from zarr.hierarchy.documents import check_new_path, documents_of
from zarr.metadata.chunk_grids import regular_shape
from zarr.metadata.layout import as_v2, as_v3, layout_of
from zarr.metadata.v3 import ArrayV3Metadata
from zarr.storage.local import LocalStore
from zarr.storage.path import StorePath, address, addresses, is_within, make_store_path
from zarr.tools.nodes import node_of
from zarr.tools.reshape.encoded import common_chunks, without_shards
from zarr.tools.reshape.work import cast_values, grid_of, units_of
from zarr.tools.result import plain
from zarr.urls import local_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.metadata.chunk_grids import Grid
    from zarr.storage.path import StoreLike
    from zarr.tools.reshape.encoded import Common
    from zarr.tools.reshape.plan import Plan
    from zarr.tools.reshape.work import OnOverflow
    from zarr.types import JSON, AnyAsyncArray, ArrayMetadata, StorageOptions, ZarrFormat
    from zarr.views import AsyncView

    Data = AnyAsyncArray | AsyncView


_RULES = frozenset(("attributes", "chunks", "codecs", "dtype", "fill_value", "shards"))


class Wanted(NamedTuple):
    """The form of an array, as the user wants it."""

    chunks: Any = "keep"
    shards: Any = "keep"
    codecs: Any = "keep"
    dtype: Any = None
    fill_value: Any = DEFAULT_FILL_VALUE
    attributes: Any = None

    def shown(self) -> dict[str, JSON]:
        """Return the values as JSON, for people who compare them."""
        return {name: plain(value) for name, value in self._asdict().items()}


class Node(NamedTuple):
    """An array, view or group, and its path below what is reshaped."""

    path: str
    data: Data | AsyncGroup


@dataclass(frozen=True)
class Job:
    """One array that is to be reshaped.

    Parameters
    ----------
    path
        The path below what is reshaped.
    source, target
        Where its elements come from, and go to.
    on_overflow
        How numbers are cast that the target cannot hold.
    common
        The chunks that are passed on as they are stored; None if they are decoded.
    plan
        The blocks; None if stored values are passed on.
    """

    path: str
    source: Data
    target: AnyAsyncArray
    on_overflow: OnOverflow
    common: Common | None = None
    plan: Plan | None = None

    @property
    def work(self) -> int:
        """The bytes that are written, not compressed."""
        if self.plan is None:
            return self.target.nbytes
        return sum(prod(self.source.shape) * dtype.itemsize for dtype in self._written())

    def _written(self) -> Iterator[np.dtype[Any]]:
        if self.plan is not None and self.plan.pieces is not None:
            yield self.source.dtype
        yield self.target.dtype


async def data_of(
    source: Any, path: str, storage_options: StorageOptions | None
) -> Data | AsyncGroup:
    """Return the array, group or view that a user means."""
    view = getattr(source, "async_view", None)
    if view is None:
        return await node_of(source, path, storage_options=options_for(source, storage_options))
    if path:
        raise ValueError(f"a view has no path below it: {path!r}")
    found: AsyncView = view
    return found


async def target_place(
    target: StoreLike, path: str, storage_options: StorageOptions | None, *, makes: bool
) -> StorePath:
    """Return where the target is to be. Unless it `makes` one, nothing is made for it."""
    if hasattr(target, "store_path"):
        raise TypeError(
            f"the target is a store, a path or a URL, where there is nothing yet. Got {target!r}."
        )
    given = options_for(target, storage_options)
    if makes:
        root = local_path(target) if isinstance(target, str) else target
        if isinstance(root, (str, Path)) and not Path(root).exists():
            # Not opened: its directory is made when the first value is written.
            return StorePath(LocalStore(root), path)
        return await make_store_path(target, path=path, storage_options=given)
    try:
        return await make_store_path(target, path=path, mode="r", storage_options=given)
    except FileNotFoundError:
        return await make_store_path({}, path=path)  # nothing is there, and nothing is made


def options_for(place: object, storage_options: StorageOptions | None) -> StorageOptions | None:
    """Return the settings for a store, if they are for one that is named so: for a URL."""
    return storage_options if isinstance(place, str) and local_path(place) is None else None


def _sources(data: Data | AsyncGroup) -> tuple[str, ...]:
    """The addresses of what is read."""
    if isinstance(data, (AsyncArray, AsyncGroup)):
        return addresses(data)
    return tuple(each for leaf in data.expression.leaves for each in addresses(leaf.array))


def check_apart(data: Data | AsyncGroup, place: StorePath) -> None:
    """Fail if the source lies in the target, or the target in the source."""
    target = address(place)
    for source in _sources(data):
        if is_within(target, source) or is_within(source, target):
            raise ValueError(
                f"{place.shown_as()} cannot be made of {shown_as(data)}: one lies within the other."
                " Choose another target; `zarr.tools.replace` puts it in the place of the source."
            )


def shown_as(data: Data | AsyncGroup) -> str:
    """Return the name of a source for messages."""
    if isinstance(data, (AsyncArray, AsyncGroup)):
        return data.store_path.shown_as()
    places = sorted({leaf.array.store_path.shown_as() for leaf in data.expression.leaves})
    return f"a view of {', '.join(places)}"


def format_of(data: Data | AsyncGroup) -> ZarrFormat:
    """Return the format of an array or group, or of the first source of a view."""
    node = data if isinstance(data, (AsyncArray, AsyncGroup)) else data.expression.leaves[0].array
    found: ZarrFormat = node.metadata.zarr_format
    return found


async def tree_of(data: Data | AsyncGroup) -> list[Node]:
    """Return an array or view; or a group and all nodes below it, parents first."""
    if not isinstance(data, AsyncGroup):
        return [Node("", data)]
    members = all_members(data, None)
    return [Node("", data), *[Node(path, node) async for path, node in members]]


def jobs_of(
    tree: list[Node],
    place: StorePath,
    wanted: Wanted,
    rules: Mapping[str, Mapping[str, Any]],
    zarr_format: ZarrFormat,
    on_overflow: OnOverflow,
) -> list[Job]:
    """The job for each array. Fails if there can be none."""
    _check_rules(tree, rules)
    jobs = []
    named: set[str] = set()
    for node in tree:
        where = place / node.path if node.path else place
        check_new_path(where.path, zarr_format) if where.path else None
        if isinstance(node.data, AsyncGroup):
            continue
        chosen = wanted
        for pattern, values in rules.items():
            if fnmatchcase(node.path, pattern):
                chosen = chosen._replace(**values)
        names = _dimension_names(node.data)
        named.update(name for name in names if name is not None)
        target = _target(node, where, chosen, names, zarr_format)
        target.engine()  # fails if the codecs make no chain
        documents_of(where.path, target.metadata)
        common = None
        if isinstance(node.data, AsyncArray):
            common = common_chunks(node.data.metadata, target.metadata)
        jobs.append(Job(node.path, node.data, target, on_overflow, common))
    for given in (wanted.chunks, wanted.shards):
        unknown = sorted(_names_in(given) - named)
        if unknown:
            raise ValueError(
                f"no array has a dimension {unknown[0]!r}: there are {sorted(named)}. Give chunks "
                "as a tuple, or by other names."
            )
    return jobs


def _check_rules(tree: list[Node], rules: Mapping[str, Mapping[str, Any]]) -> None:
    for pattern, values in rules.items():
        unknown = values.keys() - _RULES
        if unknown:
            raise ValueError(
                f"the rule for {pattern!r} has {sorted(unknown)[0]!r}, which is none of "
                f"{sorted(_RULES)}"
            )
        arrays = [node.path for node in tree if not isinstance(node.data, AsyncGroup)]
        if not any(fnmatchcase(path, pattern) for path in arrays):
            raise ValueError(f"no array matches the rule for {pattern!r}: there are {arrays[:20]}")


def _dimension_names(data: Data) -> tuple[str | None, ...]:
    """The names of the dimensions, also those that xarray gives in format 2."""
    names: Any = None
    if isinstance(data, AsyncArray):
        names = getattr(data.metadata, "dimension_names", None)
        names = names or data.metadata.attributes.get("_ARRAY_DIMENSIONS")
    if isinstance(names, (list, tuple)) and len(names) == data.ndim:
        return tuple(name if isinstance(name, str) else None for name in names)
    return (None,) * data.ndim


def _is_by_name(given: Any) -> bool:
    """Whether lengths are given by names of dimensions; shards may be another kind of mapping."""
    return isinstance(given, Mapping) and "shape" not in given


def _names_in(given: Any) -> set[str]:
    return set(given) if _is_by_name(given) else set()


def _target(
    node: Node,
    where: StorePath,
    wanted: Wanted,
    names: tuple[str | None, ...],
    zarr_format: ZarrFormat,
) -> AnyAsyncArray:
    """The handle of the target, which is not stored yet."""
    source: Any = node.data
    dtype = source.dtype if wanted.dtype is None else wanted.dtype
    fill_value = wanted.fill_value
    if isinstance(source, AsyncArray):
        base: Any = _in_format(source, zarr_format)
        attributes = dict(source.metadata.attributes)
        dtype = _kept_dtype(base) if wanted.dtype is None else wanted.dtype
    else:
        base, attributes = source, {}
        if fill_value is DEFAULT_FILL_VALUE and source.fill_value is not None:
            fill_value = source.fill_value
    filters, serializer, compressors = _codecs(wanted.codecs, zarr_format)
    if wanted.dtype is not None and wanted.codecs == "keep":
        filters = serializer = "auto"  # those of the source may be for its type only
        compressors = _of_any_size(base) if isinstance(base, AsyncArray) else "auto"
    where_from = f"array {node.path!r}" if node.path else "the array"
    chunks = _lengths(wanted.chunks, source, names, where_from, units_of(source))
    shards = _lengths(wanted.shards, source, names, where_from, grid_of(source))
    if wanted.codecs == "keep" and isinstance(base, AsyncArray) and zarr_format == 3:
        given = _codecs_of_inner_shards(base, chunks)
        if given is not None:
            filters, serializer, compressors = _codecs(given, zarr_format)
    if wanted.shards == "keep" and wanted.chunks != "keep":
        shards = _kept_shards(source, chunks)
    kept = keep(
        base,
        chunks=_view_chunks(source) if base is source and chunks == "keep" else chunks,
        shards=shards,
        filters=filters,
        serializer=serializer,
        compressors=compressors,
        fill_value=fill_value,
        zarr_format=zarr_format,
    )
    if wanted.dtype is not None and fill_value is DEFAULT_FILL_VALUE:
        kept = kept._replace(fill_value=_cast_fill(kept.fill_value, source.dtype, wanted.dtype))
    return new_array(
        store_path=where,
        shape=source.shape,
        dtype=dtype,
        attributes=attributes if wanted.attributes is None else dict(wanted.attributes),
        **kept._asdict(),
    )


def _kept_dtype(source: AnyAsyncArray) -> Any:
    """The data type of a source; in format 3 the byte order is told by a codec."""
    layout = layout_of(source.metadata)
    same = layout.zdtype.to_native_dtype() == layout.dtype
    return layout.zdtype if same or layout.dtype.kind in "OTV" else layout.dtype


def _in_format(source: AnyAsyncArray, zarr_format: ZarrFormat) -> AnyAsyncArray:
    """The array as if it were of a format, if that has all that it needs; else as it is."""
    metadata: ArrayMetadata = source.metadata
    if metadata.zarr_format == zarr_format:
        return source
    try:
        *_, alone = islice(without_shards(metadata), 2)  # format 2 has no shards
        if isinstance(alone, ArrayV3Metadata):
            metadata = as_v2(alone)
        else:
            metadata = as_v3(alone).rebuilt(chunk_key_encoding={"name": "default"})
    except (TypeError, ValueError):
        return source  # the defaults of the format stand for its codecs
    return AsyncArray(metadata, source.store_path, source.config)


def _codecs(given: Any, zarr_format: ZarrFormat) -> tuple[Any, Any, Any]:
    """Filters, serializer and compressors, as ``create_array`` names them."""
    if isinstance(given, str) and given in ("keep", "auto"):
        return given, given, given
    single = isinstance(given, str) or not isinstance(given, (list, tuple))
    listed = () if given is None else (given,) if single else tuple(given)
    if zarr_format == 2:
        return listed[:-1] or "auto", "auto", listed[-1] if listed else None
    codecs = parse_codecs(
        [{"name": each, "configuration": {}} if isinstance(each, str) else each for each in listed]
    )
    serializers = [each for each in codecs if isinstance(each, ArrayBytesCodec)]
    if len(serializers) > 1:
        raise ValueError(f"one codec makes bytes of elements, not {len(serializers)}")
    filters = [each for each in codecs if isinstance(each, ArrayArrayCodec)]
    others = [each for each in codecs if not isinstance(each, (ArrayArrayCodec, ArrayBytesCodec))]
    return filters, serializers[0] if serializers else "auto", others


def _codecs_of_inner_shards(source: AnyAsyncArray, chunks: Any) -> list[Any] | None:
    """The codecs of the smallest chunks, if chunks are shards themselves that would not fit."""
    levels = list(without_shards(source.metadata))[1:]
    if len(levels) < 2 or isinstance(chunks, str):
        return None
    for level in levels[1:]:
        pairs = zip(layout_of(level).grid, chunks, strict=True)
        if not all(
            isinstance(edge, int) and isinstance(size, int) and size > 0 and size % edge == 0
            for edge, size in pairs
        ):
            return list(levels[-1].codecs) if levels[-1].zarr_format == 3 else None
    return None


def _of_any_size(source: AnyAsyncArray) -> Any:
    """The compressors of an array, without the size of its elements, which one shuffles by."""
    found = []
    for codec in source.compressors:
        document: dict[str, Any] = (
            codec.get_config() if hasattr(codec, "get_config") else dict(codec.to_dict())
        )
        configuration = dict(document.get("configuration", {}))
        if "typesize" in configuration:
            del configuration["typesize"]
            document = {**document, "configuration": configuration}
        found.append(document)
    return found or None


def _lengths(
    given: Any,
    source: Data,
    names: tuple[str | None, ...],
    where: str,
    now: Grid,
) -> Any:
    """Chunks or shards as ``create_array`` takes them."""
    if isinstance(given, (tuple, list)) and len(given) != source.ndim:
        raise ValueError(
            f"{where} has {source.ndim} dimensions, and {tuple(given)} has {len(given)}. Give "
            "lengths by names of dimensions, or rules for some arrays."
        )
    if not _is_by_name(given):
        return given
    found: list[Any] = []
    for name, edge, length in zip(names, now, source.shape, strict=True):
        size = given.get(name, edge)
        found.append(max(1, length) if size == -1 else size)
    return tuple(found)


def _view_chunks(view: AsyncView) -> Any:
    return regular_shape(units_of(view)) or "auto"


def _kept_shards(source: Data, chunks: Any) -> Any:
    """The shards of the source, if chunks of another shape divide them."""
    shards = regular_shape(grid_of(source))
    if (
        units_of(source) == grid_of(source)
        or shards is None
        or not isinstance(chunks, (tuple, list))
    ):
        return None
    fits = all(
        isinstance(size, int) and size > 0 and shard % size == 0
        for shard, size in zip(shards, chunks, strict=True)
    )
    return shards if fits else None


def _cast_fill(fill_value: Any, dtype: np.dtype[Any], wanted: Any) -> Any:
    """The fill value of the source, in another data type."""
    if fill_value is None or fill_value is DEFAULT_FILL_VALUE:
        return fill_value
    try:
        target = np.dtype(wanted)
        return cast_values(np.asarray(fill_value, dtype).reshape(1), target, "raise")[0]
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(
            f"the fill value {fill_value!r} cannot be cast to {wanted} ({error}): give fill_value"
        ) from error


def identity(data: Data | AsyncGroup) -> JSON:
    """All that decides which elements an array or view has, and how they are stored."""
    if isinstance(data, AsyncArray):
        return [data.path, plain(data.metadata.to_dict())]
    if isinstance(data, AsyncGroup):
        return [data.path, plain(dict(data.metadata.attributes))]
    return hashlib.sha256(pickle.dumps(data.expression)).hexdigest()


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()
