"""Values of arrays as text, CSV, JSON or npy, a block at a time."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from zarr._async.progress import metered
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.read import read
from zarr.indexing import parse
from zarr.settings import config
from zarr.tools.nodes import node_of
from zarr.tools.result import Result, escaped, plain
from zarr.tools.see.selection_text import parse_selection, written
from zarr.tools.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from zarr._async.progress import Progress
    from zarr.tools.nodes import Source
    from zarr.types import AnyAsyncArray, StorageOptions

Format = Literal["text", "csv", "json", "npy"]
"""How values are written."""

__all__ = ["Format", "Values", "cat", "head"]


@dataclass(frozen=True)
class Values(Result):
    """A part of an array.

    Parameters
    ----------
    store
        The store, as it is shown.
    path
        The path of the array.
    selection
        The part, in NumPy's syntax.
    shape
        The shape of the part.
    dtype
        The data type.
    values
        The elements; None where they were written elsewhere.
    """

    store: str
    path: str
    selection: str
    shape: tuple[int, ...]
    dtype: str
    values: np.ndarray[Any, Any] | None = field(repr=False, compare=False)

    def __str__(self) -> str:
        if self.values is None:
            return f"/{self.path}[{self.selection}]"
        writer = _writer("text", self.shape, self.values.dtype)
        return "".join(map(str, writer(self.values.reshape(-1), 0))).rstrip("\n")


async def head(
    source: Source,
    path: str = "",
    *,
    count: int = 10,
    select: str = "",
    storage_options: StorageOptions | None = None,
) -> Values:
    """Return the first elements of an array: of its last two dimensions, and the first of others.

    Parameters
    ----------
    source : StoreLike or Array
        Where it is.
    path : str, default: ''
        A path below it.
    count : int, default: 10
        How many elements are shown of each of the last two dimensions.
    select : str, default: ''
        The part of which the first elements are shown, in NumPy's syntax: ``"0, 10:20"``. Lists
        are not taken.
    storage_options : dict, optional
        Settings for the store that a URL names.

    Returns
    -------
    Values
        It prints as text.

    Raises
    ------
    FileNotFoundError
        If there is no array.
    TypeError
        If there is a group.
    ValueError, IndexError
        If the selection is wrong.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, data=np.arange(2000).reshape(20, 100))
    >>> print(zarr.tools.head(array, count=3))
    0 1 2
    100 101 102
    200 201 202
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more. Got {count}.")
    array = await _array(source, path, storage_options)
    ranges = _ranges(parse_selection(select), array)
    if ranges is None:
        raise ValueError("head takes a selection of integers and slices, without lists")
    kept = [at for at, each in enumerate(ranges) if isinstance(each, range)]
    for at in kept:
        most = count if at in kept[-2:] else 1
        each = ranges[at]
        assert isinstance(each, range)
        ranges[at] = each[:most]
    block = await _read(array, ranges)
    items = tuple(map(_index, ranges))
    return _values(array, written(items), block.shape, block)


async def cat(
    source: Source,
    path: str = "",
    *,
    select: str = "",
    format: Format = "text",
    write: Callable[[str | bytes], object] | None = None,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Values:
    """Write the values of an array, a block at a time.

    Parameters
    ----------
    source : StoreLike or Array
        Where it is.
    path : str, default: ''
        A path below it.
    select : str, default: ''
        The part that is written, in NumPy's syntax: ``"0, ::10, [1, 5]"``; all by default. A part
        with lists is read as a whole.
    format : {'text', 'csv', 'json', 'npy'}, default: 'text'
        How it is written. As text, a line holds the elements along the last dimension, of one
        dimension one element, and an empty line stands between matrices. CSV has the same lines, in
        more than two dimensions after the indices of the others, and for each record a line. JSON
        has lists in lists; numbers that it lacks are strings, complex numbers are pairs, and
        records are objects.
    write : callable, optional
        Takes the parts one after another: strings, or bytes of ``"npy"``. By default, the elements
        are returned and nothing is written.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How it is shown how far this is; see `zarr.progress`.

    Returns
    -------
    Values
        The part; its elements only without `write`.

    Raises
    ------
    FileNotFoundError
        If there is no array.
    TypeError
        If there is a group, or the elements cannot be written in this format.
    ValueError, IndexError
        If the selection is wrong.

    Examples
    --------
    >>> import numpy as np, zarr
    >>> array = zarr.create_array({}, data=np.arange(6).reshape(2, 3))
    >>> part = zarr.tools.cat(array, select=":, 1:", format="csv", write=print)
    1,2
    <BLANKLINE>
    4,5
    <BLANKLINE>
    """
    if format not in get_args(Format):
        raise ValueError(f"format must be one of {', '.join(get_args(Format))}. Got {format!r}.")
    array = await _array(source, path, storage_options)
    items = parse_selection(select)
    ranges = _ranges(items, array)
    if ranges is None or write is None:
        if ranges is None:
            whole = np.asarray(await read(array, parse, items))
        else:
            whole = await _read(array, ranges)
        shape: tuple[int, ...] = whole.shape
        if write is None:
            return _values(array, written(items), shape, whole)
    else:
        shape = tuple(len(each) for each in ranges if isinstance(each, range))
    if format == "npy":
        write(_npy_header(array, shape))
    size = prod(shape) * array.dtype.itemsize
    position = 0
    with metered("cat", size, progress=progress) as meter:
        writer = _writer(format, shape, array.dtype)
        if ranges is None:
            blocks: Iterator[Any] = iter([None])
        else:
            most = config.settings.tools__block_bytes
            blocks = _blocks(ranges, max(1, most // max(1, array.dtype.itemsize)))
        for part in blocks:
            block = whole if part is None else await _read(array, part)
            flat = block.reshape(-1)
            for text in writer(flat, position):
                write(text)
            position += flat.size
            meter.advance(flat.size * array.dtype.itemsize)
        for text in writer(None, position):
            write(text)
    return _values(array, written(items), shape, None)


async def _array(
    source: Source, path: str, storage_options: StorageOptions | None
) -> AnyAsyncArray:
    node = await node_of(source, path, storage_options=storage_options)
    if not isinstance(node, AsyncArray):
        raise TypeError(
            f"{node.store_path} is a group, which has no values: name one of its arrays by path"
        )
    return node


def _values(array: AnyAsyncArray, selection: str, shape: tuple[int, ...], values: Any) -> Values:
    place = array.store_path
    return Values(place.store.shown_as(), place.path, selection, shape, str(array.dtype), values)


# -- parts of selections ---------------------------------------------------------------------------


def _ranges(items: tuple[Any, ...], array: AnyAsyncArray) -> list[int | range] | None:
    """The indices for each dimension; None if the selection has lists."""
    if any(isinstance(item, list) for item in items):
        return None
    ndim = array.ndim
    given = len(items) - (Ellipsis in items)
    if given > ndim:
        raise IndexError(f"the selection has {given} dimensions, and the array {ndim}")
    at = items.index(...) if Ellipsis in items else len(items)
    all_of_them = (slice(None),) * (ndim - given)
    whole = (*items[:at], *all_of_them, *items[at + (Ellipsis in items) :])
    found: list[int | range] = []
    for item, length in zip(whole, array.shape, strict=True):
        if isinstance(item, slice):
            found.append(range(*item.indices(length)))
            continue
        index = item + length if item < 0 else item
        if not 0 <= index < length:
            raise IndexError(f"index {item} is out of bounds: the dimension has {length} elements")
        found.append(index)
    return found


def _index(each: int | range) -> int | slice:
    if isinstance(each, int):
        return each
    if not each:
        return slice(0, 0)
    stop: int | None = each.stop
    if each.step < 0 and each.stop < 0:
        stop = None
    return slice(each.start, stop, None if each.step == 1 else each.step)


async def _read(array: AnyAsyncArray, ranges: list[int | range]) -> np.ndarray[Any, Any]:
    # Backwards steps are taken of what was read forwards.
    forwards = [
        each[::-1] if isinstance(each, range) and each.step < 0 else each for each in ranges
    ]
    found = np.asarray(await array.getitem(tuple(map(_index, forwards))))
    turned = tuple(
        slice(None, None, -1 if each.step < 0 else None)
        for each in ranges
        if isinstance(each, range)
    )
    return found[turned] if turned else found


def _blocks(ranges: list[int | range], most: int) -> Iterator[list[int | range]]:
    """Parts that follow each other in C order, each of at most so many elements."""
    size = prod(len(each) for each in ranges if isinstance(each, range))
    if size <= most:
        yield ranges
        return
    axis = next(at for at, each in enumerate(ranges) if isinstance(each, range) and len(each) > 1)
    along = ranges[axis]
    assert isinstance(along, range)
    step = max(1, most * len(along) // size)
    for start in range(0, len(along), step):
        part = along[start : start + step]
        yield from _blocks([*ranges[:axis], part, *ranges[axis + 1 :]], most)


# -- formats ---------------------------------------------------------------------------------------

Segment = tuple[int, int, Any]
"""The number of a row, the place in it, and elements that follow each other there."""


def _segments(flat: np.ndarray[Any, Any], position: int, length: int) -> Iterator[Segment]:
    at = 0
    while at < flat.size:
        row, column = divmod(position + at, length)
        part = flat[at : at + length - column]
        yield row, column, part
        at += part.size


def _writer(
    format: Format, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Callable[[np.ndarray[Any, Any] | None, int], Iterable[str | bytes]]:
    """A function that writes elements which follow each other; with None, the end."""
    # One element a line, where there are no rows: other programs of a shell count lines.
    lines = (*shape, 1) if len(shape) < 2 and format != "json" else shape
    length = (lines or (1,))[-1]

    def write(flat: np.ndarray[Any, Any] | None, position: int) -> Iterable[str | bytes]:
        if format == "npy":
            return () if flat is None else (np.ascontiguousarray(flat).tobytes(),)
        if flat is None:
            return _end(format, shape)
        segments = _segments(flat, position, length)
        if format == "text":
            return _text(segments, lines)
        if format == "csv":
            return _csv(segments, lines, shape, dtype)
        return _json(segments, shape)

    return write


def _end(format: Format, shape: tuple[int, ...]) -> Iterable[str]:
    if format == "json":
        if shape and not prod(shape):
            yield json.dumps(np.empty(shape).tolist())
        yield "\n"


def _text(segments: Iterator[Segment], shown: tuple[int, ...]) -> Iterator[str]:
    matrix = shown[-2] if len(shown) > 1 else 0
    for row, column, values in segments:
        lead = "\n" if matrix and row and not column and row % matrix == 0 else ""
        lead = lead if len(shown) > 2 else ""
        words = " ".join(printable(_word(each)) for each in values)
        ended = column + len(values) == shown[-1]
        yield f"{lead}{' ' if column else ''}{words}{chr(10) if ended else ''}"


def _csv(
    segments: Iterator[Segment],
    shown: tuple[int, ...],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
) -> Iterator[str]:
    outer = shown[:-1] if len(shown) > 2 else ()
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")

    def taken() -> str:
        text = line.getvalue()
        line.seek(0)
        line.truncate()
        return text

    names = dtype.names
    for row, column, values in segments:
        if names is not None:
            if row == 0 and column == 0:
                writer.writerow([*(f"index {at}" for at in range(len(shape))), *names])
            for at, each in enumerate(values, start=column):
                place = np.unravel_index(row * shown[-1] + at, shape) if shape else ()
                writer.writerow([*map(int, place), *(_word(each[name]) for name in names)])
            yield taken()
            continue
        lead = [str(at) for at in np.unravel_index(row, outer)] if outer and not column else []
        writer.writerow([*lead, *map(_word, values)])
        text = taken()
        ended = column + len(values) == shown[-1]
        yield ("," if column else "") + (text if ended else text[:-1])


def _json(segments: Iterator[Segment], shape: tuple[int, ...]) -> Iterator[str]:
    if not shape:
        for _, _, values in segments:
            yield escaped(json.dumps(_plain(values[0]), ensure_ascii=False))
        return
    rows = prod(shape[:-1])
    for row, column, values in segments:
        words = ", ".join(json.dumps(_plain(each), ensure_ascii=False) for each in values)
        opened = _turns(row, shape[:-1]) + 1 if not column else 0
        closed = _turns(row + 1, shape[:-1]) + 1 if column + len(values) == shape[-1] else 0
        more = closed and row + 1 < rows
        lead = ", " if column else ""
        yield escaped(f"{lead}{'[' * opened}{words}{']' * closed}{',' if more else ''}") + (
            "\n" if more else ""
        )


def _turns(row: int, outer: tuple[int, ...]) -> int:
    """How many of the outer dimensions begin anew at a row."""
    turns = 0
    for length in reversed(outer):
        if row % length:
            break
        row //= length
        turns += 1
    return turns


def _word(value: Any) -> str:
    if isinstance(value, (np.void, tuple)):
        return json.dumps(_plain(value), ensure_ascii=False)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.void) and value.dtype.names is not None:
        return {name: _plain(value[name]) for name in value.dtype.names}
    if isinstance(value, np.floating) and not isinstance(value, (float, np.longdouble)):
        return plain(float(str(value)))  # as few digits as tell the value
    return plain(value)


def _npy_header(array: AnyAsyncArray, shape: tuple[int, ...]) -> bytes:
    dtype = array.dtype
    if dtype.hasobject or dtype.kind == "T":
        raise TypeError(
            f"{array.store_path} has elements of type {dtype}, which have no one size: a file npy "
            "cannot hold them, and json can"
        )
    header = io.BytesIO()
    np.lib.format.write_array_header_2_0(
        header,
        {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape},
    )
    return header.getvalue()
