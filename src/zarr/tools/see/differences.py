"""Differences between two arrays, or two trees of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import bounded, offload, run
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.copy import spread
from zarr.metadata.group import is_group
from zarr.metadata.layout import layout_of
from zarr.storage.path import StorePath
from zarr.tools.blocks import Blocks, count_of
from zarr.tools.nodes import node_of
from zarr.tools.result import Result, plain
from zarr.tools.see.about import codecs_in_words, inner_edges
from zarr.tools.see.contents import dimension_names_of, walked
from zarr.tools.text import count, indented, number, printable, shorten
from zarr.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.groups.async_group import AsyncGroup
    from zarr.metadata.group import NodeMetadata
    from zarr.tools.blocks import Region
    from zarr.tools.nodes import Source
    from zarr.types import AnyAsyncArray, StorageOptions

__all__ = ["Differences", "ElementDifference", "FieldDifference", "NodeDifference", "diff"]

_BLOCKS = 4


@dataclass(frozen=True)
class FieldDifference(Result):
    """A field of the metadata that differs.

    Parameters
    ----------
    field
        Its name; that of an attribute begins with ``attributes.``.
    first, second
        Its values; None where it is not there.
    """

    field: str
    first: object
    second: object

    def __str__(self) -> str:
        first, second = (shorten(printable(str(v)), 70) for v in (self.first, self.second))
        return f"{printable(self.field)}: {first} ≠ {second}"


@dataclass(frozen=True)
class ElementDifference(Result):
    """An element that differs.

    Parameters
    ----------
    index
        Its place.
    first, second
        The elements.
    """

    index: tuple[int, ...]
    first: object
    second: object

    def __str__(self) -> str:
        first, second = (shorten(printable(str(v)), 60) for v in (self.first, self.second))
        return f"[{', '.join(map(str, self.index))}]: {first} ≠ {second}"


@dataclass(frozen=True)
class NodeDifference(Result):
    """The differences of a node.

    Parameters
    ----------
    path
        The path of the node, relative to where the comparison begins; empty for that node.
    only
        ``"first"`` or ``"second"``, if only that one has it; None if both do.
    kinds
        The kinds of the nodes, if they differ.
    fields
        The fields of the metadata that differ.
    elements
        How many elements were compared; None if the shapes or types do not allow it.
    different
        How many of them differ.
    largest
        The largest distance of two numbers that differ, as far as it can be told.
    values
        The first elements that differ, in the order of their places.
    """

    path: str
    only: str | None = None
    kinds: tuple[str, str] | None = None
    fields: tuple[FieldDifference, ...] = ()
    elements: int | None = None
    different: int = 0
    largest: float | None = None
    values: tuple[ElementDifference, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.only or self.kinds or self.fields or self.different)

    def __str__(self) -> str:
        name = printable(self.path) or "/"
        if self.only:
            return f"{name}: only in the {self.only}"
        if self.kinds:
            return f"{name}: {self.kinds[0]} in the first, {self.kinds[1]} in the second"
        lines = [str(each) for each in self.fields]
        if self.different:
            far = "" if self.largest is None else f", by up to {number(self.largest)}"
            total = count(self.elements or 0, "element")
            lines.append(f"{self.different:,} of {total} differ{far}")
            lines += [indented(str(each)) for each in self.values]
            left = self.different - len(self.values)
            if left:
                lines.append(f"  … {left:,} more")
        return f"{name}\n" + indented("\n".join(lines))


@dataclass(frozen=True)
class Differences(Result):
    """The differences of two nodes, and of those below them.

    Parameters
    ----------
    first, second
        Where they are, as it is shown.
    same
        Whether nothing differs.
    compared
        How many nodes were compared.
    elements
        How many elements were compared.
    nodes
        The nodes that differ, by their paths.
    """

    first: str
    second: str
    same: bool
    compared: int
    elements: int
    nodes: tuple[NodeDifference, ...]

    def __str__(self) -> str:
        elements = f"{count(self.elements, 'element')} compared"
        if self.same:
            return f"no differences ({count(self.compared, 'node')}, {elements})"
        shown = "\n".join(map(str, self.nodes))
        verb = "differs" if len(self.nodes) == 1 else "differ"
        return f"{shown}\n{len(self.nodes):,} of {count(self.compared, 'node')} {verb} ({elements})"


class Rules(NamedTuple):
    """How elements are compared.

    Parameters
    ----------
    rtol, atol, equal_nan, most
        As of `diff`.
    """

    rtol: float
    atol: float
    equal_nan: bool
    most: int


async def diff(
    first: Source,
    second: Source,
    *,
    first_path: str = "",
    second_path: str = "",
    metadata: bool = True,
    values: bool = True,
    ignore: Iterable[str] = (),
    rtol: float = 0.0,
    atol: float = 0.0,
    equal_nan: bool = True,
    most: int = 10,
    executor: Executor | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Differences:
    """Compare two arrays, or two groups with all below them.

    Elements are compared whatever chunks, codecs, formats and stores they are in. Where two arrays
    have the same grid and fill value, chunks that neither has stored are not read.

    Parameters
    ----------
    first, second : StoreLike, Array or Group
        Where they are.
    first_path, second_path : str, default: ''
        Paths below them.
    metadata : bool, default: True
        Whether metadata are compared: formats, shapes, data types, chunks, shards, codecs, fill
        values, names of dimensions, and attributes.
    values : bool, default: True
        Whether elements are compared.
    ignore : iterable of str, default: ()
        The fields that may differ: ``"zarr_format"``, ``"dtype"``, ``"chunks"``, ``"shards"``,
        ``"codecs"``, ``"fill_value"``, ``"dimension_names"``, ``"attributes"``, or
        ``"attributes.NAME"``.
    rtol, atol : float, default: 0.0
        Numbers are equal if they differ by at most ``atol + rtol * abs(second)``.
    equal_nan : bool, default: True
        Whether NaN is equal to NaN, and NaT to NaT.
    most : int, default: 10
        How many elements that differ are returned of each array.
    executor : concurrent.futures.Executor, optional
        Whose workers compare elements: threads, processes, or other machines. By default this
        process does.
    storage_options : dict, optional
        Settings for the stores that URLs name.
    progress : bool, callable or type, optional
        How it is shown how far this is, in bytes of elements; see `zarr.progress`.

    Returns
    -------
    Differences
        It prints as a list.

    Raises
    ------
    FileNotFoundError
        If there is neither an array nor a group.
    ValueError
        If a tolerance is negative or NaN, or a field is unknown.
    ChunkDecodeError
        If a chunk cannot be decoded.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> one = zarr.create_array({}, data=np.arange(6), chunks=2)
    >>> other = zarr.create_array({}, data=np.array([0, 1, 2, 3, 9, 5]), chunks=3)
    >>> found = zarr.tools.diff(one, other, ignore=["chunks"])
    >>> found.nodes[0].values
    (ElementDifference(index=(4,), first=4, second=9),)
    """
    if not (rtol >= 0 and atol >= 0):
        raise ValueError(f"rtol and atol must be 0 or more. Got {rtol} and {atol}.")
    if most < 0:
        raise ValueError(f"most must be 0 or more. Got {most}.")
    ignored = frozenset(ignore)
    for name in ignored:
        if name not in _FIELDS and name != "attributes" and not name.startswith("attributes."):
            known = ", ".join([*_FIELDS, "attributes", "attributes.NAME"])
            raise ValueError(f"there is no field {name!r} to ignore. These are {known}.")
    one, other = await _both(first, second, first_path, second_path, storage_options)
    rules = Rules(rtol, atol, equal_nan, most)
    found, pairs = await _pair_up(one, other, ignored, metadata)
    elements = 0
    comparable = [pair for pair in pairs if values and _is_comparable(*pair[1:])]
    # Which blocks hold something is found out first: then the total is known.
    work = [(name, a, b, await _places(a, b)) for name, a, b in comparable]
    total = sum(count_of(region) * a.dtype.itemsize for _, a, _, part in work for region in part)
    with metered("diff", total, progress=progress) as meter:
        for name, a, b, regions in work:
            parts: list[Part] = []
            item = a.dtype.itemsize

            def done(part: Part, parts: list[Part] = parts, item: int = item) -> None:
                parts.append(part)
                meter.advance(part.elements * item)

            await _compare_all(a, b, regions, rules, executor, done)
            elements += a.size
            found[name] = _with_values(found[name], a.size, parts, most)
    different = tuple(found[name] for name in sorted(found) if not found[name].same)
    return Differences(_where(one), _where(other), not different, len(found), elements, different)


async def _both(
    first: Source,
    second: Source,
    first_path: str,
    second_path: str,
    storage_options: StorageOptions | None,
) -> tuple[AnyAsyncArray | AsyncGroup, AnyAsyncArray | AsyncGroup]:
    urls = [isinstance(each, str) and is_url(each) for each in (first, second)]
    options = [storage_options if url or not any(urls) else None for url in urls]
    one = await node_of(first, first_path, storage_options=options[0])
    return one, await node_of(second, second_path, storage_options=options[1])


def _where(node: AnyAsyncArray | AsyncGroup) -> str:
    return str(node.store_path)


# -- metadata --------------------------------------------------------------------------------------

_FIELDS = (
    "zarr_format",
    "shape",
    "dtype",
    "chunks",
    "shards",
    "codecs",
    "fill_value",
    "dimension_names",
)


async def _pair_up(
    one: AnyAsyncArray | AsyncGroup,
    other: AnyAsyncArray | AsyncGroup,
    ignored: frozenset[str],
    metadata: bool,
) -> tuple[dict[str, NodeDifference], list[tuple[str, AnyAsyncArray, AnyAsyncArray]]]:
    """The differences of nodes without those of elements, and the arrays that both have."""
    firsts, seconds = await _by_name(one), await _by_name(other)
    found: dict[str, NodeDifference] = {}
    pairs = []
    for name in firsts.keys() | seconds.keys():
        if name not in firsts or name not in seconds:
            found[name] = NodeDifference(name, "second" if name not in firsts else "first")
            continue
        a, b = firsts[name], seconds[name]
        if is_group(a) or is_group(b):
            kinds = tuple("group" if is_group(each) else "array" for each in (a, b))
            if kinds[0] != kinds[1]:
                found[name] = NodeDifference(name, kinds=(kinds[0], kinds[1]))
                continue
        else:
            pairs.append((name, _array(one, name, a), _array(other, name, b)))
        fields = tuple(_fields_that_differ(a, b, ignored)) if metadata else ()
        found[name] = NodeDifference(name, fields=fields)
    return found, sorted(pairs, key=lambda pair: pair[0])


async def _by_name(node: AnyAsyncArray | AsyncGroup) -> dict[str, NodeMetadata]:
    start = len(node.store_path.path) + 1 if node.store_path.path else 0
    return {path[start:]: metadata async for path, metadata in walked(node)}


def _array(node: AnyAsyncArray | AsyncGroup, name: str, metadata: Any) -> AnyAsyncArray:
    if isinstance(node, AsyncArray):
        return node
    path = f"{node.store_path.path}/{name}" if node.store_path.path else name
    return AsyncArray(metadata, StorePath(node.store_path.store, path))


def _fields_that_differ(
    a: NodeMetadata, b: NodeMetadata, ignored: frozenset[str]
) -> Iterator[FieldDifference]:
    one, other = _fields(a), _fields(b)
    for name in one:
        if name in ignored or one[name] == other[name]:
            continue
        # A fill value that is NaN differs from itself.
        if name == "fill_value" and plain(one[name]) == plain(other[name]):
            continue
        yield FieldDifference(name, one[name], other[name])
    if "attributes" in ignored:
        return
    first, second = dict(a.attributes), dict(b.attributes)
    for name in dict.fromkeys([*first, *second]):
        field = f"attributes.{name}"
        there = name in first, name in second
        if field not in ignored and (
            there != (True, True) or plain(first[name]) != plain(second[name])
        ):
            yield FieldDifference(field, first.get(name), second.get(name))


def _fields(metadata: NodeMetadata) -> dict[str, Any]:
    if is_group(metadata):
        return {"zarr_format": metadata.zarr_format}
    layout, inner = layout_of(metadata), inner_edges(metadata)
    found = (
        metadata.zarr_format,
        layout.shape,
        str(layout.dtype),
        inner,
        None if inner == layout.grid else layout.grid,
        codecs_in_words(metadata),
        layout.fill_value,
        dimension_names_of(metadata),
    )
    return dict(zip(_FIELDS, found, strict=True))


# -- elements --------------------------------------------------------------------------------------


class Part(NamedTuple):
    """The differences of the elements of a block.

    Parameters
    ----------
    elements
        How many there are.
    different
        How many differ.
    largest
        The largest distance; None if it is not known.
    values
        The first that differ.
    """

    elements: int
    different: int = 0
    largest: float | None = None
    values: tuple[ElementDifference, ...] = ()


_NUMBERS = "biufc"


def _is_comparable(a: AnyAsyncArray, b: AnyAsyncArray) -> bool:
    return a.shape == b.shape and _kind(a) == _kind(b)


def _kind(array: AnyAsyncArray) -> str:
    """Elements of equal kinds can be compared."""
    dtype = array.dtype
    if dtype.kind in _NUMBERS or (dtype.kind == "V" and not issubclass(dtype.type, np.void)):
        return "number"
    if dtype.kind in "UTO":
        return "string"
    return f"{dtype.kind} {dtype.names}"


async def _places(a: AnyAsyncArray, b: AnyAsyncArray) -> list[Region]:
    """The regions in which elements may differ, in order."""
    blocks = Blocks(a)
    one, other = layout_of(a.metadata), layout_of(b.metadata)
    if one.grid == other.grid and plain(one.fill_value) == plain(other.fill_value):
        # Both have the same blocks, if their elements have the same size.
        others = Blocks(b)
        if blocks.strides == others.strides:
            places = sorted({*await blocks.stored(), *await others.stored()})
            return list(map(blocks.region, places))
    return list(map(blocks.region, blocks.all()))


async def _compare_all(
    a: AnyAsyncArray,
    b: AnyAsyncArray,
    regions: list[Region],
    rules: Rules,
    executor: Executor | None,
    done: Callable[[Part], None],
) -> None:
    if executor is not None:
        tasks = ((a, b, region, rules) for region in regions)
        await spread(executor, _compare_elsewhere, tasks, done)
        return

    async def compare(region: Region) -> None:
        done(await _compare(a, b, region, rules))

    await bounded(regions, compare, _BLOCKS)


def _compare_elsewhere(a: AnyAsyncArray, b: AnyAsyncArray, region: Region, rules: Rules) -> Part:
    return run(_compare(a, b, region, rules), waits=a.needs_event_loop or b.needs_event_loop)


async def _compare(a: AnyAsyncArray, b: AnyAsyncArray, region: Region, rules: Rules) -> Part:
    one = np.asarray(await a.getitem(region))
    other = np.asarray(await b.getitem(region))
    return await offload(compared, one, other, tuple(part.start for part in region), rules)


def compared(
    one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], start: tuple[int, ...], rules: Rules
) -> Part:
    """Return the differences of two blocks of one shape.

    Parameters
    ----------
    one, other
        The blocks.
    start
        Their place in the arrays.
    rules
        How elements are compared.
    """
    differs = _differs(one, other, rules)
    different = int(np.count_nonzero(differs))
    if not different:
        return Part(one.size)
    flat = np.flatnonzero(differs)
    values = []
    for at in flat[: rules.most]:
        index = np.unravel_index(at, one.shape) if one.shape else ()
        place = tuple(int(i) + s for i, s in zip(index, start, strict=True))
        pair = (_item(each.reshape(-1)[at]) for each in (one, other))
        values.append(ElementDifference(place, *pair))
    return Part(one.size, different, _largest(one, other, flat), tuple(values))


def _item(value: Any) -> object:
    return value.item() if isinstance(value, (np.number, np.bool)) else value


def _numeric(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Elements of the small types of ml_dtypes, which NumPy does not compare with others."""
    if values.dtype.kind == "V" and not issubclass(values.dtype.type, np.void):
        return values.astype(np.int16 if "int" in values.dtype.name else np.float32)
    return values


def _differs(
    one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], rules: Rules
) -> np.ndarray[Any, Any]:
    one, other = _numeric(one), _numeric(other)
    differs: np.ndarray[Any, Any] = np.asarray(one != other)
    if one.dtype.names is not None:
        if not (rules.equal_nan or rules.rtol or rules.atol):
            return differs
        # Field by field, so that the rules hold for each.
        fields = [_differs(one[name], other[name], rules) for name in one.dtype.names]
        differs = np.zeros(one.shape, bool)
        for each in fields:
            differs |= each.any(axis=tuple(range(one.ndim, each.ndim)))
        return differs
    if not differs.any():
        return differs
    if (rules.rtol or rules.atol) and one.dtype.kind in _NUMBERS and other.dtype.kind in _NUMBERS:
        with np.errstate(all="ignore"):
            distance = _distance(one, other)
            near = distance <= rules.atol + rules.rtol * np.abs(other)
        finite = np.isfinite(one) & np.isfinite(other)
        differs &= ~(near & finite)
    if rules.equal_nan and one.dtype.kind in "fcmMO" and other.dtype.kind in "fcmMO":
        differs &= ~((one != one) & (other != other))
    return differs


def _distance(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    kinds = one.dtype.kind + other.dtype.kind
    wide = np.complex128 if "c" in kinds else np.float64
    return np.asarray(np.abs(one.astype(wide) - other.astype(wide)))


def _largest(
    one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], flat: np.ndarray[Any, Any]
) -> float | None:
    a, b = _numeric(one.reshape(-1)[flat]), _numeric(other.reshape(-1)[flat])
    if a.dtype.kind not in _NUMBERS or b.dtype.kind not in _NUMBERS:
        return None
    with np.errstate(all="ignore"):
        distance = _distance(a, b)
    known = distance[~np.isnan(distance)]
    return float(known.max()) if known.size else None


def _with_values(
    found: NodeDifference, elements: int, parts: list[Part], most: int
) -> NodeDifference:
    different = sum(part.different for part in parts)
    largest = [part.largest for part in parts if part.largest is not None]
    values = sorted((each for part in parts for each in part.values), key=lambda each: each.index)
    return NodeDifference(
        found.path,
        fields=found.fields,
        elements=elements,
        different=different,
        largest=max(largest, default=None),
        values=tuple(values[:most]),
    )
