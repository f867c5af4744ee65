"""Files of HDF5 and netCDF-4, as nodes that can be imported."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any

from zarr._async.run import bounded, offload
from zarr.arrays.write import write
from zarr.buffer.cpu import Buffer
from zarr.copying.hdf5 import Dataset, attributes_of, is_hdf5, parts_of, walk_hdf5
from zarr.indexing import basic
from zarr.storage.client import Requests
from zarr.tools.convert.importing import Incoming, Lost, Opened, mark_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.tools.convert.importing import Done, Wanted
    from zarr.types import AnyAsyncArray, ZarrFormat

    Coords = tuple[int, ...]

_NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"
"""How netCDF-4 names a dataset that stands for a dimension alone."""
_AT_A_TIME = 8
"""Chunks that are under way: HDF5 reads one after another."""


@contextmanager
def read_hdf5(file: Any, wanted: Wanted) -> Iterator[Opened]:
    """Open a file of HDF5.

    Raises
    ------
    ImportError
        If h5py is not installed.
    ValueError
        If the file is broken.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError("HDF5 needs h5py: install it with `pip install zarr[netcdf]`") from error
    try:
        opened = h5py.File(file, "r")
    except OSError as error:
        raise ValueError(f"{file} cannot be read as HDF5: {error}") from error
    with opened:
        source = opened[wanted.path] if wanted.path else opened
        if not is_hdf5(source):
            raise ValueError(f"{wanted.path!r} of {file} is neither a group nor a dataset")
        lost: list[Lost] = []
        yield Opened(list(_nodes(source, wanted, lost)), lost)


def _nodes(source: Any, wanted: Wanted, lost: list[Lost]) -> Iterator[Incoming]:
    def leave_out(what: str, why: str) -> None:
        lost.append(Lost(what, why))

    for path, node in walk_hdf5(source, shallow=False, lost=leave_out):
        if not hasattr(node, "dtype"):
            yield Incoming(path, None, attributes_of(path, node, leave_out), {})
            continue
        if node.attrs.get("NAME", b"")[: len(_NO_VARIABLE)] == _NO_VARIABLE:
            continue  # its length and its name are those of the arrays that have the dimension
        try:
            data, attributes, options = parts_of(path, node, leave_out)
        except TypeError as error:
            lost.append(Lost(node.name, f"cannot be held: {error}"))
            continue
        if data is None:
            continue
        codecs = _codecs(node, wanted.zarr_format) if wanted.as_encoded else None
        if codecs is not None or _can_be_read(node, leave_out):
            yield _incoming(path, node, data, attributes, options, codecs, wanted, leave_out)


def _can_be_read(node: Any, leave_out: Any) -> bool:
    """Whether all filters of a dataset are there, or its chunks need none."""
    import h5py

    filters = node.id.get_create_plist()
    known = [filters.get_filter(number) for number in range(filters.get_nfilters())]
    if not all(_is_there(h5py, code) for code, *_ in known):
        with contextlib.suppress(ImportError):
            import_module("hdf5plugin")  # it registers filters, which few files need
    missing = [
        f"{name.decode().partition(';')[0]} ({code})"
        for code, _, _, name in known
        if not _is_there(h5py, code)
    ]
    if missing:
        leave_out(
            node.name,
            f"is encoded by {', '.join(missing)}, which this HDF5 lacks: install hdf5plugin",
        )
    return not missing


def _is_there(h5py: Any, code: int) -> bool:
    return bool(h5py.h5z.filter_avail(code))


def _incoming(
    path: str,
    node: Any,
    data: Dataset,
    attributes: dict[str, Any],
    options: dict[str, Any],
    codecs: dict[str, Any] | None,
    wanted: Wanted,
    leave_out: Any,
) -> Incoming:
    import h5py

    names = _dimension_names(node)
    options = {**options, "dimension_names": None}
    if wanted.zarr_format == 3 and any(names):
        options["dimension_names"] = names
    elif wanted.zarr_format == 2 and all(names):  # also if there are none
        attributes["_ARRAY_DIMENSIONS"] = names
    mark_missing(attributes, options, wanted.zarr_format)
    members = h5py.check_enum_dtype(node.dtype)
    if members is not None and node.dtype.kind != "b":
        leave_out(f"the names of the values of {node.name!r}", f"are left out: {dict(members)}")
    if node.chunks is None or any(length == 0 for length in node.chunks):
        options.pop("chunks", None)
    if codecs is None:
        return Incoming(path, data, attributes, options)
    return Incoming(
        path, data, attributes, {**options, **codecs}, _Passage(node, data).write, passes=True
    )


def _dimension_names(node: Any) -> list[str | None]:
    """The names of the dimensions: those of the scales, or the labels."""
    if node.ndim == 1 and node.is_scale:
        return [node.name.rpartition("/")[2]]
    names: list[str | None] = []
    for dimension in node.dims:
        name = dimension.label or None
        if len(dimension):
            name = dimension[0].name.rpartition("/")[2]
        names.append(name)
    return names


# -- chunks as they are encoded -------------------------------------------------------------------


def _codecs(node: Any, zarr_format: ZarrFormat) -> dict[str, Any] | None:
    """The codecs of a dataset as parameters of ``create_array``; None if Zarr lacks one."""
    if node.chunks is None or node.dtype.kind not in "biufcS" or not node.size:
        return None
    if (node.dtype.metadata or {}).get("vlen"):
        return None
    filters = node.id.get_create_plist()
    chain: list[dict[str, Any]] = []
    for number in range(filters.get_nfilters()):
        code, _, values, _ = filters.get_filter(number)
        codec = _codec(code, values, node.dtype.itemsize)
        if codec is None:
            return None
        chain.append(codec)
    if not chain:
        return None  # better with the usual codecs than with none
    if zarr_format == 2:
        for codec in chain:
            codec.pop("typesize", None)  # which chunks of Blosc tell themselves
        return {"filters": chain[:-1] or None, "compressors": chain[-1]}
    serializer: dict[str, Any] = {"name": "bytes"}
    if node.dtype.kind in "iufc" and node.dtype.itemsize > 1:
        order = "big" if node.dtype.str.startswith(">") else "little"
        serializer["configuration"] = {"endian": order}
    return {
        "filters": None,
        "serializer": serializer,
        "compressors": [_of_v3(codec) for codec in chain],
    }


def _codec(code: int, values: tuple[int, ...], itemsize: int) -> dict[str, Any] | None:
    """The codec of numcodecs for a filter of HDF5."""
    match code:
        case 1:
            return {"id": "zlib", "level": values[0] if values else 1}
        case 2:
            return {"id": "shuffle", "elementsize": values[0]}
        case 3:
            return {"id": "fletcher32"}
        case 307:
            return {"id": "bz2", "level": values[0] if values else 9}
        case 32001:
            return _blosc(values, itemsize)
        case 32015:
            return {"id": "zstd", "level": values[0] if values else 3}
        case _:
            return None


_COMPRESSORS = ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
"""Those of Blosc by their numbers in HDF5's filter; a chunk tells its own, too."""


def _blosc(values: tuple[int, ...], itemsize: int) -> dict[str, Any] | None:
    level, shuffle, compressor = (*values[4:], *(5, 1, 0)[len(values[4:]) :])[:3]
    if compressor >= len(_COMPRESSORS) or shuffle > 2 or level > 9:
        return None
    return {
        "id": "blosc",
        "cname": _COMPRESSORS[compressor],
        "clevel": level,
        "shuffle": shuffle,
        "blocksize": 0,
        "typesize": values[2] if len(values) > 2 and values[2] else itemsize,
    }


def _of_v3(codec: dict[str, Any]) -> dict[str, Any]:
    name = codec["id"]
    configuration = {key: value for key, value in codec.items() if key != "id"}
    if name == "blosc":
        configuration["shuffle"] = ("noshuffle", "shuffle", "bitshuffle")[codec["shuffle"]]
    elif name == "zstd":
        configuration["checksum"] = False
    else:
        name = f"numcodecs.{name}"
    return {"name": name, "configuration": configuration}


class _Passage:
    """Passes the chunks of a dataset on; those that lack a filter are decoded."""

    def __init__(self, node: Any, data: Dataset) -> None:
        self._node = node
        self._data = data
        self._whole = prod(node.chunks) * node.dtype.itemsize

    async def write(self, made: AnyAsyncArray, done: Done) -> None:
        """Write all chunks that the dataset has; of the others, the fill value stands."""
        requests = Requests(made.store_path.store)
        count = self._node.id.get_num_chunks()

        async def one(number: int) -> None:
            coords, raw = await offload(self._read, number)
            if raw is not None:
                key = made.metadata.encode_chunk_key(coords)
                await requests.set((made.store_path / key).path, Buffer.from_bytes(raw))
                done(self._size(coords))
                return
            region = self._region(coords)
            await write(made, basic, region, await offload(self._data.__getitem__, region))
            done(self._size(coords))

        for start in range(0, count, 1024):
            await bounded(range(start, min(start + 1024, count)), one, _AT_A_TIME)

    def _read(self, number: int) -> tuple[Coords, bytes | None]:
        """The place of a chunk in the grid, and its bytes if all filters were applied to it."""
        info = self._node.id.get_chunk_info(number)
        chunks = self._node.chunks
        coords = tuple(o // c for o, c in zip(info.chunk_offset, chunks, strict=True))
        # Some files leave chunks that reach beyond the edge without filters, and do not say so.
        inside = all(
            o + c <= n for o, c, n in zip(info.chunk_offset, chunks, self._node.shape, strict=True)
        )
        if info.filter_mask or (not inside and info.size == self._whole):
            return coords, None
        return coords, self._node.id.read_direct_chunk(info.chunk_offset)[1]

    def _region(self, coords: Coords) -> tuple[slice, ...]:
        return tuple(
            slice(at * chunk, min((at + 1) * chunk, length))
            for at, chunk, length in zip(coords, self._node.chunks, self._node.shape, strict=True)
        )

    def _size(self, coords: Coords) -> int:
        size: int = self._node.dtype.itemsize
        for part in self._region(coords):
            size *= part.stop - part.start
        return size
