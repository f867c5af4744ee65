"""Chains: the codecs of an array, from what users and documents say to links of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from zarr._async.warnings import warn
from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.abc.numcodec import _is_numcodec
from zarr.codecs.base import Link, native_link
from zarr.codecs.numcodecs_links import (
    NumcodecsBytes,
    NumcodecsSerializer,
    array_link,
    bytes_link,
    codec_id,
)
from zarr.codecs.python_codec import Elements, foreign_link
from zarr.codecs.vlen import holds_objects
from zarr.errors import ZarrUserWarning
from zarr.registry import get_codec_class, get_numcodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.codec import Codec
    from zarr.abc.numcodec import Numcodec
    from zarr.codecs.base import Link
    from zarr.dtype.base import TBaseDType
    from zarr.metadata.spec import ArraySpec
    from zarr.types import Document, MemoryOrder

    CodecLike = Numcodec | Mapping[str, Any]
    Config = Mapping[str, Any]

__all__ = [
    "check_order",
    "codecs_from_list",
    "evolve",
    "parse_codec",
    "parse_codecs",
    "split",
    "v2_chain",
    "v2_config",
    "v3_chain",
    "v3_codec",
]


def v2_chain(
    filters: Iterable[CodecLike] | None,
    compressor: CodecLike | None,
    dtype: TBaseDType,
    order: MemoryOrder,
    ndim: int,
) -> tuple[Link, ...]:
    """The links for chunks of an array of format 2.

    Codecs of the engine are made from the configurations alone. Numcodecs is imported for the
    other codecs only, when the first chunk is coded.

    Parameters
    ----------
    filters, compressor
        Codecs of numcodecs, or their configurations.
    dtype
        The type of the elements in memory, which is that of the stored ones.
    order
        The order in which elements are stored.
    ndim
        The number of dimensions.
    """
    configs = [config_of(codec) for codec in filters or ()]
    if compressor is not None:
        configs.append(config_of(compressor))
    return _Builder(dtype, order, ndim).build(configs)


def config_of(codec: CodecLike) -> Mapping[str, Any]:
    """The configuration of a codec of format 2."""
    if isinstance(codec, Mapping):
        return codec
    get_config = getattr(codec, "get_config", None)
    if get_config is None:
        raise TypeError(
            f"Expected a codec of numcodecs, or the configuration of one, got {type(codec)}."
        )
    return cast("Mapping[str, Any]", get_config())


class _Builder:
    """Adds link after link, knowing what the next codec is given: an array or bytes."""

    def __init__(self, dtype: TBaseDType, order: MemoryOrder, ndim: int) -> None:
        self._dtype = dtype
        self._order = order
        self._ndim = ndim
        self._links: list[Link] = []
        self._as_bytes = False
        # The size of the elements that the next codec is given, or that Blosc is to assume.
        self._typesize = dtype.itemsize if not holds_objects(dtype) else 1

    def build(self, configs: list[Mapping[str, object]]) -> tuple[Link, ...]:
        rest = list(configs)
        while rest and not self._as_bytes:
            self._add_to_array(rest)
        if not self._as_bytes:
            self._reordered()
            self._serialized()
        while rest:
            self._add_to_bytes(rest)
        return tuple(self._links)

    def _add_to_array(self, rest: list[Mapping[str, object]]) -> None:
        config = rest[0]
        if holds_objects(self._dtype):
            if codec_id(config) in ("vlen-utf8", "vlen-bytes"):
                self._reordered()
                self._links.append(("vlen", (codec_id(rest.pop(0)), Elements(self._dtype))))
                self._as_bytes = True
                return
            if bytes_link(config, 1) is not None:
                self._serialized()
        elif (link := array_link(config, self._dtype)) is not None:
            self._reordered()
            self._links.append(link)
            rest.pop(0)
            return
        elif bytes_link(config, 1) is not None:
            self._reordered()
            self._serialized()
            return
        self._add_serializer(rest)

    def _add_serializer(self, rest: list[Mapping[str, object]]) -> None:
        """All codecs up to the next from bytes to bytes that the engine has, as one adapter."""
        taken = [rest.pop(0)]
        while rest and bytes_link(rest[0], 1) is None:
            taken.append(rest.pop(0))
        # If a filter came before, the engine has reordered the array already.
        order: MemoryOrder = "C" if self._links else self._order
        adapter = NumcodecsSerializer(taken, Elements(self._dtype), order)
        self._links.append(("python", adapter))
        self._as_bytes = True
        self._typesize = _typesize_after(taken)

    def _add_to_bytes(self, rest: list[Mapping[str, object]]) -> None:
        config = rest.pop(0)
        link = bytes_link(config, self._typesize)
        self._links.append(link or ("python", NumcodecsBytes(config)))
        self._typesize = 1

    def _reordered(self) -> None:
        if self._order == "F" and self._ndim > 1 and not self._links:
            self._links.append(("transpose", tuple(reversed(range(self._ndim)))))

    def _serialized(self) -> None:
        if holds_objects(self._dtype):
            raise ValueError(
                f"Elements of {self._dtype} need a filter that makes bytes of them, such as "
                "vlen-utf8 or json2; the array has none."
            )
        self._links.append(("bytes", 0))
        self._as_bytes = True


def _typesize_after(configs: list[Mapping[str, Any]]) -> int:
    """Bytes of the elements that the last of these codecs makes; 1 if it makes bytes."""
    config = configs[-1]
    name = codec_id(config)
    if name in ("delta", "fixedscaleoffset", "quantize", "categorize"):
        found = config.get("astype") or config.get("dtype")
    elif name == "astype":
        found = config.get("encode_dtype")
    else:
        found = None
    try:
        return 1 if found is None else np.dtype(found).itemsize
    except TypeError:
        return 1


def split(
    codecs: Iterable[Codec],
) -> tuple[tuple[ArrayArrayCodec, ...], ArrayBytesCodec, tuple[BytesBytesCodec, ...]]:
    """The three parts of a chain: array to array, array to bytes, bytes to bytes.

    Raises
    ------
    TypeError
        If an item is no codec, or stands where its kind cannot.
    ValueError
        If there is not exactly one codec from array to bytes.
    """
    filters: list[ArrayArrayCodec] = []
    serializer: ArrayBytesCodec | None = None
    compressors: list[BytesBytesCodec] = []
    before: object = None
    for codec in codecs:
        if isinstance(codec, ArrayArrayCodec):
            if serializer is not None or compressors:
                raise TypeError(_misplaced("ArrayArrayCodec", codec, "an ArrayArrayCodec", before))
            filters.append(codec)
        elif isinstance(codec, ArrayBytesCodec):
            if compressors:
                raise TypeError(_misplaced("ArrayBytesCodec", codec, "an ArrayArrayCodec", before))
            if serializer is not None:
                raise ValueError("Only one ArrayBytesCodec is allowed.")
            serializer = codec
        elif isinstance(codec, BytesBytesCodec):
            if filters and serializer is None:
                wanted = "a BytesBytesCodec or an ArrayBytesCodec"
                raise TypeError(_misplaced("BytesBytesCodec", codec, wanted, before))
            compressors.append(codec)
        else:
            raise TypeError(f"Expected a codec, got {codec!r} of {type(codec)}.")
        before = codec
    if serializer is None:
        raise ValueError("At least one ArrayBytesCodec is required.")
    return tuple(filters), serializer, tuple(compressors)


def _misplaced(kind: str, codec: object, wanted: str, before: object) -> str:
    return (
        f"Invalid codec order. {kind} {codec} must be preceded by {wanted}. "
        f"Got {type(before)} instead."
    )


def check_order(codecs: Iterable[Codec]) -> None:
    """Raise an error if codecs make no chain (see `split`)."""
    split(codecs)


def codecs_from_list(
    codecs: Iterable[Codec],
) -> tuple[tuple[ArrayArrayCodec, ...], ArrayBytesCodec, tuple[BytesBytesCodec, ...]]:
    """`split`, with a warning where a chain makes parts of shards inaccessible."""
    filters, serializer, compressors = split(codecs)
    if (filters or compressors) and getattr(serializer, "index_codecs", None) is not None:
        warn(
            "Combining a `sharding_indexed` codec disables partial reads and writes, which may "
            "lead to inefficient performance.",
            ZarrUserWarning,
        )
    return filters, serializer, compressors


def evolve(codecs: Iterable[Codec], spec: ArraySpec) -> tuple[Codec, ...]:
    """The codecs fitted to chunks of `spec`: each to what those before it make of them."""
    evolved: list[Codec] = []
    for codec in codecs:
        fitted = codec.evolve_from_array_spec(spec)
        evolved.append(fitted)
        spec = fitted.resolve_metadata(spec)
    return tuple(evolved)


def v3_chain(codecs: Iterable[Codec], spec: ArraySpec) -> tuple[Link, ...]:
    """The links for chunks of `spec`, coded by `codecs` of format 3.

    Parameters
    ----------
    codecs
        In the order in which they encode; they need not be fitted to the spec.
    spec
        The input of the first codec: shape and data type of a chunk, fill value, configuration.

    Raises
    ------
    TypeError, ValueError
        If the codecs make no chain, or one of them does not fit what it is given.
    """
    filters, serializer, compressors = split(codecs)
    links: list[Link] = []
    chain: tuple[Codec, ...] = (*filters, serializer, *compressors)
    for codec in chain:
        fitted = codec.evolve_from_array_spec(spec)
        links.append(native_link(fitted, spec) or foreign_link(fitted, spec))
        spec = fitted.resolve_metadata(spec)
    return tuple(links)


_SHUFFLES = ("noshuffle", "shuffle", "bitshuffle")
_AUTOSHUFFLE = -1

_WRAPPED = frozenset(
    {
        "adler32",
        "astype",
        "bitround",
        "bz2",
        "crc32",
        "crc32c",
        "delta",
        "fixedscaleoffset",
        "fletcher32",
        "jenkins_lookup3",
        "lz4",
        "lzma",
        "packbits",
        "pcodec",
        "quantize",
        "shuffle",
        "zfpy",
        "zlib",
    }
)
"""Codecs of numcodecs with a wrapper in format 3, and no codec of their own there."""


def v3_codec(codec: Numcodec | Config) -> Codec:
    """The codec of format 3 with the meaning of a codec of numcodecs.

    Parameters
    ----------
    codec
        The codec, or its configuration.

    Raises
    ------
    TypeError
        If format 3 has no such codec.

    Examples
    --------
    >>> from zarr.codecs.chain import v3_codec
    >>> v3_codec({"id": "zstd", "level": 3})
    ZstdCodec(level=3, checksum=False)
    """
    config = cast("Config", codec if isinstance(codec, dict) else cast("Any", codec).get_config())
    name = codec_id(config)
    parameters = {key: value for key, value in config.items() if key != "id"}
    if name in _TO_V3:
        new_name, new_parameters = _TO_V3[name](parameters)
        return _make(new_name, new_parameters)
    if name in _WRAPPED:
        return _make(f"numcodecs.{name}", _json_like(parameters))
    raise TypeError(
        f"Format 3 of Zarr has no codec with the meaning of {codec!r}. Use one of zarr.codecs, or "
        "a codec that is registered for format 3."
    )


def _make(name: str, parameters: Document) -> Codec:
    return get_codec_class(name).from_dict({"name": name, "configuration": parameters})


def _blosc(parameters: Document) -> tuple[str, dict[str, object]]:
    shuffle = parameters.get("shuffle", 1)
    translated = {
        "cname": parameters.get("cname", "lz4"),
        "clevel": parameters.get("clevel", 5),
        "blocksize": parameters.get("blocksize", 0),
    }
    # Without a shuffle, the codec chooses one by the size of the elements, as AUTOSHUFFLE does.
    if shuffle != _AUTOSHUFFLE:
        translated["shuffle"] = _SHUFFLES[shuffle]
    if parameters.get("typesize"):
        translated["typesize"] = parameters["typesize"]
    return "blosc", translated


def _zstd(parameters: Document) -> tuple[str, dict[str, object]]:
    level = min(parameters.get("level", 0), 22)
    return "zstd", {"level": level, "checksum": bool(parameters.get("checksum", False))}


def _gzip(parameters: dict[str, object]) -> tuple[str, dict[str, object]]:
    level = parameters.get("level", 1)
    return "gzip", {"level": 6 if level == -1 else level}


def _crc32c(parameters: dict[str, object]) -> tuple[str, dict[str, object]]:
    if parameters.get("location") == "start":
        return "numcodecs.crc32c", parameters
    return "crc32c", {}


_TO_V3: dict[str, Callable[[dict[str, object]], tuple[str, dict[str, object]]]] = {
    "blosc": _blosc,
    "crc32c": _crc32c,
    "gzip": _gzip,
    "vlen-bytes": lambda _: ("vlen-bytes", {}),
    "vlen-utf8": lambda _: ("vlen-utf8", {}),
    "zstd": _zstd,
}


def _json_like(parameters: dict[str, object]) -> dict[str, object]:
    """Parameters without those that only say what holds anyway."""
    return {key: value for key, value in parameters.items() if value is not None}


def v2_config(codec: object) -> dict[str, object]:
    """The configuration, for format 2, of a codec with the meaning of one of format 3.

    Parameters
    ----------
    codec
        A codec of format 3, a codec of numcodecs, or a configuration.

    Raises
    ------
    TypeError
        If format 2 has no such codec.

    Examples
    --------
    >>> from zarr.codecs import GzipCodec
    >>> from zarr.codecs.chain import v2_config
    >>> v2_config(GzipCodec(level=1))
    {'id': 'gzip', 'level': 1}
    """
    if isinstance(codec, dict) and "id" in codec:
        return dict(codec)
    if hasattr(codec, "get_config"):
        return dict(codec.get_config())
    if hasattr(codec, "to_dict"):
        document = codec.to_dict()
        name, parameters = document["name"], dict(document.get("configuration") or {})
        if name == "blosc":
            return _blosc_config(codec, parameters)
        if name in ("zstd", "gzip", "vlen-utf8", "vlen-bytes", "crc32c"):
            return {"id": name, **parameters}
        if name.startswith("numcodecs."):
            return {"id": name.removeprefix("numcodecs."), **parameters}
    raise TypeError(
        f"Format 2 of Zarr has no codec with the meaning of {codec!r}. Use a codec of numcodecs."
    )


def _blosc_config(codec: object, parameters: dict[str, object]) -> dict[str, object]:
    still_open = getattr(codec, "_tunable_attrs", ())
    shuffle = _AUTOSHUFFLE if "shuffle" in still_open else _SHUFFLES.index(parameters["shuffle"])
    return {
        "id": "blosc",
        "cname": parameters["cname"],
        "clevel": parameters["clevel"],
        "shuffle": shuffle,
        "blocksize": parameters["blocksize"],
    }


def _as_numcodec(codec: Codec) -> Numcodec:
    return get_numcodec(v2_config(codec))


own_numcodec: property = property(_as_numcodec)
"""The codec of numcodecs with the meaning of a codec, for programs that code bytes with it."""


_KINDS = (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)


def parse_codec(data: object) -> Codec:
    """One codec from an object, a named configuration or a name.

    An object of numcodecs becomes the codec of format 3 with its meaning.
    """
    if isinstance(data, _KINDS):
        return data
    if isinstance(data, str):
        # A name alone stands for a codec without configuration.
        return get_codec_class(data).from_dict({"name": data})
    if isinstance(data, Mapping):
        name = data.get("name")
        if not isinstance(name, str):
            hint = " The key 'id' is that of codecs of format 2." if "id" in data else ""
            raise ValueError(
                f"Named configuration does not have a 'name' key. Got {dict(data)}.{hint}"
            )
        return get_codec_class(name).from_dict(_renamed(data, name))
    if _is_numcodec(data):
        return v3_codec(data)
    raise TypeError(f"Expected dict, got {type(data)}")


# Documents of early drafts call the codec "bytes" by the name of its only parameter.
_FORMER_NAMES = {"endian": "bytes"}


def _renamed(data: Mapping[str, object], name: str) -> Document:
    return {**data, "name": _FORMER_NAMES.get(name, name)}


def parse_codecs(data: object) -> tuple[Codec, ...]:
    """The codecs of a chain, from an iterable of what `parse_codec` takes."""
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Expected iterable, got {type(data)}")
    return tuple(parse_codec(item) for item in data)
