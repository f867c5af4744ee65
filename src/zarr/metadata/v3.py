"""Metadata of arrays of Zarr v3: the document ``zarr.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict

from zarr.abc.codec import ArrayBytesCodec
from zarr.abc.metadata import Metadata
from zarr.buffer.core import default_buffer_prototype
from zarr.codecs.chain import check_order, evolve, parse_codecs
from zarr.codecs.configuration import seen_behind
from zarr.codecs.sharding import ShardingCodec
from zarr.dtype import data_type_registry
from zarr.dtype.base import shown
from zarr.errors import MetadataValidationError, NodeTypeValidationError
from zarr.metadata.chunk_grids import (
    ChunkGridMetadata,
    RectilinearChunkGridMetadata,
    RegularChunkGridMetadata,
    parse_chunk_grid,
    repaired_chunk_grid,
    validate_rectilinear_edges,
)
from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding, parse_chunk_key_encoding
from zarr.metadata.fields import check_allowed_extra_field, parse_extra_fields, parse_shapelike
from zarr.metadata.json import (
    as_stored,
    copied,
    in_node,
    parse_json,
    read_alike,
    recalled,
    remember,
    to_json,
)
from zarr.metadata.spec import ArrayConfig, ArraySpec
from zarr.registry import state
from zarr.settings import config

if TYPE_CHECKING:
    from zarr.abc.codec import Codec
    from zarr.buffer.core import Buffer, BufferPrototype
    from zarr.dtype.base import AnyDType
    from zarr.types import JSON, AnyScalar, DimensionNamesLike, Document, NodeAttributes

__all__ = [
    "ARRAY_METADATA_KEYS",
    "ZARR_JSON",
    "ArrayMetadataJSON_V3",
    "ArrayV3Metadata",
    "RectilinearChunkGridMetadata",
    "RegularChunkGridMetadata",
    "check_allowed_extra_field",
    "check_storable",
    "parse_chunk_grid",
    "parse_codecs",
    "parse_dimension_names",
    "parse_extra_fields",
    "parse_node_type_array",
    "parse_storage_transformers",
    "parse_zarr_format",
    "validate_array_bytes_codec",
    "validate_codecs",
]

ZARR_JSON = "zarr.json"
_REQUIRED = (
    "zarr_format",
    "node_type",
    "shape",
    "data_type",
    "chunk_grid",
    "chunk_key_encoding",
    "fill_value",
    "codecs",
)
ARRAY_METADATA_KEYS = frozenset(
    (*_REQUIRED, "attributes", "dimension_names", "storage_transformers")
)


class ArrayMetadataJSON_V3(TypedDict, total=False):
    """The document of an array."""

    zarr_format: Literal[3]
    node_type: Literal["array"]
    shape: Iterable[int]
    data_type: object
    chunk_grid: object
    chunk_key_encoding: object
    fill_value: AnyScalar
    codecs: Iterable[Any]
    attributes: Mapping[str, Any]
    dimension_names: Iterable[str | None]
    storage_transformers: Iterable[object]


def parse_zarr_format(data: object) -> Literal[3]:
    """Return the format, if it is 3."""
    if data == 3 and type(data) is int:
        return 3
    raise MetadataValidationError(
        f"Failed to parse input for 'zarr_format': expected Literal[3], got {data!r}."
    )


def parse_node_type_array(data: object) -> Literal["array"]:
    """Return the node type, if it is an array's."""
    if data == "array":
        return "array"
    found = " A group is there: open it by open_group." if data == "group" else ""
    raise NodeTypeValidationError(
        f"Failed to parse input for 'node_type': expected Literal['array'], got {data!r}.{found}"
    )


def parse_dimension_names(data: object) -> tuple[str | None, ...] | None:
    """Return the names of dimensions, or None for each; a string has one letter for each."""
    if data is None:
        return None
    if isinstance(data, Iterable):  # of a mapping, its keys
        names = tuple(data)
        if all(name is None or isinstance(name, str) for name in names):
            return names
    raise TypeError(f"Expected either None or an iterable of str, got {type(data)}")


def parse_storage_transformers(data: object) -> tuple[dict[str, JSON], ...]:
    """Return the storage transformers; none is known, so only such as may be ignored are taken."""
    if data is None:
        return ()
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Invalid storage_transformers. Expected an iterable of dicts. Got {data}")
    transformers = tuple(data)
    refused = [each for each in transformers if not check_allowed_extra_field(each)]
    if refused:
        raise MetadataValidationError(
            f"The storage transformers {refused} are not known, and must be understood to read "
            "the array."
        )
    return tuple(map(as_stored, transformers))


def validate_array_bytes_codec(codecs: tuple[Codec, ...]) -> ArrayBytesCodec:
    """Return the one codec from array to bytes."""
    found = [codec for codec in codecs if isinstance(codec, ArrayBytesCodec)]
    if len(found) == 1:
        return found[0]
    raise ValueError(
        "At least one ArrayBytesCodec is required."
        if not found
        else "Only one ArrayBytesCodec is allowed."
    )


def validate_codecs(codecs: tuple[Codec, ...], dtype: AnyDType) -> None:
    """Fail unless the codecs make a chain (see ``zarr.codecs.chain.split``)."""
    check_order(codecs)


def check_storable(metadata: ArrayV3Metadata) -> None:
    """Fail unless there is JSON for all that metadata hold."""
    to_json(metadata.to_dict())


@dataclass(frozen=True, kw_only=True, init=False, eq=False, repr=False)
class ArrayV3Metadata(Metadata):
    """The metadata of an array of Zarr v3 (core specification, array metadata)."""

    shape: tuple[int, ...]
    data_type: AnyDType
    chunk_grid: ChunkGridMetadata
    chunk_key_encoding: ChunkKeyEncoding
    fill_value: AnyScalar
    codecs: tuple[Codec, ...]
    attributes: NodeAttributes
    dimension_names: tuple[str | None, ...] | None
    zarr_format: Literal[3] = field(default=3, init=False)
    node_type: Literal["array"] = field(default="array", init=False)
    storage_transformers: tuple[dict[str, JSON], ...]
    extra_fields: dict[str, object]

    def __init__(
        self,
        *,
        shape: Iterable[int],
        data_type: AnyDType,
        chunk_grid: Any,
        chunk_key_encoding: Any,
        fill_value: object,
        codecs: Iterable[Any],
        attributes: Mapping[str, JSON] | None,
        dimension_names: DimensionNamesLike,
        storage_transformers: Iterable[dict[str, JSON]] | None = None,
        extra_fields: Mapping[str, JSON] | None = None,
    ) -> None:
        values = self.__dict__
        values["shape"] = parse_shapelike(shape)
        values["data_type"] = data_type
        values["chunk_grid"] = parse_chunk_grid(chunk_grid)
        values["chunk_key_encoding"] = parse_chunk_key_encoding(chunk_key_encoding)
        values["fill_value"] = data_type.cast_scalar(fill_value)
        values["codecs"] = ()
        values["attributes"] = {} if attributes is None else as_stored(attributes)
        values["dimension_names"] = parse_dimension_names(dimension_names)
        values["zarr_format"] = 3
        values["node_type"] = "array"
        values["storage_transformers"] = parse_storage_transformers(storage_transformers)
        values["extra_fields"] = parse_extra_fields(
            extra_fields, reserved_keys=ARRAY_METADATA_KEYS, node_type="array"
        )
        self._check_axes()
        values["codecs"] = evolve(parse_codecs(codecs), self._chunk_spec())
        self._check_codecs()

    def _check_axes(self) -> None:
        ndim = len(self.shape)
        if self.chunk_grid.ndim != ndim:
            raise ValueError(
                "`chunk_grid` and `shape` need to have the same number of dimensions: the chunks "
                f"have {self.chunk_grid.ndim}, the array has {ndim}."
            )
        if isinstance(self.chunk_grid, RectilinearChunkGridMetadata):
            validate_rectilinear_edges(self.chunk_grid.chunk_shapes, self.shape)
        names = self.dimension_names
        if names is not None and len(names) != ndim:
            one = "".join(name or "" for name in names)
            letters = f" One name is ({one!r},)." if len(one) == len(names) else ""
            raise ValueError(
                "`dimension_names` and `shape` need to have the same number of dimensions: there "
                f"are {len(names)} names, the array has {ndim}. Got {shown(names)}.{letters}"
            )

    def _check_codecs(self) -> None:
        validate_codecs(self.codecs, self.data_type)
        # Each codec is asked about what those before it make of a chunk.
        spec, shape, grid = self._chunk_spec(), self.shape, self.chunk_grid
        for codec in self.codecs:
            codec.validate(shape=shape, dtype=spec.dtype, chunk_grid=grid)
            shape, grid = seen_behind(codec, shape, grid)
            spec = codec.resolve_metadata(spec)

    def _chunk_spec(self) -> ArraySpec:
        grid = self.chunk_grid
        if isinstance(grid, RegularChunkGridMetadata):
            shape = grid.chunk_shape
        else:
            shape = tuple(s if isinstance(s, int) else max(s) for s in grid.chunk_shapes)
        return ArraySpec(
            shape=shape,
            dtype=self.data_type,
            fill_value=self.fill_value,
            config=_PLAIN_CONFIG,
            prototype=default_buffer_prototype(),
        )

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, ArrayV3Metadata) and _comparable(self) == _comparable(other)
        )

    def __hash__(self) -> int:
        return hash((ArrayV3Metadata, self.shape, self.chunk_grid))

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def dtype(self) -> AnyDType:
        """The data type of the elements."""
        return self.data_type

    @property
    def sharding_codec(self) -> ShardingCodec | None:
        """The codec of shards, if it is the only codec of the array."""
        codecs = self.codecs
        return codecs[0] if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec) else None

    @property
    def inner_codecs(self) -> tuple[Codec, ...]:
        """The codecs of the chunks; if there are shards, of the inner chunks."""
        sharding = self.sharding_codec
        return self.codecs if sharding is None else sharding.codecs

    @property
    def chunks(self) -> tuple[int, ...]:
        """The shape of the chunks: in shards, of those inside."""
        sharding = self.sharding_codec
        return self._stored_shape() if sharding is None else sharding.chunk_shape

    @property
    def shards(self) -> tuple[int, ...] | None:
        """The shape of the shards, if there are any."""
        return None if self.sharding_codec is None else self._stored_shape()

    def _stored_shape(self) -> tuple[int, ...]:
        if isinstance(self.chunk_grid, RegularChunkGridMetadata):
            return self.chunk_grid.chunk_shape
        raise NotImplementedError(
            "The `chunks` attribute is only defined for arrays using regular chunk grids. "
            "This array has a rectilinear chunk grid. Use `read_chunk_sizes` for general access."
        )

    def encode_chunk_key(self, chunk_coords: tuple[int, ...]) -> str:
        """Return the key of a chunk, relative to the array."""
        return self.chunk_key_encoding.encode_chunk_key(chunk_coords)

    def get_chunk_spec(
        self, _chunk_coords: tuple[int, ...], array_config: ArrayConfig, prototype: BufferPrototype
    ) -> ArraySpec:
        """Return what the first codec is told of a chunk."""
        return replace(self._chunk_spec(), config=array_config, prototype=prototype)

    def to_dict(self) -> dict[str, JSON]:
        """Return the document."""
        document: dict[str, object] = {
            "shape": self.shape,
            "data_type": self.data_type.to_json(zarr_format=3),
            "chunk_grid": self.chunk_grid.to_dict(),
            "chunk_key_encoding": self.chunk_key_encoding.to_dict(),
            "fill_value": self.data_type.to_json_scalar(self.fill_value, zarr_format=3),
            "codecs": tuple(codec.to_dict() for codec in self.codecs),
            "attributes": copied(self.attributes),
        }
        if self.dimension_names is not None:
            document["dimension_names"] = self.dimension_names
        document["zarr_format"] = 3
        document["node_type"] = "array"
        document["storage_transformers"] = tuple(map(copied, self.storage_transformers))
        return {**document, **copied(self.extra_fields)}

    def to_buffer_dict(self, prototype: BufferPrototype) -> dict[str, Buffer]:
        """Return the documents to store, by their keys relative to the array."""
        return {ZARR_JSON: prototype.buffer.from_bytes(self._document())}

    def _document(self) -> bytes:
        """Return the bytes of the document; without attributes, copies have the same."""
        if self.attributes or self.extra_fields or self.storage_transformers:
            return to_json(self.to_dict())
        kept = self.__dict__.get("_origin", self).__dict__
        indent = config.settings.json_indent
        known: tuple[int | None, bytes] | None = kept.get("_plain")
        if known is None or known[0] != indent:
            known = kept["_plain"] = (indent, to_json(self.to_dict()))
        return known[1]

    @classmethod
    def from_dict(cls, data: dict[str, JSON], *, path: str | None = None) -> Self:
        """Read a document.

        Parameters
        ----------
        data
            The parsed document.
        path
            Where it was found, for error messages.

        Raises
        ------
        MetadataValidationError
            If a field is missing, not known and not to be ignored, or of the wrong kind.
        """
        try:
            return cls._from_fields(dict(data))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            if path is None:
                raise
            raise in_node(error, "array", path) from error

    @classmethod
    def _from_fields(cls, document: Document) -> Self:
        if document.get("zarr_format") not in (None, 3):
            parse_zarr_format(document["zarr_format"])  # a draft has other fields than these
        for name in ("zarr_format", "node_type"):
            if name not in document:
                raise MetadataValidationError(f"The metadata of an array lack the field {name!r}.")
        parse_zarr_format(document.pop("zarr_format"))
        parse_node_type_array(document.pop("node_type"))
        missing = [name for name in _REQUIRED[2:] if name not in document]
        if missing:
            raise MetadataValidationError(
                f"The metadata of an array lack the required fields {missing}."
            )
        extra = {name: document.pop(name) for name in set(document) - ARRAY_METADATA_KEYS}
        attributes = document.pop("attributes", None)
        if attributes is not None and not isinstance(attributes, Mapping):
            raise MetadataValidationError(f"attributes: expected an object, found {attributes!r}.")
        names = document.pop("dimension_names", None)
        if isinstance(names, str | Mapping):
            raise MetadataValidationError(f"dimension_names: expected a list, found {names!r}.")
        document["chunk_grid"] = repaired_chunk_grid(document["chunk_grid"], document["shape"])
        data_type = data_type_registry.match_json(document.pop("data_type"), zarr_format=3)
        try:
            fill_value = data_type.from_json_scalar(document.pop("fill_value"), zarr_format=3)
        except ValueError as error:
            raise TypeError(f"Invalid fill_value for {data_type}: {error}") from error
        return cls(
            data_type=data_type,
            fill_value=fill_value,
            attributes=attributes,
            dimension_names=names,
            extra_fields=extra,
            **document,
        )

    @classmethod
    def from_document(cls, document: bytes, *, path: str = "") -> Self:
        """Read the bytes of a document; what equal bytes say is parsed once."""
        known = recalled(document)
        if isinstance(known, cls):
            return known
        as_of, read = state(), partial(cls._from_bytes, document, path)
        return remember(document, read_alike(document, read, cls), as_of)

    @classmethod
    def _from_bytes(cls, document: bytes, path: str) -> Self:
        return cls.from_dict(parse_json(document, path, ZARR_JSON), path=path)

    def copied(self) -> Self:
        """Return metadata with attributes and extra fields of their own; the rest is frozen."""
        made = self._with_attributes(copied(self.attributes))
        made.__dict__["extra_fields"] = copied(self.extra_fields)
        return made

    def _with_attributes(self, attributes: NodeAttributes) -> Self:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made.__dict__["attributes"] = attributes
        made.__dict__.setdefault("_origin", self)
        return made

    def update_shape(self, shape: tuple[int, ...]) -> Self:
        """Return the metadata of the array with another shape."""
        grid = self.chunk_grid
        if isinstance(grid, RectilinearChunkGridMetadata):
            grid = grid.update_shape(self.shape, shape)
        return self.rebuilt(shape=shape, chunk_grid=grid)

    def update_attributes(self, attributes: dict[str, JSON]) -> Self:
        """Return the metadata of the array with other attributes."""
        return self._with_attributes(as_stored(attributes))

    def rebuilt(self, **changes: object) -> Self:
        """Return metadata with some fields changed, checked as new ones are.

        Parameters
        ----------
        **changes
            The fields by their names as parameters.

        Returns
        -------
        ArrayV3Metadata
        """
        names = (
            "shape",
            "data_type",
            "chunk_grid",
            "chunk_key_encoding",
            "fill_value",
            "codecs",
            "attributes",
            "dimension_names",
            "storage_transformers",
            "extra_fields",
        )
        return type(self)(**{**{name: getattr(self, name) for name in names}, **changes})


_PLAIN_CONFIG = ArrayConfig(order="C", write_empty_chunks=False)


def _comparable(metadata: ArrayV3Metadata) -> dict[str, object]:
    """Return the document, whose fill value is comparable also if it is not a number."""
    document: dict[str, object] = dict(metadata.to_dict())
    # The byte order in memory is not part of the document.
    document["data_type"] = metadata.data_type
    return document
