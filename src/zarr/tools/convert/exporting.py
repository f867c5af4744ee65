"""Arrays and groups, made into files of other formats."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import secrets
import struct
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.progress import metered
from zarr._async.run import offload
from zarr.arrays.async_array import AsyncArray
from zarr.arrays.read import read
from zarr.dtype import VariableLengthBytes
from zarr.groups.async_group import all_members
from zarr.indexing import basic
from zarr.metadata.layout import layout_of
from zarr.tools.convert.importing import Conversion, Lost
from zarr.tools.convert.tables import (
    ATTRIBUTES,
    COLUMN,
    NULLS,
    ROWS,
    SCHEMA,
    TYPE,
    dtype_of,
    pyarrow,
    to_arrow,
    type_of,
    types_in,
)
from zarr.tools.nodes import node_of, opened
from zarr.tools.transfer import place_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr._async.progress import Progress
    from zarr.groups.async_group import AsyncGroup
    from zarr.tools.convert.importing import Done
    from zarr.tools.nodes import Source
    from zarr.types import AnyAsyncArray, StorageOptions

__all__ = ["export_file"]

_SUFFIXES = {
    ".npy": "npy",
    ".nc": "netcdf",
    ".nc4": "netcdf",
    ".h5": "netcdf",
    ".hdf5": "netcdf",
    ".parquet": "parquet",
}
FORMATS = tuple(dict.fromkeys(_SUFFIXES.values()))


async def export_file(
    source: Source,
    file: str | os.PathLike[str],
    *,
    path: str = "",
    format: str | None = None,
    overwrite: bool = False,
    storage_options: StorageOptions | None = None,
    progress: Progress = None,
) -> Conversion:
    """Make a file of another format of an array or a group, in bounded memory.

    * npy: an array.
    * netCDF-4, which HDF5 reads, too (``pip install zarr[netcdf]``): a group with all below it, or
      an array. Dimensions that have no name get one. xarray finds the same in it.
    * Parquet (``zarr[arrow]``): an array of one dimension, or the arrays of a group that have the
      same length, as columns. Rows that ``NAME_is_null`` marks become null.

    Parameters
    ----------
    source : StoreLike, Array or Group
        The array or group, or the store that it is in.
    file : str or PathLike
        The path of the file. It is written beside its place, and takes it when it is whole.
    path : str, default: ''
        The path in `source`.
    format : {'npy', 'netcdf', 'parquet'}, optional
        The format; by default, the end of the name tells.
    overwrite : bool, default: False
        Whether a file that is there is replaced.
    storage_options : dict, optional
        Settings for the store that a URL names.
    progress : bool, callable or type, optional
        How the bytes that are done are shown.

    Returns
    -------
    Conversion
        The arrays that were carried, and all that the format cannot hold.

    Raises
    ------
    ValueError
        If the format can hold none of it.
    FileExistsError
        If there is a file, and `overwrite` is false.
    ImportError
        If the library of the format is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import zarr
    >>> from zarr import tools
    >>> array = zarr.create_array({}, data=np.arange(6).reshape(2, 3))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     file = os.path.join(directory, "a.npy")
    ...     done = tools.export_file(array, file)
    ...     np.load(file)[1]
    array([3, 4, 5])
    """
    name = os.fspath(file)
    kind = format or _SUFFIXES.get(os.path.splitext(name)[1].lower())
    if kind not in FORMATS:
        raise ValueError(
            f"format must be one of {', '.join(FORMATS)}, if the end of {name!r} does not tell. "
            f"Got {format!r}."
        )
    node = None if path else opened(source)
    if node is None:
        node = await node_of(await place_for(source, path, "r", storage_options))
    if os.path.exists(name) and not overwrite:
        raise FileExistsError(f"{name} is there already: overwrite=True replaces it")
    export = {"npy": _to_npy, "netcdf": _to_netcdf, "parquet": _to_parquet}[kind]
    arrays = await _arrays(node)
    lost: list[Lost] = []
    beside = f"{name}.{secrets.token_hex(4)}.part"
    total = sum(array.nbytes for _, array in arrays)
    try:
        with metered("export", total, progress=progress) as meter:
            carried = await export(beside, node, arrays, lost, meter.advance)
        if not carried and arrays:
            reasons = "; ".join(map(str, lost))
            raise ValueError(f"a file of {kind} can hold none of {node.store_path}: {reasons}")
        await offload(os.replace, beside, name)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise
    size = sum(array.nbytes for path, array in arrays if path in carried)
    return Conversion(
        node.store_path.shown_as(), name, kind, tuple(carried), size, lost=tuple(lost)
    )


async def _arrays(node: AnyAsyncArray | AsyncGroup) -> list[tuple[str, AnyAsyncArray]]:
    """The arrays of a node, and their paths below it."""
    if isinstance(node, AsyncArray):
        return [("", node)]
    members = [item async for item in all_members(node, None)]
    return sorted(
        [(path, each) for path, each in members if isinstance(each, AsyncArray)],
        key=lambda item: item[0],
    )


def _plain_attributes(array: AnyAsyncArray) -> dict[str, Any]:
    """The attributes of an array, but for those that say how xarray reads it."""
    return {k: v for k, v in array.metadata.attributes.items() if k != "_ARRAY_DIMENSIONS"}


_BLOCK_BYTES = 32 << 20


def regions_of(array: AnyAsyncArray) -> Iterator[tuple[slice, ...]]:
    """Yield regions that cover an array, each of whole chunks as far as those are of one shape."""
    edges = [e if isinstance(e, int) else max(e) for e in layout_of(array.metadata).grid]
    size = array.dtype.itemsize * prod(edges)
    for axis in reversed(range(len(edges))):
        most = -(-array.shape[axis] // edges[axis])
        times = max(1, min(most, _BLOCK_BYTES // max(1, size)))
        edges[axis] *= times
        size *= times
        if edges[axis] < array.shape[axis]:
            break
    for start in product(*map(range, (0,) * len(edges), array.shape, edges)):
        ends = map(min, map(int.__add__, start, edges), array.shape)
        yield tuple(map(slice, start, ends))


# -- npy ------------------------------------------------------------------------------------------


async def _to_npy(
    file: str,
    node: AnyAsyncArray | AsyncGroup,
    arrays: list[tuple[str, AnyAsyncArray]],
    lost: list[Lost],
    done: Done,
) -> list[str]:
    if not isinstance(node, AsyncArray):
        raise ValueError(f"a file of npy holds one array: {node.store_path} is a group")
    dtype = np.dtype(node.dtype)
    if dtype.hasobject or isinstance(dtype, np.dtypes.StringDType):
        raise ValueError(f"a file of npy cannot hold elements of type {dtype}")
    lost += [Lost(f"attribute {name!r}", "has no place in npy") for name in _plain_attributes(node)]
    if not node.size or not node.shape:
        value = np.asarray(await read(node, basic, ...)).astype(dtype, copy=False)
        await offload(_save, file, value)
        done(value.nbytes)
        return [""]
    made: Any = await offload(
        lambda: np.lib.format.open_memmap(file, "w+", dtype=dtype, shape=node.shape)
    )
    for region in regions_of(node):
        made[region] = await read(node, basic, region)
        done(prod(part.stop - part.start for part in region) * dtype.itemsize)
    await offload(made.flush)
    return [""]


def _save(file: str, value: Any) -> None:
    with open(file, "wb") as opened:
        np.save(opened, value, allow_pickle=False)


# -- netCDF-4 -------------------------------------------------------------------------------------


async def _to_netcdf(
    file: str,
    node: AnyAsyncArray | AsyncGroup,
    arrays: list[tuple[str, AnyAsyncArray]],
    lost: list[Lost],
    done: Done,
) -> list[str]:
    try:
        import netCDF4
    except ImportError as error:
        raise ImportError(
            "netCDF needs netCDF4: install it with `pip install zarr[netcdf]`"
        ) from error
    made = await offload(lambda: netCDF4.Dataset(file, "w", format="NETCDF4"))
    carried = []
    try:
        if not isinstance(node, AsyncArray):
            await _fill_groups(made, node, lost)
        for path, array in arrays:
            parent, _, name = path.rpartition("/")
            group = made.createGroup(parent) if parent else made
            name = name or array.basename or "data"
            if await _add_variable(group, name, path, array, lost, done):
                carried.append(path)
    finally:
        await offload(made.close)
    return carried


async def _fill_groups(made: Any, node: AsyncGroup, lost: list[Lost]) -> None:
    for name, value in node.metadata.attributes.items():
        _set_attribute(made, "", name, value, lost)
    async for path, each in all_members(node, None):
        if not isinstance(each, AsyncArray):
            group = made.createGroup(path)
            for name, value in each.metadata.attributes.items():
                _set_attribute(group, path, name, value, lost)


def _set_attribute(made: Any, path: str, name: str, value: object, lost: list[Lost]) -> None:
    """Give a variable or group an attribute, if netCDF has such."""
    what = f"attribute {name!r} of '/{path}'"
    flat = value if isinstance(value, list) else [value]
    kinds = {type(each) for each in flat}
    if not flat or not (kinds <= {int, float} or kinds <= {str}):
        lost.append(Lost(what, f"cannot be an attribute of netCDF: it is {json.dumps(value)}"))
        return
    try:
        made.setncattr(name, value)
    except (AttributeError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        lost.append(Lost(what, f"cannot be an attribute of netCDF: {error}"))


def _stored_as(dtype: Any) -> tuple[Any, dict[str, str]] | None:
    """The type of a variable for elements of a type, and attributes that tell what they mean."""
    if isinstance(dtype, np.dtypes.StringDType) or dtype.kind in "UOT":
        return str, {}
    if dtype.kind == "b":
        return np.dtype("i1"), {"dtype": "bool"}
    if dtype.kind == "M":
        unit, count = np.datetime_data(dtype)
        if unit in _UNITS and count == 1:
            return np.dtype("i8"), {
                "units": f"{_UNITS[unit]} since 1970-01-01",
                "calendar": "proleptic_gregorian",
            }
        return None
    if dtype.kind == "m":
        unit, count = np.datetime_data(dtype)
        if unit in _UNITS and count == 1:
            return np.dtype("i8"), {"units": _UNITS[unit], "dtype": f"timedelta64[{unit}]"}
        return None
    if dtype == np.dtype("f2"):
        return np.dtype("f4"), {}
    if dtype.kind in "iuf" and dtype.itemsize <= 8 and dtype.isbuiltin >= 0:
        return dtype.newbyteorder("="), {}
    return None


_UNITS = {
    "D": "days",
    "h": "hours",
    "m": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}


def _missing_value(array: AnyAsyncArray, attributes: dict[str, Any]) -> object:
    """The value that means that there is none, as xarray finds it; None if there is none."""
    if array.metadata.zarr_format == 2:
        return array.metadata.fill_value
    value = attributes.pop("_FillValue", None)
    if isinstance(value, str) and array.dtype.kind in "fiu":
        with contextlib.suppress(binascii.Error, struct.error):
            return struct.unpack("<d", base64.standard_b64decode(value))[0]
        return None
    return value


def _names_of(array: AnyAsyncArray) -> list[str | None]:
    names = getattr(array.metadata, "dimension_names", None)
    if names is None:
        names = array.metadata.attributes.get("_ARRAY_DIMENSIONS")
    if not isinstance(names, (list, tuple)) or len(names) != len(array.shape):
        return [None] * len(array.shape)
    return [name if isinstance(name, str) else None for name in names]


def _dimensions(group: Any, array: AnyAsyncArray, path: str, lost: list[Lost]) -> list[str] | None:
    """The names of the dimensions of a variable, which are made where there are none."""
    found: list[str] = []
    for axis, (name, length) in enumerate(zip(_names_of(array), array.shape, strict=True)):
        if name is None or name in found:
            name = f"dim_{axis}_{length}"
        if name in group.dimensions and len(group.dimensions[name]) != length:
            there = len(group.dimensions[name])
            lost.append(
                Lost(
                    f"'/{path}'",
                    f"has the length {length} in dimension {name!r}, where others have {there}",
                )
            )
            return None
        found.append(name)
    for name, length in zip(found, array.shape, strict=True):
        if name not in group.dimensions:
            # Of length 0, a dimension would be one without limit.
            group.createDimension(name, length or None)
    return found


async def _add_variable(
    group: Any, name: str, path: str, array: AnyAsyncArray, lost: list[Lost], done: Done
) -> bool:
    dtype = np.dtype(array.dtype)
    stored = _stored_as(dtype)
    if stored is None:
        lost.append(Lost(f"'/{path}'", f"has elements of type {dtype}, which netCDF has not"))
        return False
    names = _dimensions(group, array, path, lost)
    if names is None:
        return False
    kind, more = stored
    attributes = _plain_attributes(array)
    missing = _missing_value(array, attributes)
    options: dict[str, Any] = {}
    if array.shape and all(array.shape) and kind is not str:
        edges = array.shards or array.chunks
        options = {
            "zlib": True,
            "complevel": 1,
            "chunksizes": [min(e, n) for e, n in zip(edges, array.shape, strict=True)],
        }
    if missing is not None and kind is not str and dtype.kind in "iuf":
        options["fill_value"] = np.asarray(missing).astype(kind)[()]
    try:
        made = group.createVariable(name, kind, names, **options)
    except (RuntimeError, ValueError, TypeError) as error:
        lost.append(Lost(f"'/{path}'", f"cannot be a variable: {error}"))
        return False
    made.set_auto_maskandscale(False)
    for key, value in {**attributes, **more}.items():
        _set_attribute(made, path, key, value, lost)
    itemsize = dtype.itemsize
    for region in regions_of(array) if array.shape else [...]:
        block = np.asarray(await read(array, basic, region))
        if kind is str:
            block = block.astype(object)
        elif dtype.kind in "Mm":
            block = block.astype("i8")
        else:
            block = block.astype(kind, copy=False)
        await offload(made.__setitem__, region, block)
        done(block.size * itemsize)
    return True


# -- Parquet --------------------------------------------------------------------------------------


async def _to_parquet(
    file: str,
    node: AnyAsyncArray | AsyncGroup,
    arrays: list[tuple[str, AnyAsyncArray]],
    lost: list[Lost],
    done: Done,
) -> list[str]:
    arrow = pyarrow()
    arrays = [(path or node.basename or "value", array) for path, array in arrays]
    one = isinstance(node, AsyncArray)
    flat = [(name, array) for name, array in arrays if len(array.shape) == 1 and "/" not in name]
    length = max((array.shape[0] for _, array in flat), default=0)
    columns: dict[str, AnyAsyncArray] = {}
    types: dict[str, Any] = {}
    for name, array in arrays:
        if (name, array) not in flat or array.shape[0] != length:
            lost.append(Lost(f"'/{name}'", f"is no column of {length} rows: {array.shape}"))
            continue
        kind = type_of(_data_type(array))
        if kind is None:
            lost.append(Lost(f"'/{name}'", f"has the type {array.dtype}, which no column has"))
            continue
        columns[name], types[name] = array, kind
    masks = {
        name: columns.pop(f"{name}{NULLS}")
        for name in list(columns)
        if f"{name}{NULLS}" in columns and columns[f"{name}{NULLS}"].dtype.kind == "b"
    }
    if not columns:
        return []
    carried = [*columns, *[f"{name}{NULLS}" for name in masks]]
    of_group = {} if one else dict(node.metadata.attributes)
    called = {
        name: str(each.metadata.attributes.get(COLUMN, name)) for name, each in columns.items()
    }
    if len(set(called.values())) == len(called):
        columns = {called[name]: array for name, array in columns.items()}
        types = {called.get(name, name): kind for name, kind in types.items()}
        masks = {called[name]: mask for name, mask in masks.items()}
    attributes = {
        name: {k: v for k, v in _plain_attributes(array).items() if k != COLUMN}
        for name, array in columns.items()
    }
    before, metadata = types_in(of_group)
    order = [name for name in before if name in columns]
    columns = {name: columns[name] for name in dict.fromkeys([*order, *columns])}
    for name, kind in before.items():
        if name in columns and _data_type(columns[name]) == dtype_of(kind):
            types[name] = kind
            attributes[name].pop(TYPE, None)
            if arrow.types.is_decimal(kind):
                attributes[name].pop("scale_factor", None)
    attributes[""] = {name: value for name, value in of_group.items() if name != SCHEMA}
    schema = arrow.schema(
        [(name, types[name]) for name in columns],
        {**metadata, ATTRIBUTES: json.dumps(attributes).encode()},
    )
    writer = await offload(arrow.parquet.ParquetWriter, file, schema)
    try:
        for start in range(0, length, 8 * ROWS):
            region = slice(start, min(start + 8 * ROWS, length))
            parts = []
            for name, array in columns.items():
                block = np.asarray(await read(array, basic, region))
                mask = masks.get(name)
                nulls = None if mask is None else np.asarray(await read(mask, basic, region))
                parts.append(await offload(to_arrow, block, types[name], nulls))
                done(block.nbytes)
            await offload(writer.write_table, arrow.table(parts, schema=schema))
    finally:
        await offload(writer.close)
    return [""] if one else carried


def _data_type(array: AnyAsyncArray) -> Any:
    """The data type of an array, as `dtype_of` tells that of a column."""
    own = array.metadata.dtype
    return own if isinstance(own, VariableLengthBytes) else np.dtype(array.dtype)
