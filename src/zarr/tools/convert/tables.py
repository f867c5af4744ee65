"""Tables of Parquet and CSV: each column is an array of one dimension."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.run import offload
from zarr.arrays.create import new_array, place
from zarr.arrays.write import write
from zarr.indexing import basic
from zarr.storage.path import StorePath
from zarr.tools.convert.importing import Described, Incoming, Lost, Opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.tools.convert.importing import Done, Wanted
    from zarr.types import AnyAsyncArray, NumpyDType

NULLS = "_is_null"
"""The end of the name of the array that tells which rows of a column are null."""
ATTRIBUTES = b"zarr.attributes"
"""Under which name the attributes of columns are in the metadata of a Parquet file."""
ROWS = 1 << 17
"""Rows that are under way, and in a chunk."""


def pyarrow() -> Any:
    """Return the package pyarrow.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        import pyarrow as found
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "tables need pyarrow: install it with `pip install zarr[arrow]`"
        ) from error
    return found


@contextmanager
def read_parquet(file: Any, wanted: Wanted) -> Iterator[Opened]:
    """Open a Parquet file."""
    arrow = pyarrow()
    try:
        opened = arrow.parquet.ParquetFile(file)
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"{_name(file)} cannot be read as Parquet: {error}") from error
    with opened:
        schema = opened.schema_arrow
        names = _chosen(schema.names, wanted.columns)
        metadata = (schema.metadata or {}).get(ATTRIBUTES)
        table = _Table(schema, names, json.loads(metadata) if metadata else {})
        batches = opened.iter_batches(ROWS, columns=[each.name for each in table.carried()])
        yield table.opened(file, batches, wanted)


@contextmanager
def read_csv(file: Any, wanted: Wanted) -> Iterator[Opened]:
    """Open a CSV file; the types of columns are those that its first rows show."""
    arrow = pyarrow()
    from pyarrow import csv

    try:
        opened = csv.open_csv(file)
    except (arrow.ArrowException, OSError) as error:
        raise ValueError(f"{_name(file)} cannot be read as CSV: {error}") from error
    with opened:
        names = _chosen(opened.schema.names, wanted.columns)
        table = _Table(opened.schema, names, {})
        yield table.opened(file, iter(opened), wanted)


def _name(file: Any) -> str:
    return str(getattr(file, "name", "the file"))


def _chosen(names: list[str], wanted: tuple[str, ...] | None) -> list[str]:
    missing = [] if wanted is None else [name for name in wanted if name not in names]
    if missing:
        raise ValueError(f"there is no column {missing[0]!r}: the columns are {names}")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"several columns have the name {min(repeated)!r}")
    return names if wanted is None else list(wanted)


def _dtype(kind: Any) -> NumpyDType | None:
    """The data type of a column; None if there is none."""
    types: Any = pyarrow().types
    if types.is_dictionary(kind):
        return _dtype(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind):
        return np.dtypes.StringDType()
    if types.is_timestamp(kind) and kind.tz is None:
        return np.dtype(f"M8[{kind.unit}]")
    if types.is_date32(kind):
        return np.dtype("M8[D]")
    if types.is_duration(kind):
        return np.dtype(f"m8[{kind.unit}]")
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())  # type: ignore[no-any-return]
    return None


class _Table:
    """The columns of a table, which are read together, and written to an array each."""

    def __init__(self, schema: Any, names: list[str], attributes: dict[str, Any]) -> None:
        self._fields = [schema.field(name) for name in names]
        self._attributes = attributes
        self._made: dict[str, AnyAsyncArray] = {}
        self._masks: dict[str, AnyAsyncArray] = {}

    def carried(self) -> list[Any]:
        """The columns of which there are arrays."""
        return [field for field in self._fields if self._is_carried(field)]

    def _is_carried(self, field: Any) -> bool:
        return _dtype(field.type) is not None and "/" not in field.name

    def opened(self, file: Any, batches: Iterator[Any], wanted: Wanted) -> Opened:
        """The nodes: the writer of the last array writes all of them."""
        lost = [
            Lost(f"column {field.name!r}", f"has the type {field.type}, which no array has")
            for field in self._fields
            if not self._is_carried(field)
        ]
        columns = self.carried()
        if not columns:
            raise ValueError(f"{_name(file)} has no column that an array can hold: {lost}")
        nodes = [Incoming("", None, self._attributes.get("", {}), {})]
        for field in columns:
            dtype = _dtype(field.type)
            assert dtype is not None
            attributes = dict(self._attributes.get(field.name, {}))
            options: dict[str, Any] = {"chunks": (ROWS,)}
            if wanted.zarr_format == 3:
                options["dimension_names"] = ("row",)
            else:
                attributes["_ARRAY_DIMENSIONS"] = ["row"]
            last = field is columns[-1]

            async def begin(
                made: AnyAsyncArray, done: Done, name: str = field.name, last: bool = last
            ) -> None:
                self._made[name] = made
                if last:
                    await self._write(file, batches, done)

            described = Described((-1,), dtype)
            nodes.append(Incoming(field.name, described, attributes, options, begin))
        return Opened(nodes, lost)

    async def _write(self, file: Any, batches: Iterator[Any], done: Done) -> None:
        arrow = pyarrow()
        start = 0
        while True:
            try:
                batch = await offload(next, batches, None)
            except (arrow.ArrowException, OSError) as error:
                raise ValueError(f"{_name(file)} cannot be read: {error}") from error
            if batch is None:
                break
            for name, made in self._made.items():
                values, nulls = _elements(batch.column(name), made.dtype)
                await made.resize((start + len(values),))
                region = slice(start, start + len(values))
                await write(made, basic, region, values)
                if nulls is not None:
                    await write(await self._mask(name, made), basic, region, nulls)
                done(values.nbytes)
            start += batch.num_rows
            for name, mask in self._masks.items():
                await mask.resize(self._made[name].shape)

    async def _mask(self, name: str, made: AnyAsyncArray) -> AnyAsyncArray:
        """The array that tells which rows of a column are null, from the first on that is."""
        if name not in self._masks:
            place_of = StorePath(made.store_path.store, f"{made.store_path.path}{NULLS}")
            metadata = made.metadata
            self._masks[name] = mask = new_array(
                store_path=place_of,
                shape=made.shape,
                dtype=np.dtype(bool),
                zarr_format=metadata.zarr_format,
                chunks=made.chunks,
                fill_value=False,
                dimension_names=getattr(metadata, "dimension_names", None),
            )
            await place(mask, overwrite=False, parents=False)
        await self._masks[name].resize(made.shape)
        return self._masks[name]


def _elements(column: Any, dtype: NumpyDType) -> tuple[Any, Any]:
    """The elements of a part of a column, and which are null if those are no NaN or NaT."""
    arrow = pyarrow()
    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    nulls = None
    if column.null_count and dtype.kind not in "fMm":
        nulls = column.is_null().to_numpy(zero_copy_only=False)
        if arrow.types.is_null(column.type):
            column = arrow.array([""] * len(column))
        else:
            zero = {"T": "", "b": False}.get(dtype.kind, 0)
            column = column.fill_null(arrow.scalar(zero, column.type))
    values = column.to_numpy(zero_copy_only=False)
    return values.astype(dtype, copy=False), nulls
