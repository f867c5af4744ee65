"""The layout of an array, whatever its format, and its metadata in the other format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.buffer.core import default_buffer_prototype
from zarr.codecs.bytes import BytesCodec
from zarr.codecs.chain import v2_chain, v2_config, v3_chain, v3_codec
from zarr.dtype import parse_dtype
from zarr.dtype.storage import element_of, fill_bytes, is_object_like
from zarr.metadata.chunk_grids import Edge, RegularChunkGridMetadata
from zarr.metadata.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding
from zarr.metadata.spec import ArrayConfig
from zarr.metadata.v2 import ArrayV2Metadata
from zarr.metadata.v3 import ArrayV3Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zarr.abc.codec import Codec
    from zarr.codecs.base import Link
    from zarr.dtype.base import AnyDType, TBaseDType
    from zarr.types import AnyScalar, Document

    ArrayMetadata = ArrayV2Metadata | ArrayV3Metadata


class ArrayLayout(NamedTuple):
    """A format-neutral description of an array.

    Parameters
    ----------
    shape
        Of the array.
    grid
        Per dimension the size of all stored chunks, or the edges of each.
    key_encoding
        The name of an encoding and its separator, or a function from a place in the grid to a key.
    zdtype, dtype
        The data type, in Zarr and in memory.
    itemsize
        Bytes of an element in memory; 0 where elements have no one size.
    fill_value, fill
        The value of elements that were never written, and its bytes.
    chain
        The codecs, as links of the engine.
    """

    shape: tuple[int, ...]
    grid: tuple[Edge, ...]
    key_encoding: tuple[str, str] | Callable[[tuple[int, ...]], str]
    zdtype: AnyDType
    dtype: TBaseDType
    itemsize: int
    fill_value: AnyScalar
    fill: bytes
    chain: tuple[Link, ...]


def layout_of(metadata: ArrayV2Metadata | ArrayV3Metadata) -> ArrayLayout:
    """Return the layout that metadata describe; it is made once for each."""
    layout: ArrayLayout | None = metadata.__dict__.get("_layout")
    if layout is None:
        known = shared_by_copies(metadata)
        layout = known.get("_layout")
        if layout is None:
            layout = _of_v2(metadata) if isinstance(metadata, ArrayV2Metadata) else _of_v3(metadata)
        # The metadata are frozen, so this stays true.
        known["_layout"] = metadata.__dict__["_layout"] = layout
    return layout


def chunk_edges(metadata: ArrayV2Metadata | ArrayV3Metadata) -> tuple[Edge, ...]:
    """Return the edges of what is decoded alone: in shards, of the chunks inside."""
    if isinstance(metadata, ArrayV3Metadata) and metadata.sharding_codec is not None:
        return metadata.sharding_codec.chunk_shape
    return layout_of(metadata).grid


def shared_by_copies(metadata: ArrayV2Metadata | ArrayV3Metadata) -> dict[str, Any]:
    """Return what was found out about metadata, which serves copies with other attributes, too."""
    found: dict[str, Any] = metadata.__dict__.get("_origin", metadata).__dict__
    return found


_CONFIG = ArrayConfig(order="C", write_empty_chunks=False)


def _of_v2(metadata: ArrayV2Metadata) -> ArrayLayout:
    dtype = metadata.dtype.to_native_dtype()
    filters: Any = metadata.__dict__.get("_filters") or metadata.filter_configs
    compressor: Any = metadata.__dict__.get("_compressor") or metadata.compressor_config
    return ArrayLayout(
        shape=metadata.shape,
        # A dimension without elements may have chunks without elements; there are none of them.
        grid=tuple(size or 1 for size in metadata.chunks),
        key_encoding=("v2", metadata.dimension_separator),
        zdtype=metadata.dtype,
        dtype=dtype,
        itemsize=_item_size(metadata.dtype, dtype),
        fill_value=element_of(metadata.unwritten),
        fill=_fill(metadata.dtype, metadata.unwritten, dtype),
        chain=v2_chain(filters, compressor, dtype, metadata.order, metadata.ndim),
    )


def _of_v3(metadata: ArrayV3Metadata) -> ArrayLayout:
    dtype = metadata.data_type.to_native_dtype()
    grid = metadata.chunk_grid
    regular = isinstance(grid, RegularChunkGridMetadata)
    encoding: Any = metadata.chunk_key_encoding
    if type(encoding) in (DefaultChunkKeyEncoding, V2ChunkKeyEncoding):
        key_encoding: Any = (encoding.name, encoding.separator)
    else:
        key_encoding = encoding.encode_chunk_key
    spec = metadata.get_chunk_spec((), _CONFIG, default_buffer_prototype())
    return ArrayLayout(
        shape=metadata.shape,
        grid=grid.chunk_shape if regular else grid.chunk_shapes,  # type: ignore[union-attr]
        key_encoding=key_encoding,
        zdtype=metadata.data_type,
        dtype=dtype,
        itemsize=_item_size(metadata.data_type, dtype),
        fill_value=element_of(metadata.fill_value),
        fill=_fill(metadata.data_type, metadata.fill_value, dtype),
        chain=v3_chain(metadata.codecs, spec),
    )


def _item_size(zdtype: AnyDType, dtype: TBaseDType) -> int:
    return 0 if is_object_like(zdtype) else dtype.itemsize


def _fill(zdtype: AnyDType, value: object, dtype: TBaseDType) -> bytes:
    return b"" if is_object_like(zdtype) else fill_bytes(value, dtype)


# The fields that decide how chunks are coded, in the documents of each format.
_CODING = {
    2: ("dtype", "chunks", "order", "filters", "compressor", "fill_value"),
    3: ("data_type", "chunk_grid", "codecs", "fill_value", "storage_transformers"),
}


# -- format 2 as format 3 -----------------------------------------------------------------------


def as_v3(metadata: ArrayV2Metadata) -> ArrayV3Metadata:
    """The metadata, in format 3, of an array whose chunks were written in format 2.

    Keys and bytes of the chunks are what they were.

    Raises
    ------
    TypeError, ValueError
        If format 3 has no such data type, or no codec with the meaning of one of the array's.
    """
    converted = ArrayV3Metadata(
        shape=metadata.shape,
        data_type=metadata.dtype,
        chunk_grid=RegularChunkGridMetadata(chunk_shape=metadata.chunks),
        chunk_key_encoding={
            "name": "v2",
            "configuration": {"separator": metadata.dimension_separator},
        },
        fill_value=metadata.unwritten,
        codecs=_v3_codecs(metadata),
        attributes=dict(metadata.attributes),
        dimension_names=None,
    )
    # As it will be read: the document has one byte order for all fields of a record, for example.
    again = ArrayV3Metadata.from_dict(json.loads(json.dumps(converted.to_dict())))
    if _chains_agree(layout_of(metadata), layout_of(again)) is False:
        raise ValueError(
            f"Elements of {metadata.dtype} as this array of format 2 stores them have no form in "
            "format 3: its codecs would read other values. Copy the array instead."
        )
    return converted


def _v3_codecs(metadata: ArrayV2Metadata) -> list[Codec]:
    codecs: list[Codec] = []
    if metadata.order == "F" and metadata.ndim > 1:
        from zarr.codecs.transpose import TransposeCodec  # late: few arrays are stored so

        codecs.append(TransposeCodec(order=tuple(reversed(range(metadata.ndim)))))
    configs: list[Mapping[str, object]] = list(metadata.filter_configs)
    if metadata.compressor_config is not None:
        configs.append(metadata.compressor_config)
    serialized = False
    for config in configs:
        codec = v3_codec(_explicit(config, metadata))
        if isinstance(codec, BytesBytesCodec) and not serialized:
            codecs.append(_serializer(metadata))
            serialized = True
        elif not isinstance(codec, BytesBytesCodec) and serialized:
            raise TypeError(
                f"Filter {config['id']!r} takes an array, but is given the bytes that the one "
                "before it makes: format 3 has no such chain."
            )
        serialized = serialized or isinstance(codec, ArrayBytesCodec)
        codecs.append(codec)
    if not serialized:
        codecs.append(_serializer(metadata))
    return codecs


def _explicit(config: Mapping[str, object], metadata: ArrayV2Metadata) -> dict[str, object]:
    """A configuration that says what Blosc would take from the type of the elements."""
    found = dict(config)
    if found["id"] == "blosc":
        size = metadata.dtype.to_native_dtype().itemsize
        found.setdefault("typesize", size)
        if found.get("shuffle", 1) == -1:
            found["shuffle"] = 2 if size == 1 else 1
    return found


def _serializer(metadata: ArrayV2Metadata) -> BytesCodec:
    orders = _byte_orders(metadata.dtype.to_native_dtype())
    if len(orders) > 1:
        raise ValueError(
            f"Elements of {metadata.dtype} have fields of both byte orders, and format 3 has one "
            "for all. Copy the array instead."
        )
    return BytesCodec(endian=orders.pop() if orders else None)


def _byte_orders(dtype: TBaseDType) -> set[Literal["little", "big"]]:
    """The byte orders of what an element is made of; none where all are single bytes."""
    if dtype.subdtype is not None:
        return _byte_orders(dtype.subdtype[0])
    if dtype.fields is not None:
        return set().union(*(_byte_orders(field[0]) for field in dtype.fields.values()))
    if dtype.itemsize == 1 or dtype.kind in "SVOT":
        return set()
    return {"little" if dtype.newbyteorder("<") == dtype else "big"}


# -- format 3 as format 2 -----------------------------------------------------------------------


def as_v2(metadata: ArrayV3Metadata) -> ArrayV2Metadata:
    """The metadata, in format 2, of an array whose chunks are coded as in format 3.

    Only the bytes of the chunks are what they were: keys have the separator ``"."``.

    Raises
    ------
    TypeError, ValueError
        If format 2 has no such grid, data type or codecs.
    """
    from zarr.codecs.transpose import TransposeCodec  # late: few arrays change their format

    if not isinstance(metadata.chunk_grid, RegularChunkGridMetadata):
        raise TypeError("format 2 has no chunks of several sizes")
    order: Any = "C"
    filters: list[Document] = []
    compressors: list[Document] = []
    dtype: Any = metadata.data_type
    for index, codec in enumerate(metadata.codecs):
        if isinstance(codec, TransposeCodec):
            if index or tuple(codec.order) != tuple(reversed(range(metadata.ndim))):
                raise TypeError("format 2 has the orders C and F only")
            order = "F"
        elif isinstance(codec, BytesCodec):
            native = dtype.to_native_dtype()
            if codec.endian == "big" and native.byteorder != "|":
                dtype = parse_dtype(native.newbyteorder(">"), zarr_format=2)
        elif isinstance(codec, ArrayArrayCodec | ArrayBytesCodec):
            filters.append(v2_config(codec))
        else:
            compressors.append(v2_config(codec))
    compressor = compressors.pop() if compressors else None
    converted = ArrayV2Metadata(
        shape=metadata.shape,
        dtype=dtype,
        chunks=metadata.chunk_grid.chunk_shape,
        fill_value=metadata.fill_value,
        order=order,
        filters=[*filters, *compressors] or None,
        compressor=compressor,
        attributes=dict(metadata.attributes),
    )
    converted.to_dict()  # fails for a data type that format 2 cannot name
    return converted


# -- whether bytes mean the same ------------------------------------------------------------------


def same_chunks(one: ArrayMetadata, other: ArrayMetadata) -> bool:
    """Whether the bytes of any chunk mean the same elements in two arrays of one shape."""
    return layout_of(one).shape == layout_of(other).shape and same_coding(one, other)


def same_coding(one: ArrayMetadata, other: ArrayMetadata) -> bool:
    """Whether the bytes of any chunk mean the same elements in two arrays.

    That is so where grid, data type, codecs and fill value agree; where a codec is not known well
    enough to tell, the answer is no.
    """
    first, second = layout_of(one), layout_of(other)
    if first.grid != second.grid:
        return False
    if one.zarr_format == other.zarr_format:
        return first.fill == second.fill and _coding(one) == _coding(other)
    return _same_fill(one, other) and _chains_agree(first, second) is True


def _coding(metadata: ArrayMetadata) -> str:
    document = metadata.to_dict()
    return json.dumps({name: document[name] for name in _CODING[metadata.zarr_format]})


def _same_fill(one: ArrayMetadata, other: ArrayMetadata) -> bool:
    first, second = layout_of(one), layout_of(other)
    if not (first.itemsize and second.itemsize):
        return type(first.fill_value) is type(second.fill_value) and bool(
            first.fill_value == second.fill_value
        )
    return _native(first) == _native(second)


def _native(layout: ArrayLayout) -> bytes:
    value = np.frombuffer(layout.fill, layout.dtype)
    return value.astype(_in_native_order(layout.dtype)).tobytes()


def _in_native_order(dtype: TBaseDType) -> TBaseDType:
    # NumPy's strings of any length have no byte order, and no method to change it.
    return dtype if dtype.kind == "T" else dtype.newbyteorder("=")


def _chains_agree(one: ArrayLayout, other: ArrayLayout) -> bool | None:
    """Whether two chains code alike; None if the engine does not know all of their codecs."""
    if _in_native_order(one.dtype) != _in_native_order(other.dtype):
        return False
    if any(name == "python" for name, *_ in (*one.chain, *other.chain)):
        return None
    return _as_stored(one) == _as_stored(other)


def _as_stored(layout: ArrayLayout) -> list[object]:
    """A chain with the byte order in which elements are stored, in place of that in memory."""
    found: list[object] = []
    for name, parameters in layout.chain:
        if name == "bytes":
            found.append((name, bool(parameters) == layout.dtype.isnative))
        elif name == "vlen":  # the other parameter is where the elements are in memory
            found.append((name, parameters[0]))
        else:
            found.append((name, parameters))
    return found
