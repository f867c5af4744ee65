"""The parameters of new arrays, brought into the forms that metadata are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from zarr._async.warnings import warn
from zarr.abc.codec import (
    ArrayArrayCodec,
    ArrayBytesCodec,
    BaseCodec,
    BytesBytesCodec,
    Codec,
)
from zarr.abc.numcodec import Numcodec, _is_numcodec
from zarr.codecs.bytes import BytesCodec
from zarr.codecs.chain import parse_codec, v2_config
from zarr.codecs.zstd import ZstdCodec
from zarr.errors import (
    ZarrRuntimeWarning,
    ZarrUserWarning,
    did_you_mean,
)
from zarr.metadata.spec import ArrayConfig, named_settings, parse_array_config
from zarr.registry import get_codec_class, get_numcodec, known_codecs

if TYPE_CHECKING:
    from typing import TypedDict

    import numpy.typing as npt

    from zarr.dtype import ZDTypeLike
    from zarr.dtype.base import AnyDType
    from zarr.metadata.chunk_key_encodings import ChunkKeyEncoding, ChunkKeyEncodingLike
    from zarr.metadata.spec import ArrayConfigLike
    from zarr.storage.path import StoreLike
    from zarr.synchronizer import Synchronizer
    from zarr.types import (
        JSON,
        AccessModeLiteral,
        AnyScalar,
        ChunksLike,
        DimensionNamesLike,
        MemoryOrder,
        ShapeLike,
        ShardsLike,
        ZarrFormat,
    )


CodecDict: TypeAlias = Mapping[str, object]
"""A codec as metadata write it: ``{"name", "configuration"}``, or with an ``"id"`` in format 2."""
FiltersLike: TypeAlias = (
    Iterable[str | CodecDict | ArrayArrayCodec | Numcodec]
    | str
    | CodecDict
    | ArrayArrayCodec
    | Numcodec
    | Literal["auto"]
    | None
)
CompressorLike: TypeAlias = str | CodecDict | BytesBytesCodec | Numcodec | Literal["auto"] | None
CompressorsLike: TypeAlias = (
    Iterable[str | CodecDict | BytesBytesCodec | Numcodec]
    | str
    | CodecDict
    | BytesBytesCodec
    | Numcodec
    | Literal["auto"]
    | None
)
SerializerLike: TypeAlias = str | CodecDict | ArrayBytesCodec | Literal["auto"]


if TYPE_CHECKING:

    class ArrayOptions(TypedDict, total=False):
        """How an array is stored: parameters that all functions share that make one."""

        chunks: ChunksLike
        shards: ShardsLike | None
        filters: FiltersLike
        compressors: CompressorsLike
        serializer: SerializerLike
        fill_value: AnyScalar
        order: MemoryOrder | None
        attributes: Mapping[str, JSON] | None
        chunk_key_encoding: ChunkKeyEncodingLike | None
        dimension_names: DimensionNamesLike

    class FormerOptions(TypedDict, total=False):
        """How an array is stored and opened, by the parameters that zarr has had for long."""

        chunks: ChunksLike | None
        dtype: ZDTypeLike | None
        compressor: CompressorLike
        order: MemoryOrder | None
        synchronizer: Synchronizer | None
        overwrite: bool
        chunk_store: StoreLike | None
        filters: Iterable[dict[str, JSON] | Numcodec] | None
        cache_metadata: bool | None
        cache_attrs: bool | None
        read_only: bool | None
        object_codec: Any
        dimension_separator: Literal[".", "/"] | None
        write_empty_chunks: bool | None
        meta_array: object
        attributes: dict[str, JSON] | None
        chunk_shape: ChunksLike | None
        chunk_key_encoding: (
            ChunkKeyEncoding
            | tuple[Literal["default"], Literal[".", "/"]]
            | tuple[Literal["v2"], Literal[".", "/"]]
            | None
        )
        codecs: Iterable[Codec | dict[str, JSON]] | None
        dimension_names: DimensionNamesLike

    class OpenOptions(FormerOptions, total=False):
        """Parameters of ``create`` for an array that is made if there is none to open."""

        data: npt.ArrayLike | None
        shape: ShapeLike
        fill_value: AnyScalar

    class OpenArrayOptions(OpenOptions, total=False):
        """The parameters of ``open_array`` that its signature does not list."""

        mode: AccessModeLiteral | None

    class OpenNodeOptions(OpenOptions, total=False):
        """The parameters of ``open`` that its signature does not list."""

        use_consolidated: bool | str | None

    class CreateOptions(FormerOptions, total=False):
        """The parameters of ``create`` that do not say what the elements are."""

        store: StoreLike | None
        path: str | bytes | None
        storage_options: dict[str, object] | None
        config: ArrayConfigLike | None
        mode: AccessModeLiteral | None
        zarr_version: ZarrFormat | None
        data: npt.ArrayLike | None

    class FullOptions(CreateOptions, total=False):
        """The parameters of ``zeros``, ``ones`` and ``full``."""

        zarr_format: ZarrFormat | None

    class EmptyOptions(FullOptions, total=False):
        """The parameters of ``empty``."""

        fill_value: AnyScalar

    class LikeOptions(CreateOptions, total=False):
        """Parameters of ``create`` that replace those taken over from another array."""

        shape: ShapeLike
        fill_value: AnyScalar

    class MemberLikeOptions(FormerOptions, total=False):
        """The same, for a member of a group, which says where the array is to be."""

        config: ArrayConfigLike | None
        zarr_format: ZarrFormat | None
        zarr_version: ZarrFormat | None
        shape: ShapeLike
        fill_value: AnyScalar


class DefaultFillValue:
    """Stands for the fill value that belongs to a data type, where None means something else."""

    _only: DefaultFillValue | None = None

    def __new__(cls) -> DefaultFillValue:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    def __reduce__(self) -> tuple[type[DefaultFillValue], tuple[()]]:
        return DefaultFillValue, ()

    def __repr__(self) -> str:
        return "DEFAULT_FILL_VALUE"


DEFAULT_FILL_VALUE = DefaultFillValue()


# -- codecs -------------------------------------------------------------------------------------


# They are frozen: all arrays may have the same.
_DEFAULT_COMPRESSOR = ZstdCodec(level=0)
_DEFAULT_SERIALIZER = BytesCodec()


def _listed(value: object) -> tuple[object, ...]:
    """The items of an iterable of codecs, or one codec alone."""
    if value is None:
        return ()
    if isinstance(value, Codec | Mapping) or _is_numcodec(value):
        return (value,)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(value)
    return (value,)


_KINDS: Final[dict[type, tuple[str, str, str]]] = {
    ArrayArrayCodec: ("an ArrayArrayCodec", "filters", "'numcodecs.delta' or 'scale_offset'"),
    ArrayBytesCodec: ("an ArrayBytesCodec", "serializer", "'vlen-utf8' or 'numcodecs.pcodec'"),
    BytesBytesCodec: ("a BytesBytesCodec", "compressors", "'zstd', 'blosc' or 'gzip'"),
}
"""The kinds of codecs: how messages name them, the parameter for them, and some names."""


def _named(value: str, kind: str, examples: str) -> object:
    """The codec of a name, with what it takes for granted where nothing more is said."""
    try:
        codec = get_codec_class(value)
    except (KeyError, ValueError) as error:
        near = did_you_mean(value, known_codecs())
        raise TypeError(
            f"Expected {kind}, such as {examples}. Got {value!r}, which is no name of a codec{near}"
        ) from error
    try:
        return codec()
    except TypeError as error:
        raise TypeError(
            f"The codec {value!r} needs a configuration ({error}): give an object of its class, or "
            f"{{'name': {value!r}, 'configuration': {{…}}}}."
        ) from None


def _codec(value: object, kind: type) -> Any:
    if isinstance(value, kind):
        return value
    name, _, examples = _KINDS[kind]
    if isinstance(value, str):
        codec = _named(value, name, examples)
    else:
        try:
            codec = parse_codec(value)
        except TypeError:
            codec = None
    if isinstance(codec, kind):
        return codec
    found = next((words for kind, words in _KINDS.items() if isinstance(codec, kind)), None)
    if isinstance(value, type) and issubclass(value, BaseCodec):
        raise TypeError(f"Expected {name}. Got the class {value.__name__}: make an object of it.")
    if found is None:
        raise TypeError(f"Expected {name}. Got {type(value)} instead.")
    raise TypeError(
        f"Expected {name}. Got {value!r}, which is {found[0]}: it goes to `{found[1]}`."
    )


def v3_codecs(
    filters: FiltersLike,
    serializer: SerializerLike,
    compressors: CompressorsLike,
    dtype: AnyDType,
) -> tuple[tuple[ArrayArrayCodec, ...], ArrayBytesCodec, tuple[BytesBytesCodec, ...]]:
    """The codecs of chunks in format 3, with defaults for what is ``"auto"``."""
    chosen_filters = () if filters == "auto" else _listed(filters)
    chosen_compressors = (_DEFAULT_COMPRESSOR,) if compressors == "auto" else _listed(compressors)
    # Filters of format 2 may make bytes, and change bytes: such are no filters of format 3.
    behind: list[Any] = []
    while chosen_filters and _is_numcodec(chosen_filters[-1]):
        codec = parse_codec(chosen_filters[-1])
        if isinstance(codec, ArrayArrayCodec):
            break
        behind.insert(0, codec)
        chosen_filters = chosen_filters[:-1]
    if serializer == "auto" and behind and isinstance(behind[0], ArrayBytesCodec):
        serializer = behind.pop(0)
    chosen_compressors = (*behind, *chosen_compressors)
    chosen_serializer = default_serializer(dtype) if serializer == "auto" else serializer
    return (
        tuple([_codec(item, ArrayArrayCodec) for item in chosen_filters]),
        _codec(chosen_serializer, ArrayBytesCodec),
        tuple([_codec(item, BytesBytesCodec) for item in chosen_compressors]),
    )


def default_serializer(dtype: AnyDType) -> ArrayBytesCodec:
    """The codec that makes bytes of elements of a data type, where none is given."""
    name = dtype.serializer_name
    return (
        _DEFAULT_SERIALIZER if name == "bytes" else cast("ArrayBytesCodec", get_codec_class(name)())
    )


def v2_codecs(
    filters: FiltersLike, compressors: CompressorsLike, dtype: AnyDType
) -> tuple[tuple[Any, ...], Any]:
    """The filters and the compressor of chunks in format 2: codecs of numcodecs.

    Defaults are given as configurations: for these, numcodecs itself is not needed.
    """
    if filters == "auto":
        object_codec = getattr(dtype, "object_codec_id", None)
        chosen_filters: tuple[object, ...] = () if object_codec is None else ({"id": object_codec},)
    else:
        chosen_filters = tuple(_sized(_numcodec(item)) for item in _listed(filters))
    if compressors == "auto":
        return chosen_filters, {"id": "zstd", "level": 0}
    found = _listed(compressors)
    if len(found) > 1:
        raise TypeError(
            "For Zarr format 2 arrays, the `compressor` must be a single codec. "
            f"Got an iterable with type {type(compressors)} instead."
        )
    return chosen_filters, _sized(_numcodec(found[0])) if found else None


def _sized(codec: Numcodec) -> Numcodec:
    """The codec, with a size by which all readers shuffle alike: in 0 they differ."""
    config = codec.get_config()
    if config.get("id") != "shuffle" or config.get("elementsize") != 0:
        return codec
    return get_numcodec({**config, "elementsize": 1})


def _numcodec(value: object) -> Numcodec:
    if isinstance(value, Mapping):
        return get_numcodec(value)
    if isinstance(value, str):
        return get_numcodec({"id": value})
    if _is_numcodec(value):
        return value
    if isinstance(value, BaseCodec):
        # A codec of format 3, where format 2 has one of that meaning.
        return get_numcodec(v2_config(value))
    raise ValueError(
        "Invalid compressor. Expected None, a numcodecs.abc.Codec, or a dict representation of a "
        f"numcodecs.abc.Codec. Got {type(value)} instead."
    )


# -- settings of the handle ---------------------------------------------------------------------


def parse_config(
    config: ArrayConfigLike | None,
    *,
    order: MemoryOrder | None = None,
    write_empty_chunks: bool | None = None,
) -> ArrayConfig:
    """The settings of an array, from `config` and from the parameters that came before it.

    Parameters
    ----------
    config
        As the user gave it.
    order
        The memory order of what is read from an array of format 3.
    write_empty_chunks
        Whether chunks that hold the fill value only are stored.
    """
    parsed = parse_array_config(config)
    changes: dict[str, object] = {}
    if order is not None:
        if order not in ("C", "F"):
            raise ValueError(f"order must be 'C' or 'F', got {order!r}")
        warn(
            "The `order` keyword argument is deprecated for Zarr format 3 arrays: the memory "
            "order is a setting of the opened array. Use the `config` keyword argument, as in "
            f"`config={{'order': {order!r}}}`, or change the global 'array.order' configuration "
            "variable.",
            ZarrRuntimeWarning,
        )
        if not _names(config, "order"):
            changes["order"] = order
    if write_empty_chunks is not None:
        _warn_write_empty(config, write_empty_chunks)
        changes["write_empty_chunks"] = write_empty_chunks
    kept = {"cache": None, **parsed.to_dict()}
    return ArrayConfig.from_dict({**kept, **changes}) if changes else parsed


def _names(config: ArrayConfigLike | None, name: str) -> bool:
    return config is not None and name in named_settings(config)


def _warn_write_empty(config: ArrayConfigLike | None, write_empty_chunks: bool) -> None:
    warn(
        "The `write_empty_chunks` keyword argument is deprecated. Use the `config` keyword "
        f"argument, as in `config={{'write_empty_chunks': {write_empty_chunks}}}`, or change the "
        "global 'array.write_empty_chunks' configuration variable.",
        ZarrRuntimeWarning,
    )
    if _names(config, "write_empty_chunks"):
        warn(
            "Both write_empty_chunks and config keyword arguments are set: write_empty_chunks is "
            "used, and not the value in config.",
            ZarrUserWarning,
        )
