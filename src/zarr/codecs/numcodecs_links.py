"""Configurations of numcodecs codecs as links of the engine, where it has the codec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zarr.codecs.base import Link

_BLOSC_CNAMES: Final = frozenset({"lz4", "lz4hc", "blosclz", "snappy", "zlib", "zstd"})
_MAX_TYPESIZE: Final = 255
_AUTOSHUFFLE: Final = -1


def codec_id(config: Mapping[str, Any]) -> str:
    """The name of a codec in its configuration."""
    name = config.get("id")
    if not isinstance(name, str):
        raise ValueError(f"The configuration of a codec needs an 'id'. Got {dict(config)}.")
    return name


_OWN: Final = {
    "bitround": {"keepbits"},
    "blosc": {"cname", "clevel", "shuffle", "blocksize", "typesize"},
    "crc32c": {"location"},
    "delta": {"dtype", "astype"},
    "gzip": {"level"},
    "lz4": {"acceleration"},
    "shuffle": {"elementsize"},
    "vlen-bytes": set[str](),
    "vlen-utf8": set[str](),
    "zlib": {"level"},
    "zstd": {"level", "checksum"},
}
"""The codecs that the engine has, and what it understands of their configurations."""


def is_understood(config: Mapping[str, Any]) -> bool:
    """Return whether the engine knows a codec, and all that its configuration says."""
    name = codec_id(config)
    if name not in _OWN or (name == "delta" and "dtype" not in config):
        return False
    return config.keys() <= {"id", *_OWN[name]}


def bytes_link(config: Mapping[str, Any], typesize: int) -> Link | None:
    """The link for a codec from bytes to bytes; None if the engine does not have it.

    Parameters
    ----------
    config
        The codec's configuration, as numcodecs writes it.
    typesize
        Bytes of the elements that the bytes are of; 1 where they are bytes of no type.
    """
    name = codec_id(config)
    if name == "blosc":
        return _blosc_link(config, typesize)
    if name == "zstd":
        level, checksum = config.get("level", 0), config.get("checksum", False)
        return ("zstd", (min(level, 22), bool(checksum))) if _is_int(level) else None
    if name in ("gzip", "zlib"):
        level = config.get("level", 1)
        if not _is_int(level) or not -1 <= level <= 9:
            return None
        return (name, 6 if level == -1 else level)  # -1 is zlib's word for 6
    if name == "lz4":
        acceleration = config.get("acceleration", 1)
        return ("lz4", max(acceleration, 1)) if _is_int(acceleration) else None
    if name == "shuffle":
        size = config.get("elementsize", 4)
        return ("shuffle", max(size, 1)) if _is_int(size) else None
    if name == "crc32c" and config.get("location") in (None, "end"):
        return ("crc32c", ())
    return None


def array_link(config: Mapping[str, Any], dtype: np.dtype[Any]) -> Link | None:
    """The link for a codec from array to array of `dtype`; None if the engine does not have it."""
    if codec_id(config) == "bitround":
        return _bitround_link(config, dtype)
    if codec_id(config) != "delta" or "dtype" not in config:
        return None
    if dtype.kind not in "iu" and dtype.str[1:] not in ("f4", "f8"):
        return None
    try:
        decoded = np.dtype(config["dtype"])
        encoded = np.dtype(config.get("astype") or decoded)
    except TypeError:
        return None
    return ("delta", dtype.str) if decoded == encoded == dtype else None


def _bitround_link(config: Mapping[str, Any], dtype: np.dtype[Any]) -> Link | None:
    keepbits, mantissa = config.get("keepbits"), {2: 10, 4: 23, 8: 52}.get(dtype.itemsize, 0)
    if dtype.kind != "f" or not isinstance(keepbits, int) or not 1 <= keepbits <= mantissa:
        return None
    return ("bitround", (dtype.str, keepbits))


def _blosc_link(config: Mapping[str, Any], typesize: int) -> Link | None:
    cname, shuffle = config.get("cname", "lz4"), config.get("shuffle", 1)
    clevel, blocksize = config.get("clevel", 5), config.get("blocksize", 0)
    typesize = config.get("typesize") or typesize
    if cname not in _BLOSC_CNAMES or shuffle not in (_AUTOSHUFFLE, 0, 1, 2):
        return None
    if not (_is_int(clevel) and 0 <= clevel <= 9 and _is_int(blocksize) and _is_int(typesize)):
        return None
    if typesize > _MAX_TYPESIZE:
        typesize = 1
    if shuffle == _AUTOSHUFFLE:
        shuffle = 2 if typesize == 1 else 1
    return ("blosc", (cname, clevel, int(shuffle), typesize, max(blocksize, 0)))


def _is_int(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
