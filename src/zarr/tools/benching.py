"""Why the reads of a selection take so long: they are done several times, and traced."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import offload
from zarr._async.summary import Summary, size_text, time_text
from zarr._async.tracing import Trace
from zarr.api.open import open as open_node
from zarr.arrays.async_array import AsyncArray
from zarr.indexing import parse
from zarr.metadata.chunk_grids import chunk_sizes
from zarr.metadata.layout import chunk_edges, layout_of
from zarr.storage.local import LocalStore, forget_pages
from zarr.tools.nodes import node_of
from zarr.tools.result import Result
from zarr.tools.see.selection_text import parse_selection
from zarr.tools.text import printable

if TYPE_CHECKING:
    from zarr._async.progress import Progress
    from zarr.indexing import Selection
    from zarr.tools.nodes import Source
    from zarr.types import AnyAsyncArray, SelectionLike, StorageOptions

__all__ = ["Bench", "Runs", "bench"]

_TARGET = 1 << 20
"""About as many bytes as a chunk should have."""


@dataclass(frozen=True)
class Runs(Result):
    """Reads of a selection, one after the other.

    Attributes
    ----------
    seconds : tuple of float
        How long each took.
    summary : Summary
        The counts of the one that took the middle of these times.
    """

    seconds: tuple[float, ...]
    summary: Summary

    @property
    def median(self) -> float:
        """The middle of the times, in seconds."""
        return sorted(self.seconds)[len(self.seconds) // 2]


@dataclass(frozen=True)
class Bench(Result):
    """How long a selection takes to read, and why.

    Attributes
    ----------
    array : str
        The array.
    selection : str
        The selection, as it was written.
    shape : tuple of int
        The shape of the result.
    bytes : int
        The bytes of the result.
    cold : Runs
        Reads by an array that was opened anew, with nothing kept: the pages of local files were
        given back to the system.
    warm : Runs
        Reads right after, by the same array.
    advice : tuple of str
        Changes that would make it faster.
    """

    array: str
    selection: str
    shape: tuple[int, ...]
    bytes: int
    cold: Runs
    warm: Runs
    advice: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.array}[{self.selection}]: shape {self.shape}, {size_text(self.bytes)}"]
        for name, runs in (("cold", self.cold), ("warm", self.warm)):
            rate = self.bytes / runs.median if runs.median else 0
            least, most = min(runs.seconds), max(runs.seconds)
            lines += [
                "",
                f"{name}: {time_text(runs.median)} ({time_text(least)} to {time_text(most)} in "
                f"{len(runs.seconds)} reads), {size_text(int(rate))}/s",
                *(f"  {line}" for line in runs.summary.table().split("\n")),
            ]
        if self.advice:
            lines += ["", *(f"advice: {sentence}" for sentence in self.advice)]
        return "\n".join(printable(line) for text in lines for line in text.split("\n"))


async def bench(
    source: Source,
    select: str | SelectionLike = "...",
    *,
    path: str = "",
    times: int = 5,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Bench:
    """Read a selection of an array several times, and say what bound it.

    Parameters
    ----------
    source : array, str, Path, dict or Store
        The array, or where it is.
    select : str or selection, default: "..."
        The selection, as ``array[...]`` takes it, or as a string in NumPy's syntax, as in
        ``"0, :, 10:20"``.
    path : str, default: ""
        The path of the array below `source`.
    times : int, default: 5
        How often it is read cold, and how often warm.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How progress is shown; see `zarr.progress`.

    Returns
    -------
    Bench
        The times, the counts of the traces, and advice.

    Raises
    ------
    TypeError
        If there is a group.
    ValueError
        If `times` is not positive, or if the string is no selection.
    IndexError
        If the selection is out of bounds.

    Examples
    --------
    >>> import zarr
    >>> array = zarr.ones((512, 512), chunks=(64, 64), dtype="f4")
    >>> found = zarr.tools.bench(array, "0, :", times=2)
    >>> found.shape, found.bytes, found.warm.summary.values
    ((512,), 2048, 8)
    """
    if times < 1:
        raise ValueError(f"expected at least 1 for times, found {times}")
    selection: SelectionLike = parse_selection(select) if isinstance(select, str) else select
    array = await node_of(source, path, storage_options=storage_options)
    if not isinstance(array, AsyncArray):
        raise TypeError(f"{array.store_path} is a group: name one of its arrays, as in path='a/b'")
    chosen = parse(selection, array.shape)
    cold: list[tuple[float, Summary]] = []
    warm: list[tuple[float, Summary]] = []
    with metered("bench", 2 * times, unit=" reads", progress=progress) as meter:
        opened = array
        for _ in range(times):
            await _let_go(array, chosen)
            opened = await _opened(array)
            cold.append(await _read(opened, selection))
            meter.advance()
        for _ in range(times):
            warm.append(await _read(opened, selection))
            meter.advance()
    told = (*_runs(cold).summary.advice, *_rechunked(array, chosen))
    return Bench(
        array=array.store_path.shown_as(),
        selection=select if isinstance(select, str) else str(select),
        shape=chosen.shape,
        bytes=prod(chosen.shape) * array.dtype.itemsize,
        cold=_runs(cold),
        warm=_runs(warm),
        advice=tuple(dict.fromkeys(told)),
    )


async def _read(array: AnyAsyncArray, selection: SelectionLike) -> tuple[float, Summary]:
    traced = Trace()
    with traced:
        began = time.perf_counter()
        await array.getitem(selection)
        took = time.perf_counter() - began
    return took, traced.summary()


def _runs(found: list[tuple[float, Summary]]) -> Runs:
    ordered = sorted(found, key=lambda run: run[0])
    return Runs(tuple(took for took, _ in found), ordered[len(ordered) // 2][1])


async def _opened(array: AnyAsyncArray) -> AnyAsyncArray:
    """The same array, which keeps nothing yet."""
    opened = await open_node(array.store_path, mode="r")
    if not isinstance(opened, AsyncArray):
        raise TypeError(f"{array.store_path} is no array any more")
    return opened


async def _let_go(array: AnyAsyncArray, chosen: Selection) -> None:
    """Have the system let go of the files that hold a selection, if they are local."""
    store = array.chunk_store_path.store
    if isinstance(store, LocalStore):
        below = store.root / array.chunk_store_path.path
        await offload(forget_pages, below)


def _rechunked(array: AnyAsyncArray, chosen: Selection) -> list[str]:
    """Advice on a chunk shape, where another one would need far fewer bytes."""
    layout = layout_of(array.metadata)
    if chosen.axes is None or not all(chosen.engine_shape):
        return []
    item = max(1, layout.dtype.itemsize)
    now = [
        edge if isinstance(edge, int) else max(chunk_sizes(edge, n), default=1)
        for edge, n in zip(chunk_edges(array.metadata), array.shape, strict=True)
    ]
    extents = [
        int(np.ptp(axis)) + 1 if isinstance(axis, np.ndarray) else (axis[2] - 1) * axis[1] + 1
        for axis in chosen.axes
    ]
    wanted = _shape_for(extents, array.shape, item)

    def decoded(chunks: list[int]) -> int:
        counts = [
            min(-(-n // size), 1 + -(-(extent - 1) // size)) if extent > 1 else 1
            for extent, size, n in zip(extents, chunks, array.shape, strict=True)
        ]
        return prod(counts) * prod(chunks) * item

    before, after = decoded(now), decoded(wanted)
    if before < 4 * after or before < _TARGET:
        return []
    return [
        f"this selection decodes about {size_text(before)}; rechunk to {tuple(wanted)}, and it "
        f"decodes about {size_text(after)}."
    ]


def _shape_for(extents: list[int], shape: tuple[int, ...], item: int) -> list[int]:
    """A chunk shape of about a mebibyte, of the proportions of a selection."""
    chunks = [max(1, extent) for extent in extents]
    while prod(chunks) * item > 2 * _TARGET and max(chunks) > 1:
        largest = chunks.index(max(chunks))
        chunks[largest] = -(-chunks[largest] // 2)
    # Neighbours come along, for those who read the next part: little, beside what a chunk costs.
    while prod(chunks) * item < _TARGET // 4:
        room = [i for i, n in enumerate(shape) if chunks[i] < n]
        if not room:
            break
        smallest = min(room, key=lambda i: chunks[i])
        chunks[smallest] = min(shape[smallest], 2 * chunks[smallest])
    return chunks
