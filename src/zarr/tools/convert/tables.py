"""Tables of Parquet and CSV: each column is an array of one dimension."""

from __future__ import annotations

import base64
import json
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from zarr._async.run import offload
from zarr.arrays.create import new_array, place
from zarr.arrays.write import write
from zarr.dtype import VariableLengthBytes
from zarr.indexing import basic
from zarr.storage.path import StorePath
from zarr.tools.convert.importing import Described, Incoming, Lost, Opened, mark_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from zarr.tools.convert.importing import Done, Wanted
    from zarr.types import AnyAsyncArray

NULLS = "_is_null"
"""The end of the name of the array that tells which rows of a column are null."""
ATTRIBUTES = b"zarr.attributes"
"""Under which name the attributes of columns are in the metadata of a Parquet file."""
SCHEMA = "arrow_schema"
"""The attribute of a group that keeps the types of columns, encoded as Arrow has them."""
COLUMN = "column"
"""The attribute that keeps the name of a column that no node can have."""
TYPE = "arrow_type"
"""The attribute that tells people the type of a column that no data type has."""
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
        table = _Table(opened.schema, names, {}, _HINT)
        yield table.opened(file, iter(opened), wanted)


_HINT = (
    ". The first rows tell the type of a column: leave it out by columns=, or make a Parquet file "
    "with the types that you want"
)


def _name(file: Any) -> str:
    return str(getattr(file, "name", "the file"))


def _chosen(names: list[str], wanted: tuple[str, ...] | None) -> list[str]:
    missing = [] if wanted is None else [name for name in wanted if name not in names]
    if missing:
        raise ValueError(f"there is no column {missing[0]!r}: the columns are {names}")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"several columns have the name {min(repeated)!r}")
    return names if wanted is None else list(wanted)


def dtype_of(kind: Any) -> Any:
    """Return the data type of a column; None if there is none.

    Times with a zone are moments in UTC, times of day are since midnight, and decimals of up to 18
    digits are integers: the attributes say so.
    """
    types: Any = pyarrow().types
    if types.is_dictionary(kind):
        return dtype_of(kind.value_type)
    if _is_string(types, kind) or types.is_null(kind):
        return np.dtypes.StringDType()
    if types.is_fixed_size_binary(kind):
        return np.dtype(f"V{kind.byte_width}") if kind.byte_width else None
    if _is_binary(types, kind):
        return VariableLengthBytes()
    if types.is_timestamp(kind):
        return np.dtype(f"M8[{kind.unit}]")
    if types.is_date(kind):
        return np.dtype("M8[D]")
    if types.is_duration(kind) or types.is_time(kind):
        return np.dtype(f"m8[{kind.unit}]")
    if types.is_decimal(kind):
        return np.dtype("i8") if kind.precision <= _DIGITS else None
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())
    return None


def type_of(dtype: Any) -> Any:
    """Return the type of a column for elements of a data type; None if there is none."""
    arrow = pyarrow()
    if isinstance(dtype, VariableLengthBytes):
        return arrow.binary()
    if isinstance(dtype, np.dtypes.StringDType) or dtype.kind in "UTO":
        return arrow.string()
    if dtype.kind == "S":
        return arrow.binary()
    if dtype.kind == "V" and dtype.names is None and dtype.subdtype is None and dtype.itemsize:
        return arrow.binary(dtype.itemsize)
    try:
        found = arrow.from_numpy_dtype(dtype.newbyteorder("="))
    except (arrow.ArrowException, NotImplementedError, TypeError, ValueError):
        return None
    return found if dtype.kind in "biufMm" else None


_DIGITS = 18
"""Decimals of so many digits are integers of 8 bytes."""


def _is_string(types: Any, kind: Any) -> bool:
    is_it: bool = types.is_string(kind) or types.is_large_string(kind)
    return is_it or bool(types.is_string_view(kind))


def _is_binary(types: Any, kind: Any) -> bool:
    is_it: bool = types.is_binary(kind) or types.is_large_binary(kind)
    return is_it or bool(types.is_binary_view(kind))


def _about(kind: Any) -> dict[str, Any]:
    """The attributes that tell how the elements of a column are to be understood."""
    types: Any = pyarrow().types
    if types.is_timestamp(kind) and kind.tz is None:
        return {}
    if types.is_decimal(kind):
        return {TYPE: str(kind), "scale_factor": 10.0**-kind.scale}
    told = types.is_timestamp(kind) or types.is_time(kind) or types.is_dictionary(kind)
    return {TYPE: str(kind)} if told else {}


def _node_name(column: str, number: int, taken: set[str]) -> str:
    """The name of the node of a column; another one where none can have the column's."""
    name = column
    if not name.strip(".") or name.startswith("__") or "/" in name or "\\" in name:
        name = name.strip("_").replace("/", "_").replace("\\", "_").strip(".") or f"column_{number}"
        while name in taken:
            name += "_"
        taken.add(name)
    return name


class _Table:
    """The columns of a table, which are read together, and written to an array each."""

    def __init__(
        self, schema: Any, names: list[str], attributes: dict[str, Any], hint: str = ""
    ) -> None:
        self._hint = hint
        self._fields = [schema.field(name) for name in names]
        arrow = pyarrow()
        kept = {k: v for k, v in (schema.metadata or {}).items() if k != ATTRIBUTES}
        self._schema = arrow.schema(self.carried(), kept)
        self._attributes = attributes
        self._made: dict[str, AnyAsyncArray] = {}
        self._masks: dict[str, AnyAsyncArray] = {}

    def carried(self) -> list[Any]:
        """The columns of which there are arrays."""
        return [field for field in self._fields if self._is_carried(field)]

    def _is_carried(self, field: Any) -> bool:
        return dtype_of(field.type) is not None

    def opened(self, file: Any, batches: Iterator[Any], wanted: Wanted) -> Opened:
        """The nodes: the writer of the last array writes all of them."""
        lost = [
            Lost(f"column {field.name!r}", f"has the type {field.type}, which no array has")
            for field in self._fields
            if not self._is_carried(field)
        ]
        lost += [
            Lost(f"the order of the categories of {field.name!r}", "is left out")
            for field in self.carried()
            if pyarrow().types.is_dictionary(field.type) and field.type.ordered
        ]
        columns = self.carried()
        if not columns:
            raise ValueError(f"{_name(file)} has no column that an array can hold: {lost}")
        of_group = dict(self._attributes.get("", {}))
        schema = self._schema
        told = all(each.type == type_of(dtype_of(each.type)) for each in schema)
        if schema.metadata or not told or schema.names != sorted(schema.names):
            of_group[SCHEMA] = base64.standard_b64encode(schema.serialize()).decode()
        nodes = [Incoming("", None, of_group, {})]
        taken = {field.name for field in columns}
        for number, field in enumerate(columns):
            dtype = dtype_of(field.type)
            path = _node_name(field.name, number, taken)
            attributes = {**self._attributes.get(field.name, {}), **_about(field.type)}
            if path != field.name:
                attributes[COLUMN] = field.name
            options: dict[str, Any] = {"chunks": (ROWS,)}
            if wanted.zarr_format == 3:
                options["dimension_names"] = ("row",)
            else:
                attributes["_ARRAY_DIMENSIONS"] = ["row"]
            mark_missing(attributes, options, wanted.zarr_format)
            last = field is columns[-1]

            async def begin(
                made: AnyAsyncArray, done: Done, name: str = field.name, last: bool = last
            ) -> None:
                self._made[name] = made
                if last:
                    await self._write(file, batches, done)

            described = Described((-1,), dtype)
            nodes.append(Incoming(path, described, attributes, options, begin))
        return Opened(nodes, lost)

    async def _write(self, file: Any, batches: Iterator[Any], done: Done) -> None:
        arrow = pyarrow()
        start = 0
        while True:
            try:
                batch = await offload(next, batches, None)
            except (arrow.ArrowException, OSError) as error:
                raise ValueError(f"{_name(file)} cannot be read: {error}{self._hint}") from error
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
            names = {k: v for k, v in metadata.attributes.items() if k == "_ARRAY_DIMENSIONS"}
            self._masks[name] = mask = new_array(
                store_path=place_of,
                shape=made.shape,
                dtype=np.dtype(bool),
                zarr_format=metadata.zarr_format,
                chunks=made.chunks,
                fill_value=False if metadata.zarr_format == 3 else None,
                attributes=names,
                dimension_names=getattr(metadata, "dimension_names", None),
            )
            await place(mask, overwrite=False, parents=False)
        await self._masks[name].resize(made.shape)
        return self._masks[name]


def _elements(column: Any, dtype: Any) -> tuple[Any, Any]:
    """The elements of a part of a column, and which are null if those are no NaT."""
    arrow = pyarrow()
    types = arrow.types
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    nulls = None
    if column.null_count and dtype.kind not in "Mm":
        nulls = column.is_null().to_numpy(zero_copy_only=False)
    if types.is_decimal(column.type):
        return _unscaled(column, nulls), nulls
    if types.is_null(column.type):
        column = arrow.array([""] * len(column))
    elif types.is_string_view(column.type) or types.is_binary_view(column.type):
        column = column.cast(arrow.string() if dtype.kind == "T" else arrow.binary())
    elif types.is_time(column.type):
        whole = arrow.int32() if column.type.bit_width == 32 else arrow.int64()
        kind = arrow.duration(column.type.unit)
        column = column.cast(whole).cast(arrow.int64()).cast(kind)
    if nulls is not None and dtype.kind != "f":
        zero = {"T": "", "b": False, "O": b"", "V": bytes(dtype.itemsize)}.get(dtype.kind, 0)
        column = column.fill_null(arrow.scalar(zero, column.type))
    values = column.to_numpy(zero_copy_only=False)
    return values.astype(dtype, copy=False), nulls


def _unscaled(column: Any, nulls: Any) -> Any:
    """The digits of decimals, as integers; null is 0."""
    arrow = pyarrow()
    column = column.cast(arrow.decimal128(column.type.precision, column.type.scale))
    words = np.frombuffer(column.buffers()[1], "<i8")[2 * column.offset :][: 2 * len(column)]
    found = words[::2].copy()  # the upper halves are those of the sign only
    if nulls is not None:
        found[nulls] = 0
    return found


def to_arrow(block: Any, kind: Any, nulls: Any) -> Any:
    """Return elements as a part of a column of a type; those that `nulls` marks are null."""
    arrow = pyarrow()
    types = arrow.types
    if types.is_dictionary(kind):
        return to_arrow(block, kind.value_type, nulls).cast(kind)
    if types.is_decimal(kind):
        return _scaled(block, kind, nulls)
    if block.dtype.kind in "TUOV":
        block = block.astype(object)
    if types.is_time(kind):
        found = arrow.array(block, mask=nulls).cast(arrow.int64())
        return found.cast(arrow.int32()).cast(kind) if kind.bit_width == 32 else found.cast(kind)
    if types.is_date64(kind) or types.is_timestamp(kind):
        return arrow.array(block, mask=nulls).cast(kind)
    return arrow.array(block, kind, mask=nulls)


def _scaled(block: Any, kind: Any, nulls: Any) -> Any:
    arrow = pyarrow()
    words = np.empty((len(block), 2), "<i8")
    words[:, 0] = block
    words[:, 1] = words[:, 0] >> 63
    known = None
    if nulls is not None:
        known = arrow.array(~nulls).buffers()[1]
    wide = arrow.decimal128(kind.precision, kind.scale)
    made = arrow.Array.from_buffers(wide, len(block), [known, arrow.py_buffer(words)])
    made.validate(full=True)  # other digits than the type has, say
    return made.cast(kind)


def types_in(attributes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[bytes, bytes]]:
    """Return the types of columns that a group was made of, by name, and their metadata."""
    arrow = pyarrow()
    try:
        schema = arrow.ipc.read_schema(
            arrow.py_buffer(base64.standard_b64decode(attributes[SCHEMA]))
        )
    except (KeyError, TypeError, ValueError, arrow.ArrowException, OSError):
        return {}, {}
    kinds = {field.name: field.type for field in schema}
    for name, kind in kinds.items():
        if arrow.types.is_dictionary(kind):  # the order of the categories was left out
            kinds[name] = arrow.dictionary(kind.index_type, kind.value_type)
    return kinds, schema.metadata or {}
