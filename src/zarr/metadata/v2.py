"""Metadata of arrays of Zarr v2: the documents ``.zarray`` and ``.zattrs``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeAlias, TypedDict, TypeVar

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.metadata import Metadata
from zarr.abc.numcodec import Numcodec, _is_numcodec
from zarr.codecs.configuration import check_chunk_bytes
from zarr.codecs.numcodecs_links import is_understood
from zarr.dtype import data_type_registry
from zarr.dtype.strings import OF_ANY_OBJECT, behind_object_codec
from zarr.errors import MetadataValidationError, UnknownCodecError, ZarrUserWarning
from zarr.metadata.chunk_grids import repaired_chunk_shape
from zarr.metadata.chunk_key_encodings import V2ChunkKeyEncoding
from zarr.metadata.fields import parse_order, parse_separator, parse_shapelike
from zarr.metadata.json import as_stored, copied, in_node, parse_json, to_json
from zarr.metadata.spec import ArrayConfig, ArraySpec
from zarr.registry import get_numcodec
from zarr.types import JSON, AnyScalar, Document

if TYPE_CHECKING:
    import numpy.typing as npt

    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.dtype.base import AnyDType, TBaseDType
    from zarr.experimental import ChunkGrid
    from zarr.types import MemoryOrder


def leaves_size_open(metadata: ArrayV2Metadata) -> bool:
    """Return whether a codec shuffles bytes, but its configuration has no element size."""
    return any(map(_is_open, metadata.filter_configs))


def marks_netcdf(fields: Mapping[str, object]) -> bool:
    """Return whether a document, or attributes, are those of a node that the library wrote.

    All that it writes is marked in its own form of Zarr; in plain Zarr only the root is.

    Examples
    --------
    >>> marks_netcdf({"_NCProperties": "version=2,netcdf=4.10.1,nczarr=2.0.0"})
    True
    """
    return "nczarr" in str(fields.get("_NCProperties")) or any(
        str(name).lower().startswith("_nczarr") for name in fields
    )


def with_size_of_elements(metadata: ArrayV2Metadata) -> ArrayV2Metadata:
    """Return metadata that tell the size by which the library shuffled."""
    size = getattr(metadata.dtype, "item_size", 1)
    configs = (
        {**config, "elementsize": size} if _is_open(config) else config
        for config in metadata.filter_configs
    )
    return metadata._with(filter_configs=tuple(configs))


def _is_open(config: Mapping[str, object]) -> bool:
    return config["id"] == "shuffle" and config.get("elementsize") == 0


ZARRAY_JSON = ".zarray"
ZATTRS_JSON = ".zattrs"
OBJECT_CODEC_IDS = ("vlen-utf8", "vlen-bytes", "vlen-array", "pickle", "json2", "msgpack2")

CompressorLikev2: TypeAlias = dict[str, JSON] | Numcodec | None


class ArrayV2MetadataDict(TypedDict):
    """The document of an array, its attributes included."""

    zarr_format: Literal[2]
    attributes: Mapping[str, Any]


def parse_zarr_format(data: object) -> Literal[2]:
    """Return the format, if it is 2."""
    if data == 2 and type(data) is int:
        return 2
    raise ValueError(f"Failed to parse input for 'zarr_format': expected Literal[2], got {data!r}.")


def parse_dtype(data: npt.DTypeLike) -> TBaseDType:
    """Return a data type of NumPy; records may have lists for tuples, as in JSON."""
    if isinstance(data, list):
        return np.dtype([tuple(field) for field in data])
    return np.dtype(data)


def parse_chunks(chunks: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the chunks, if it fits the array."""
    parsed = parse_shapelike(chunks)
    if len(parsed) != len(shape):
        raise ValueError(
            "The `shape` and `chunks` attributes must have the same length. "
            f"`chunks` has length {len(parsed)}, but `shape` has length {len(shape)}."
        )
    for axis, (size, length) in enumerate(zip(parsed, shape, strict=True)):
        if size == 0 and length > 0:
            raise MetadataValidationError(
                f"chunks: a chunk has at least one element along axis {axis}, which has {length}; "
                "found 0."
            )
    # A dimension without elements has no chunks: any size will do.
    return tuple(size or 1 for size in parsed)


def get_object_codec_id(
    maybe_object_codecs: Iterable[object], known: tuple[str, ...] = OBJECT_CODEC_IDS
) -> str | None:
    """Return the id of the first filter that codes objects."""
    for codec in maybe_object_codecs:
        if isinstance(codec, Mapping) and codec.get("id") in known:
            return str(codec["id"])
    return None


def _object_codec_of(dtype: object, filters: Iterable[object]) -> str | None:
    found = get_object_codec_id(filters)
    # Some codecs are for other elements, too.
    return get_object_codec_id(filters, OF_ANY_OBJECT) if found is None and dtype == "|O" else found


def _config(data: object, what: str) -> dict[str, object]:
    """Return the configuration of a codec of numcodecs, without making the codec."""
    if isinstance(data, Mapping):
        if not isinstance(data.get("id"), str):
            raise UnknownCodecError(f"Invalid {what}: a codec has an 'id'. Got {dict(data)}.")
        return dict(data)
    if _is_numcodec(data):
        config = dict(data.get_config())
        if config.get("id") == "zstd" and not config.get("checksum", True):
            del config["checksum"]  # as readers that do not know it expect
        return config
    kind = ValueError if what == "compressor" else TypeError
    raise kind(
        f"Invalid {what}. Expected None, a numcodecs.abc.Codec, or a dict representation of a "
        f"numcodecs.abc.Codec. Got {type(data)} instead."
    )


def _check_codecs(codecs: Iterable[object]) -> None:
    """Raise an error if a codec is unknown: chunks could be neither read nor written.

    numcodecs, whose import takes long, is imported only for codecs that the engine lacks.
    """
    for config in codecs:
        if isinstance(config, Mapping) and not is_understood(_config(config, "codec")):
            get_numcodec(config)


def _keeps_size(config: Mapping[str, object]) -> bool:
    """Return whether a filter is known to make no fewer bytes than it is given."""
    return config["id"] == "shuffle" or (config["id"] == "delta" and not config.get("astype"))


def parse_compressor(data: object) -> Numcodec | None:
    """Return the compressor that a document or a user names."""
    if data is None or _is_numcodec(data):
        return data
    return get_numcodec(_config(data, "compressor"))


def _filter_list(data: object) -> tuple[object, ...]:
    if data is None:
        return ()
    if _is_numcodec(data):
        return (data,)
    if isinstance(data, Iterable) and not isinstance(data, (str, Mapping)):
        return tuple(data)
    raise TypeError(
        "Invalid filters. Expected None, an iterable of numcodecs.abc.Codec or dicts of them. "
        f"Got {type(data)} instead."
    )


def parse_filters(data: object) -> tuple[Numcodec, ...] | None:
    """Return the filters that a document or a user names."""
    filters = _filter_list(data)
    found = [f if _is_numcodec(f) else get_numcodec(_config(f, "filter")) for f in filters]
    return tuple(found) or None


_MadeT = TypeVar("_MadeT")


class _Made(Generic[_MadeT]):
    """A field whose value is made of a configuration when it is first asked for.

    Importing numcodecs takes longer than everything else that opening an array takes.
    """

    def __init__(self, source: str, make: Callable[[object], _MadeT]) -> None:
        self._source = source
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, instance: object, owner: type | None = None) -> _MadeT:
        if instance is None:
            raise AttributeError(self._name)  # the field has no default
        values = instance.__dict__
        if self._name not in values:
            values[self._name] = self._make(values[self._source])
        made: _MadeT = values[self._name]
        return made


@dataclass(frozen=True, kw_only=True, init=False, eq=False, repr=False)
class ArrayV2Metadata(Metadata):
    """The metadata of an array of Zarr v2 (Zarr v2 specification, arrays).

    Filters and compressor are objects of numcodecs, made when they are asked for: the engine needs
    their configurations only.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: AnyDType
    fill_value: AnyScalar
    order: MemoryOrder
    filters: _Made[tuple[Numcodec, ...] | None] = _Made("filter_configs", parse_filters)
    dimension_separator: Literal[".", "/"] = "."
    compressor: _Made[Numcodec | None] = _Made("compressor_config", parse_compressor)
    attributes: dict[str, JSON]
    zarr_format: Literal[2] = field(default=2, init=False)

    if TYPE_CHECKING:  # the configurations that filters and compressor are made of
        filter_configs: tuple[dict[str, object], ...] = field(init=False)
        compressor_config: Document | None = field(init=False)

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        dtype: AnyDType,
        chunks: tuple[int, ...],
        fill_value: AnyScalar,
        order: MemoryOrder,
        dimension_separator: Literal[".", "/"] = ".",
        compressor: CompressorLikev2 = None,
        filters: Iterable[Any] | None = None,
        attributes: dict[str, JSON] | None = None,
    ) -> None:
        values = self.__dict__
        values["shape"] = parse_shapelike(shape)
        values["chunks"] = parse_chunks(chunks, self.shape)
        values["dtype"] = dtype
        values["fill_value"] = None if fill_value is None else dtype.cast_scalar(fill_value)
        values["order"] = parse_order(order)
        values["dimension_separator"] = parse_separator(dimension_separator)
        values["attributes"] = {} if attributes is None else as_stored(attributes)
        values["zarr_format"] = 2
        given = _filter_list(filters)
        values["filter_configs"] = tuple(_config(each, "filter") for each in given)
        values["compressor_config"] = (
            None if compressor is None else _config(compressor, "compressor")
        )
        self._check_chunk_bytes()
        # Objects of the user's stay those objects.
        if given and all(map(_is_numcodec, given)):
            values["_filters"] = given
        if _is_numcodec(compressor):
            values["_compressor"] = compressor

    def _check_chunk_bytes(self) -> None:
        # Other filters may make a chunk smaller.
        if self.compressor_config and all(map(_keeps_size, self.filter_configs)):
            size = prod(self.chunks) * (getattr(self.dtype, "item_size", None) or 0)
            check_chunk_bytes(self.compressor_config["id"], size)

    def __repr__(self) -> str:
        shown = [f"{name}={self._shown(name)!r}" for name in _REPR]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _shown(self, name: str) -> object:
        try:
            return getattr(self, name)
        except (ValueError, ImportError):  # a codec that is not installed
            return getattr(self, {"filters": "filter_configs"}.get(name, "compressor_config"))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ArrayV2Metadata):
            return False
        mine, theirs = self.to_dict(), other.to_dict()
        if mine == theirs:
            return True
        # Parameters that a configuration leaves out have defaults.
        plain = {"filters": None, "compressor": None}
        return {**mine, **plain} == {**theirs, **plain} and self._codecs() == other._codecs()

    def _codecs(self) -> list[dict[str, object]] | int:
        """The whole configurations of all codecs, or what is like no other's if one is unknown."""
        try:
            found = (*(self.filters or ()), self.compressor)
        except (ValueError, TypeError, ImportError):
            return id(self)
        return [{} if codec is None else dict(codec.get_config()) for codec in found]

    def __hash__(self) -> int:
        return hash((ArrayV2Metadata, self.shape, self.chunks))

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def chunk_grid(self) -> ChunkGrid:
        """The chunks along each dimension. Use ``ChunkGrid.from_metadata(metadata)`` instead."""
        warn(
            "ArrayV2Metadata.chunk_grid is deprecated. "
            "Use ChunkGrid.from_metadata(metadata) instead.",
            DeprecationWarning,
        )
        # Few programs ask: these classes are not imported before.
        home = import_module("zarr.experimental")  # late: a name of zarr-python
        grid: type[ChunkGrid] = home.ChunkGrid
        return grid.from_sizes(self.shape, self.chunks)

    @property
    def shards(self) -> None:
        """None: Zarr v2 has no shards."""
        return

    @property
    def chunk_key_encoding(self) -> V2ChunkKeyEncoding:
        """The encoding of chunk keys, as Zarr v3 describes it."""
        return V2ChunkKeyEncoding(separator=self.dimension_separator)

    @property
    def unwritten(self) -> object:
        """The value of elements that were never written: what null leaves to the data type."""
        return self.dtype.unwritten_scalar() if self.fill_value is None else self.fill_value

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a chunk, relative to the array."""
        return self.dimension_separator.join(map(str, chunk_coords)) or "0"

    def get_chunk_spec(
        self, _chunk_coords: tuple[int, ...], array_config: ArrayConfig, prototype: BufferPrototype
    ) -> ArraySpec:
        """Return what the first codec is told of a chunk."""
        return ArraySpec(
            shape=self.chunks,
            dtype=self.dtype,
            fill_value=self.unwritten,
            config=array_config,
            prototype=prototype,
        )

    def to_dict(self) -> dict[str, JSON]:
        """Return the document, the attributes included."""
        fill_value = self.fill_value
        if fill_value is not None:
            fill_value = self.dtype.to_json_scalar(fill_value, zarr_format=2)
        return {
            "shape": self.shape,
            "chunks": self.chunks,
            "dtype": self.dtype.to_json(zarr_format=2)["name"],
            "fill_value": fill_value,
            "order": self.order,
            "filters": [dict(each) for each in self.filter_configs] or None,
            "dimension_separator": self.dimension_separator,
            "compressor": None if self.compressor_config is None else dict(self.compressor_config),
            "attributes": copied(self.attributes),
            "zarr_format": 2,
        }

    def to_buffer_dict(self, prototype: BufferPrototype) -> dict[str, Buffer]:
        """Return the documents to store, by their keys relative to the array."""
        document = self.to_dict()
        attributes: Any = document.pop("attributes")
        make = prototype.buffer.from_bytes
        return {ZARRAY_JSON: make(to_json(document)), ZATTRS_JSON: make(to_json(attributes))}

    @classmethod
    def from_dict(cls, data: Document, *, path: str | None = None) -> ArrayV2Metadata:
        """Read a document, which may have the attributes in it.

        Parameters
        ----------
        data
            The parsed document.
        path
            Where it was found, for error messages.

        Raises
        ------
        MetadataValidationError, ValueError, TypeError
            If a field is missing or of the wrong kind. Fields that are not known are ignored.
        """
        try:
            return cls._from_fields(dict(data))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            if path is None:
                raise
            raise in_node(error, "array", path) from error

    @classmethod
    def _from_fields(cls, document: Document) -> ArrayV2Metadata:
        required = ("zarr_format", "shape", "chunks", "dtype", "fill_value", "order")
        missing = [name for name in required if name not in document]
        if missing:
            raise MetadataValidationError(
                f"The metadata of an array lack the required fields {missing}."
            )
        parse_zarr_format(document["zarr_format"])
        filters = document.get("filters")
        if filters == []:
            warn(
                "Found an empty list of filters in the array metadata document. It is treated as "
                "if it were null.",
                ZarrUserWarning,
            )
        configs = _filter_list(filters)
        compressor = document.get("compressor")
        _check_codecs([*configs, compressor])
        attributes = document.get("attributes")
        if attributes is not None and not isinstance(attributes, Mapping):
            raise MetadataValidationError(f"attributes: expected an object, found {attributes!r}.")
        codec = _object_codec_of(document["dtype"], configs)
        # Of other elements, an object codec is a filter like all others.
        name = {
            "name": document["dtype"],
            "object_codec_id": codec if document["dtype"] == "|O" else None,
        }
        dtype = behind_object_codec(data_type_registry.match_json(name, zarr_format=2), codec)
        fill_value = document["fill_value"]
        if fill_value is not None:
            try:
                fill_value = dtype.from_json_scalar(fill_value, zarr_format=2)
            except ValueError as error:
                raise TypeError(f"Invalid fill_value for {dtype}: {error}") from error
        return cls(
            shape=document["shape"],
            dtype=dtype,
            chunks=repaired_chunk_shape(document["chunks"], document["shape"]),
            fill_value=fill_value,
            order=document["order"],
            dimension_separator=document.get("dimension_separator", "."),
            compressor=compressor,
            filters=configs,
            attributes=attributes,  # type: ignore[arg-type]
        )

    @classmethod
    def from_document(
        cls, document: bytes, attributes: bytes | None = None, *, path: str = ""
    ) -> ArrayV2Metadata:
        """Read the bytes of ``.zarray``, and of ``.zattrs`` if there is one."""
        parsed = parse_json(document, path, ZARRAY_JSON)
        # Other keys are ignored, a key of this name too: attributes have a document of their own.
        parsed["attributes"] = (
            None if attributes is None else parse_json(attributes, path, ZATTRS_JSON)
        )
        return cls.from_dict(parsed, path=path)

    def _with(self, **changes: Any) -> Self:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, **changes)
        if changes.keys() - {"attributes"}:
            made.__dict__.pop("_layout", None)
            made.__dict__.pop("_compiles", None)
        return made

    def copied(self) -> Self:
        """Return metadata with attributes of their own; the rest is frozen."""
        return self._with(attributes=copied(self.attributes))

    def update_shape(self, shape: tuple[int, ...]) -> Self:
        """Return the metadata of the array with another shape."""
        parsed = parse_shapelike(shape)
        return self._with(shape=parsed, chunks=parse_chunks(self.chunks, parsed))

    def update_attributes(self, attributes: dict[str, JSON]) -> Self:
        """Return the metadata of the array with other attributes."""
        return self._with(attributes=as_stored(attributes))


_REPR = (
    "shape",
    "chunks",
    "dtype",
    "fill_value",
    "order",
    "filters",
    "dimension_separator",
    "compressor",
    "attributes",
    "zarr_format",
)
