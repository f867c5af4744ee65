"""A report on a hierarchy: its nodes, the stored chunks, pictures of values, and advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import bounded, offload
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.stored_chunks import KeyDecoder
from zarr.groups.async_group import AsyncGroup
from zarr.indexing import basic
from zarr.metadata.chunk_grids import chunk_count
from zarr.metadata.layout import chunk_edges, layout_of
from zarr.storage.client import Requests
from zarr.storage.wrapper import composed
from zarr.tools.check.verification import verify
from zarr.tools.nodes import node_of
from zarr.tools.pages.pictures import Histogram, as_numbers, binned, histogram
from zarr.tools.pages.report_page import page
from zarr.tools.result import Result, save_page
from zarr.tools.text import bytes_of, count, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from zarr._async.progress import Progress
    from zarr.indexing import Selection
    from zarr.tools.check.findings import Finding
    from zarr.tools.check.verification import Level
    from zarr.tools.nodes import Source
    from zarr.types import JSON, AnyAsyncArray, AnyNDArray, StorageOptions

__all__ = ["ArrayOfReport", "ChunkMap", "Preview", "Report", "report"]

_PICTURE, _SMALL_PICTURE = 160, 80
"""Pixels of a preview, along both dimensions: of few arrays, and of many."""
_MANY = 100
_LINE = 4096
"""Elements of a line that are kept, at most."""
_CELLS = 64
"""Cells of a map of chunks, along both dimensions."""
_MOST_DECODED, _LEAST_DECODED = 8 << 20, 512 << 10
"""Bytes that are decoded for one preview, about."""
_ALL_DECODED = 512 << 20
"""The same for all of a report."""
_MOST_SHOWN = 2000
"""Arrays with pictures: of further ones, only the sizes are told."""
_MOST_FINDINGS = 20
_AT_ONCE = 8
_SMALL, _LARGE = 64 << 10, 64 << 20


class ChunkMap(NamedTuple):
    """The stored values of an array by their place in the grid, in cells of several.

    Attributes
    ----------
    present : numpy.ndarray
        The part of the values of each cell that is stored, from 0 to 1.
    ratio : numpy.ndarray
        How many times larger the decoded bytes of a cell are; NaN where nothing is stored.
    """

    present: AnyNDArray
    ratio: AnyNDArray


class Preview(NamedTuple):
    """Some values of an array.

    Attributes
    ----------
    values : numpy.ndarray or None
        Numbers of one or two dimensions; means, where the array has more than are shown.
    aspect : float
        The height of the part by its width.
    text : str
        The values of others, or the reason why there are none.
    shown : str
        Which part of the array it is.
    histogram : Histogram or None
        Of that part.
    """

    values: AnyNDArray | None
    aspect: float
    text: str
    shown: str
    histogram: Histogram | None


@dataclass(frozen=True)
class ArrayOfReport(Result):
    """An array of a report.

    Attributes
    ----------
    path : str
        Its path, relative to the report's.
    shape : tuple of int
        Its shape.
    dtype : str
        Its data type.
    decoded : int
        The bytes of all its elements.
    stored : int or None
        The bytes of its stored chunks; None if the store does not tell sizes.
    values, grid_values : int or None, int
        The stored chunks, or shards, that there are and that there could be; None if the store
        lists nothing.
    advice : tuple of str
        What to look at.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    decoded: int
    stored: int | None
    values: int | None
    grid_values: int
    advice: tuple[str, ...]


@dataclass(frozen=True)
class Report(Result):
    """A report on a hierarchy.

    Attributes
    ----------
    place : str
        The store, and the path in it.
    arrays : tuple of ArrayOfReport
        The arrays.
    groups : tuple of str
        The paths of the groups, relative to that of the report.
    stored : int or None
        The bytes of all stored values, documents included; None if the store does not tell sizes.
    findings : tuple of Finding
        The findings of `verify` at the level ``"presence"``, or ``"metadata"`` where the store
        lists nothing: at most 20 of each kind.
    found : dict of str to int
        How many findings there are of each kind.
    advice : tuple of str
        What to look at, with the array before it.
    page : str
        The report as a page: one file of HTML that needs no other and no network.
    """

    place: str
    arrays: tuple[ArrayOfReport, ...]
    groups: tuple[str, ...]
    stored: int | None
    findings: tuple[Finding, ...]
    found: dict[str, int]
    advice: tuple[str, ...]
    page: str = field(repr=False)

    def to_dict(self) -> dict[str, JSON]:
        """Return the fields besides the page as values that JSON has."""
        found = super().to_dict()
        del found["page"]
        return found

    def __str__(self) -> str:
        lines = [
            f"{self.place}: {count(len(self.arrays), 'array')}, {count(len(self.groups), 'group')}"
            f", {bytes_of(self.stored)} stored",
            *(f"found: {finding}" for finding in self.findings),
            *(f"advice: {sentence}" for sentence in self.advice),
        ]
        return "\n".join(map(printable, lines))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file; one that is there is replaced at once.

        Parameters
        ----------
        path : str or path-like
            The file.
        """
        save_page(self.page, path)


@dataclass
class Tally:
    """The stored values of one array, added up as they are listed, in bounded memory."""

    array: AnyAsyncArray
    decode: KeyDecoder
    grid: tuple[int, ...]
    counts: AnyNDArray
    sizes: AnyNDArray
    stored: int = 0
    values: int = 0

    @classmethod
    def of(cls, array: AnyAsyncArray) -> Tally:
        """Nothing yet, of an array."""
        grid = tuple(map(chunk_count, layout_of(array.metadata).grid, array.shape))
        cells = tuple(max(1, min(n, _CELLS)) for n in (1, 1, *grid)[-2:])
        return cls(array, KeyDecoder(array.metadata), grid, np.zeros(cells), np.zeros(cells))

    def add(self, key: str, size: int) -> bool:
        """Count a value of a key relative to the array; whether it is a chunk of it."""
        coords = self.decode(key)
        if coords is None or any(c >= n for c, n in zip(coords, self.grid, strict=True)):
            return False
        row, column = (0, 0, *coords)[-2:]
        rows, columns = (1, 1, *self.grid)[-2:]
        cell = row * self.counts.shape[0] // rows, column * self.counts.shape[1] // columns
        self.counts[cell] += 1
        self.sizes[cell] += size
        self.stored += size
        self.values += 1
        return True

    def map(self) -> ChunkMap:
        """The map of what was counted."""
        leading = prod(self.grid[:-2])
        each = [
            np.bincount(np.arange(n) * cells // n, minlength=cells) if n <= 1 << 20 else
            np.full(cells, n / cells)
            for n, cells in zip((1, 1, *self.grid)[-2:], self.counts.shape, strict=True)
        ]  # fmt: skip
        there = np.multiply.outer(each[0], each[1]) * max(1, leading)
        layout = layout_of(self.array.metadata)
        edges = [edge if isinstance(edge, int) else max(edge, default=1) for edge in layout.grid]
        decoded = self.counts * prod(edges) * layout.dtype.itemsize
        with np.errstate(all="ignore"):
            return ChunkMap(np.minimum(1, self.counts / there), decoded / self.sizes)


class Shown(NamedTuple):
    """An array, and all that the page tells of it."""

    node: ArrayOfReport
    array: AnyAsyncArray
    chunks: ChunkMap | None
    preview: Preview | None


async def report(
    source: Source,
    *,
    path: str = "",
    output: str | os.PathLike[str] | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Report:
    """Report on a hierarchy by a page: what is there, how it is stored, how it looks.

    The page has the tree with sizes, and for each array the facts, the drawing of its grid, a map
    of the chunks that are stored and of how they compress, a picture of a part of it, and a
    histogram of that part; beside it the findings of `verify` that need no values. Little is read:
    the store is listed twice, and about 8 MiB are decoded for an array, less where there are many.

    Parameters
    ----------
    source : str, Path, dict, Store, group or array
        The hierarchy.
    path : str, default: ""
        A path below it.
    output : str or path-like, optional
        A file for the page.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How progress is shown; see `zarr.progress`.

    Returns
    -------
    Report
        The sizes, the advice, and the page.

    Raises
    ------
    FileNotFoundError
        If there is no node.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> root = zarr.create_group({})
    >>> array = root.create_array("a", data=np.arange(100.0), chunks=(10,))
    >>> found = zarr.tools.report(root)
    >>> found.arrays[0].values, found.page.startswith("<!doctype html>")
    (10, True)
    """
    node = await node_of(source, path, storage_options=storage_options)
    arrays: dict[str, AnyAsyncArray] = {}
    groups: list[str] = []
    if isinstance(node, AsyncGroup):
        groups.append("")
        async for name, member in node.members(max_depth=None):
            if isinstance(member, AsyncArray):
                arrays[name] = member
            else:
                groups.append(name)
    else:
        arrays[""] = node
    place = node.store_path
    tallies = {name: Tally.of(array) for name, array in arrays.items()}
    try:
        listed = await _list(Requests(place.store), place.path, tallies)
    except OSError as error:  # the arrays can be read all the same, perhaps
        listed = Listed(keys=False, stored=None, error=str(error))
    size = _PICTURE if len(arrays) <= _MANY else _SMALL_PICTURE
    budget = max(_LEAST_DECODED, min(_MOST_DECODED, _ALL_DECODED // max(1, len(arrays))))
    with metered("report", len(arrays), unit=" arrays", progress=progress) as meter:

        async def look(item: tuple[int, tuple[str, Tally]]) -> Shown:
            number, (name, tally) = item
            preview = None
            if number < _MOST_SHOWN:
                preview = await _preview(tally.array, budget, size)
            told = _told(name, tally, listed)
            chunks = tally.map() if listed.keys and number < _MOST_SHOWN else None
            meter.advance()
            return Shown(told, tally.array, chunks, preview)

        shown = await bounded(list(enumerate(sorted(tallies.items()))), look, _AT_ONCE)
    advice = tuple(
        f"{each.node.path or '/'}: {sentence}" for each in shown for sentence in each.node.advice
    )
    where = place.shown_as()
    level: Level = "presence" if listed.keys else "metadata"
    verified = await verify(place, level=level, limit=_MOST_FINDINGS)
    if listed.error:
        advice = (f"the store cannot be listed: {listed.error}", *advice)
    made = await offload(page, where, sorted(groups), shown, listed, verified)
    found = Report(
        place=where,
        arrays=tuple(each.node for each in shown),
        groups=tuple(sorted(groups)),
        stored=listed.stored,
        findings=verified.findings,
        found=verified.counts,
        advice=advice,
        page=made,
    )
    if output is not None:
        await offload(found.save, output)
    return found


class Listed(NamedTuple):
    """Whether a store told its keys, the bytes of all its values or None, and its error."""

    keys: bool
    stored: int | None
    error: str = ""


async def _list(requests: Requests, path: str, tallies: dict[str, Tally]) -> Listed:
    """Count what is stored of each array."""
    store = requests.store
    if not store.supports_listing:
        return Listed(keys=False, stored=None)
    prefix = f"{path}/" if path else ""
    if composed(store, "list_values") and composed(store, "getsize"):
        # It would read each value to tell its size.
        async for key in requests.list_prefix(prefix):
            _count(key[len(prefix) :], 0, tallies)
        return Listed(keys=True, stored=None)
    total = 0
    async for info in requests.list_values(prefix):
        total += info.size
        _count(info.key[len(prefix) :], info.size, tallies)
    return Listed(keys=True, stored=total)


def _count(key: str, size: int, tallies: dict[str, Tally]) -> None:
    for name in _above(key):
        tally = tallies.get(name)
        if tally is not None:
            tally.add(key[len(name) + 1 :] if name else key, size)
            return


def _above(key: str) -> Iterable[str]:
    """The paths above a key, the nearest first."""
    while key:
        key = key.rpartition("/")[0]
        yield key


def _told(name: str, tally: Tally, listed: Listed) -> ArrayOfReport:
    array = tally.array
    return ArrayOfReport(
        path=name,
        shape=array.shape,
        dtype=str(array.dtype),
        decoded=array.nbytes,
        stored=None if listed.stored is None else tally.stored,
        values=tally.values if listed.keys else None,
        grid_values=prod(tally.grid),
        advice=tuple(_advice(tally)) if listed.keys else (),
    )


def _advice(tally: Tally) -> Iterable[str]:
    array, values = tally.array, tally.values
    edges = chunk_edges(array.metadata)
    inner = [edge if isinstance(edge, int) else max(edge, default=1) for edge in edges]
    chunk = prod(inner) * array.dtype.itemsize
    sharded = edges != layout_of(array.metadata).grid
    if values > 1000 and 0 < tally.stored / values < _SMALL and not sharded:
        yield (
            f"{values:,} stored chunks of {bytes_of(tally.stored // values)} each: shards, or "
            "larger chunks, need fewer files and requests."
        )
    if chunk > _LARGE:
        yield (
            f"a chunk is {bytes_of(chunk)} when decoded, and reading one element decodes all of "
            "it: use smaller chunks."
        )
    if values and array.nbytes > _SMALL and not array.compressors:
        yield "it is stored without compression: zstd makes most data smaller at little cost."
    if not values and array.size:
        yield "no chunk is stored: every element is the fill value."


async def _preview(array: AnyAsyncArray, budget: int, size: int) -> Preview:
    """Read a part of an array; an error becomes the text of the preview."""
    try:
        selection, shown = _part(array, budget)
        if selection is None:
            return Preview(None, 1, shown, "", None)
        values = np.asarray(await array.getitem(selection))
        return await offload(_pictured, values, shown, size)
    except Exception as error:  # whatever a chunk or a codec does, the report goes on
        return Preview(None, 1, f"it cannot be read: {type(error).__name__}: {error}", "", None)


def _part(array: AnyAsyncArray, budget: int) -> tuple[tuple[int | slice, ...] | None, str]:
    """A part in the middle of an array that can be decoded for so many bytes, and its name."""
    shape = array.shape
    if not array.size:
        return None, "it has no elements"
    engine = array.engine()
    # Dimensions before the last two are cut in the middle; a short last one is no plane.
    planes = [axis for axis in range(len(shape)) if shape[axis] > 1][-2:]
    lengths = [shape[axis] for axis in planes]
    grid = chunk_edges(array.metadata)
    edges = [grid[axis] for axis in planes]
    sizes = [edge if isinstance(edge, int) else max(edge, default=1) for edge in edges]

    def selected() -> tuple[int | slice, ...]:
        items: list[int | slice] = [n // 2 for n in shape]
        for axis, length in zip(planes, lengths, strict=True):
            # It begins where a chunk does, so that no more chunks are touched than need be.
            size = sizes[planes.index(axis)]
            start = (shape[axis] - length) // 2
            start -= start % size
            items[axis] = slice(start, start + length)
        return tuple(items)

    def work() -> int:
        chosen: Selection = basic(selected(), shape)
        return engine.work(chosen)

    while work() > budget:
        room = [i for i, size in enumerate(sizes) if lengths[i] > size]
        if not room:
            break
        widest = max(room, key=lambda i: lengths[i] / sizes[i])
        halves = -(-lengths[widest] // sizes[widest] // 2)
        lengths[widest] = max(1, halves) * sizes[widest]
    if work() > max(budget, _LARGE):
        return None, f"a chunk of {bytes_of(work())} is too large to be looked into"
    items = selected()
    if all(item == slice(0, n) for item, n in zip(items, shape, strict=True)):
        return items, "all of it"
    written = ", ".join(
        str(item) if isinstance(item, int) else
        ":" if item == slice(0, n) else f"{item.start}:{item.stop}"
        for item, n in zip(items, shape, strict=True)
    )  # fmt: skip
    return items, f"[{written}]"


def _pictured(values: AnyNDArray, shown: str, size: int) -> Preview:
    numbers = as_numbers(values)
    if numbers is None or not numbers.ndim:
        text = ", ".join(str(each) for each in values.reshape(-1)[:20].tolist())
        return Preview(None, 1, text, shown, None)
    plane = numbers.ndim == 2
    means = binned(numbers, size if plane else _LINE)
    aspect = numbers.shape[0] / numbers.shape[1] if plane else 1.0
    return Preview(means, aspect, "", shown, histogram(numbers))
