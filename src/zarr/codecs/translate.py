"""Codecs of one format for the other: what numcodecs has, as codecs of format 3, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from zarr.abc.codec import ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec
from zarr.abc.numcodec import _is_numcodec
from zarr.codecs.numcodecs_links import codec_id
from zarr.registry import get_codec_class, get_numcodec

__all__ = ["v2_config", "v3_codec"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from zarr.abc.codec import Codec, CodecJSON_V2
    from zarr.abc.numcodec import Numcodec

    Config = Mapping[str, Any]


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
    >>> from zarr.codecs.translate import v3_codec
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


def _make(name: str, parameters: dict[str, Any]) -> Codec:
    return get_codec_class(name).from_dict({"name": name, "configuration": parameters})


def _blosc(parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    shuffle = parameters.get("shuffle", 1)
    translated = {
        "cname": parameters.get("cname", "lz4"),
        "clevel": parameters.get("clevel", 5),
        "blocksize": parameters.get("blocksize", 0),
    }
    # What is left out is chosen by the size of the elements, as numcodecs' AUTOSHUFFLE is.
    if shuffle != _AUTOSHUFFLE:
        translated["shuffle"] = _SHUFFLES[shuffle]
    if parameters.get("typesize"):
        translated["typesize"] = parameters["typesize"]
    return "blosc", translated


def _zstd(parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    level = min(parameters.get("level", 0), 22)
    return "zstd", {"level": level, "checksum": bool(parameters.get("checksum", False))}


def _gzip(parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    level = parameters.get("level", 1)
    return "gzip", {"level": 6 if level == -1 else level}


def _crc32c(parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if parameters.get("location") == "start":
        return "numcodecs.crc32c", parameters
    return "crc32c", {}


_TO_V3: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "blosc": _blosc,
    "crc32c": _crc32c,
    "gzip": _gzip,
    "vlen-bytes": lambda _: ("vlen-bytes", {}),
    "vlen-utf8": lambda _: ("vlen-utf8", {}),
    "zstd": _zstd,
}


def _json_like(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters without those that only say what holds anyway."""
    return {key: value for key, value in parameters.items() if value is not None}


def v2_config(codec: Any) -> dict[str, Any]:
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
    >>> from zarr.codecs.translate import v2_config
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


def _blosc_config(codec: Any, parameters: dict[str, Any]) -> dict[str, Any]:
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
    return get_numcodec(cast("CodecJSON_V2[str]", v2_config(codec)))


own_numcodec = property(_as_numcodec)
"""The codec of numcodecs with the meaning of a codec, for programs that code bytes with it."""


_KINDS = (ArrayArrayCodec, ArrayBytesCodec, BytesBytesCodec)


def parse_codec(data: Any) -> Codec:
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


def _renamed(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**data, "name": _FORMER_NAMES.get(name, name)}


def parse_codecs(data: Any) -> tuple[Codec, ...]:
    """The codecs of a chain, from an iterable of what `parse_codec` takes."""
    if not isinstance(data, Iterable) or isinstance(data, (str, Mapping)):
        raise TypeError(f"Expected iterable, got {type(data)}")
    return tuple(parse_codec(item) for item in data)
