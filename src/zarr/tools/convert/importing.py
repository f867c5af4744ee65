"""Data of other formats, made into arrays and groups."""

from __future__ import annotations

import base64
import os
import struct
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import prod
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import offload
from zarr.arrays.chunk_shapes import guess_chunks
from zarr.arrays.create import new_array, place
from zarr.arrays.write import write
from zarr.copying.nodes import fill
from zarr.dtype.registry import parse_dtype
from zarr.hierarchy.documents import check_new_path
from zarr.hierarchy.place import parents_of, place_node
from zarr.indexing import basic
from zarr.metadata.group import GroupMetadata
from zarr.storage.keys import normalize_path
from zarr.tools.replacing import replacing
from zarr.tools.result import Result
from zarr.tools.text import bytes_of, count, printable
from zarr.tools.transfer import target_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from zarr._async.progress import Progress
    from zarr.storage.path import StoreLike, StorePath
    from zarr.types import (
        AnyAsyncArray,
        ChunksLike,
        NumpyDType,
        ShapeLike,
        ShardsLike,
        StorageOptions,
        ZarrFormat,
    )

    File: TypeAlias = str | os.PathLike[str] | IO[bytes]
    """The path of a file, or an open file; ``"-"`` is standard input or output."""
    Done: TypeAlias = Callable[[int], None]
    """Called with the number of bytes, not encoded, of each part that is there."""
    Write: TypeAlias = Callable[[AnyAsyncArray, Done], Awaitable[None]]

__all__ = ["Conversion", "Incoming", "Lost", "import_file"]


@dataclass(frozen=True)
class Lost:
    """Something that could not be carried into another format.

    Parameters
    ----------
    what : str
        Its name, as ``'/group/dataset'`` or ``"attribute 'a' of '/x'"``.
    why : str
        The reason: a verb and its object.
    """

    what: str
    why: str

    def __str__(self) -> str:
        return printable(f"{self.what} {self.why}")


@dataclass(frozen=True)
class Conversion(Result):
    """The result of `import_file` and `export_file`.

    Parameters
    ----------
    source, target : str
        From where to where.
    format : str
        The other format.
    arrays : tuple of str
        The paths of the arrays that were carried.
    bytes : int
        The bytes of their elements, not encoded.
    passed : tuple of str
        Those whose chunks were passed on as they were encoded.
    lost : tuple of Lost
        All that the other format cannot hold, or this package cannot read.
    """

    source: str
    target: str
    format: str
    arrays: tuple[str, ...] = ()
    bytes: int = 0
    passed: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()

    def __str__(self) -> str:
        found = f"{count(len(self.arrays), 'array')}, {bytes_of(self.bytes)}"
        line = f"{self.source} -> {self.target} ({self.format}): {found}"
        if self.passed:
            line += f"; {len(self.passed)} of them with their chunks as they were encoded"
        return "\n".join([printable(line), *[f"not carried: {each}" for each in self.lost]])


class Incoming(NamedTuple):
    """A node that is to be made.

    Parameters
    ----------
    path
        Relative to where all of them go.
    data
        An array-like; None for a group.
    attributes
        Those that it gets.
    options
        Parameters of ``create_array``.
    write
        Writes the elements in a way of its own; None to have them copied in blocks.
    passes
        Whether it passes chunks on as they are encoded.
    """

    path: str
    data: Any
    attributes: Mapping[str, Any]
    options: Mapping[str, Any]
    write: Write | None = None
    passes: bool = False


class Wanted(NamedTuple):
    """Parameters of `import_file` that the readers of formats look at."""

    path: str
    shape: tuple[int, ...] | None
    dtype: NumpyDType | None
    columns: tuple[str, ...] | None
    zarr_format: ZarrFormat
    as_encoded: bool


class Opened(NamedTuple):
    """The nodes of an open file, and a function that tells of what is not carried."""

    nodes: list[Incoming]
    lost: list[Lost]


_MAGIC = {
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"\x93NUMPY": "npy",
    b"PK\3\4": "npz",
    b"PAR1": "parquet",
    b"CDF\1": "netcdf3",
    b"CDF\2": "netcdf3",
    b"CDF\5": "netcdf3",
}
_SUFFIXES = {
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".hdf": "hdf5",
    ".nc": "hdf5",
    ".nc4": "hdf5",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".csv": "csv",
    ".raw": "raw",
    ".bin": "raw",
}
FORMATS = ("hdf5", "netcdf3", "tiff", "npy", "npz", "parquet", "csv", "raw")
_TAKEN = {
    "path": ("hdf5", "npz"),
    "shape": ("raw",),
    "dtype": ("raw",),
    "columns": ("parquet", "csv"),
}
"""Parameters that are of some formats only."""


async def import_file(
    source: File,
    target: StoreLike,
    *,
    path: str = "",
    target_path: str = "",
    format: str | None = None,
    shape: ShapeLike | None = None,
    dtype: str | NumpyDType | None = None,
    columns: Sequence[str] | None = None,
    chunks: ChunksLike | None = None,
    shards: ShardsLike | None = None,
    compressors: Any = None,
    zarr_format: ZarrFormat = 3,
    overwrite: bool = False,
    storage_options: StorageOptions | None = None,
    executor: Executor | None = None,
    progress: Progress = None,
) -> Conversion:
    """Make arrays and groups of a file of another format, in bounded memory.

    * netCDF-3, the classic format, of any version.
    * HDF5 and netCDF-4 (``pip install zarr[netcdf]``): groups, datasets, attributes; names of
      dimensions out of dimension scales. Chunks whose codecs Zarr has (deflate, shuffle,
      fletcher32, zstd, blosc, bzip2) are passed on as they are.
    * TIFF, BigTIFF, OME-TIFF and GeoTIFF (``zarr[tiff]``): a page and a tile or strip at a time.
    * npy and npz of NumPy; raw bytes, also from a pipe.
    * Parquet and CSV (``zarr[arrow]``): an array of one dimension for each column.

    Parameters
    ----------
    source : str, PathLike or file
        The file; ``"-"`` is standard input, of raw bytes or npy.
    target : StoreLike
        Where the arrays go.
    path : str, default: ''
        Of HDF5, the path of a group or dataset in the file; of npz, the name of an array.
    target_path : str, default: ''
        The path in `target` of what is made.
    format : {'hdf5', 'netcdf3', 'tiff', 'npy', 'npz', 'raw', 'parquet', 'csv'}, optional
        The format; by default, it is found out.
    shape, dtype : optional
        Of raw bytes, which tell neither. The first length may be -1: until the end.
    columns : sequence of str, optional
        The columns of a table; all by default.
    chunks, shards, compressors : optional
        As of :func:`zarr.create_array`. By default the chunks are those of the file, or chosen.
    zarr_format : {2, 3}, default: 3
        The format of what is made.
    overwrite : bool, default: False
        Whether it takes the place of what is there, once it is whole.
    storage_options : dict, optional
        Settings for the store that a URL names.
    executor : concurrent.futures.Executor, optional
        Whose workers encode and write the chunks.
    progress : bool, callable or type, optional
        How the bytes that are done are shown.

    Returns
    -------
    Conversion
        The arrays that were made, and all that could not be carried.

    Raises
    ------
    ValueError
        If the file is broken or of no known format. Nothing is left of what was made of it.
    ContainsArrayError, ContainsGroupError, FileExistsError
        If there is something in the target.
    ImportError
        If the library of the format is not installed.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> import zarr
    >>> from zarr import tools
    >>> file = io.BytesIO()
    >>> np.save(file, np.arange(6).reshape(2, 3))
    >>> store = {}
    >>> done = tools.import_file(file, store)
    >>> done.arrays, done.lost
    (('',), ())
    >>> zarr.open_array(store)[1]
    array([3, 4, 5])
    """
    given: dict[str, Any] = {}
    if chunks is not None:
        given["chunks"] = chunks
    if shards is not None:
        given["shards"] = shards
    if compressors is not None:
        given["compressors"] = compressors
    wanted = Wanted(
        path.strip("/"),
        None if shape is None else tuple(map(int, np.atleast_1d(np.asarray(shape)))),
        None if dtype is None else np.dtype(dtype),
        None if columns is None else tuple(columns),
        zarr_format,
        not given,
    )
    there = await target_for(target, target_path, False, storage_options)
    with ExitStack() as stack:
        file = stack.enter_context(_binary(source))
        kind = await offload(_format_of, source, file, format)
        for name, value in (
            ("path", path),
            ("shape", shape),
            ("dtype", dtype),
            ("columns", columns),
        ):
            if value not in (None, "") and kind not in _TAKEN[name]:
                raise ValueError(f"{name} is for files of {' and '.join(_TAKEN[name])}, not {kind}")
        nodes, lost = await offload(
            lambda: stack.enter_context(_reader(kind)(_given_to(kind, source, file), wanted))
        )
        nodes = _possible(nodes, zarr_format, lost)
        _check_lengths(given, nodes)
        total = sum(_nbytes(node) for node in nodes)
        with metered("import", total, progress=progress) as meter:
            async with replacing(there, zarr_format, overwrite=overwrite) as base:
                made = await _make(base, nodes, given, zarr_format, meter.advance, executor)
    return Conversion(
        _name(source),
        there.shown_as(),
        kind,
        tuple(node.path for node in nodes if node.data is not None),
        made,
        tuple(node.path for node in nodes if node.passes),
        tuple(lost),
    )


def _possible(nodes: list[Incoming], zarr_format: ZarrFormat, lost: list[Lost]) -> list[Incoming]:
    """The nodes whose names and data types Zarr can have; `lost` gets the others."""
    found: list[Incoming] = []
    without: set[str] = set()
    for node in nodes:
        if without.intersection(parents_of(node.path)):
            without.add(node.path)
            continue
        try:
            if node.path and normalize_path(node.path) != node.path:
                raise ValueError("its name has a backslash, or slashes that a path has not")
            check_new_path(node.path, zarr_format)
        except ValueError as error:
            without.add(node.path)
            lost.append(Lost(repr(node.path), f"has a name that no node can have: {error}"))
            continue
        try:
            if node.data is not None:
                parse_dtype(node.options.get("dtype", node.data.dtype), zarr_format=zarr_format)
        except (ValueError, TypeError):
            why = f"has elements of type {node.data.dtype}, which no array has"
            lost.append(Lost(f"'/{node.path}'", why))
            continue
        found.append(node)
    if not any(node.data is not None for node in found) and any(n.data is not None for n in nodes):
        raise ValueError("; ".join(map(str, lost)))
    return found


def _check_lengths(given: Mapping[str, Any], nodes: list[Incoming]) -> None:
    """Fail if chunks or shards are given that fit no array."""
    ranks = {len(node.data.shape) for node in nodes if node.data is not None}
    for name in ("chunks", "shards"):
        value = given.get(name)
        if isinstance(value, (tuple, list)) and ranks and len(value) not in ranks:
            shown = " or ".join(map(str, sorted(ranks)))
            raise ValueError(
                f"{name} are {tuple(value)}, and arrays of the file have {shown} dimensions"
            )


def _nbytes(node: Incoming) -> int:
    if node.data is None or -1 in node.data.shape:
        return 0
    return int(prod(node.data.shape)) * int(node.data.dtype.itemsize)


async def _make(
    base: StorePath,
    nodes: list[Incoming],
    given: Mapping[str, Any],
    zarr_format: ZarrFormat,
    done: Done,
    executor: Executor | None,
) -> int:
    """Make nodes, those below before those above; return the bytes of their elements."""
    arrays: list[tuple[Incoming, AnyAsyncArray]] = []
    groups: list[tuple[Incoming, StorePath]] = []
    for node in nodes:  # all that can be refused is, before anything is made
        there = base / node.path if node.path else base
        if node.data is None:
            groups.append((node, there))
            continue
        shape = tuple(max(0, length) for length in node.data.shape)
        made = new_array(
            store_path=there,
            shape=shape,
            zarr_format=zarr_format,
            attributes=dict(node.attributes),
            **{"dtype": node.data.dtype, **node.options, **_fitting(given, len(shape))},
        )
        made.engine()
        arrays.append((node, made))
    size = 0
    for node, made in arrays:
        grows = -1 in node.data.shape  # its document changes all the time
        if grows:
            await place(made, overwrite=False, parents=False)
        if node.write is not None:
            await node.write(made, done)
        else:
            await fill(node.data, made, done, resume=False, executor=executor)
        if not grows:  # last, so that nobody sees an array that is not whole
            await place(made, overwrite=False, parents=False)
        size += made.nbytes
    for node, there in reversed(groups):
        metadata = GroupMetadata(attributes=dict(node.attributes), zarr_format=zarr_format)
        await place_node(there, metadata, parents=False)
    return size


def _fitting(given: Mapping[str, Any], dimensions: int) -> dict[str, Any]:
    """The parameters that the user gave, for an array of so many dimensions."""
    found = dict(given)
    for name in ("chunks", "shards"):
        value = found.get(name)
        if isinstance(value, (tuple, list)) and len(value) != dimensions:
            del found[name]
            found["chunks"] = "auto"
    return found


@contextmanager
def _binary(source: File) -> Iterator[IO[bytes]]:
    """Open a file; one that is given is left open."""
    if isinstance(source, (str, os.PathLike)):
        if os.fspath(source) == "-":
            import sys

            yield sys.stdin.buffer
            return
        with open(source, "rb") as file:
            yield file
        return
    if not hasattr(source, "read"):
        raise TypeError(
            f"source must be the path of a file, or a file. Got an instance of {type(source)}."
        )
    if source.seekable():
        source.seek(0)
    yield source


def _format_of(source: File, file: IO[bytes], given: str | None) -> str:
    if given is not None:
        if given not in FORMATS:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}. Got {given!r}.")
        return given
    named = None
    if isinstance(source, (str, os.PathLike)):
        named = _SUFFIXES.get(os.path.splitext(os.fspath(source))[1].lower())
    # Files of netCDF have the same suffix, whether they are of HDF5 or of the classic format.
    if named not in (None, "hdf5"):
        return named
    if file.seekable():
        head = file.read(8)
        file.seek(0)
        for magic, kind in _MAGIC.items():
            if head.startswith(magic):
                return kind
    if named is not None:
        return named
    raise ValueError(
        f"it is not clear which format {_name(source)!r} has: give format=, one of "
        f"{', '.join(FORMATS)}"
    )


def _name(source: File) -> str:
    if isinstance(source, str):
        return source
    return source.__fspath__() if isinstance(source, os.PathLike) else type(source).__name__


def _given_to(kind: str, source: File, file: IO[bytes]) -> Any:
    """The file as the library of its format takes it: by its path, if it has one."""
    by_path = isinstance(source, (str, os.PathLike)) and _name(source) != "-"
    return _name(source) if by_path and kind in ("hdf5", "tiff") else file


def _reader(kind: str) -> Any:
    # Each imports the library of its format.
    if kind == "hdf5":
        from zarr.tools.convert.hdf5 import read_hdf5

        return read_hdf5
    if kind == "netcdf3":
        from zarr.tools.convert.netcdf import read_netcdf3

        return read_netcdf3
    if kind == "tiff":
        from zarr.tools.convert.tiff import read_tiff

        return read_tiff
    if kind in ("parquet", "csv"):
        from zarr.tools.convert import tables

        return tables.read_parquet if kind == "parquet" else tables.read_csv
    return {"npy": _read_npy, "npz": _read_npz, "raw": _read_raw}[kind]


def mark_missing(
    attributes: dict[str, Any], options: dict[str, Any], zarr_format: ZarrFormat
) -> None:
    """Say which value means that there is none, so that xarray finds it: ``_FillValue`` tells.

    Parameters
    ----------
    attributes, options
        Those of an array that is to be made; they are changed.
    zarr_format
        Its format.
    """
    value = attributes.pop("_FillValue", None)
    while isinstance(value, list):
        value = value[0] if value else None
    if value is None:
        if zarr_format == 2 and not np.any(options.get("fill_value")):
            # Of format 2, xarray takes the fill value for one that means that there is none.
            options["fill_value"] = None
    elif zarr_format == 2:
        options["fill_value"] = value
    elif isinstance(value, float):
        attributes["_FillValue"] = base64.standard_b64encode(struct.pack("<d", value)).decode()
    else:
        attributes["_FillValue"] = value


# -- npy, npz and raw bytes -----------------------------------------------------------------------


class Described(NamedTuple):
    """A shape and a data type of which the elements come later."""

    shape: tuple[int, ...]
    dtype: NumpyDType


class _Pickled(ValueError):
    """A file holds Python objects."""


@contextmanager
def _read_npy(file: IO[bytes], wanted: Wanted) -> Iterator[Opened]:
    yield Opened([_npy(file, "", getattr(file, "name", "the file"))], [])


def _npy(file: IO[bytes], path: str, name: str) -> Incoming:
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        elif version == (2, 0):
            shape, by_columns, dtype = np.lib.format.read_array_header_2_0(file)
        else:
            raise ValueError(f"version {version} of the format is not known")
    except ValueError as error:
        raise ValueError(f"{name} is no npy file: {error}") from error
    if dtype.hasobject:
        raise _Pickled(
            f"{name} holds Python objects, which are pickled: loading them could run any code"
        )
    if by_columns and len(shape) > 1:
        return _of_columns(file, path, name, shape, dtype)
    return _streamed(file, path, name, shape, dtype)


def _of_columns(
    file: IO[bytes], path: str, name: str, shape: tuple[int, ...], dtype: NumpyDType
) -> Incoming:
    """Elements in Fortran's order, out of a file that can be mapped into memory."""
    at = file.tell() if file.seekable() else 0
    size = prod(shape) * dtype.itemsize
    try:
        number = file.fileno()
    except (OSError, AttributeError):
        data = file.read()
        check_length(name, len(data), size)
        array = np.frombuffer(data, dtype, prod(shape)).reshape(shape, order="F")
        return Incoming(path, array, {}, {})
    check_length(name, os.fstat(number).st_size - at, size)
    mapped: Any = np.memmap(file, dtype, "r", at, shape, "F") if size else np.empty(shape, dtype)
    return Incoming(path, _Mapped(mapped), {}, {})


class _Mapped:
    """An array in a file: not of NumPy's own class, so that it is copied in blocks."""

    def __init__(self, array: Any) -> None:
        self.shape, self.dtype, self._array = array.shape, array.dtype, array

    def __getitem__(self, region: object) -> Any:
        return np.asarray(self._array[region])


def check_length(name: str, found: int, expected: int) -> None:
    """Fail if a file has fewer bytes than its elements need."""
    if found < expected:
        raise ValueError(
            f"{name} is cut off: its elements have {expected:,} bytes, of which {found:,} are there"
        )


def _streamed(
    file: IO[bytes], path: str, name: str, shape: tuple[int, ...], dtype: NumpyDType
) -> Incoming:
    """Elements in C's order, out of any file: it is read once, from here to its end."""
    known = file.seekable() and -1 not in shape
    if known:
        at = file.tell()
        found = file.seek(0, os.SEEK_END) - at
        file.seek(at)
        check_length(name, found, prod(shape) * dtype.itemsize)

    async def write_rows(made: AnyAsyncArray, done: Done) -> None:
        if not shape:
            await write(made, basic, ..., (await _rows(file, name, (1,), dtype, 1))[0])
            return
        step = made.shards[0] if made.shards is not None else made.chunks[0]
        step = min(max(1, step), shape[0]) if shape[0] > 0 else max(1, step)
        start = 0
        while shape[0] < 0 or start < shape[0]:
            rows = step if shape[0] < 0 else min(step, shape[0] - start)
            block = await _rows(file, name, shape[1:], dtype, rows, partial=shape[0] < 0)
            if not len(block):
                break
            if shape[0] < 0:
                await made.resize((start + len(block), *shape[1:]))
            await write(made, basic, slice(start, start + len(block)), block)
            start += len(block)
            done(block.nbytes)

    options: dict[str, Any] = {}
    if shape and shape[0] < 0:
        row = max(1, prod(shape[1:]) * dtype.itemsize)
        options["chunks"] = guess_chunks((max(1, (16 << 20) // row), *shape[1:]), dtype.itemsize)
    return Incoming(path, Described(shape, dtype), {}, options, write_rows)


async def _rows(
    file: IO[bytes],
    name: str,
    shape: tuple[int, ...],
    dtype: NumpyDType,
    rows: int,
    *,
    partial: bool = False,
) -> Any:
    """The next rows; fewer at the end of a file whose length nobody knows."""
    size = rows * prod(shape) * dtype.itemsize
    data = await offload(_read_fully, file, size)
    row = max(1, size // max(1, rows))
    if len(data) < size and (not partial or len(data) % row):
        raise ValueError(
            f"{name} is cut off: it ends in a row, after {len(data):,} of {size:,} bytes of a block"
        )
    found = len(data) // row if partial else rows
    return np.frombuffer(data, dtype, found * prod(shape)).reshape(found, *shape)


def _read_fully(file: IO[bytes], size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        part = file.read(min(size - len(data), 16 << 20))
        if not part:
            break
        data += part
    return data


@contextmanager
def _read_raw(file: IO[bytes], wanted: Wanted) -> Iterator[Opened]:
    if wanted.shape is None or wanted.dtype is None:
        raise ValueError("raw bytes tell neither their shape nor their data type: give both")
    if wanted.dtype.hasobject or wanted.dtype.itemsize == 0:
        raise ValueError(f"raw bytes are no elements of type {wanted.dtype}")
    if any(length < 0 for length in wanted.shape[1:]) or any(n < -1 for n in wanted.shape):
        raise ValueError(f"only the first length of a shape may be -1. Got {wanted.shape}.")
    yield Opened([_streamed(file, "", "the input", wanted.shape, wanted.dtype)], [])


@contextmanager
def _read_npz(file: IO[bytes], wanted: Wanted) -> Iterator[Opened]:
    import zipfile

    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{getattr(file, 'name', 'the file')} is no npz file: {error}") from error
    with ExitStack() as stack:
        stack.enter_context(archive)
        nodes, lost = [], []
        for name in archive.namelist():
            path = name.removesuffix(".npy")
            if wanted.path not in ("", path):
                continue
            if path == name:
                lost.append(Lost(repr(name), "is no array"))
                continue
            member: Any = stack.enter_context(_spooled(archive, name))
            try:
                nodes.append(_npy(member, "" if wanted.path else path, name))
            except _Pickled:
                if wanted.path:
                    raise
                lost.append(Lost(f"'/{path}'", "holds Python objects, which are pickled"))
        if wanted.path and not nodes:
            raise KeyError(wanted.path)
        groups = [] if wanted.path else [Incoming("", None, {}, {})]
        yield Opened(groups + nodes, lost)


@contextmanager
def _spooled(archive: Any, name: str) -> Iterator[IO[bytes]]:
    """A member of an archive in a file of its own, where all of it can be reached."""
    import shutil
    import tempfile
    import zipfile
    import zlib

    with tempfile.TemporaryFile() as file:
        try:
            with archive.open(name) as member:
                shutil.copyfileobj(member, file, 1 << 20)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise ValueError(f"{name} cannot be read: {error}") from error
        file.seek(0)
        yield file
